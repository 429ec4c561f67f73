// Statements over registers, stack and packet.

#include <array>

#include "tests/differential/generated_generator.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr std::array kAluReg = {
    Op::kAdd64Reg,    Op::kSub64Reg,    Op::kMul64Reg,   Op::kDiv64Reg,  Op::kOr64Reg,
    Op::kAnd64Reg,    Op::kLsh64Reg,    Op::kRsh64Reg,   Op::kMod64Reg,  Op::kXor64Reg,
    Op::kMov64Reg,    Op::kArsh64Reg,   Op::kSdiv64Reg,  Op::kSmod64Reg, Op::kMovSx8To64,
    Op::kMovSx16To64, Op::kMovSx32To64, Op::kAdd32Reg,   Op::kSub32Reg,  Op::kMul32Reg,
    Op::kDiv32Reg,    Op::kOr32Reg,     Op::kAnd32Reg,   Op::kLsh32Reg,  Op::kRsh32Reg,
    Op::kMod32Reg,    Op::kXor32Reg,    Op::kMov32Reg,   Op::kArsh32Reg, Op::kSdiv32Reg,
    Op::kSmod32Reg,   Op::kMovSx8To32,  Op::kMovSx16To32};
constexpr std::array kAluImm = {
    Op::kAdd64Imm,  Op::kSub64Imm,  Op::kMul64Imm,  Op::kDiv64Imm, Op::kOr64Imm,  Op::kAnd64Imm,
    Op::kLsh64Imm,  Op::kRsh64Imm,  Op::kMod64Imm,  Op::kXor64Imm, Op::kMov64Imm, Op::kArsh64Imm,
    Op::kSdiv64Imm, Op::kSmod64Imm, Op::kAdd32Imm,  Op::kSub32Imm, Op::kMul32Imm, Op::kDiv32Imm,
    Op::kOr32Imm,   Op::kAnd32Imm,  Op::kLsh32Imm,  Op::kRsh32Imm, Op::kMod32Imm, Op::kXor32Imm,
    Op::kMov32Imm,  Op::kArsh32Imm, Op::kSdiv32Imm, Op::kSmod32Imm};
constexpr std::array kUnary = {Op::kNeg64,   Op::kNeg32,   Op::kLe16,   Op::kLe32,
                               Op::kLe64,    Op::kBe16,    Op::kBe32,   Op::kBe64,
                               Op::kBswap16, Op::kBswap32, Op::kBswap64};
constexpr std::array kLoads = {Op::kLoad8,   Op::kLoad16,   Op::kLoad32,  Op::kLoad64,
                               Op::kLoadSx8, Op::kLoadSx16, Op::kLoadSx32};
constexpr std::array kStores = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64};
constexpr std::array kStoreImms = {Op::kStoreImm8, Op::kStoreImm16, Op::kStoreImm32,
                                   Op::kStoreImm64};
constexpr std::array<int32_t, 12> kEdges = {0,   1,    -1,   2,      31,        127,
                                            128, -129, 0xff, 0xffff, INT32_MAX, INT32_MIN};

template <typename Array>
auto pick(Random& random, const Array& choices) {
    return choices[random.below(static_cast<uint32_t>(choices.size()))];
}

uint32_t access_bytes(Op op) {
    return vm::op_info(op).bits / 8u;
}

bool is_shift(Op op) {
    const uint8_t code = vm::op_info(op).opcode >> 4;
    return code == 0x6 || code == 0x7 || code == 0xc;
}
bool is_division(Op op) {
    const uint8_t code = vm::op_info(op).opcode >> 4;
    return code == 0x3 || code == 0x9;
}

}  // namespace

int32_t Generator::some_immediate() {
    if (random_.one_in(2)) return pick(random_, kEdges);
    return static_cast<int32_t>(random_.next());
}

