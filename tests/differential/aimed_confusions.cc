// What a verifier might mistake for something that it has proven: the check was done on another
// number, another pointer, another way, in another width, at another time.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::Op;

namespace {

constexpr Op kJumps[] = {Op::kJeq64Imm,  Op::kJne64Imm, Op::kJgt64Imm,  Op::kJset64Imm,
                         Op::kJslt64Imm, Op::kJgt32Imm, Op::kJset32Imm, Op::kJsgt32Imm};

constexpr int16_t place_of(uint32_t slot) {
    return static_cast<int16_t>(-8 - 8 * static_cast<int32_t>(slot));
}

}  // namespace

void AimedGenerator::confuse() {
    switch (pick(in_function_ || in_loop_ > 0 ? 8 : 14)) {
        case 0:
        case 1: return confuse_copies();
        case 2:
        case 3: return confuse_ways();
        case 4: return confuse_slots();
        case 5: return confuse_widths();
        case 6: return confuse_bytes();
        case 7: return confuse_divisors();
        case 8:
        case 9: return confuse_packets();
        case 10: return confuse_lookups();
        case 11: return plan_.is_filter ? confuse_widths() : confuse_times();
        case 12: return confuse_kinds();
        default: return confuse_rounds();
    }
}

/// Something that is nearly a copy.
void AimedGenerator::almost_copy(uint8_t copy, uint8_t reg) {
    constexpr Op kMoves[] = {Op::kMov64Reg,    Op::kMov32Reg,   Op::kMovSx8To64, Op::kMovSx16To64,
                             Op::kMovSx32To64, Op::kMovSx8To32, Op::kMovSx16To32};
    constexpr Op kStores[] = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64};
    constexpr Op kLoads[] = {Op::kLoad8,   Op::kLoad16,   Op::kLoad32,  Op::kLoad64,
                             Op::kLoadSx8, Op::kLoadSx16, Op::kLoadSx32};
    constexpr Op kChanges[] = {Op::kAdd64Imm, Op::kAdd32Imm,  Op::kOr64Imm,  Op::kXor64Imm,
                               Op::kAnd64Imm, Op::kLsh64Imm,  Op::kAnd32Imm, Op::kRsh64Imm,
                               Op::kSub64Imm, Op::kArsh64Imm, Op::kMul64Imm, Op::kOr32Imm};
    constexpr int32_t kAmounts[] = {0, 1, 2, 8, -1, 16, 31, 0xff, INT32_MAX, INT32_MIN};
    if (chance(2)) {
        put(any(kMoves), copy, reg);
    } else {
        const int16_t place = place_of(pick(kAimedSlots));
        if (chance(3)) put(Op::kStoreImm64, 10, 0, place, edge());
        const uint32_t width = pick(4);
        put(kStores[width], 10, reg, place);
        if (chance(4)) put(Op::kStoreImm8, 10, 0, place + static_cast<int32_t>(pick(8)), edge());
        put(chance(2)                ? kLoads[width]
            : width < 3 && chance(2) ? kLoads[width + 4]
                                     : any(kLoads),
            copy, 10, place);
    }
    if (chance(2)) {
        const int32_t amount = any(kAmounts);
        const Op op = any(kChanges);
        const bool shifts = op == Op::kLsh64Imm || op == Op::kRsh64Imm || op == Op::kArsh64Imm;
        put(op, chance(2) ? copy : reg, 0, 0, shifts ? amount & 63 : amount);
    }
    scene_.slots = {};
    set(copy, Fact::of({}));
    set(reg, Fact::of({}));
}

/// One is bounded, the other is used.
void AimedGenerator::confuse_copies() {
    const uint8_t reg = number(), copy = scratch_beside(reg);
    if (chance(3)) refine(reg);
    almost_copy(copy, reg);
    uint8_t used = copy;
    if (chance(3)) {
        used = scratch_beside(copy);
        if (used != reg) almost_copy(used, copy);
    }
    const uint8_t checked = chance(2) ? used : reg, other = checked == reg ? used : reg;
    if (chance(3)) {
        for (uint32_t i = 0; i <= pick(2); ++i) refine(checked);
        if (fact(checked).holds != Holds::Number) return;
        set(other, fact(checked));
        return claim_of(other);
    }
    bound_by_jumps(checked, chance(2) ? 31 : 7);
    use_unbounded(other);
}

