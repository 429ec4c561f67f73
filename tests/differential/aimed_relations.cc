// What a verifier knows of numbers and pointers together: distances between copies, halves, lengths
// of the packet, values that move in step, and who may change them meanwhile.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::Op;

namespace {

constexpr int32_t kDistances[] = {0,         1,        -1,      2,       4,          8,
                                  14,        -8,       16,      31,      -31,        64,
                                  255,       1 << 20,  1 << 29, 1 << 30, -(1 << 30), (1 << 30) - 1,
                                  INT32_MAX, INT32_MIN};

constexpr uint8_t kPlace = 5, kLength = 4, kIndex = 3;  ///< of lengths
constexpr uint16_t kLengthRegisters = 0x38;
constexpr uint8_t kCount = 9, kMoving = 5;  ///< of loops

constexpr int16_t place_of(uint32_t slot) {
    return static_cast<int16_t>(-8 - 8 * static_cast<int32_t>(slot));
}

}  // namespace

void AimedGenerator::relate() {
    switch (pick(in_function_ || in_loop_ > 0 ? 3 : 10)) {
        case 0: return confuse_distances();
        case 1: return confuse_halves();
        case 2: return crowd();
        case 3:
        case 4: return confuse_lengths();
        case 5:
        case 6: return confuse_steps();
        case 7:
        case 8: return confuse_chains();
        default: return plan_.callbacks || plan_.calls ? confuse_changers() : confuse_steps();
    }
}

void AimedGenerator::move_by(uint8_t reg, int32_t distance) {
    constexpr Op kMoves[] = {Op::kAdd64Imm, Op::kAdd64Imm, Op::kAdd64Imm,
                             Op::kSub64Imm, Op::kAdd32Imm, Op::kSub32Imm};
    put(any(kMoves), reg, 0, 0, distance);
}

/// One number and another that is so much more; one is bounded, the other used.
void AimedGenerator::confuse_distances() {
    const uint8_t reg = number(), other = scratch_beside(reg);
    if (chance(2)) fresh_number(reg);
    if (chance(3)) refine(reg);
    if (chance(3)) {
        const uint8_t by = scratch_beside(reg);
        w_.mov(by, any(kDistances));
        if (by != other) put(Op::kAdd64Reg, reg, by);
        set(by, {});
    }
    if (chance(4)) {
        const int16_t place = place_of(pick(kAimedSlots));
        w_.store64(10, place, reg);
        w_.load64(other, 10, place);
        scene_.slots = {};
    } else {
        w_.mov_reg(other, reg);
    }
    const int32_t distance = any(kDistances);
    for (uint32_t i = 0; i <= pick(2); ++i) move_by(chance(2) ? reg : other, distance);
    set(reg, Fact::of({}));
    set(other, Fact::of({}));
    const bool turned = chance(2);
    const uint8_t checked = turned ? reg : other, used = turned ? other : reg;
    bound_by_jumps(checked, chance(2) ? 31 : 7);
    if (chance(2)) move_by(used, chance(2) ? -distance : distance);
    if (chance(4)) {  // their difference
        put(chance(2) ? Op::kSub64Reg : Op::kSub32Reg, used, checked);
        set(used, Fact::of({}));
        return use_unbounded(used);
    }
    use_unbounded(used);
}

/// Half of a number by shifts, with something in between.
void AimedGenerator::confuse_halves() {
    const uint8_t reg = number(), half = scratch_beside(reg);
    if (chance(2)) fresh_number(reg);
    if (chance(2)) bound(reg, chance(2) ? 255 : 0xffff);
    w_.mov_reg(half, reg);
    if (chance(4)) move_by(chance(2) ? reg : half, any(kDistances));
    put(Op::kLsh64Imm, half, 0, 0, chance(8) ? 31 + static_cast<int32_t>(pick(3)) : 32);
    if (chance(5)) {
        constexpr Op kBetween[] = {Op::kAdd64Imm, Op::kOr64Imm, Op::kAnd64Imm, Op::kXor64Imm};
        put(any(kBetween), half, 0, 0, edge());
    }
    if (chance(4)) move_by(reg, any(kDistances));
    put(chance(2) ? Op::kRsh64Imm : Op::kArsh64Imm, half, 0, 0,
        chance(8) ? 31 + static_cast<int32_t>(pick(3)) : 32);
    set(reg, Fact::of({}));
    set(half, Fact::of({}));
    const bool turned = chance(2);
    if (chance(3)) {
        refine(turned ? reg : half);
        if (fact(turned ? reg : half).holds != Holds::Number) return;
        set(turned ? half : reg, fact(turned ? reg : half));
        return claim_of(turned ? half : reg);
    }
    bound_by_jumps(turned ? reg : half, 31);
    use_unbounded(turned ? half : reg);
}

