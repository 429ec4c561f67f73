#include "tests/differential/mutator.h"

#include <vector>

#include "tests/differential/trial_world.h"
#include "tests/support/insns.h"
#include "vm/isa/insn.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Insn;
using vm::Op;

constexpr uint32_t kTries = 8;

/// Instructions with the same fields.
std::vector<Op> siblings(const vm::OpInfo& row) {
    std::vector<Op> found;
    for (const vm::OpInfo& other : vm::kOps)
        if (other.format == row.format && row.format != Format::LoadImm64)
            found.push_back(other.op);
    return found;
}

/// First slots of instructions.
std::vector<size_t> places(const std::vector<Insn>& insns) {
    std::vector<size_t> found;
    for (size_t at = 0; at < insns.size();) {
        found.push_back(at);
        const auto insn = vm::decode(insns, at);
        at += insn ? insn->slots() : 1;
    }
    return found;
}

int32_t changed(int32_t number, Random& random) {
    switch (random.below(6)) {
        case 0: return number + 1;
        case 1: return number - 1;
        case 2: return number ^ static_cast<int32_t>(1u << random.below(32));
        case 3: return -number;
        case 4: return number + static_cast<int32_t>(random.below(17)) - 8;
        default: return static_cast<int32_t>(edge_number(random));
    }
}

/// Fields that this format leaves alone become zero, so that the decoder takes it.
Insn tidy(const vm::OpInfo& row, Insn insn) {
    const bool has_dst = row.format != Format::Goto && row.format != Format::GotoLong &&
                         row.format != Format::MayGoto && row.format != Format::Call &&
                         row.format != Format::Exit && row.format != Format::LoadPacketAbs &&
                         row.format != Format::LoadPacketInd;
    const bool has_src = row.format == Format::AluReg || row.format == Format::JumpReg ||
                         row.format == Format::LoadPacketInd || row.format == Format::Load ||
                         row.format == Format::StoreReg || row.format == Format::Atomic;
    const bool has_off = row.format == Format::JumpImm || row.format == Format::JumpReg ||
                         row.format == Format::Goto || row.format == Format::MayGoto ||
                         row.format == Format::Load || row.format == Format::StoreImm ||
                         row.format == Format::StoreReg || row.format == Format::Atomic;
    const bool has_imm = row.format == Format::AluImm || row.format == Format::JumpImm ||
                         row.format == Format::GotoLong || row.format == Format::Call ||
                         row.format == Format::LoadImm64 || row.format == Format::LoadPacketAbs ||
                         row.format == Format::LoadPacketInd || row.format == Format::StoreImm;
    return make_insn(row.op, has_dst ? insn.dst : uint8_t{0}, has_src ? insn.src : uint8_t{0},
                     has_off ? insn.off : int16_t{0}, has_imm ? insn.imm : 0);
}

void change_op(Insn& insn, const vm::OpInfo& row, Random& random) {
    const std::vector<Op> others = siblings(row);
    if (others.empty()) return;
    const Op op = others[random.below(static_cast<uint32_t>(others.size()))];
    insn = tidy(op_info(op), insn);
}

void change_register(Insn& insn, Random& random) {
    const auto reg = static_cast<uint8_t>(random.below(11) & 0xf);
    const bool is_dst = random.one_in(2);
    Insn other = insn;
    if (is_dst)
        other.dst = reg & 0xf;
    else
        other.src = reg & 0xf;
    if (const auto decoded = vm::decode({{other, Insn{}}}, 0)) insn = other;
}

void change_one(std::vector<Insn>& insns, Random& random) {
    const std::vector<size_t> at = places(insns);
    const size_t place = at[random.below(static_cast<uint32_t>(at.size()))];
    const auto decoded = vm::decode(insns, place);
    if (!decoded || decoded->slots() == 2) {
        if (decoded && decoded->op == Op::kLoadImm64)
            insns[place].imm = changed(insns[place].imm, random);
        return;
    }
    Insn& insn = insns[place];
    const vm::OpInfo& row = op_info(decoded->op);
    switch (random.below(8)) {
        case 0:
        case 1: return change_op(insn, row, random);
        case 2: return change_register(insn, random);
        case 3: insn = make_insn(Op::kGoto); return;  // as if it were not there
        case 4: {                                     // another instruction of this program
            const size_t other = at[random.below(static_cast<uint32_t>(at.size()))];
            const auto source = vm::decode(insns, other);
            if (source && source->slots() == 1) insn = insns[other];
            return;
        }
        case 5: {  // the next one comes first
            const auto next = vm::decode(insns, place + 1);
            if (place + 1 < insns.size() && next && next->slots() == 1)
                std::swap(insns[place], insns[place + 1]);
            return;
        }
        case 6:
            if (row.off == vm::kAnyField) {
                insn.off = static_cast<int16_t>(changed(insn.off, random));
                return;
            }
            [[fallthrough]];
        default:
            if (row.imm == vm::kAnyField) insn.imm = changed(insn.imm, random);
    }
}

/// Instructions one after the other, with operands that mostly hold what they must.
class RandomInsns {
public:
    RandomInsns(size_t maps, Random& random) : maps_(maps), random_(random) {}

    std::vector<Insn> write() {
        begin();
        const size_t end = insns_.size() + 2 + random_.below(14);
        while (insns_.size() < end) put_any(end);
        put(Op::kMov64Imm, 0, 0, 0, 1);
        put(Op::kExit);
        return insns_;
    }

private:
    static constexpr int16_t kSlots = 4, kPacketBytes = 20;