/// As if it were known to be small.
void AimedGenerator::use_unbounded(uint8_t reg) {
    set(reg, Fact::of(Scalar::below_bits(5)));
    use_index(reg);
}

void AimedGenerator::padding() {
    for (uint32_t i = pick(10); i > 0; --i) {
        if (chance(3)) {
            const size_t next = jump(Op::kGoto);
            land(next);
        } else {
            w_.mov(0, 1);
        }
    }
    if ((locked_ & 1) == 0) set(0, Fact::of(Scalar::constant(1)));
}

/// On one way a copy, on the other way a stranger.
void AimedGenerator::confuse_ways() {
    const uint8_t reg = number();
    const uint8_t copy = scratch_beside(reg), decides = scratch_beside(copy);
    if (decides == reg || reg == 0 || copy == 0) return confuse_copies();
    fresh_number(decides);
    if (chance(2)) apply(Op::kAnd64Imm, reg, 0, 0x0fffffff);
    const size_t fork = jump(any(kJumps), decides, 0, edge());
    const bool first = chance(2);
    const auto one_way = [&](bool copies) {
        if (copies)
            chance(3) ? almost_copy(copy, reg) : void(w_.mov_reg(copy, reg));
        else if (chance(2))
            w_.mov(copy, chance(2) ? static_cast<int32_t>(pick(64)) : edge());
        else
            fresh_number(copy);
        if (chance(3)) bound_by_jumps(copies ? reg : copy, 31);
        padding();
    };
    one_way(first);
    const size_t over = jump(Op::kGoto);
    land(fork);
    one_way(!first);
    land(over);
    padding();
    set(reg, Fact::of({}));
    set(copy, Fact::of({}));
    const bool turned = chance(2);
    bound_by_jumps(turned ? copy : reg, 31);
    use_unbounded(turned ? reg : copy);
}

/// Written on one way only, or at a place that is not known.
void AimedGenerator::confuse_slots() {
    const uint32_t slot = pick(kAimedSlots);
    const int16_t place = place_of(slot);
    const uint8_t reg = number();
    if (chance(2)) {
        const size_t fork = jump(any(kJumps), reg, 0, edge());
        const Op kStores[] = {Op::kStoreImm8, Op::kStoreImm16, Op::kStoreImm32, Op::kStoreImm64};
        put(any(kStores), 10, 0, place, edge());
        if (chance(3)) {  // something that nobody knows
            put(Op::kStoreImm64, 10, 0, place, edge());
            put(Op::kAtomicAdd64, 10, reg, place);
        }
        padding();
        if (chance(2)) {
            const size_t over = jump(Op::kGoto);
            land(fork);
            padding();
            if (chance(2)) put(any(kStores), 10, 0, place, edge());
            land(over);
        } else {
            land(fork);
        }
        padding();
    } else {
        const uint8_t pointer = scratch_beside(reg);
        bound(reg, 7);
        stack_address(pointer, place);
        put(Op::kAdd64Reg, pointer, reg).put(Op::kStoreImm8, pointer, 0, 0, 7);
        set(pointer, {});
        padding();
    }
    const Op kLoads[] = {Op::kLoad8, Op::kLoad16, Op::kLoad32, Op::kLoad64};
    const uint8_t back = scratch();
    put(any(kLoads), back, 10, place);
    set(back, Fact::of({}));
    scene_.slots[slot] = {};
    if (chance(2)) use_unbounded(back);
}