uint8_t Generator::some_scalar() {
    std::array<uint8_t, 10> candidates{};
    uint32_t count = 0;
    for (uint8_t i = 0; i < 10; ++i)
        if (is_scalar(i)) candidates[count++] = i;
    if (count != 0) return candidates[random_.below(count)];
    const uint8_t reg = some_target();
    w_.mov(reg, some_immediate());
    now_scalar(reg);
    return reg;
}

uint8_t Generator::some_target() {
    for (;;) {
        const auto reg = static_cast<uint8_t>(random_.below(10));
        const bool holds_pointer = !in_function_ && (reg == kContextReg || reg == kPacketReg);
        if (!holds_pointer && (locked_ & (1u << reg)) == 0) return reg;
    }
}

void Generator::load_constant() {
    const uint8_t dst = some_target();
    if (random_.one_in(2))
        w_.load_imm64(dst, random_.next());
    else
        w_.mov(dst, some_immediate());
    now_scalar(dst);
}

/// Verifiers refuse division by a constant 0 and shifts by a constant beyond the width.
void Generator::alu_immediate(uint8_t dst) {
    const Op op = pick(random_, kAluImm);
    int32_t imm = some_immediate();
    if (is_shift(op)) imm = static_cast<int32_t>(random_.below(vm::op_info(op).bits));
    if (is_division(op) && imm == 0) imm = 7;
    w_.put(op, dst, 0, 0, imm);
}

void Generator::alu() {
    const uint8_t src = some_scalar();
    uint8_t dst = some_target();
    if (!is_scalar(dst)) {
        w_.mov_reg(dst, src);
        now_scalar(dst);
    }
    switch (random_.below(5)) {
        case 0:
        case 1: w_.put(pick(random_, kAluReg), dst, src); return;
        case 2:
        case 3: alu_immediate(dst); return;
        case 4: w_.put(pick(random_, kUnary), dst); return;
    }
}

void Generator::stack_store() {
    const uint32_t slot = random_.below(kStackSlots);
    const auto base = static_cast<int16_t>(-8 * static_cast<int>(slot + 1));
    if ((known_.slots & (1u << slot)) == 0) {
        if (random_.one_in(2))
            w_.store64(10, base, some_scalar());
        else
            w_.put(Op::kStoreImm64, 10, 0, base, some_immediate());
        known_.slots |= 1u << slot;
        return;
    }
    const bool immediate = random_.one_in(3);
    const Op op = immediate ? pick(random_, kStoreImms) : pick(random_, kStores);
    const auto off = static_cast<int16_t>(
        base + static_cast<int>(access_bytes(op) * random_.below(8 / access_bytes(op))));
    w_.put(op, 10, immediate ? uint8_t{0} : some_scalar(), off, immediate ? some_immediate() : 0);
}

int16_t Generator::some_slot() {
    while (known_.slots == 0) stack_store();
    for (;;) {
        const uint32_t slot = random_.below(kStackSlots);
        if ((known_.slots & (1u << slot)) != 0)
            return static_cast<int16_t>(-8 * static_cast<int>(slot + 1));
    }
}

void Generator::stack_load() {
    const int16_t slot = some_slot();
    const Op op = pick(random_, kLoads);
    const int within = static_cast<int>(access_bytes(op) * random_.below(8 / access_bytes(op)));
    const uint8_t dst = some_target();
    w_.put(op, dst, 10, static_cast<int16_t>(slot + within));
    now_scalar(dst);
}

void Generator::stack_atomic() {
    const int16_t slot = some_slot();
    atomic_at(10, slot, random_.one_in(2));
}

void Generator::packet_access() {
    if (random_.one_in(3)) {
        const Op op = pick(random_, kStores);
        w_.put(op, kPacketReg, some_scalar(),
               static_cast<int16_t>(random_.below(packet_bytes_ - access_bytes(op) + 1)));
        return;
    }
    const Op op = pick(random_, kLoads);
    const uint8_t dst = some_target();
    w_.put(op, dst, kPacketReg,
           static_cast<int16_t>(random_.below(packet_bytes_ - access_bytes(op) + 1)));
    now_scalar(dst);
}

}  // namespace weir::tests
