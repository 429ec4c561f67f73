// Registers: r0 = A, r5 = X, r2 = data, r3 = data_end, r1 = data + X once an indexed load needed
// it, r4 = scratch. M[i] is the 8 bytes at r10 - 8 * (i + 1). Classic numbers are 32 bits: every
// write is a 32-bit one, so that the upper half of r0 and r5 is 0 and `ret a` is a plain exit.
//
// What is known forward, per instruction: how many bytes of the packet a comparison has proven
// (`proven`), how many from X on (`x_proven`), and how large X can be. A load compares only where
// that is not enough, and then with all that analysis.h found to be needed anyway.
//
// The verifier walks path by path and stops where it has been with less knowledge. A program with
// more paths than it can walk (path_insns) is written so that knowledge ends where ways join: A
// and X are combined with r7, which is 0 whenever the program runs but an unknown number to the
// verifier, and `data` is loaded again. Then one walk covers all.

#include "vm/cbpf/convert.h"

#include <algorithm>
#include <array>

#include "vm/cbpf/analysis.h"
#include "vm/cbpf/insn_buffer.h"

namespace weir::vm::cbpf {
namespace {

constexpr uint8_t kA = 0, kX = 5;
constexpr uint8_t kPacket = 2, kPacketEnd = 3;
constexpr uint8_t kPacketAtX = 1, kTemporary = 4;
constexpr uint8_t kContext = 6, kUnknownZero = 7, kFrameTop = 10;
constexpr int16_t kDataOffset = 0, kDataEndOffset = 4, kDataMetaOffset = 8;  // struct xdp_md

/// A proof may walk 10^6 eBPF instructions; a classic one becomes at most about ten.
constexpr uint64_t kPathInsnsMax = 20'000;

/// Known on every way to an instruction.
struct Known {
    uint32_t proven = UINT32_MAX;
    uint32_t x_proven = UINT32_MAX;  ///< 0: r1 is not data + X
    uint32_t x_max = 0;

    void join(const Known& other) {
        proven = std::min(proven, other.proven);
        x_proven = std::min(x_proven, other.x_proven);
        x_max = std::max(x_max, other.x_max);
    }
    void new_x(uint32_t max) {
        x_proven = 0;
        x_max = max;
    }
};

class Converter {
public:
    Converter(const ClassicProgram& program, LengthSource length)
        : insns_(program.insns()),
          facts_(analyse(program)),
          known_(insns_.size() + 1),
          length_(length),
          forgets_(path_insns(program, kPathInsnsMax) >= kPathInsnsMax),
          out_(insns_.size()) {}

    std::vector<Insn> run() {
        write_entry();
        known_[0] = {0, 0, facts_[0].reads_x ? 0 : UINT32_MAX};
        for (size_t pc = 0; pc < insns_.size(); ++pc) {
            if (!facts_[pc].reachable) continue;
            out_.bind(pc);
            if (facts_[pc].always_zero)
                out_.return_zero();
            else
                write_insn(pc);
        }
        return out_.finish();
    }

private:
    bool uses(bool (*test)(Form)) const {
        for (size_t pc = 0; pc < insns_.size(); ++pc)
            if (facts_[pc].reachable && !facts_[pc].always_zero &&
                test(classic_op(insns_[pc].code)->form))
                return true;
        return false;
    }

    void write_entry() {
        const auto is_length = [](Form form) {
            return form == Form::LoadLength || form == Form::LoadXLength;
        };
        const auto is_load = [](Form form) {
            return form == Form::LoadAbsolute || form == Form::LoadIndexed ||
                   form == Form::LoadXHeader;
        };
        const bool asks_length = uses(is_length);
        loads_packet_ = uses(is_load) || asks_length;
        if (forgets_ || (asks_length && length_ == LengthSource::Metadata))
            out_.put(Op::kMov64Reg, kContext, 1);
        if (loads_packet_ || forgets_) {
            out_.put(Op::kLoad32, kPacket, 1, kDataOffset);
            out_.put(Op::kLoad32, kPacketEnd, 1, kDataEndOffset);
        }
        if (forgets_) {
            out_.put(Op::kMov64Reg, kUnknownZero, kPacketEnd);
            out_.put(Op::kSub64Reg, kUnknownZero, kPacket);
            out_.put_imm(Op::kArsh64Imm, kUnknownZero, 63);
        }
        if (facts_[0].reads_a) out_.put_imm(Op::kMov32Imm, kA, 0);
        if (facts_[0].reads_x) out_.put_imm(Op::kMov32Imm, kX, 0);
    }

