// Chance, registers, jumps.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::Op;

int32_t AimedGenerator::near(int32_t number) {
    if (!slips()) return number;
    constexpr int32_t kOff[] = {-1, 1, 1, -2, 2, 7, 8};
    return number + any(kOff);
}

int32_t AimedGenerator::edge() {
    constexpr int32_t kEdges[] = {0,
                                  1,
                                  -1,
                                  2,
                                  3,
                                  7,
                                  8,
                                  15,
                                  16,
                                  31,
                                  32,
                                  33,
                                  63,
                                  64,
                                  65,
                                  127,
                                  128,
                                  255,
                                  256,
                                  511,
                                  0x7fff,
                                  0xffff,
                                  0x10000,
                                  -2,
                                  -8,
                                  -64,
                                  -128,
                                  -256,
                                  INT32_MAX,
                                  INT32_MIN,
                                  INT32_MIN + 1,
                                  0x0fffffff,
                                  -0x8000,
                                  1 << 29};
    return chance(6) ? static_cast<int32_t>(random_.next()) : any(kEdges);
}

uint8_t AimedGenerator::scratch() {
    for (;;) {
        const auto reg = static_cast<uint8_t>(pick(chance(4) ? 10 : 6));
        if ((locked_ >> reg & 1) == 0) return reg;
    }
}

uint8_t AimedGenerator::scratch_beside(uint8_t other) {
    for (;;)
        if (const uint8_t reg = scratch(); reg != other) return reg;
}

uint8_t AimedGenerator::number() {
    const uint32_t first = pick(10);
    for (uint32_t i = 0; i < 10; ++i) {
        const auto reg = static_cast<uint8_t>((first + i) % 10);
        if (fact(reg).holds == Holds::Number && (locked_ >> reg & 1) == 0) return reg;
    }
    return number_in(scratch());
}

uint8_t AimedGenerator::number_in(uint8_t reg) {
    if (fact(reg).holds != Holds::Number) fresh_number(reg);
    return reg;
}

void AimedGenerator::after_call() {
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    set(0, Fact::of({}));
}

size_t AimedGenerator::jump(Op op, uint8_t dst, uint8_t src, int32_t imm) {
    put(op, dst, src, 0, imm);
    return w_.size() - 1;
}

void AimedGenerator::land(size_t jump) {
    w_.at(jump).off = static_cast<int16_t>(w_.size() - jump - 1);
}

/// What the code after the jump knows: it was not taken.
void AimedGenerator::jump_out(Op op, uint8_t dst, uint8_t src, int32_t imm) {
    to_out_.push_back(jump(op, dst, src, imm));
    const vm::OpInfo& row = op_info(op);
    if (fact(dst).holds != Holds::Number) return;
    const bool by_reg = row.format == vm::Format::JumpReg;
    if (by_reg && (src > 9 || fact(src).holds != Holds::Number)) return;
    Scalar right =
        by_reg ? fact(src).number : Scalar::constant(static_cast<uint64_t>(int64_t{imm}));
    after_jump(row, false, fact(dst).number, right);
    if (by_reg) fact(src).number = right;
}

/// A jump that is never taken, if the generator is right: what it leads to is not allowed.
void AimedGenerator::jump_bad(Op op, uint8_t dst, uint8_t src, int32_t imm) {
    to_bad_.push_back(jump(op, dst, src, imm));
}

/// Two ways meet: what both know.
void AimedGenerator::meet(const Scene& other) {
    const auto join = [](Fact& mine, const Fact& theirs) {
        if (mine.holds != theirs.holds || mine.map != theirs.map) {
            mine = {};
            return;
        }
        mine.before = std::min(mine.before, theirs.before);
        mine.room = std::min(mine.room, theirs.room);
        if (mine.holds == Holds::Number) mine.number = hull(mine.number, theirs.number);
    };
    for (size_t i = 0; i < scene_.regs.size(); ++i) join(scene_.regs[i], other.regs[i]);
    for (size_t i = 0; i < scene_.slots.size(); ++i) join(scene_.slots[i], other.slots[i]);
}

}  // namespace weir::tests