/// The check says something of 32 bits, or of a sign.
void AimedGenerator::confuse_widths() {
    const uint8_t reg = number();
    if (chance(2)) fresh_number(reg);
    constexpr Op kChecks[] = {Op::kJgt32Imm, Op::kJsgt32Imm, Op::kJsgt64Imm,
                              Op::kJge32Imm, Op::kJset32Imm, Op::kJset64Imm,
                              Op::kJne32Imm, Op::kJsge64Imm, Op::kJgt64Imm};
    for (uint32_t i = 0; i <= pick(3); ++i) {
        const Op check = any(kChecks);
        const int32_t imm = check == Op::kJset32Imm || check == Op::kJset64Imm
                                ? (chance(2) ? ~31 : static_cast<int32_t>(0x80000000) >> pick(8))
                                : (chance(4) ? edge() : 31);
        jump_out(check, reg, 0, imm);
        if (chance(4)) {
            constexpr Op kBetween[] = {Op::kMov32Reg, Op::kMovSx32To64, Op::kMovSx8To64};
            apply(any(kBetween), reg, reg, 0);
        }
    }
    use_unbounded(reg);
}

/// Bytes of a spilled number or pointer are changed; all of it comes back.
void AimedGenerator::confuse_bytes() {
    const uint32_t slot = pick(kAimedSlots);
    const int16_t place = place_of(slot);
    const auto reg = static_cast<uint8_t>(chance(2) ? number() : pick(10));
    if (fact(reg).holds == Holds::Nothing) return confuse_copies();
    w_.store64(10, place, reg);
    const Fact before = fact(reg);
    constexpr Op kStores[] = {Op::kStoreImm8, Op::kStoreImm16, Op::kStoreImm32};
    constexpr int32_t kBytes[] = {1, 2, 4};
    const uint32_t kind = pick(3);
    const int32_t part = kBytes[kind] * static_cast<int32_t>(pick(8u >> kind));
    switch (pick(3)) {
        case 0: put(kStores[kind], 10, 0, place + part, chance(2) ? 0 : edge()); break;
        case 1: {
            const uint8_t other = number();
            constexpr Op kParts[] = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32};
            put(kParts[kind], 10, other, place + part);
            break;
        }
        default: {
            const uint8_t other = number();
            put(Op::kAtomicAdd64, 10, other, place);
        }
    }
    const uint8_t back = scratch();
    w_.load64(back, 10, place);
    set(back, before);
    scene_.slots[slot] = {};
    if (before.holds == Holds::Number) return claim_of(back);
    if (before.holds == Holds::Packet || before.holds == Holds::Value)
        access(back, before.before, before.room, before.holds == Holds::Packet);
}

/// Divisors that may be 0 or -1.
void AimedGenerator::confuse_divisors() {
    const uint8_t reg = number(), by = scratch_beside(reg);
    fresh_number(by);
    constexpr Op kDivisions[] = {Op::kDiv64Reg,  Op::kMod64Reg,  Op::kDiv32Reg,
                                 Op::kMod32Reg,  Op::kSdiv64Reg, Op::kSmod64Reg,
                                 Op::kSdiv32Reg, Op::kSmod32Reg, Op::kMod64Reg};
    if (chance(2)) bound(by, chance(2) ? 7 : 31);
    if (chance(3)) jump_out(chance(2) ? Op::kJeq64Imm : Op::kJeq32Imm, by, 0, 0);
    if (chance(3)) put(Op::kNeg64, by);
    apply(any(kDivisions), reg, by, 0);
    if (chance(2)) return claim_of(reg);
    use_unbounded(reg);
}

