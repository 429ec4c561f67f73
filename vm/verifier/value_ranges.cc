#include "vm/verifier/value_ranges.h"

#include <array>
#include <deque>
#include <set>

#include "vm/verifier/generalise.h"
#include "vm/verifier/insn_shape.h"

namespace weir::vm::verifier {
namespace {

constexpr uint8_t kRegisters = 10;  ///< r10 is no number of interest
constexpr uint32_t kJoinsMax = 3;   ///< at a loop's head, before it is widened
constexpr uint64_t kVisitsEach = 32;

constexpr uint32_t kNowhere = UINT32_MAX;

using Values = std::array<Scalar, kRegisters>;

class Ranges {
public:
    Ranges(const ProgramSpec& program, const std::vector<DecodedSlot>& slots, const Cfg& cfg,
           std::vector<InsnFact>& facts)
        : slots_(slots),
          cfg_(cfg),
          facts_(facts),
          at_(slots.size(), kNowhere),
          joins_(slots.size()) {
        find_meetings();
        for (const Subprogram& subprogram : program.subprograms) arrive(subprogram.insn, Values{});
    }

    void run() {
        while (!waiting_.empty()) {
            const uint32_t pc = *waiting_.begin();
            waiting_.erase(waiting_.begin());
            if (visits_ > kVisitsEach * slots_.size()) return;
            follow(pc);
        }
        records_ = true;
        for (uint32_t pc = 0; pc < slots_.size(); ++pc)
            if (at_[pc] != kNowhere) follow(pc);
    }

private:
    void find_meetings() {
        meets_.resize(slots_.size());
        for (size_t pc = 0; pc < slots_.size(); ++pc) {
            if (slots_[pc].second_slot || !facts_[pc].reachable) continue;
            const DecodedInsn& insn = slots_[pc].insn;
            if (op_info(insn.op).format == Format::Call) continue;
            const JumpTarget target = jump_target(insn, pc);
            if (target.exists) meets_[static_cast<size_t>(target.slot)] = true;
        }
    }

    /// Some run may come here with these values.
    void arrive(size_t pc, const Values& values) {
        if (records_) return;
        if (at_[pc] == kNowhere) {
            at_[pc] = static_cast<uint32_t>(values_.size());
            values_.push_back(values);
            waiting_.insert(static_cast<uint32_t>(pc));
            return;
        }
        Values& known = values_[at_[pc]];
        const auto holds = [&](size_t reg) { return values[reg].within(known[reg]); };
        size_t reg = 0;
        while (reg < kRegisters && holds(reg)) ++reg;
        if (reg == kRegisters) return;
        const bool widens = cfg_.roles[pc].heads_loop && ++joins_[pc] > kJoinsMax;
        std::vector<uint64_t> thresholds;
        if (widens) {
            thresholds = thresholds_of(slots_, cfg_, static_cast<uint32_t>(pc));
            visits_ += cfg_.loop_end[pc] - cfg_.loop_begin[pc];
        }
        for (; reg < kRegisters; ++reg) {
            if (holds(reg)) continue;
            const Scalar joined = Scalar::join(known[reg], values[reg]);
            known[reg] = widens ? Scalar::widen(known[reg], joined, thresholds) : joined;
        }
        waiting_.insert(static_cast<uint32_t>(pc));
    }

    /// From here to where ways meet or end.
    void follow(size_t pc) {
        Values values = values_[at_[pc]];
        for (;;) {
            ++visits_;
            if (!facts_[pc].reachable) return;
            if (records_) record(pc, values);
            const DecodedInsn& insn = slots_[pc].insn;
            if (!passes(pc, values)) return;
            pc += insn.slots();
            if (at_[pc] != kNowhere || meets_[pc]) {
                arrive(pc, values);
                return;
            }
        }
    }

    /// What the instruction leaves in `values`; false: nothing goes on to the one behind it.
    bool passes(size_t pc, Values& values) {
        const DecodedInsn& insn = slots_[pc].insn;
        const OpInfo& row = op_info(insn.op);
        switch (row.format) {
            case Format::AluImm:
            case Format::AluReg:
            case Format::AluUnary:
            case Format::ByteOrder: compute(insn, row, values); return true;
            case Format::LoadImm64:
                set(values, insn.dst,
                    insn.op == Op::kLoadImm64 ? Scalar::constant(static_cast<uint64_t>(insn.imm))
                                              : Scalar{});
                return true;
            case Format::Load: set(values, insn.dst, loaded(row, facts_[pc])); return true;
            case Format::StoreImm:
            case Format::StoreReg: return true;
            case Format::Atomic:
                for (const uint8_t reg : {uint8_t{0}, insn.dst, insn.src}) set(values, reg, {});
                return true;
            case Format::LoadPacketAbs:
            case Format::LoadPacketInd:
            case Format::Call:
            case Format::CallReg:
                for (uint8_t reg = 0; reg <= 5; ++reg) values[reg] = {};
                return true;
            case Format::JumpImm:
            case Format::JumpReg: return branches(pc, values);
            case Format::MayGoto: arrive(target_of(pc), values); return true;
            case Format::Goto:
            case Format::GotoLong: arrive(target_of(pc), values); return false;
            case Format::Exit: return false;
        }
        return false;
    }

