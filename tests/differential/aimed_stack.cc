// The stack: spills and fills of any width, a buffer at variable places, helpers that read and
// write it.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::Op;

namespace {

constexpr Op kStores[] = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64};
constexpr Op kLoads[] = {Op::kLoad8, Op::kLoad16, Op::kLoad32, Op::kLoad64};
constexpr Op kLoadsSigned[] = {Op::kLoadSx8, Op::kLoadSx16, Op::kLoadSx32};
constexpr Op kStoresImm[] = {Op::kStoreImm8, Op::kStoreImm16, Op::kStoreImm32, Op::kStoreImm64};

constexpr int16_t place_of(uint32_t slot) {
    return static_cast<int16_t>(-8 - 8 * static_cast<int32_t>(slot));
}

}  // namespace

void AimedGenerator::spill() {
    const uint32_t slot = pick(kAimedSlots);
    const auto reg = static_cast<uint8_t>(pick(10));
    if (fact(reg).holds == Holds::Nothing) return;
    if (fact(reg).holds != Holds::Number || !chance(3)) {
        w_.store64(10, place_of(slot), reg);
        scene_.slots[slot] = fact(reg);
        return;
    }
    // A part, beside what is there already.
    const uint32_t kind = pick(3), bytes = 1u << kind;
    put(kStores[kind], 10, reg, place_of(slot) + static_cast<int32_t>(bytes * pick(8 / bytes)));
    Fact& there = scene_.slots[slot];
    there = there.holds == Holds::Number ? Fact::of({}) : Fact{};
}

void AimedGenerator::fill() {
    const uint32_t first = pick(kAimedSlots);
    for (uint32_t i = 0; i < kAimedSlots; ++i) {
        const uint32_t slot = (first + i) % kAimedSlots;
        const Fact there = scene_.slots[slot];
        if (there.holds == Holds::Nothing && !slips()) continue;
        const uint8_t reg = scratch();
        if (there.holds != Holds::Number || chance(2)) {
            w_.load64(reg, 10, place_of(slot));
            set(reg, there);
            return;
        }
        const uint32_t kind = pick(3), bytes = 1u << kind, part = pick(8 / bytes);
        const bool extends = chance(3);
        put(extends ? kLoadsSigned[kind] : kLoads[kind], reg, 10,
            place_of(slot) + static_cast<int32_t>(bytes * part));
        Scalar number = Scalar::below_bits(static_cast<int>(bytes * 8));
        if (part == 0)
            number =
                vm::verifier::scalar_ops::zero_extend(there.number, static_cast<int>(bytes * 8));
        if (extends)
            number = vm::verifier::scalar_ops::sign_extend(number, static_cast<int>(bytes * 8));
        set(reg, Fact::of(number));
        return;
    }
    spill();
}

/// Constants, bytes among others, and a read across them.
void AimedGenerator::patch_slot() {
    const uint32_t slot = pick(kAimedSlots), kind = pick(4), bytes = 1u << kind;
    if (scene_.slots[slot].holds != Holds::Number) {
        put(Op::kStoreImm64, 10, 0, place_of(slot), edge());
        scene_.slots[slot] =
            Fact::of(Scalar::constant(static_cast<uint64_t>(int64_t{w_.at(w_.size() - 1).imm})));
    }
    put(kStoresImm[kind], 10, 0, place_of(slot) + static_cast<int32_t>(bytes * pick(8 / bytes)),
        edge());
    scene_.slots[slot] = Fact::of({});
    const uint8_t reg = scratch();
    const uint32_t read = pick(4), read_bytes = 1u << read;
    put(kLoads[read], reg, 10,
        place_of(slot) + static_cast<int32_t>(read_bytes * pick(8 / read_bytes)));
    set(reg, Fact::of(Scalar::below_bits(static_cast<int>(read_bytes * 8))));
    if (chance(2)) use_index(reg);
}