    void write_insn(size_t pc) {
        Known known = known_[pc];
        if (forgets_ && facts_[pc].merge) forget(facts_[pc], known);
        const ClassicInsn& insn = insns_[pc];
        const ClassicOp& op = *classic_op(insn.code);
        write_form(op, insn, facts_[pc + 1], known);
        if (is_return(op.form)) {
            out_.put(Op::kExit, 0, 0);
            return;
        }
        const Targets to = targets_of(insn, op.form, pc);
        if (is_branch(op.form) || op.form == Form::Jump) write_jump(op, insn, to, pc + 1);
        known_[to.when_true].join(known);
        if (to.when_false != to.when_true) known_[to.when_false].join(known);
    }

    void forget(const Facts& facts, Known& known) {
        if (loads_packet_) out_.put(Op::kLoad32, kPacket, kContext, kDataOffset);
        if (facts.reads_a) out_.put(Op::kXor32Reg, kA, kUnknownZero);
        if (facts.reads_x) out_.put(Op::kXor32Reg, kX, kUnknownZero);
        known = {0, 0, UINT32_MAX};
    }

    void write_form(const ClassicOp& op, const ClassicInsn& insn, const Facts& after,
                    Known& known) {
        const auto number = static_cast<int32_t>(insn.k);
        switch (op.form) {
            case Form::LoadAbsolute: load_absolute(op, insn, after, known, kA); return;
            case Form::LoadIndexed: load_indexed(op, insn, after, known); return;
            case Form::LoadLength: load_length(kA); return;
            case Form::LoadConstant: out_.put_imm(Op::kMov32Imm, kA, number); return;
            case Form::LoadScratch: load_scratch(kA, insn.k); return;
            case Form::LoadXHeader: load_header(op, insn, after, known); return;
            case Form::LoadXLength:
                known.new_x(UINT32_MAX);
                load_length(kX);
                return;
            case Form::LoadXConstant:
                known.new_x(insn.k);
                out_.put_imm(Op::kMov32Imm, kX, number);
                return;
            case Form::LoadXScratch:
                known.new_x(UINT32_MAX);
                load_scratch(kX, insn.k);
                return;
            case Form::Store: store_scratch(kA, insn.k); return;
            case Form::StoreX: store_scratch(kX, insn.k); return;
            case Form::AluConstant:
            case Form::DivideConstant:
            case Form::ShiftConstant: out_.put_imm(op.op, kA, number); return;
            case Form::DivideX: out_.drop_if_imm(Op::kJeq64Imm, kX, 0); [[fallthrough]];
            case Form::AluX: out_.put(op.op, kA, kX); return;
            case Form::ShiftX: shift_by_x(op); return;
            case Form::Negate: out_.put(op.op, kA, 0); return;
            case Form::MoveToX:
                known.new_x(UINT32_MAX);
                out_.put(op.op, kX, kA);
                return;
            case Form::MoveFromX: out_.put(op.op, kA, kX); return;
            case Form::ReturnConstant: out_.put_imm(Op::kMov32Imm, kA, number); return;
            case Form::ReturnA:
            case Form::Jump:
            case Form::BranchConstant:
            case Form::BranchX: return;
        }
    }

    /// `register` = the bytes at base + offset, which are proven to exist.
    void load_bytes(uint8_t target, uint8_t base, uint32_t offset, uint8_t bytes) {
        if (offset > INT16_MAX) {
            if (base != kTemporary) out_.put(Op::kMov64Reg, kTemporary, base);
            out_.put_imm(Op::kAdd64Imm, kTemporary, static_cast<int32_t>(offset));
            base = kTemporary;
            offset = 0;
        }
        const Op load = bytes == 4 ? Op::kLoad32 : bytes == 2 ? Op::kLoad16 : Op::kLoad8;
        out_.put(load, target, base, static_cast<int16_t>(offset));
        if (bytes == 4) out_.put_imm(Op::kBe32, target, 32);
        if (bytes == 2) out_.put_imm(Op::kBe16, target, 16);
    }

    void prove_bytes(uint8_t base, uint32_t bytes) {
        out_.put(Op::kMov64Reg, kTemporary, base);
        out_.put_imm(Op::kAdd64Imm, kTemporary, static_cast<int32_t>(bytes));
        out_.drop_if(Op::kJgt64Reg, kTemporary, kPacketEnd);
    }

