#pragma once
// Random programs that come close to what the verifier accepts: header checks, indices, stack,
// look-ups, loops, with bounds that are right, one off or missing.

#include <random>
#include <vector>

#include "tests/support/insns.h"

namespace weir::tests {

/// Registers: r6 context, r7 data, r8 data_end, the others numbers. Map 0 is an array of
/// kGeneratedValueBytes.
constexpr uint32_t kGeneratedValueBytes = 64;

class ProgramGenerator {
public:
    explicit ProgramGenerator(uint64_t seed) : random_(seed) {}

    std::vector<vm::Insn> generate() {
        using enum vm::Op;
        code_.mov_reg(6, 1).put(kLoad32, 7, 1, 0).put(kLoad32, 8, 1, 4);
        refill_numbers();
        const uint32_t statements = 2 + pick(10);
        for (uint32_t i = 0; i < statements; ++i) statement(0);
        const size_t end = code_.size();
        code_.put(kMov64Imm, 0, 0, 0, 2).exit();
        for (const size_t jump : to_end_) code_.at(jump).off = static_cast<int16_t>(end - jump - 1);
        return code_.insns();
    }

private:
    uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
    bool chance(uint32_t one_in) { return pick(one_in) == 0; }
    uint8_t number_register() {
        constexpr uint8_t kNumbers[] = {0, 1, 2, 3, 9};
        return kNumbers[pick(5)];
    }
    int32_t near(int32_t number) {
        return chance(4) ? number + static_cast<int32_t>(pick(3)) - 1 : number;
    }
    int32_t constant() {
        constexpr int32_t kEdges[] = {0,  1,  -1,  2,      7,         8,         31, 32,
                                      63, 64, 255, 0xffff, INT32_MAX, INT32_MIN, -64};
        return chance(3) ? static_cast<int32_t>(random_()) : kEdges[pick(std::size(kEdges))];
    }
    void jump_to_end(vm::Op op, uint8_t dst, uint8_t src, int32_t imm) {
        to_end_.push_back(code_.size());
        code_.put(op, dst, src, 0, imm);
    }

    void refill_numbers() {
        using enum vm::Op;
        code_.call(7).mov_reg(9, 0);
        for (uint8_t reg = 1; reg <= 5; ++reg) {
            if (chance(2))
                code_.mov(reg, constant());
            else
                code_.put(chance(2) ? kMov64Reg : kMov32Reg, reg, 9);
        }
        code_.call(7);
        for (uint8_t reg = 1; reg <= 5; ++reg) code_.put(kMov64Reg, reg, chance(2) ? 0 : 9);
    }

    void arithmetic() {
        using enum vm::Op;
        constexpr vm::Op kImm[] = {kAdd64Imm, kSub64Imm, kMul64Imm, kDiv64Imm,  kMod64Imm,
                                   kOr64Imm,  kAnd64Imm, kXor64Imm, kArsh64Imm, kAdd32Imm,
                                   kSub32Imm, kMul32Imm, kDiv32Imm, kMod32Imm,  kOr32Imm,
                                   kAnd32Imm, kXor32Imm, kMov32Imm, kSdiv64Imm, kSmod32Imm};
        constexpr vm::Op kReg[] = {
            kAdd64Reg,  kSub64Reg, kMul64Reg, kDiv64Reg,   kMod64Reg,    kOr64Reg,   kAnd64Reg,
            kXor64Reg,  kLsh64Reg, kRsh64Reg, kArsh64Reg,  kAdd32Reg,    kSub32Reg,  kMul32Reg,
            kDiv32Reg,  kMod32Reg, kOr32Reg,  kAnd32Reg,   kXor32Reg,    kLsh32Reg,  kRsh32Reg,
            kArsh32Reg, kMov64Reg, kMov32Reg, kMovSx8To64, kMovSx16To32, kSdiv32Reg, kSmod64Reg};
        constexpr vm::Op kShift[] = {kLsh64Imm, kRsh64Imm, kArsh64Imm,
                                     kLsh32Imm, kRsh32Imm, kArsh32Imm};
        switch (pick(4)) {
            case 0:
                code_.put(kImm[pick(std::size(kImm))], number_register(), 0, 0, constant());
                break;
            case 1:
                code_.put(kShift[pick(std::size(kShift))], number_register(), 0, 0,
                          static_cast<int32_t>(pick(64)));
                break;
            case 2:
                code_.put(chance(2) ? kBe16 : chance(2) ? kNeg64 : kBswap32, number_register());
                break;
            default: code_.put(kReg[pick(std::size(kReg))], number_register(), number_register());
        }
    }

