// Branches that meet again, loops, functions.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr Op kConditions[] = {
    Op::kJeq64Imm,  Op::kJne64Imm,  Op::kJgt64Imm,  Op::kJge64Imm,  Op::kJlt64Imm,  Op::kJsgt64Imm,
    Op::kJslt64Imm, Op::kJset64Imm, Op::kJeq32Imm,  Op::kJne32Imm,  Op::kJgt32Imm,  Op::kJlt32Imm,
    Op::kJsgt32Imm, Op::kJslt32Imm, Op::kJset32Imm, Op::kJsle32Imm, Op::kJsle64Imm, Op::kJle64Imm};

}  // namespace

/// if { … } else { … }: on both ways something else is known, or the same by other means.
void AimedGenerator::diamond() {
    const uint8_t decides = number();
    const size_t fork = jump(any(kConditions), decides, 0, edge());
    const Scene before = scene_;
    block(1 + pick(3));
    if (chance(4)) {  // the other way is empty
        land(fork);
        return meet(before);
    }
    const size_t over = jump(Op::kGoto);
    land(fork);
    const Scene then = scene_;
    scene_ = before;
    block(1 + pick(3));
    land(over);
    meet(then);
    if (chance(2)) use_index(number());
}

/// Constants by cases: what a switch leaves.
void AimedGenerator::switch_ladder() {
    const uint8_t decides = number(), result = scratch_beside(decides);
    const uint32_t cases = 2 + pick(4);
    std::vector<size_t> ends;
    Scalar all;
    for (uint32_t i = 0; i < cases; ++i) {
        const size_t next = jump(chance(2) ? Op::kJne64Imm : Op::kJne32Imm, decides, 0,
                                 chance(2) ? static_cast<int32_t>(i) : edge());
        const auto constant =
            static_cast<int32_t>(chance(4) ? near(31) : static_cast<int32_t>(pick(32)));
        w_.mov(result, constant);
        const Scalar number = Scalar::constant(static_cast<uint64_t>(int64_t{constant}));
        all = i == 0 ? number : hull(all, number);
        ends.push_back(jump(Op::kGoto));
        land(next);
    }
    w_.mov(result, static_cast<int32_t>(pick(32)));
    all = hull(all, Scalar::constant(0));
    all = hull(all, Scalar::constant(31));
    for (const size_t end : ends) land(end);
    set(result, Fact::of(all));
    use_index(result);
}

void AimedGenerator::loop() {
    if (in_loop_ > 1 || (in_loop_ > 0 && !chance(4))) return arithmetic();
    switch (pick(4)) {
        case 0: return shifting_loop();
        case 1: return gathering_loop();
        default: return counted_loop();
    }
}

void AimedGenerator::use_counter(uint8_t counter, int32_t most) {
    const uint8_t copy = counter == 4 ? 3 : 4;
    w_.mov_reg(copy, counter);
    set(copy, Fact::of(Scalar::below_bits(10)));
    bound(copy, most);
    if (fact(copy).number.full.umax <= 63) use_index(copy);
}

/// The counter is in a register that calls keep, or on the stack; it counts up, down, or in steps.
void AimedGenerator::counted_loop() {
    const bool in_register = (locked_ & 1u << 9) == 0 && chance(2);
    const auto place = static_cast<int16_t>(kAimedKept - 16 - 8 * static_cast<int32_t>(in_loop_));
    const bool down = chance(3);
    const auto step = static_cast<int32_t>(chance(3) ? 1 + pick(4) : 1);
    const auto rounds = static_cast<int32_t>(1 + pick(chance(5) ? 100 : 8));
    const int32_t first = down ? rounds * step : 0;
    if (in_register)
        w_.mov(9, first);
    else
        put(Op::kStoreImm64, 10, 0, place, first);
    const uint16_t before = locked_;
    if (in_register) locked_ |= 1u << 9;
    ++in_loop_;
    const size_t head = w_.size();
    const Scene outside = scene_;
    for (Fact& each : scene_.regs)
        if (each.holds != Holds::Packet && each.holds != Holds::PacketEnd) each = {};
    scene_.slots = {};
    set(9, in_register ? Fact::of(Scalar::below_bits(10)) : Fact{});
    if (chance(6) && !in_callback_) to_out_.push_back(jump(Op::kMayGoto));
    block(1 + pick(3));
    const uint8_t counter = in_register ? uint8_t{9} : uint8_t{4};
    if (!in_register) w_.load64(4, 10, place);
    if (chance(3)) use_counter(counter, down ? first : (rounds - 1) * step);
    if (!in_register) w_.load64(4, 10, place);
    put(chance(4) ? Op::kAdd32Imm : Op::kAdd64Imm, counter, 0, 0, down ? -step : step);
    if (!in_register) w_.store64(10, place, 4);
    constexpr Op kUp[] = {Op::kJlt64Imm, Op::kJlt32Imm, Op::kJslt64Imm, Op::kJne64Imm};
    constexpr Op kDown[] = {Op::kJgt64Imm, Op::kJsgt64Imm, Op::kJne64Imm, Op::kJgt32Imm};
    put(down ? any(kDown) : any(kUp), counter, 0,
        static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1,
        near(down ? 0 : rounds * step));
    --in_loop_;
    locked_ = before;
    const Scene inside = scene_;
    scene_ = outside;
    meet(inside);
    set(counter, Fact::of(Scalar::below_bits(32)));
    if (!in_register) set(4, {});
    for (uint8_t reg = 0; reg < 6; ++reg)
        if (fact(reg).holds != Holds::Number) set(reg, {});
    set(counter,
        in_register
            ? Fact::of(Scalar::constant(static_cast<uint64_t>(int64_t{down ? 0 : rounds * step})))
            : Fact{});
    if (!in_register || !chance(2)) return;
    jump_bad(down ? Op::kJsgt64Imm : Op::kJgt64Imm, 9, 0, near(down ? 0 : rounds * step));
    use_index(9);
}