/// So many ways to one place that a verifier joins what it knows of them.
void AimedGenerator::crowd() {
    const uint8_t decides = number(), sum = scratch_beside(decides);
    if (sum == 0 || decides == 0) return confuse_distances();
    fresh_number(decides);
    const int16_t place = place_of(pick(kAimedSlots));
    const bool twin = chance(2);
    w_.mov(sum, static_cast<int32_t>(pick(3)));
    w_.store64(10, place, sum);
    const auto rounds = static_cast<int32_t>(4 + pick(2));
    for (int32_t round = 0; round < rounds; ++round) {
        const size_t skip = jump(chance(2) ? Op::kJset64Imm : Op::kJset32Imm, decides, 0,
                                 1 << pick(chance(3) ? 31 : 6));
        if (chance(4)) {
            fresh_number(0);
            bound(0, 3);
            put(Op::kAdd64Reg, sum, 0);
        } else {
            put(chance(5) ? Op::kOr64Imm : Op::kAdd64Imm, sum, 0, 0, static_cast<int32_t>(pick(7)));
        }
        if (twin || chance(6)) w_.store64(10, place, sum);
        land(skip);
        if (chance(4)) padding();
    }
    padding();
    set(0, {});
    set(sum, Fact::of({}));
    const uint8_t back = scratch_beside(sum);
    w_.load64(back, 10, place);
    set(back, Fact::of({}));
    scene_.slots = {};
    if (chance(2)) bound_by_jumps(chance(2) ? sum : back, chance(2) ? 31 : 16);
    if (chance(3)) {  // what they differ by is small
        put(Op::kSub64Reg, back, sum);
        set(back, Fact::of({}));
    }
    use_unbounded(chance(2) ? sum : back);
}

/// kPlace: somewhere in or about the packet.
void AimedGenerator::make_place() {
    constexpr int32_t kPlaces[] = {0,  1,       8,          14,         40,     -1,
                                   -8, 1 << 16, -(1 << 16), -(1 << 28), 1 << 28};
    w_.mov_reg(kPlace, 7);
    set(kPlace, {.holds = Holds::Packet});
    if (chance(2)) w_.add(kPlace, any(kPlaces));
    if (chance(2)) {
        fresh_number(kIndex);
        bound(kIndex, chance(2) ? 31 : 255);
        put(chance(6) ? Op::kSub64Reg : Op::kAdd64Reg, kPlace, kIndex);
    }
    locked_ |= kLengthRegisters;
    if (chance(3)) packet_check(chance(2) ? 7 : kPlace, static_cast<int32_t>(1 + pick(40)));
    locked_ = static_cast<uint16_t>(locked_ & ~kLengthRegisters);
}

/// kLength: data_end minus that place. Gives it, or r2, a copy of it that has moved.
uint8_t AimedGenerator::take_length() {
    if (chance(3)) {
        put(Op::kMov32Reg, kLength, 8).put(Op::kMov32Reg, 2, kPlace);
        put(Op::kSub32Reg, kLength, 2);
    } else {
        w_.mov_reg(kLength, 8).put(chance(8) ? Op::kSub32Reg : Op::kSub64Reg, kLength, kPlace);
    }
    set(kLength, Fact::of({}));
    const bool copies = chance(3);
    if (copies) {
        w_.mov_reg(2, kLength);
        if (chance(2)) move_by(2, static_cast<int32_t>(pick(16)) - 8);
        set(2, Fact::of({}));
    }
    if (chance(5)) move_by(kLength, static_cast<int32_t>(pick(16)) - 8);
    if (chance(8)) w_.add(kPlace, static_cast<int32_t>(pick(8)));
    return copies ? uint8_t{2} : kLength;
}