    size_t target_of(size_t pc) const {
        return static_cast<size_t>(jump_target(slots_[pc].insn, pc).slot);
    }

    static void set(Values& values, uint8_t reg, const Scalar& value) {
        if (reg < kRegisters) values[reg] = value;
    }
    static Scalar get(const Values& values, uint8_t reg) {
        return reg < kRegisters ? values[reg] : Scalar{};
    }
    static Scalar right_of(const DecodedInsn& insn, bool is_register, const Values& values) {
        return is_register ? get(values, insn.src)
                           : Scalar::constant(static_cast<uint64_t>(insn.imm));
    }

    static void compute(const DecodedInsn& insn, const OpInfo& row, Values& values) {
        const Scalar left = get(values, insn.dst);
        if (row.format == Format::ByteOrder) {
            set(values, insn.dst, reordered(row, left));
            return;
        }
        const bool is_64 = row.bits == 64;
        const auto result = [is_64](AluOp op, const Scalar& a, const Scalar& b) {
            return is_64 ? scalar_ops::alu_full(op, a, b) : scalar_ops::alu_half(op, a, b);
        };
        const Scalar right = right_of(insn, row.format == Format::AluReg, values);
        const AluShape shape = alu_shape(row);
        switch (shape.kind) {
            case AluClass::Move: set(values, insn.dst, moved(row, right)); break;
            case AluClass::Negate:
                set(values, insn.dst, result(AluOp::Sub, Scalar::constant(0), left));
                break;
            case AluClass::Binary: set(values, insn.dst, result(shape.op, left, right)); break;
        }
    }

    /// A field of the context may be a pointer of another width.
    static Scalar loaded(const OpInfo& row, const InsnFact& fact) {
        if (fact.access == PointerKind::None || fact.access == PointerKind::Context) return {};
        const Scalar number = Scalar::below_bits(row.bits);
        return row.name.starts_with("LoadSx") ? scalar_ops::sign_extend(number, row.bits) : number;
    }

    /// What the way says on which the comparison holds; false: no run takes it.
    static bool learn(const DecodedInsn& insn, CmpOp op, Values& values) {
        const OpInfo& row = op_info(insn.op);
        const bool is_register = row.format == Format::JumpReg;
        if (is_register && insn.src == insn.dst) return true;
        Scalar left = get(values, insn.dst), right = right_of(insn, is_register, values);
        if (!scalar_ops::refine(op, row.bits == 32, left, right)) return false;
        set(values, insn.dst, left);
        if (is_register) set(values, insn.src, right);
        return true;
    }

    bool branches(size_t pc, Values& values) {
        const DecodedInsn& insn = slots_[pc].insn;
        const CmpOp op = compare_op(op_info(insn.op));
        if (facts_[pc].jumps && !records_)
            if (Values there = values; learn(insn, op, there)) arrive(target_of(pc), there);
        return facts_[pc].falls_through && learn(insn, negated(op), values);
    }

    void record(size_t pc, const Values& values) {
        const DecodedInsn& insn = slots_[pc].insn;
        const OpInfo& row = op_info(insn.op);
        const auto range_of = [&](uint8_t reg) {
            const Range<64> range = get(values, reg).full;
            return ValueRange{range.umin, range.umax};
        };
        const bool has_registers = row.format == Format::AluReg || row.format == Format::JumpReg;
        const bool is_move = (row.format == Format::AluReg || row.format == Format::AluImm) &&
                             alu_shape(row).kind == AluClass::Move;
        if (has_registers || row.format == Format::StoreReg) facts_[pc].src = range_of(insn.src);
        if (row.format == Format::Exit) facts_[pc].dst = range_of(0);
        if (is_move) return;
        if (has_registers || row.format == Format::AluImm || row.format == Format::JumpImm ||
            row.format == Format::AluUnary || row.format == Format::ByteOrder)
            facts_[pc].dst = range_of(insn.dst);
    }

    const std::vector<DecodedSlot>& slots_;
    const Cfg& cfg_;
    std::vector<InsnFact>& facts_;
    std::vector<uint32_t> at_;  ///< index in values_, where ways meet or begin
    std::deque<Values> values_;
    std::vector<uint32_t> joins_;
    std::vector<bool> meets_;
    std::set<uint32_t> waiting_;
    uint64_t visits_ = 0;
    bool records_ = false;
};

}  // namespace

void find_value_ranges(const ProgramSpec& program, const std::vector<DecodedSlot>& slots,
                       const Cfg& cfg, std::vector<InsnFact>& facts) {
    Ranges(program, slots, cfg, facts).run();
}

}  // namespace weir::vm::verifier
