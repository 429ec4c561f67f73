// Loops in which values wander from place to place, some rounds long, before anything needs them:
// what a verifier assumes of a loop's head must hold of all that comes back to it, and what it
// holds to be unimportant there may become important on another way, in another loop, or behind it.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::Op;

namespace {

constexpr uint8_t kRound = 9, kInnerRound = 8, kCarried = 1;
constexpr uint16_t kChainRegisters = 0x33f;
constexpr int32_t kSmall = 7;

}  // namespace

int16_t AimedGenerator::chain_place() {
    return static_cast<int16_t>(-8 - 8 * static_cast<int32_t>(pick(chain_places_)));
}

/// A jump that half of all runs take, in each round anew.
size_t AimedGenerator::toss() {
    call(HelperId::get_prandom_u32);
    after_call();
    return jump(chance(2) ? Op::kJset64Imm : Op::kJset32Imm, 0, 0,
                static_cast<int32_t>(1u << pick(8)));
}

/// A small number, sometimes one that is not.
void AimedGenerator::chain_value() {
    switch (pick(chain_slips_ ? 8 : 6)) {
        case 0:
            call(HelperId::get_prandom_u32);
            after_call();
            w_.mov_reg(kCarried, 0).put(Op::kAnd64Imm, kCarried, 0, 0, kSmall);
            break;
        case 1:
            fresh_number(kCarried);
            bound(kCarried, kSmall);
            break;
        case 6: fresh_number(kCarried); break;
        case 7: w_.mov(kCarried, chance(2) ? 40 : edge()); break;
        default: w_.mov(kCarried, static_cast<int32_t>(pick(kSmall + 1)));
    }
    set(kCarried, Fact::of({}));
}

void AimedGenerator::chain_use() {
    w_.load64(kCarried, 10, chain_place());
    set(kCarried, Fact::of({}));
    if (chance(3)) bound_by_jumps(kCarried, chance(2) ? 31 : kSmall);
    use_unbounded(kCarried);
    if (chance(3)) chain_store();
}

/// What a use or a move has left in the register.
void AimedGenerator::chain_store() {
    if (fact(kCarried).holds != Holds::Number) return;
    if (!chain_slips_ || !chance(8)) put(Op::kAnd64Imm, kCarried, 0, 0, kSmall);
    w_.store64(10, chain_place(), kCarried);
}

void AimedGenerator::chain_move() {
    w_.load64(kCarried, 10, chain_place());
    set(kCarried, Fact::of({}));
    switch (pick(6)) {
        case 0: w_.add(kCarried, static_cast<int32_t>(pick(4)) - 1); return chain_store();
        case 1: {  // two of them
            w_.load64(2, 10, chain_place());
            put(chance(2) ? Op::kAdd64Reg : Op::kXor64Reg, kCarried, 2);
            set(2, {});
            return chain_store();
        }
        default: w_.store64(10, chain_place(), kCarried);
    }
}

/// Too much becomes a constant; or not enough, which goes on.
void AimedGenerator::chain_clamp() {
    const int16_t place = chain_place();
    w_.load64(kCarried, 10, place);
    const size_t fits =
        jump(chance(2) ? Op::kJle64Imm : Op::kJlt64Imm, kCarried, 0, chance(4) ? 31 : kSmall);
    w_.mov(kCarried, static_cast<int32_t>(pick(kSmall + 1)));
    w_.store64(10, place, kCarried);
    land(fits);
    set(kCarried, {});
}

void AimedGenerator::chain_step(std::vector<size_t>& leave) {
    switch (pick(9)) {
        case 0:
        case 1:
        case 2: return chain_move();
        case 3:
            chain_value();
            w_.store64(10, chain_place(), kCarried);
            return;
        case 4: return chain_use();
        case 5: return chain_clamp();
        case 6: leave.push_back(toss()); return;
        default: {
            const size_t skip = toss();
            if (chance(2))
                chain_move();
            else if (chance(2))
                chain_use();
            else {
                chain_value();
                w_.store64(10, chain_place(), kCarried);
            }
            land(skip);
        }
    }
}

/// Rounds by a counter, or as many as may_goto gives.
void AimedGenerator::chain_loop(uint8_t counter) {
    const bool counts = !chance(5);
    const bool is_inner = counter == kInnerRound;
    const auto rounds = static_cast<int32_t>(1 + pick(is_inner ? 4 : chance(4) ? 500 : 8));
    if (counts) w_.mov(counter, 0);
    std::vector<size_t> leave;
    const size_t head = w_.size();
    if (!counts) leave.push_back(jump(Op::kMayGoto));
    for (uint32_t i = 1 + pick(5); i > 0; --i) chain_step(leave);
    if (!is_inner && chance(2)) {
        chain_loop(kInnerRound);
        for (uint32_t i = pick(3); i > 0; --i) chain_step(leave);
    }
    if (counts) w_.add(counter, 1);
    constexpr Op kBack[] = {Op::kJlt64Imm, Op::kJne64Imm, Op::kJlt32Imm};
    const int32_t back = static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1;
    if (counts)
        put(any(kBack), counter, 0, back, rounds);
    else
        put(Op::kGoto, 0, 0, back);
    for (const size_t each : leave) land(each);
}

void AimedGenerator::confuse_chains() {
    if ((locked_ & kChainRegisters) != 0 || in_loop_ > 0) return confuse_distances();
    chain_places_ = 2 + pick(3);
    chain_slips_ = chance(3);
    const uint16_t before = locked_;
    ++in_loop_;
    for (uint32_t i = 0; i < chain_places_; ++i) {
        const auto place = static_cast<int16_t>(-8 - 8 * static_cast<int32_t>(i));
        chain_value();
        w_.store64(10, place, kCarried);
        if (!chance(3)) continue;
        const size_t skip = toss();
        chain_value();
        w_.store64(10, place, kCarried);
        land(skip);
    }
    locked_ = static_cast<uint16_t>(locked_ | 1u << kRound | 1u << kInnerRound | 1u << 7);
    chain_loop(kRound);
    if (chance(3)) chain_loop(kRound);
    for (uint32_t i = 1 + pick(2); i > 0; --i) chain_use();
    --in_loop_;
    locked_ = before;
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    for (const uint8_t reg : {uint8_t{7}, kInnerRound, kRound}) set(reg, {});
    scene_.slots = {};
}

}  // namespace weir::tests