    void put(Op op, uint8_t dst = 0, uint8_t src = 0, int32_t off = 0, int32_t imm = 0) {
        Insn insn;
        insn.dst = static_cast<uint8_t>(dst & 0xf);
        insn.src = src & 0xf;
        insn.off = static_cast<int16_t>(off);
        insn.imm = imm;
        insns_.push_back(tidy(op_info(op), insn));
        if (op_info(op).format == Format::LoadImm64) insns_.push_back({});
    }
    int32_t edge() { return static_cast<int32_t>(edge_number(random_)); }
    uint8_t any_register() { return static_cast<uint8_t>(random_.below(11)); }

    uint8_t number() {
        if (random_.one_in(24)) return any_register();
        for (;;)
            if (const auto reg = static_cast<uint8_t>(random_.below(10));
                (numbers_ >> reg & 1) != 0)
                return reg;
    }
    void now(uint8_t reg, bool is_number) {
        numbers_ =
            static_cast<uint16_t>(is_number ? numbers_ | 1u << reg : numbers_ & ~(1u << reg));
        numbers_ |= 1;  // something must be one
    }

    void begin() {
        put(Op::kMov64Reg, 6, 1);
        constexpr uint8_t kFilled[] = {0, 2, 3, 4, 5, 9};
        for (const uint8_t reg : kFilled)
            if (reg == 0 || !random_.one_in(6)) {
                put(Op::kMov64Imm, reg, 0, 0, edge());
                now(reg, true);
            }
        for (int16_t slot = 1; slot <= kSlots; ++slot)
            if (!random_.one_in(6)) put(Op::kStoreImm64, 10, 0, -8 * slot, edge());
        if (random_.one_in(2)) return;
        put(Op::kLoad32, 7, 6, 0);
        put(Op::kLoad32, 8, 6, 4);
        put(Op::kMov64Reg, 1, 7);
        put(Op::kAdd64Imm, 1, 0, 0, kPacketBytes);
        put(Op::kJle64Reg, 1, 8, 2);
        put(Op::kMov64Imm, 0, 0, 0, 1);
        put(Op::kExit);
        has_packet_ = true;
    }

    /// Stack, packet, context.
    void place(uint8_t& base, int32_t& off, uint32_t bytes) {
        const auto part = [&](uint32_t all) {
            return static_cast<int32_t>(random_.below(all / bytes) * bytes);
        };
        if (random_.one_in(12)) {
            base = any_register();
        } else if (random_.one_in(8)) {
            base = 6;
            off = 4 * static_cast<int32_t>(random_.below(5));
        } else if (has_packet_ && random_.one_in(3)) {
            base = 7;
            off = part(kPacketBytes) + (random_.one_in(8) ? 1 : 0);
        } else {
            base = 10;
            off = part(8 * kSlots) - 8 * kSlots;
        }
    }

    void put_any(size_t end) {
        const vm::OpInfo& row = vm::kOps[random_.below(vm::kOpCount)];
        const auto left = static_cast<uint32_t>(end - insns_.size());
        uint8_t dst = number(), src = number();
        int32_t off = 0, imm = edge();
        bool gives_number = true;
        switch (row.format) {
            case Format::AluImm:
            case Format::AluReg:
            case Format::AluUnary:
            case Format::ByteOrder:
                if (row.spelling.find("<<") != std::string_view::npos ||
                    row.spelling.find(">>") != std::string_view::npos)
                    imm = static_cast<int32_t>(random_.below(row.bits));
                break;
            case Format::JumpImm:
            case Format::JumpReg:
            case Format::Goto:
            case Format::MayGoto: off = static_cast<int32_t>(random_.below(left)); break;
            case Format::GotoLong: imm = static_cast<int32_t>(random_.below(left)); break;
            case Format::Call:
                imm = static_cast<int32_t>(random_.one_in(2) ? 7 : 1 + random_.below(12));
                for (uint8_t reg = 0; reg < 6; ++reg) now(reg, reg == 0);
                break;
            case Format::LoadImm64:
                if (row.op != Op::kLoadImm64)
                    imm = static_cast<int32_t>(random_.below(static_cast<uint32_t>(maps_)));
                gives_number = row.op == Op::kLoadImm64;
                now(dst, gives_number);
                break;
            case Format::Load: place(src, off, row.bits / 8); break;
            case Format::StoreImm:
            case Format::StoreReg:
            case Format::Atomic: place(dst, off, row.bits / 8); break;
            case Format::CallReg:
            case Format::Exit:
            case Format::LoadPacketAbs:
            case Format::LoadPacketInd:
                if (!random_.one_in(20)) return;
                break;
        }
        put(row.op, dst, src, off, imm);
    }

    size_t maps_;
    Random& random_;
    std::vector<Insn> insns_;
    uint16_t numbers_ = 1;
    bool has_packet_ = false;
};

}  // namespace

vm::ProgramSpec mutated(const vm::ProgramSpec& program, Random& random) {
    vm::ProgramSpec changed_program = program;
    const uint32_t changes = 1 + random.below(3);
    for (uint32_t i = 0, tries = 0; i < changes && tries < kTries; ++tries) {
        const std::vector<Insn> before = changed_program.insns;
        change_one(changed_program.insns, random);
        if (changed_program.insns != before) ++i;
    }
    return changed_program;
}

vm::ProgramSpec random_program(const std::vector<vm::MapSpec>& maps, Random& random) {
    vm::ProgramSpec program;
    program.name = "random";
    program.section = "xdp";
    program.maps = maps;
    program.subprograms = {{"random", 0}};
    program.insns = RandomInsns(maps.size(), random).write();
    return program;
}

}  // namespace weir::tests