/// One pointer is checked, the other one is used.
void AimedGenerator::confuse_packets() {
    need_packet();
    const uint8_t one = 5, two = 4, index = 3;
    if ((locked_ & 0x38) != 0) return confuse_widths();
    fresh_number(index);
    bound(index, chance(2) ? 15 : 63);
    w_.mov_reg(one, 7);
    set(one, {.holds = Holds::Packet});
    if (!chance(4)) put(Op::kAdd64Reg, one, index);
    switch (pick(5)) {
        case 0: w_.mov_reg(two, one).put(Op::kAdd64Reg, two, index); break;
        case 1: w_.mov_reg(two, one).put(Op::kSub64Reg, two, index); break;
        case 2: w_.mov_reg(two, one).add(two, static_cast<int32_t>(pick(32)) - 8); break;
        case 3: {
            w_.mov_reg(two, 7);
            put(Op::kAdd64Imm, index, 0, 0, static_cast<int32_t>(pick(3)));
            put(Op::kAdd64Reg, two, index);
            break;
        }
        default: w_.mov_reg(two, 7);
    }
    set(two, {.holds = Holds::Packet});
    set(index, Fact::of({}));
    const uint16_t before = locked_;
    locked_ |= 0x38;
    const auto bytes = static_cast<int32_t>(1 + pick(24));
    packet_check(chance(2) ? one : two, bytes);
    if (chance(3)) packet_check(chance(2) ? one : 7, static_cast<int32_t>(1 + pick(64)));
    if (chance(4)) put(Op::kAdd64Reg, chance(2) ? one : two, index);
    if (chance(5)) put(Op::kLoad32, 8, 6, chance(2) ? 4 : 0);
    locked_ = before;
    const int32_t room = chance(2) ? bytes : static_cast<int32_t>(1 + pick(32));
    access(chance(2) ? one : two, 0, room, true);
    if (chance(2)) access(7, 0, room, true);
    set(one, {});
    set(two, {});
    set(7, {});
    set(8, {});
}

/// Two look-ups: one is checked, or both by one number.
void AimedGenerator::confuse_lookups() {
    if ((locked_ & 1u << 9) != 0) return confuse_widths();
    const AimedMap first = chance(2) ? kAimedArray : kAimedHash;
    element_key(first);
    w_.load_map(1, first);
    call(HelperId::map_lookup_elem);
    after_call();
    set(0, {});
    w_.mov_reg(9, 0);
    set(9, {});
    if (chance(2)) {
        const AimedMap second = chance(2) ? kAimedArray : kAimedHash;
        element_key(second);
        w_.load_map(1, second);
        call(HelperId::map_lookup_elem);
        after_call();
        set(0, {});
    } else {
        w_.store64(10, kAimedKept, 0);
        w_.load64(0, 10, kAimedKept);
    }
    switch (pick(5)) {
        case 0: to_out_.push_back(jump(Op::kJeq64Imm, 0, 0, 0)); break;
        case 1: to_out_.push_back(jump(Op::kJeq64Imm, 9, 0, 0)); break;
        case 2: to_out_.push_back(jump(Op::kJne64Imm, 0, 0, 0)); break;
        case 3: to_out_.push_back(jump(Op::kJeq64Reg, 0, 9)); break;
        default:
            to_out_.push_back(jump(Op::kJeq64Imm, 0, 0, 0));
            to_out_.push_back(jump(Op::kJne64Reg, 0, 9));
    }
    set(0, {.holds = Holds::Value, .room = kAimedValueBytes, .map = first});
    set(9, fact(0));
    access(chance(2) ? 0 : 9, 0, kAimedValueBytes, false);
    set(0, {});
    set(9, {});
}

/// The pointer, or the number that it was made of, is from before the change.
void AimedGenerator::confuse_times() {
    need_packet();
    packet_check(7, static_cast<int32_t>(8 + pick(40)));
    const int32_t room = fact(7).room;
    if (chance(2)) w_.store64(10, kAimedKept, 7);
    const bool really = chance(2);
    w_.mov_reg(1, 6).mov(2, static_cast<int32_t>(pick(24)) - 8);
    constexpr HelperId kMoves[] = {HelperId::xdp_adjust_head, HelperId::xdp_adjust_tail,
                                   HelperId::xdp_adjust_meta};
    if (really)
        call(any(kMoves));
    else
        call(HelperId::get_prandom_u32);
    after_call();
    if (chance(2)) {
        put(Op::kLoad32, chance(2) ? 7 : 8, 6, chance(2) ? 4 : 0);
    } else if (chance(2)) {
        put(Op::kLoad32, 7, 6, 0).put(Op::kLoad32, 8, 6, 4);
        if (chance(2)) packet_check(7, room - 4);
    }
    if (chance(3)) w_.load64(7, 10, kAimedKept);
    access(7, 0, room, true);
    set(7, {});
    set(8, {});
}

