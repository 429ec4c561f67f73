// Numbers: where they come from, what is computed of them, how they are bounded, what is claimed of
// them.

#include <bit>

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr Op kAluImm[] = {
    Op::kAdd64Imm,  Op::kSub64Imm,  Op::kMul64Imm,  Op::kDiv64Imm,  Op::kMod64Imm, Op::kOr64Imm,
    Op::kAnd64Imm,  Op::kXor64Imm,  Op::kAdd32Imm,  Op::kSub32Imm,  Op::kMul32Imm, Op::kDiv32Imm,
    Op::kMod32Imm,  Op::kOr32Imm,   Op::kAnd32Imm,  Op::kXor32Imm,  Op::kMov32Imm, Op::kMov64Imm,
    Op::kSdiv64Imm, Op::kSmod64Imm, Op::kSdiv32Imm, Op::kSmod32Imm, Op::kAdd64Imm, Op::kAnd64Imm};
constexpr Op kShiftImm[] = {Op::kLsh64Imm, Op::kRsh64Imm, Op::kArsh64Imm,
                            Op::kLsh32Imm, Op::kRsh32Imm, Op::kArsh32Imm};
constexpr Op kUnary[] = {Op::kNeg64, Op::kNeg32, Op::kBe16,    Op::kBe32,    Op::kBe64,   Op::kLe16,
                         Op::kLe32,  Op::kLe64,  Op::kBswap16, Op::kBswap32, Op::kBswap64};
constexpr Op kAluReg[] = {
    Op::kAdd64Reg,  Op::kSub64Reg, Op::kMul64Reg, Op::kDiv64Reg,  Op::kMod64Reg,  Op::kOr64Reg,
    Op::kAnd64Reg,  Op::kXor64Reg, Op::kLsh64Reg, Op::kRsh64Reg,  Op::kArsh64Reg, Op::kAdd32Reg,
    Op::kSub32Reg,  Op::kMul32Reg, Op::kDiv32Reg, Op::kMod32Reg,  Op::kOr32Reg,   Op::kAnd32Reg,
    Op::kXor32Reg,  Op::kLsh32Reg, Op::kRsh32Reg, Op::kArsh32Reg, Op::kSdiv64Reg, Op::kSmod64Reg,
    Op::kSdiv32Reg, Op::kSmod32Reg};
constexpr Op kMoves[] = {Op::kMov64Reg,    Op::kMov32Reg,   Op::kMovSx8To64,  Op::kMovSx16To64,
                         Op::kMovSx32To64, Op::kMovSx8To32, Op::kMovSx16To32, Op::kMov64Reg};
constexpr Op kJumpsImm[] = {
    Op::kJeq64Imm,  Op::kJne64Imm,  Op::kJgt64Imm,  Op::kJge64Imm,  Op::kJlt64Imm,  Op::kJle64Imm,
    Op::kJsgt64Imm, Op::kJsge64Imm, Op::kJslt64Imm, Op::kJsle64Imm, Op::kJset64Imm, Op::kJeq32Imm,
    Op::kJne32Imm,  Op::kJgt32Imm,  Op::kJge32Imm,  Op::kJlt32Imm,  Op::kJle32Imm,  Op::kJsgt32Imm,
    Op::kJsge32Imm, Op::kJslt32Imm, Op::kJsle32Imm, Op::kJset32Imm};
constexpr Op kJumpsReg[] = {
    Op::kJeq64Reg,  Op::kJne64Reg,  Op::kJgt64Reg,  Op::kJge64Reg,  Op::kJlt64Reg,  Op::kJle64Reg,
    Op::kJsgt64Reg, Op::kJsge64Reg, Op::kJslt64Reg, Op::kJsle64Reg, Op::kJset64Reg, Op::kJeq32Reg,
    Op::kJne32Reg,  Op::kJgt32Reg,  Op::kJge32Reg,  Op::kJlt32Reg,  Op::kJle32Reg,  Op::kJsgt32Reg,
    Op::kJsge32Reg, Op::kJslt32Reg, Op::kJsle32Reg, Op::kJset32Reg};

}  // namespace

void AimedGenerator::apply(Op op, uint8_t dst, uint8_t src, int32_t imm) {
    const vm::OpInfo& row = op_info(op);
    put(op, dst, src, 0, imm);
    const bool by_reg = row.format == vm::Format::AluReg;
    const Scalar right =
        by_reg ? fact(src).number : Scalar::constant(static_cast<uint64_t>(int64_t{imm}));
    set(dst, Fact::of(after_alu(row, fact(dst).number, right)));
}