    /// Usually leaves the register in [0, most].
    void bound(uint8_t reg, int32_t most) {
        using enum vm::Op;
        switch (pick(6)) {
            case 0: code_.put(kAnd64Imm, reg, 0, 0, near(most)); break;
            case 1: jump_to_end(kJgt64Imm, reg, 0, near(most)); break;
            case 2:
                if (chance(2)) code_.put(kMov32Reg, reg, reg);
                jump_to_end(kJgt32Imm, reg, 0, near(most));
                break;
            case 3:
                jump_to_end(kJsgt64Imm, reg, 0, near(most));
                if (!chance(4)) jump_to_end(kJslt64Imm, reg, 0, chance(4) ? -1 : 0);
                break;
            case 4: code_.put(chance(2) ? kMod64Imm : kMod32Imm, reg, 0, 0, near(most + 1)); break;
            default:
                code_.put(kRsh64Imm, reg, 0, 0,
                          64 - static_cast<int32_t>(std::bit_width(static_cast<uint32_t>(most))));
        }
    }

    void packet_access(uint8_t pointer, int32_t proven) {
        using enum vm::Op;
        constexpr vm::Op kLoads[] = {kLoad8, kLoad16, kLoad32, kLoad64, kLoadSx8, kLoadSx16};
        constexpr vm::Op kStores[] = {kStoreImm8, kStoreImm16, kStoreImm32, kStoreImm64};
        constexpr int32_t kSizes[] = {1, 2, 4, 8, 1, 2};
        const uint32_t kind = pick(6);
        const auto off = static_cast<int16_t>(
            near(chance(2) ? proven - kSizes[kind]
                           : static_cast<int32_t>(pick(static_cast<uint32_t>(proven)))));
        if (chance(3) && kind < 4)
            code_.put(kStores[kind], pointer, 0, off, constant());
        else
            code_.put(kLoads[kind], number_register(), pointer, off);
    }

    void compare_with_end(uint8_t pointer, int32_t bytes) {
        using enum vm::Op;
        code_.mov_reg(4, pointer).add(4, bytes);
        switch (pick(4)) {
            case 0: jump_to_end(kJgt64Reg, 4, 8, 0); break;
            case 1: jump_to_end(kJlt64Reg, 8, 4, 0); break;
            case 2: jump_to_end(kJge64Reg, 4, 8, 0); break;
            default: jump_to_end(kJle64Reg, 8, 4, 0);
        }
    }

    void packet_read() {
        const auto bytes = static_cast<int32_t>(1 + pick(60));
        compare_with_end(7, bytes);
        for (uint32_t i = 0; i <= pick(3); ++i) packet_access(7, bytes);
    }

    void variable_packet_read() {
        using enum vm::Op;
        const uint8_t index = number_register();
        bound(index, chance(2) ? 15 : 60);
        if (chance(3)) code_.put(kLsh64Imm, index, 0, 0, static_cast<int32_t>(pick(3)));
        code_.mov_reg(5, 7).put(chance(8) ? kSub64Reg : kAdd64Reg, 5, index);
        const auto bytes = static_cast<int32_t>(1 + pick(20));
        compare_with_end(5, bytes);
        if (chance(5)) code_.put(kAdd64Reg, 5, index);
        packet_access(5, bytes);
        code_.mov(5, 1).mov(4, 1);
    }

    void stack_use() {
        using enum vm::Op;
        const auto slot = static_cast<int16_t>(-8 - 8 * static_cast<int16_t>(pick(4)));
        const uint8_t reg = number_register();
        switch (pick(4)) {
            case 0: code_.store64(10, slot, reg).load64(number_register(), 10, slot); break;
            case 1:
                code_.put(kStoreReg32, 10, reg, slot).put(kLoad32, number_register(), 10, slot);
                break;
            case 2:
                code_.store64(10, slot, reg)
                    .put(kStoreReg16, 10, number_register(),
                         static_cast<int16_t>(slot + 2 * static_cast<int16_t>(pick(4))))
                    .load64(number_register(), 10, slot);
                break;
            default:
                for (int16_t at = -32; at < 0; at = static_cast<int16_t>(at + 8))
                    code_.put(kStoreImm64, 10, 0, at, constant());
                bound(reg, 31);
                code_.mov_reg(5, 10).add(5, -32).put(kAdd64Reg, 5, reg);
                code_.put(chance(2) ? kStoreImm8 : kLoad8, chance(2) ? 5 : 5, 5, 0, 7);
                code_.load64(number_register(), 10, slot).mov(5, 3);
        }
    }

    void look_up() {
        using enum vm::Op;
        code_.put(kStoreImm32, 10, 0, -36, static_cast<int32_t>(pick(3)))
            .mov_reg(2, 10)
            .add(2, -36)
            .load_map(1, 0)
            .call(1);
        if (!chance(16)) jump_to_end(kJeq64Imm, 0, 0, 0);
        bound(9, chance(2) ? 31 : 63);
        const bool moved = chance(2);
        code_.mov_reg(5, 0).put(chance(10) ? kSub64Reg : kAdd64Reg, 5, 9);
        if (moved) code_.add(5, near(32));
        packet_access(5, chance(2) ? 1 : 32);
        refill_numbers();
    }