/// A pointer on one way, something else on the other.
void AimedGenerator::confuse_kinds() {
    need_packet();
    const uint8_t decides = number(), mixed = scratch_beside(decides);
    const auto one = [&] {
        switch (pick(6)) {
            case 0: w_.mov_reg(mixed, 7); break;
            case 1: w_.mov_reg(mixed, 6); break;
            case 2: stack_address(mixed, kAimedBuffer); break;
            case 3: w_.load_map_value(mixed, chance(2) ? kAimedData : kAimedRodata, 0); break;
            case 4: w_.mov(mixed, static_cast<int32_t>(pick(100))); break;
            default: w_.mov_reg(mixed, 7).add(mixed, static_cast<int32_t>(pick(20)));
        }
        padding();
    };
    if (mixed == 0) return confuse_widths();
    if (chance(2)) packet_check(7, static_cast<int32_t>(1 + pick(40)));
    const size_t fork = jump(any(kJumps), decides, 0, edge());
    one();
    const size_t over = jump(Op::kGoto);
    land(fork);
    one();
    land(over);
    padding();
    set(mixed, {});
    access(mixed, 0, 1 + static_cast<int32_t>(pick(64)), chance(2));
}

void AimedGenerator::use_in_round(uint8_t moving, bool is_pointer) {
    if (!is_pointer) {
        w_.mov_reg(3, moving);
        use_unbounded(3);
        return;
    }
    if (chance(3)) {  // only in one round
        const size_t skip = jump(Op::kJne64Imm, 9, 0, static_cast<int32_t>(pick(3)));
        packet_check(moving, static_cast<int32_t>(1 + pick(16)));
        land(skip);
    }
    access(moving, 0, static_cast<int32_t>(1 + pick(16)), true);
}

/// What held in the first round need not hold in the next.
void AimedGenerator::confuse_rounds() {
    if ((locked_ & 1u << 9) != 0) return confuse_widths();
    need_packet();
    const uint8_t moving = 5;
    if ((locked_ & 0x38) != 0) return confuse_widths();
    const bool is_pointer = chance(2);
    if (is_pointer) {
        w_.mov_reg(moving, 7);
        set(moving, {.holds = Holds::Packet});
        if (chance(2)) packet_check(moving, static_cast<int32_t>(1 + pick(32)));
    } else {
        fresh_number(moving);
        bound(moving, chance(2) ? 7 : 31);
    }
    w_.mov(9, 0);
    const uint16_t before = locked_;
    locked_ = static_cast<uint16_t>(locked_ | 1u << 9 | 1u << moving | 1u << 7 | 1u << 8);
    const size_t head = w_.size();
    for (uint8_t reg = 0; reg < 5; ++reg) set(reg, {});
    use_in_round(moving, is_pointer);
    if (chance(4)) fresh_number(4), bound(4, 3);
    const auto step = static_cast<int32_t>(pick(4));
    if (fact(4).holds == Holds::Number && chance(2))
        put(Op::kAdd64Reg, moving, 4);
    else
        w_.add(moving, is_pointer ? step : chance(2) ? step : -1);
    if (!is_pointer && chance(3)) {
        const size_t fits = jump(Op::kJle64Imm, moving, 0, 31);
        w_.mov(moving, chance(2) ? 0 : 31);
        land(fits);
    }
    w_.add(9, 1);
    constexpr Op kBack[] = {Op::kJlt64Imm, Op::kJne64Imm, Op::kJlt32Imm, Op::kJsle64Imm};
    put(any(kBack), 9, 0, static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1,
        static_cast<int32_t>(1 + pick(chance(3) ? 60 : 8)));
    locked_ = before;
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    set(9, Fact::of({}));
    if (!is_pointer) {
        set(moving, Fact::of({}));
        use_unbounded(moving);
    } else {
        access(moving, 0, static_cast<int32_t>(1 + pick(16)), true);
    }
}

}  // namespace weir::tests