/// Until nothing is left of a number.
void AimedGenerator::shifting_loop() {
    const uint8_t left = number(), count = scratch_beside(left);
    if (chance(2)) bound(left, 255);
    if (count == left || (locked_ >> count & 1) != 0) return;
    w_.mov(count, 0);
    const size_t head = w_.size();
    put(chance(2) ? Op::kRsh64Imm : Op::kRsh32Imm, left, 0, 0, static_cast<int32_t>(1 + pick(8)));
    w_.add(count, 1);
    put(Op::kJne64Imm, left, 0, static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1,
        0);
    set(left, Fact::of(Scalar::constant(0)));
    Scalar counted = Scalar::below_bits(7);
    set(count, Fact::of(counted));
    bound(count, 63);
    use_index(count);
}

/// Something grows from round to round and is used as a place, in the loop or behind it.
void AimedGenerator::gathering_loop() {
    if ((locked_ & 1u << 9) != 0) return arithmetic();
    const uint8_t sum = 5, part = 4;
    if ((locked_ & (1u << sum | 1u << part)) != 0) return arithmetic();
    const auto rounds = static_cast<int32_t>(1 + pick(8));
    w_.mov(sum, static_cast<int32_t>(pick(3))).mov(9, 0);
    const uint16_t before = locked_;
    locked_ = static_cast<uint16_t>(locked_ | 1u << 9 | 1u << sum);
    ++in_loop_;
    const size_t head = w_.size();
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    const bool in_loop = chance(2);
    fresh_number(part);
    bound(part, chance(2) ? 7 : 3);
    put(chance(6) ? Op::kXor64Reg : chance(6) ? Op::kOr64Reg : Op::kAdd64Reg, sum, part);
    if (in_loop || chance(3)) {
        set(sum, Fact::of({}));
        const uint16_t kept = locked_;
        locked_ = static_cast<uint16_t>(locked_ & ~(1u << sum));
        bound(sum, 31);
        locked_ = kept;
        const uint8_t copy = 3;
        w_.mov_reg(copy, sum);
        set(copy, fact(sum));
        use_index(copy);
    }
    w_.add(9, 1);
    put(Op::kJlt64Imm, 9, 0, static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1,
        rounds);
    --in_loop_;
    locked_ = before;
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    set(9, Fact::of(Scalar::constant(static_cast<uint64_t>(rounds))));
    set(sum, Fact::of({}));
    if (chance(2)) set(sum, Fact::of(Scalar::below_bits(6)));  // rounds * 7 + 2 is less than 64
    use_index(sum);
}

void AimedGenerator::local_call() {
    const bool on_buffer = chance(2);
    const uint8_t first = number();
    if (on_buffer) {
        if (first != 2) w_.mov_reg(2, first);
        set(2, fact(first));
        bound(2, 31);
        stack_address(1, kAimedBuffer);
    } else {
        w_.mov_reg(1, first);
        set(1, fact(first));
        bound(1, 31);
        w_.mov(2, edge());
    }
    functions_[function_for(on_buffer ? FunctionKind::Buffer : FunctionKind::Numbers)]
        .uses.push_back(w_.size());
    put(Op::kCallLocal);
    after_call();
    Scalar result = Scalar::below_bits(5);
    set(0, Fact::of(result));
    if (chance(2)) use_index(0);
}

}  // namespace weir::tests
