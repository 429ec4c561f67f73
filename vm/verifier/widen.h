#pragma once
// Upper bounds for loop heads. A bound that moved jumps to the next threshold, one that stayed is
// kept, so that a chain of widenings ends soon (see kWidenSteps) and what a loop does not change
// stays known.

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "vm/verifier/range.h"

namespace weir::vm::verifier {

/// A chain x -> widen(x, y) -> … changes at most so often, whatever the y are: a bound of the whole
/// or of its half stops at a threshold, and the known low bits at kKeptLowBits, at most so often.
/// Loops need one or two.
constexpr int kWidenSteps = 128;

namespace widening {

/// Where upper bounds stop, ascending. The type's extremes come on top.
constexpr std::array<uint64_t, 14> kUpper = {0,
                                             1,
                                             3,
                                             7,
                                             15,
                                             31,
                                             63,
                                             127,
                                             255,
                                             0xffff,
                                             0x7fffffff,
                                             0xffffffff,
                                             0x7fffffffffffffff,
                                             0xffffffffffffffff};
/// Where unsigned lower bounds stop, descending.
constexpr std::array<uint64_t, 7> kLower = {
    0x8000000000000000, 0x100000000, 0x80000000, 0x10000, 0x100, 1, 0};
/// Where signed bounds below zero stop, descending.
constexpr std::array<int64_t, 6> kNegative = {-1,       -16,           -256,
                                              -0x10000, -0x80000000LL, -0x7fffffffffffffff - 1};
/// How many known low bits may survive, descending: alignment matters at small powers of two.
constexpr std::array<int, 11> kKeptLowBits = {48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1};

/// Bits that differ become unknown together with all above them; those below keep what is common.
constexpr Tnum widen(Tnum old, Tnum now, uint64_t all) {
    const Tnum joined = old.join(now);
    const uint64_t changed = joined.mask & ~old.mask;
    if (changed == 0) return joined;
    const int first = std::countr_zero(changed);
    int kept = 0;
    for (const int count : kKeptLowBits)
        if (count <= first) {
            kept = count;
            break;
        }
    const uint64_t unknown = joined.mask | (all & ~uint64_t{0} << kept);
    return {joined.value & ~unknown, unknown};
}

/// The least threshold that is not below `now`; the program's own constants come first.
template <int W>
constexpr uint64_t above(uint64_t now, std::span<const uint64_t> hints) {
    uint64_t best = Range<W>::kMask;
    bool is_hint = false;
    for (const uint64_t hint : hints)
        if (hint >= now && hint <= best) best = hint, is_hint = true;
    if (is_hint) return best;
    for (const uint64_t bound : kUpper)
        if (bound >= now) return std::min(bound, best);
    return best;
}

template <int W>
constexpr uint64_t below(uint64_t now, std::span<const uint64_t> hints) {
    uint64_t best = 0;
    bool is_hint = false;
    for (const uint64_t hint : hints)
        if (hint <= now && hint >= best) best = hint, is_hint = true;
    if (is_hint) return best;
    for (const uint64_t bound : kLower)
        if (bound <= now) return bound;
    return 0;
}

template <int W>
constexpr int64_t above_signed(int64_t now, std::span<const uint64_t> hints) {
    int64_t best = Range<W>::kMax;
    bool is_hint = false;
    for (const uint64_t hint : hints)
        if (const auto bound = static_cast<int64_t>(hint); bound >= now && bound <= best)
            best = bound, is_hint = true;
    if (is_hint) return best;
    if (now < 0) return -1;
    for (const uint64_t bound : kUpper)
        if (bound >= static_cast<uint64_t>(now)) return std::min(static_cast<int64_t>(bound), best);
    return best;
}

template <int W>
constexpr int64_t below_signed(int64_t now, std::span<const uint64_t> hints) {
    int64_t best = Range<W>::kMin;
    bool is_hint = false;
    for (const uint64_t hint : hints)
        if (const auto bound = static_cast<int64_t>(hint); bound <= now && bound >= best)
            best = bound, is_hint = true;
    if (is_hint) return best;
    if (now >= 0) return static_cast<int64_t>(below<W>(static_cast<uint64_t>(now), {}));
    for (const int64_t bound : kNegative)
        if (bound <= now) return std::max(bound, best);
    return best;
}

/// Holds every number of both; bounds of `old` that `now` keeps stay.
template <int W>
constexpr Range<W> widen(const Range<W>& old, const Range<W>& now,
                         std::span<const uint64_t> hints) {
    Range<W> wide = old;
    wide.bits = widen(old.bits, now.bits, Range<W>::kMask);
    if (now.umin < old.umin) wide.umin = below<W>(now.umin, hints);
    if (now.umax > old.umax) wide.umax = above<W>(now.umax, hints);
    if (now.smin < old.smin) wide.smin = below_signed<W>(now.smin, hints);
    if (now.smax > old.smax) wide.smax = above_signed<W>(now.smax, hints);
    return wide;
}

}  // namespace widening
}  // namespace weir::vm::verifier