/// data_end minus some place, as a number, as the limit of an index, as a bound.
void AimedGenerator::confuse_lengths() {
    if ((locked_ & kLengthRegisters) != 0) return confuse_distances();
    need_packet();
    make_place();
    const uint8_t asked = take_length();
    if (chance(3)) {
        bound_by_jumps(kLength, chance(2) ? 63 : 31);
        if (chance(2)) apply(Op::kRsh64Imm, kLength, 0, static_cast<int32_t>(pick(6)));
        return use_unbounded(kLength);
    }
    if (chance(4)) {
        fresh_number(2);
        jump_out(chance(2) ? Op::kJge64Reg : Op::kJgt64Reg, 2, kLength, 0);
        w_.mov_reg(1, kPlace).put(Op::kAdd64Reg, 1, 2);
        put(Op::kLoad8, 0, 1, near(0));
    } else {
        constexpr Op kShort[] = {Op::kJlt64Imm,  Op::kJslt64Imm, Op::kJsle64Imm, Op::kJlt32Imm,
                                 Op::kJslt32Imm, Op::kJle32Imm,  Op::kJle64Imm};
        const auto bytes = static_cast<int32_t>(1 + pick(40));
        to_out_.push_back(jump(any(kShort), asked, 0, bytes));
        set(1, {});
        access(chance(3) ? uint8_t{7} : kPlace, 0, bytes, true);
        set(7, {});
    }
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
}

/// What moves in the loop: a pointer, or a number.
AimedGenerator::Moving AimedGenerator::make_moving() {
    constexpr Moving kKinds[] = {Moving::Packet, Moving::Value, Moving::Stack, Moving::Number};
    const Moving kind = any(kKinds);
    switch (kind) {
        case Moving::Packet:
            need_packet();
            w_.mov_reg(kMoving, 7);
            break;
        case Moving::Value:
            w_.load_map_value(kMoving, kAimedData, static_cast<int32_t>(pick(3)));
            break;
        case Moving::Stack: stack_address(kMoving, kAimedBuffer); break;
        case Moving::Number: w_.mov(kMoving, static_cast<int32_t>(pick(5)));
    }
    set(kMoving, {});
    return kind;
}

void AimedGenerator::use_moving(Moving kind) {
    const auto bytes = static_cast<int32_t>(1 + pick(4));
    if (kind == Moving::Number) {
        w_.mov_reg(3, kMoving);
        set(3, Fact::of({}));
        if (chance(2)) bound_by_jumps(3, 31);
        return use_unbounded(3);
    }
    if (kind == Moving::Packet && chance(2))
        packet_check(kMoving, static_cast<int32_t>(1 + pick(4)));
    access(kMoving, 0, bytes, kind == Moving::Packet);
}

/// One step of both, perhaps not in every round.
void AimedGenerator::move_on(int32_t step) {
    if (chance(4)) {
        const size_t skip = jump(Op::kJset64Imm, number_in(0), 0, 1);
        w_.add(kMoving, step);
        land(skip);
    } else {
        w_.add(kMoving, chance(6) ? near(step) + 1 : step);
    }
    if (chance(6)) w_.add(kMoving, -1);
    w_.add(kCount, chance(3) ? step : 1);
}

/// The jump out of the loop where the count has come so far, or as far as a limit on the stack
/// says.
size_t AimedGenerator::end_early(int32_t rounds, const std::optional<int16_t>& limit_at) {
    if (!limit_at) return jump(chance(2) ? Op::kJgt64Imm : Op::kJge64Imm, kCount, 0, rounds);
    w_.load64(4, 10, *limit_at);
    return jump(chance(2) ? Op::kJge64Reg : Op::kJgt64Reg, kCount, 4);
}