/// Anything may come out of global data, out of the packet's descriptor what fits into 32 bits.
void AimedGenerator::fresh_number(uint8_t reg) {
    constexpr Op kLoads[] = {Op::kLoad8,   Op::kLoad16,   Op::kLoad32,   Op::kLoad64,
                             Op::kLoadSx8, Op::kLoadSx16, Op::kLoadSx32, Op::kLoad64};
    constexpr int kBits[] = {8, 16, 32, 64, 8, 16, 32, 64};
    switch (pick(8)) {
        case 0:
            w_.mov(reg, edge());
            set(reg, Fact::of(Scalar::constant(
                         static_cast<uint64_t>(int64_t{w_.at(w_.size() - 1).imm}))));
            return;
        case 1:
            if (in_function_) break;
            put(Op::kLoad32, reg, 6, chance(2) ? 12 : 16);
            set(reg, Fact::of(Scalar::below_bits(32)));
            return;
        case 2: {
            const uint64_t wide = chance(2) ? random_.next() : uint64_t{1} << pick(64);
            w_.load_imm64(reg, wide);
            set(reg, Fact::of(Scalar::constant(wide)));
            return;
        }
        default: break;
    }
    const uint32_t kind = pick(std::size(kLoads));
    w_.load_map_value(reg, kAimedData, static_cast<int32_t>(pick(5) * 8));
    put(kLoads[kind], reg, reg, 0);
    Scalar number = Scalar::below_bits(kBits[kind]);
    if (kind >= 4 && kind < 7) number = vm::verifier::scalar_ops::sign_extend(number, kBits[kind]);
    set(reg, Fact::of(number));
}

void AimedGenerator::arithmetic() {
    const uint8_t reg = number();
    switch (pick(6)) {
        case 0: apply(any(kShiftImm), reg, 0, static_cast<int32_t>(pick(64))); break;
        case 1: apply(any(kUnary), reg, 0, 0); break;
        case 2:
        case 3: apply(any(kAluImm), reg, 0, edge()); break;
        default: {
            const uint8_t other = number();
            apply(any(kAluReg), reg, other, 0);
        }
    }
}

/// A jump out on some comparison: what falls through is known a bit better.
void AimedGenerator::refine(uint8_t reg) {
    if (chance(3)) {
        const uint8_t other = number();
        return jump_out(any(kJumpsReg), reg, other, 0);
    }
    jump_out(any(kJumpsImm), reg, 0, edge());
}

void AimedGenerator::bound_by_jumps(uint8_t reg, int32_t most) {
    switch (pick(6)) {
        case 0: return jump_out(Op::kJgt64Imm, reg, 0, near(most));
        case 1: return jump_out(Op::kJge64Imm, reg, 0, near(most + 1));
        case 2:
            if (!slips()) apply(Op::kMov32Reg, reg, reg, 0);
            return jump_out(chance(2) ? Op::kJgt32Imm : Op::kJge32Imm, reg, 0, near(most + 1));
        case 3:
            jump_out(Op::kJsgt64Imm, reg, 0, near(most));
            if (!slips()) jump_out(Op::kJslt64Imm, reg, 0, near(0));
            return;
        case 4: {
            const uint8_t limit = scratch_beside(reg);
            w_.mov(limit, near(most));
            set(limit, Fact::of(Scalar::constant(static_cast<uint64_t>(most))));
            return jump_out(chance(2) ? Op::kJgt64Reg : Op::kJsgt64Reg, reg, limit, 0);
        }
        default: {  // too large becomes the largest
            const Scene before = scene_;
            const size_t fits = jump(chance(4) ? Op::kJle32Imm : Op::kJle64Imm, reg, 0, near(most));
            w_.mov(reg, near(most));
            land(fits);
            set(reg, Fact::of(vm::verifier::scalar_ops::zero_extend(before.regs[reg].number, 64)));
            Scalar limit = Scalar::constant(static_cast<uint64_t>(most));
            vm::verifier::scalar_ops::refine(vm::verifier::CmpOp::Le, false, fact(reg).number,
                                             limit);
        }
    }
}

/// The check is done on a copy, or on what was spilled; the register itself is used.
void AimedGenerator::bound_by_copy(uint8_t reg, int32_t most) {
    const uint8_t copy = scratch_beside(reg);
    if (chance(3)) {
        const auto slot = static_cast<int16_t>(-8 - 8 * static_cast<int16_t>(pick(kAimedSlots)));
        w_.store64(10, slot, reg);
        bound_by_jumps(reg, most);
        w_.load64(copy, 10, slot);
        set(copy, fact(reg));
        scene_.slots[static_cast<size_t>(-slot / 8 - 1)] = fact(reg);
        if (chance(2)) w_.mov_reg(reg, copy);
        return;
    }
    put(slips() ? any(kMoves) : Op::kMov64Reg, copy, reg);
    if (slips()) w_.add(chance(2) ? reg : copy, 1);
    set(copy, fact(reg));
    bound_by_jumps(copy, most);
    set(reg, fact(copy));
}