void AimedGenerator::buffer_access() {
    const uint8_t reg = number();
    const uint32_t kind = pick(4);
    const auto bytes = static_cast<int32_t>(1u << kind);
    bound(reg, chance(2) ? 7 : 31);
    const uint8_t pointer = scratch_beside(reg);
    if (bytes > 1 && !slips()) apply(Op::kAnd64Imm, reg, 0, -bytes);
    stack_address(pointer, kAimedBuffer);
    put(Op::kAdd64Reg, pointer, reg);
    set(pointer, {});
    switch (pick(4)) {
        case 0: put(kStoresImm[kind], pointer, 0, near(0), edge()); break;
        case 1:
            put(kLoads[kind], reg, pointer, near(kAimedBufferBytes - 32 - bytes) & -bytes);
            set(reg, Fact::of(Scalar::below_bits(bytes * 8)));
            break;
        case 2: atomic(pointer, near(0), bytes); break;
        default: put(kStores[kind], pointer, number(), 0); break;
    }
    if (chance(2)) {
        const uint8_t back = scratch();
        put(Op::kLoad8, back, 10, kAimedBuffer + static_cast<int32_t>(pick(kAimedBufferBytes)));
        set(back, Fact::of(Scalar::below_bits(8)));
    }
}

void AimedGenerator::atomic(uint8_t base, int32_t off, int32_t bytes) {
    constexpr Op k32[] = {Op::kAtomicAdd32,      Op::kAtomicOr32,       Op::kAtomicAnd32,
                          Op::kAtomicFetchAdd32, Op::kAtomicFetchXor32, Op::kAtomicXchg32,
                          Op::kAtomicCmpxchg32,  Op::kLoadAcquire32,    Op::kStoreRelease32};
    constexpr Op k64[] = {Op::kAtomicXor64,      Op::kAtomicAdd64,     Op::kAtomicFetchAnd64,
                          Op::kAtomicFetchAdd64, Op::kAtomicFetchOr64, Op::kAtomicXchg64,
                          Op::kAtomicCmpxchg64,  Op::kLoadAcquire64,   Op::kStoreRelease64};
    const Op op = bytes == 8 ? any(k64) : any(k32);
    const vm::OpInfo& row = op_info(op);
    number_in(0 == base ? 1 : 0);
    const uint8_t operand = number();
    if (operand == base) return;
    if (row.spelling == "load_acquire") {
        put(op, operand, base, off);
        set(operand, Fact::of(Scalar::below_bits(row.bits)));
        return;
    }
    if (row.spelling == "cmpxchg" && fact(0).holds != Holds::Number) return;
    put(op, base, operand, off);
    if (row.spelling == "cmpxchg")
        set(0, Fact::of(Scalar::below_bits(row.bits)));
    else if ((row.imm & 1) != 0)
        set(operand, Fact::of(Scalar::below_bits(row.bits)));
}

/// A helper that reads or writes as many bytes as a register says.
void AimedGenerator::helper_on_buffer() {
    const uint8_t size = 4;
    if (fact(size).holds != Holds::Number) fresh_number(size);
    bound(size, chance(3) ? 63 : 31);
    if (!slips()) jump_out(Op::kJeq64Imm, size, 0, 0);
    const int32_t off = near(chance(2) ? kAimedBuffer : kAimedBuffer + kAimedBufferBytes - 32);
    const bool fits = off == kAimedBuffer || fact(size).number.full.umax <= 32;
    stack_address(3, fits || slips() ? off : kAimedBuffer);
    switch (in_function_ ? 3 + pick(2) : plan_.is_filter ? pick(3) : pick(5)) {
        case 0:
        case 1:
            w_.mov_reg(1, 6);
            w_.mov(2, static_cast<int32_t>(pick(chance(2) ? 4 : 100)));
            if (plan_.is_filter)
                call(HelperId::skb_load_bytes);
            else
                call(chance(2) ? HelperId::xdp_load_bytes : HelperId::xdp_store_bytes);
            break;
        case 2:  // the size of the memory before comes second
            w_.mov_reg(2, size).mov_reg(1, 3).mov(3, 10).mov_reg(4, 1);
            w_.mov_reg(4, 10).add(4, kAimedKept);
            put(Op::kStoreImm64, 10, 0, kAimedKept, 0);
            call(chance(2) ? HelperId::strtol : HelperId::strtoul);
            break;
        default:
            put(Op::kAnd64Imm, size, 0, 0, near(-4));
            w_.mov_reg(2, size).mov_reg(1, 3).mov(3, 0).mov(4, 0).mov(5, 0);
            call(HelperId::csum_diff);
    }
    after_call();
    if (chance(2)) {
        const uint8_t back = scratch();
        put(Op::kLoad32, back, 10, kAimedBuffer + static_cast<int32_t>(4 * pick(16)));
        set(back, Fact::of(Scalar::below_bits(32)));
    }
}

}  // namespace weir::tests