/// A counter and something that moves with it; one is bounded, the other is the place.
void AimedGenerator::confuse_steps() {
    if ((locked_ & (1u << kCount | kLengthRegisters)) != 0) return confuse_distances();
    const auto rounds = static_cast<int32_t>(1 + pick(chance(3) ? 80 : 20));
    const int32_t step = chance(3) ? static_cast<int32_t>(1 + pick(4)) : 1;
    w_.mov(kCount, chance(4) ? static_cast<int32_t>(pick(5)) : 0);
    const Moving kind = make_moving();
    std::optional<int16_t> limit_at;
    if (chance(3)) {
        limit_at = place_of(pick(kAimedSlots));
        fresh_number(4);
        bound(4, chance(2) ? 31 : 63);
        w_.store64(10, *limit_at, 4);
        scene_.slots = {};
    }
    const uint16_t before = locked_;
    locked_ = static_cast<uint16_t>(locked_ | 1u << kCount | 1u << kMoving | 3u << 7);
    ++in_loop_;
    const size_t head = w_.size();
    for (uint8_t reg = 0; reg < 5; ++reg) set(reg, {});
    const bool ends_early = chance(2);
    const size_t done = ends_early ? end_early(rounds, limit_at) : 0;
    use_moving(kind);
    move_on(step);
    constexpr Op kBack[] = {Op::kJlt64Imm, Op::kJne64Imm, Op::kJlt32Imm, Op::kJsle64Imm};
    const int32_t back = static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1;
    if (ends_early && chance(2))
        put(Op::kGoto, 0, 0, back);
    else
        put(any(kBack), kCount, 0, back, rounds);
    if (ends_early) land(done);
    --in_loop_;
    locked_ = before;
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    set(kCount, Fact::of({}));
    if (kind == Moving::Number) {
        set(kMoving, Fact::of({}));
        return use_unbounded(chance(2) ? kCount : kMoving);
    }
    access(kMoving, static_cast<int32_t>(pick(3)), static_cast<int32_t>(1 + pick(4)),
           kind == Moving::Packet);
    if (chance(2)) use_unbounded(kCount);
}

/// A function, or a helper's callback, gets at a number on the stack that was bounded before.
void AimedGenerator::confuse_changers() {
    if ((locked_ & 1u << 9) != 0 && chance(2)) return confuse_distances();
    const int16_t place = place_of(pick(kAimedSlots));
    const uint8_t reg = number();
    bound(reg, chance(2) ? 31 : 7);
    w_.store64(10, place, reg);
    scene_.slots = {};
    const bool keeps = (locked_ & 1u << 9) == 0 && chance(3);
    if (keeps) w_.mov_reg(9, reg);
    const uint32_t kind = plan_.callbacks ? pick(3) : 2;
    if (kind == 0) {
        fresh_number(1);
        if (chance(2))
            bound(1, chance(2) ? 3 : 40);
        else
            w_.mov(1, static_cast<int32_t>(pick(6)));
        functions_[function_for(FunctionKind::LoopChanger)].uses.push_back(w_.size());
        w_.load_code(2);
        stack_address(3, place);
        w_.mov(4, 0);
        call(HelperId::loop);
    } else if (kind == 1) {
        constexpr AimedMap kVisited[] = {kAimedArray, kAimedHash, kAimedPercpu, kAimedLru};
        w_.load_map(1, any(kVisited));
        functions_[function_for(FunctionKind::VisitChanger)].uses.push_back(w_.size());
        w_.load_code(2);
        stack_address(3, place);
        w_.mov(4, 0);
        call(HelperId::for_each_map_elem);
    } else {
        stack_address(1, place);
        w_.mov(2, edge());
        functions_[function_for(FunctionKind::Changer)].uses.push_back(w_.size());
        put(Op::kCallLocal);
    }
    after_call();
    const uint8_t back = scratch();
    w_.load64(back, 10, place);
    set(back, Fact::of({}));
    if (keeps && chance(2)) bound_by_jumps(chance(2) ? uint8_t{9} : back, 31);
    use_unbounded(keeps && chance(2) ? uint8_t{9} : back);
    if (keeps) set(9, Fact::of({}));
}

/// The body of such a function: r1 points to the number.
void AimedGenerator::change_number() {
    w_.load64(3, 1, 0);
    set(3, Fact::of({}));
    switch (pick(6)) {
        case 0: w_.add(3, static_cast<int32_t>(pick(5)) - 1); break;
        case 1: bound(3, chance(2) ? 31 : 15); break;
        case 2:
            fresh_number(3);
            bound(3, 31);
            break;
        case 3: fresh_number(3); break;
        case 4: {
            const size_t fits = jump(Op::kJle64Imm, 3, 0, 30);
            w_.mov(3, chance(2) ? 0 : 31);
            land(fits);
            w_.add(3, 1);
            break;
        }
        default: w_.add(3, 1);
    }
    const size_t skip = chance(3) ? jump(Op::kJset64Imm, 3, 0, 1) : 0;
    constexpr Op kStores[] = {Op::kStoreReg64, Op::kStoreReg64, Op::kStoreReg64, Op::kStoreReg8,
                              Op::kStoreReg32};
    put(any(kStores), 1, 3, 0);
    if (skip != 0) land(skip);
    set(1, {});
}

}  // namespace weir::tests