    void load_absolute(const ClassicOp& op, const ClassicInsn& insn, const Facts& after,
                       Known& known, uint8_t target) {
        const uint32_t end = insn.k + op.bytes;
        if (known.proven < end) {
            known.proven = std::max(end, after.needs_bytes);
            prove_bytes(kPacket, known.proven);
        }
        load_bytes(target, kPacket, insn.k, op.bytes);
    }

    void load_header(const ClassicOp& op, const ClassicInsn& insn, const Facts& after,
                     Known& known) {
        constexpr int32_t kLengthBits = 15;
        load_absolute(op, insn, after, known, kX);
        out_.put_imm(Op::kAnd32Imm, kX, kLengthBits);
        out_.put_imm(Op::kLsh32Imm, kX, 2);
        known.new_x(kLengthBits * 4);
    }

    void load_indexed(const ClassicOp& op, const ClassicInsn& insn, const Facts& after,
                      Known& known) {
        const uint32_t end = insn.k + op.bytes;
        if (known.x_proven < end) {
            known.x_proven = std::max(end, after.needs_x_bytes);
            const uint32_t x_max = kReachBytes - known.x_proven;
            if (known.x_max > x_max)
                out_.drop_if_imm(Op::kJgt64Imm, kX, static_cast<int32_t>(x_max));
            known.x_max = std::min(known.x_max, x_max);
            out_.put(Op::kMov64Reg, kPacketAtX, kX);
            out_.put(Op::kAdd64Reg, kPacketAtX, kPacket);
            prove_bytes(kPacketAtX, known.x_proven);
        }
        load_bytes(kA, kPacketAtX, insn.k, op.bytes);
    }

    void load_length(uint8_t target) {
        if (length_ == LengthSource::PacketBytes) {
            out_.put(Op::kMov64Reg, target, kPacketEnd);
            out_.put(Op::kSub32Reg, target, kPacket);
            return;
        }
        out_.put(Op::kLoad32, target, kContext, kDataMetaOffset);
        out_.put(Op::kMov64Reg, kTemporary, target);
        out_.put_imm(Op::kAdd64Imm, kTemporary, sizeof(uint32_t));
        out_.drop_if(Op::kJgt64Reg, kTemporary, kPacket);
        out_.put(Op::kLoad32, target, target, 0);
    }

    static int16_t scratch_offset(uint32_t word) {
        return static_cast<int16_t>(-8 * (static_cast<int32_t>(word) + 1));
    }
    void load_scratch(uint8_t target, uint32_t word) {
        out_.put(Op::kLoad64, target, kFrameTop, scratch_offset(word));
    }
    void store_scratch(uint8_t source, uint32_t word) {
        if (forgets_) {
            out_.put(Op::kMov32Reg, kTemporary, source);
            out_.put(Op::kXor32Reg, kTemporary, kUnknownZero);
            source = kTemporary;
        }
        out_.put(Op::kStoreReg64, kFrameTop, source, scratch_offset(word));
    }

    /// eBPF looks at the low 5 bits of X only: from 32 on, shift a 0.
    void shift_by_x(const ClassicOp& op) {
        out_.put(Op::kJlt64Imm, kX, 0, 1, 32);
        out_.put_imm(Op::kMov32Imm, kA, 0);
        out_.put(op.op, kA, kX);
    }

    void write_jump(const ClassicOp& op, const ClassicInsn& insn, const Targets& to, size_t next) {
        if (to.when_true == to.when_false) {
            if (to.when_true != next) out_.jump(Op::kGoto, 0, 0, 0, to.when_true);
            return;
        }
        const uint8_t right = op.form == Form::BranchX ? kX : 0;
        const int32_t number = op.form == Form::BranchX ? 0 : static_cast<int32_t>(insn.k);
        if (to.when_true == next && op.inverse != Op::kExit) {
            out_.jump(op.inverse, kA, right, number, to.when_false);
            return;
        }
        out_.jump(op.op, kA, right, number, to.when_true);
        if (to.when_false != next) out_.jump(Op::kGoto, 0, 0, 0, to.when_false);
    }

    std::span<const ClassicInsn> insns_;
    std::vector<Facts> facts_;
    std::vector<Known> known_;
    LengthSource length_;
    bool forgets_;
    bool loads_packet_ = false;
    InsnBuffer out_;
};

}  // namespace

ProgramSpec convert(const ClassicProgram& program, const std::string& name, LengthSource length) {
    ProgramSpec spec;
    spec.name = name;
    spec.section = "cbpf";
    spec.type = ProgramType::Xdp;
    spec.insns = Converter(program, length).run();
    spec.subprograms.push_back({name, 0});
    return spec;
}

}  // namespace weir::vm::cbpf