    /// Two ways that meet: on one a number is a copy of the index, on the other it is a stranger.
    /// Bounding the index afterwards says something of the copy on the first way only.
    void linked_copies() {
        using enum vm::Op;
        code_.put(kStoreImm32, 10, 0, -36, 0).mov_reg(2, 10).add(2, -36).load_map(1, 0).call(1);
        jump_to_end(kJeq64Imm, 0, 0, 0);
        code_.store64(10, -72, 0);
        refill_numbers();
        code_.put(kAnd64Imm, 9, 0, 0, 0x0fffffff).put(kMov32Reg, 3, 0);
        const size_t fork = code_.size();
        code_.put(kJset64Imm, 3, 0, 0, 1);
        const bool copy_first = chance(2);
        one_way(copy_first);
        const size_t skip = code_.size();
        code_.put(kGoto);
        code_.at(fork).off = static_cast<int16_t>(code_.size() - fork - 1);
        one_way(!copy_first);
        code_.at(skip).off = static_cast<int16_t>(code_.size() - skip - 1);
        // Far enough from the last stored state that one is kept where the ways meet.
        for (uint32_t i = 4 + pick(8); i > 0; --i) code_.mov(0, 1);
        code_.put(kGoto);
        jump_to_end(kJgt64Imm, 9, 0, near(63));
        code_.load64(5, 10, -72).put(kAdd64Reg, 5, 1).put(kLoad8, 0, 5);
        refill_numbers();
    }

    void one_way(bool copies) {
        using enum vm::Op;
        if (copies) {
            code_.mov_reg(1, 9);
        } else {
            // rx_queue_index: any number to the verifier, a small one when it runs.
            code_.put(kLoad32, 9, 6, 16).put(kAnd64Imm, 9, 0, 0, 0x0fffffff);
            code_.mov(1, chance(2) ? 0x0ffffff0 : constant());
        }
    }

    void helper_memory() {
        using enum vm::Op;
        code_.put(kStoreImm64, 10, 0, -48, 1).put(kStoreImm64, 10, 0, -56, constant());
        bound(9, 16);
        code_.mov_reg(1, 6)
            .mov(2, static_cast<int32_t>(pick(20)))
            .mov_reg(3, 10)
            .add(3, near(-56))
            .mov_reg(4, 9);
        if (!chance(4)) jump_to_end(kJeq64Imm, 4, 0, 0);
        code_.call(chance(2) ? 189 : 190).load64(9, 10, chance(2) ? -48 : -56);
        refill_numbers();
    }

    void skip_something(uint32_t depth) {
        using enum vm::Op;
        constexpr vm::Op kJumps[] = {kJeq64Imm,  kJne64Imm, kJgt64Imm,  kJset64Imm,
                                     kJslt64Imm, kJgt32Imm, kJsle32Imm, kJne32Imm};
        const size_t jump = code_.size();
        code_.put(kJumps[pick(std::size(kJumps))], number_register(), 0, 0, constant());
        statement(depth + 1);
        code_.at(jump).off = static_cast<int16_t>(code_.size() - jump - 1);
    }

    /// The counter lives on the stack, since the body may use every register.
    void loop(uint32_t depth) {
        using enum vm::Op;
        const auto slot = static_cast<int16_t>(-64 - 8 * static_cast<int16_t>(depth));
        code_.put(kStoreImm64, 10, 0, slot, 0);
        const size_t head = code_.size();
        statement(depth + 1);
        code_.load64(4, 10, slot).add(4, 1).store64(10, slot, 4);
        const auto back = static_cast<int16_t>(static_cast<int64_t>(head) -
                                               static_cast<int64_t>(code_.size()) - 1);
        code_.put(kJlt64Imm, 4, 0, back, static_cast<int32_t>(1 + pick(6)));
    }

    void statement(uint32_t depth) {
        switch (pick(depth > 2 ? 9 : 13)) {
            case 0:
            case 1:
            case 2: arithmetic(); break;
            case 3: packet_read(); break;
            case 4: variable_packet_read(); break;
            case 5: stack_use(); break;
            case 6: look_up(); break;
            case 7: helper_memory(); break;
            case 8: linked_copies(); break;
            case 9:
            case 10: skip_something(depth); break;
            case 11: loop(depth); break;
            default: arithmetic(); statement(depth + 1);
        }
    }

    std::mt19937_64 random_;
    InsnWriter code_;
    std::vector<size_t> to_end_;
};

}  // namespace weir::tests