/// Leaves the register in [0, most], unless the generator slips.
void AimedGenerator::bound(uint8_t reg, int32_t most) {
    const auto bits = static_cast<int32_t>(std::bit_width(static_cast<uint32_t>(most)));
    switch (pick(8)) {
        case 0:
        case 1:
            apply(chance(3) ? Op::kAnd32Imm : Op::kAnd64Imm, reg, 0, near((1 << bits) - 1));
            break;
        case 2: apply(chance(2) ? Op::kMod64Imm : Op::kMod32Imm, reg, 0, near(most + 1)); break;
        case 3: apply(chance(4) ? Op::kArsh64Imm : Op::kRsh64Imm, reg, 0, near(64 - bits)); break;
        case 4: bound_by_copy(reg, most); break;
        default: bound_by_jumps(reg, most);
    }
    if (fact(reg).number.full.umax > static_cast<uint64_t>(most) && !slips())
        jump_out(Op::kJgt64Imm, reg, 0, near(most));
}

/// What the generator thinks that the verifier thinks, or a bit less than that.
void AimedGenerator::claim_of(uint8_t reg) {
    const Scalar& known = fact(reg).number;
    const auto low = static_cast<int64_t>(known.full.smin), high = known.full.smax;
    const auto fits = [](int64_t number) { return number >= INT32_MIN && number <= INT32_MAX; };
    switch (pick(7)) {
        case 0:
            if (fits(high)) jump_bad(Op::kJsgt64Imm, reg, 0, near(static_cast<int32_t>(high)));
            break;
        case 1:
            if (fits(low)) jump_bad(Op::kJslt64Imm, reg, 0, near(static_cast<int32_t>(low)));
            break;
        case 2:
            if (known.full.umax <= INT32_MAX)
                jump_bad(Op::kJgt64Imm, reg, 0, near(static_cast<int32_t>(known.full.umax)));
            break;
        case 3:
            if (known.full.umin <= INT32_MAX)
                jump_bad(Op::kJlt64Imm, reg, 0, near(static_cast<int32_t>(known.full.umin)));
            break;
        case 4: jump_bad(Op::kJgt32Imm, reg, 0, near(static_cast<int32_t>(known.half_umax))); break;
        case 5: jump_bad(Op::kJslt32Imm, reg, 0, near(known.half_smin)); break;
        default: {
            const auto zeroes =
                static_cast<int32_t>(~(known.full.bits.value | known.full.bits.mask));
            if (zeroes != 0)
                jump_bad(Op::kJset32Imm, reg, 0, zeroes ^ (slips() ? 1 << pick(32) : 0));
        }
    }
}

/// Copies of every width, some of them changed, before or after one of them is bounded.
void AimedGenerator::copies() {
    const uint8_t reg = number(), copy = scratch_beside(reg);
    const int32_t most = chance(2) ? 31 : 7;
    const Op move = any(kMoves);
    apply(move, copy, reg, 0);
    if (chance(3)) apply(any(kAluImm), chance(2) ? copy : reg, 0, edge());
    const bool bounds_copy = chance(2);
    bound_by_jumps(bounds_copy ? copy : reg, most);
    const uint8_t used = bounds_copy ? reg : copy;
    // Only a move of all 64 bits makes the two one number.
    if (move != Op::kMov64Reg && !slips()) bound(used, most);
    if (move == Op::kMov64Reg) set(used, fact(bounds_copy ? copy : reg));
    use_index(used);
}

/// A small number goes where it must be small.
void AimedGenerator::use_index(uint8_t reg) {
    if (fact(reg).number.full.umax > 64 && !slips()) bound(reg, 31);
    const auto most = static_cast<int32_t>(std::min<uint64_t>(fact(reg).number.full.umax, 64));
    const uint8_t pointer = scratch_beside(reg);
    set(pointer, {});
    if (chance(2)) {  // global data
        constexpr Op kLoads[] = {Op::kLoad8, Op::kLoad16, Op::kLoad32, Op::kLoad64};
        const uint32_t kind = pick(4);
        const int32_t off = std::max(0, kAimedDataBytes - (1 << kind) - most);
        const bool ahead = chance(2);
        w_.load_map_value(pointer, kAimedData, ahead ? near(off) & (kAimedDataBytes - 1) : 0);
        put(Op::kAdd64Reg, pointer, reg);
        put(kLoads[kind], reg, pointer, ahead ? 0 : near(off));
        set(reg, Fact::of(Scalar::below_bits(8 << kind)));
        return;
    }
    const int32_t end = std::max(0, kAimedBufferBytes - 1 - most);
    stack_address(pointer, kAimedBuffer);
    put(Op::kAdd64Reg, pointer, reg);
    if (chance(2)) {
        put(Op::kStoreReg8, pointer, reg, near(chance(2) ? 0 : end));
        return;
    }
    put(Op::kLoad8, reg, pointer, near(end));
    set(reg, Fact::of(Scalar::below_bits(8)));
}

}  // namespace weir::tests
