#include "vm/verifier/rank.h"

#include <algorithm>
#include <optional>

#include "vm/base/limits.h"

namespace weir::vm::verifier {
namespace {

/// A loop may not run longer than the kernel's bpf_loop() and may_goto do, whatever is proven.
constexpr uint64_t kRoundsMax = kMayGotoMax;

/// Steps of at least `step` from `from` to `to`.
std::optional<uint64_t> rounds_between(Wide from, Wide to, int64_t step) {
    if (step <= 0) return std::nullopt;
    if (to < from) return 1;
    const Wide rounds = (to - from) / step + 1;
    if (rounds > static_cast<Wide>(kRoundsMax)) return std::nullopt;
    return static_cast<uint64_t>(rounds);
}

std::optional<uint64_t> fewer(std::optional<uint64_t> a, std::optional<uint64_t> b) {
    if (!a) return b;
    return b ? std::min(*a, *b) : a;
}

/// `moved` is now = then + distance modulo 2^64; the sum is a plain one where it cannot have
/// wrapped, unsigned or signed.
std::optional<uint64_t> number_rounds(const Range<64>& then, const Range<64>& now,
                                      const Progress& moved, bool upwards) {
    std::optional<uint64_t> plain, with_sign;
    const Wide step = upwards ? Wide{moved.least} : -Wide{moved.most};
    const Wide reach = upwards ? Wide{moved.most} : -Wide{moved.least};
    if (step <= 0) return std::nullopt;
    const auto least_step = static_cast<int64_t>(step);
    if (upwards) {
        if (Wide{now.umin} >= reach) plain = rounds_between(then.umin, now.umax, least_step);
        if (Wide{now.smin} - reach >= Wide{INT64_MIN})
            with_sign = rounds_between(then.smin, now.smax, least_step);
    } else {
        if (Wide{now.umax} + reach <= static_cast<Wide>(UINT64_MAX))
            plain = rounds_between(now.umin, then.umax, least_step);
        if (Wide{now.smax} + reach <= Wide{INT64_MAX})
            with_sign = rounds_between(now.smin, then.smax, least_step);
    }
    return fewer(plain, with_sign);
}

/// Offsets of pointers are far from wrapping around.
std::optional<uint64_t> pointer_rounds(const Reg& then, const Reg& now, const Progress& moved,
                                       bool upwards) {
    const Wide low = Wide{then.off} + then.value.full.smin,
               high = Wide{then.off} + then.value.full.smax;
    const Wide low_now = Wide{now.off} + now.value.full.smin,
               high_now = Wide{now.off} + now.value.full.smax;
    return upwards ? rounds_between(low, high_now, moved.least)
                   : rounds_between(low_now, high, -int64_t{moved.most});
}

/// How far a value has moved between two states; of no origin where that is not known.
Progress moved_between(const Progress& then, const Progress& now) {
    if (then.origin == 0 || then.origin != now.origin) return {};
    return {now.origin, now.least - then.most, now.most - then.least};
}

/// The number of such rounds is bounded when they run.
std::optional<uint64_t> counted_rounds(const Progress& moved, uint64_t most) {
    return moved.origin != 0 && moved.least >= 1 ? std::optional(std::min(most, kRoundsMax))
                                                 : std::nullopt;
}

std::optional<uint64_t> reg_rounds(const Reg& then, const Reg& now, bool upwards) {
    const Progress moved = moved_between(then.progress, now.progress);
    if (moved.origin == 0 || then.kind != now.kind) return std::nullopt;
    if (then.kind == RegKind::Iterator)
        return upwards ? counted_rounds(moved, now.value.full.umax) : std::nullopt;
    if (then.is_scalar()) return number_rounds(then.value.full, now.value.full, moved, upwards);
    return pointer_rounds(then, now, moved, upwards);
}

std::optional<uint64_t> rank_rounds(const Rank& rank, const State& then, const State& now) {
    if (rank.place == kRankMayGoto)
        return counted_rounds(moved_between(then.may_goto, now.may_goto), kMayGotoMax);
    const Frame &from = then.frames[rank.frame], &to = now.frames[rank.frame];
    if (rank.place == kRankRound)
        return counted_rounds(moved_between(from.round, to.round),
                              to.regs[1].is_scalar() ? to.regs[1].value.full.umax : kRoundsMax);
    if (rank.place < kRankSlot)
        return reg_rounds(from.regs[rank.place], to.regs[rank.place], rank.upwards);
    const auto slot = static_cast<size_t>(rank.place - kRankSlot);
    return reg_rounds(slot_at(from, slot).spill, slot_at(to, slot).spill, rank.upwards);
}

/// Every value that has a name at the head, in both directions.
std::vector<Rank> candidates(const State& head) {
    std::vector<Rank> ranks;
    const auto add = [&](size_t frame, size_t place, const Progress& progress) {
        if (progress.origin == 0) return;
        for (const bool upwards : {true, false})
            ranks.push_back({static_cast<uint8_t>(frame), static_cast<uint8_t>(place), upwards, 0});
    };
    for (size_t i = 0; i < head.frames.size(); ++i) {
        const Frame& frame = head.frames[i];
        for (size_t reg = 0; reg < kFramePointer; ++reg) add(i, reg, frame.regs[reg].progress);
        for (size_t slot = 0; slot < frame.stack.size(); ++slot)
            add(i, kRankSlot + slot, frame.stack[slot].spill.progress);
        add(i, kRankRound, frame.round);
    }
    add(0, kRankMayGoto, head.may_goto);
    return ranks;
}

}  // namespace

bool moves_on(StoredState& head, const State& now) {
    std::vector<Rank> ranks = head.has_ranks ? head.ranks : candidates(head.state);
    std::erase_if(ranks, [&](Rank& rank) {
        const std::optional<uint64_t> rounds = rank_rounds(rank, head.state, now);
        if (rounds) rank.rounds_max = std::max(rank.rounds_max, *rounds);
        return !rounds;
    });
    if (ranks.empty()) return false;
    head.ranks = std::move(ranks);
    head.has_ranks = true;
    return true;
}

uint32_t node_of(const Rank& rank, const State& state) {
    if (rank.place == kRankMayGoto) return Dependencies::kNone;
    const Frame& frame = state.frames[rank.frame];
    // Of a helper's rounds: how many there may be, which is its first argument if it is a number.
    const Reg& reg = rank.place == kRankRound ? frame.regs[1]
                     : rank.place < kRankSlot
                         ? frame.regs[rank.place]
                         : slot_at(frame, static_cast<size_t>(rank.place - kRankSlot)).spill;
    return reg.is_scalar() ? reg.node : Dependencies::kNone;
}

uint64_t rounds_max(const StoredState& head) {
    uint64_t least = kRoundsMax;
    for (const Rank& rank : head.ranks) least = std::min(least, rank.rounds_max);
    return std::max<uint64_t>(least, 1);
}

}  // namespace weir::vm::verifier
