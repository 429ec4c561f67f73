#pragma once
// How a number and its lower half tell each other what they know. The number is taken as an upper
// half, of which a tnum is known, and a lower one, which is a range; intervals of the whole tie the
// two together. Both views become as small as all of that allows, not only about so.

#include <algorithm>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier {

/// Numbers of W bits whose upper half is one of a tnum's and whose lower half is one of a range's.
template <int W>
struct HalfPairs {
    static constexpr int kHalfBits = W / 2;
    static constexpr uint64_t kLow = Range<kHalfBits>::kMask;

    Tnum upper;
    Signs<kHalfBits> lower;

    /// Moves a lower half up to the nearest that is possible. False: all are below it.
    constexpr bool raise_low(uint64_t& number) const {
        const auto raise_into = [&number](const Part& part) {
            number = std::max(number, part.low);
            return part.bits.raise(number);
        };
        if (lower.has_plus && number <= lower.plus.high) return raise_into(lower.plus);
        return lower.has_minus && number <= lower.minus.high && raise_into(lower.minus);
    }
    constexpr bool lower_low(uint64_t& number) const {
        const auto lower_into = [&number](const Part& part) {
            number = std::min(number, part.high);
            return part.bits.lower(number);
        };
        if (lower.has_minus && number >= lower.minus.low) return lower_into(lower.minus);
        return lower.has_plus && number >= lower.plus.low && lower_into(lower.plus);
    }

    /// Moves a number up to the nearest of these. False: all are below it.
    constexpr bool raise(uint64_t& number) const {
        uint64_t above = number >> kHalfBits, low = number & kLow;
        if (!upper.raise(above)) return false;
        if (above != number >> kHalfBits || !raise_low(low)) {
            if (above == number >> kHalfBits && !upper.raise(++above)) return false;
            low = 0;
            if (!raise_low(low)) return false;
        }
        number = above << kHalfBits | low;
        return true;
    }
    /// Moves a number down to the nearest of these. False: all are above it.
    constexpr bool lower_to(uint64_t& number) const {
        uint64_t below = number >> kHalfBits, low = number & kLow;
        if (!upper.lower(below)) return false;
        if (below != number >> kHalfBits || !lower_low(low)) {
            if (below == number >> kHalfBits && (below == 0 || !upper.lower(--below))) return false;
            low = kLow;
            if (!lower_low(low)) return false;
        }
        number = below << kHalfBits | low;
        return true;
    }
};

/// Collects a whole and its lower half, interval by interval.
template <int W>
struct Reconciled {
    static constexpr int kHalfBits = W / 2;

    Union<W> whole;  // its tnum knows of the upper half only
    Union<kHalfBits> low;

    /// Adds the pairs' numbers of one sign from `least` to `most`.
    constexpr void take(const HalfPairs<W>& pairs, uint64_t least, uint64_t most) {
        if (least > most || !pairs.raise(least) || !pairs.lower_to(most) || least > most) return;
        const uint64_t first = least >> kHalfBits, last = most >> kHalfBits;
        const Tnum upper = pairs.upper.between(first, last);
        whole.add(Range<W>::of({{upper.value << kHalfBits, upper.mask << kHalfBits}, least, most}));
        const uint64_t from = least & pairs.kLow, to = most & pairs.kLow;
        if (first == last) return take_low(pairs, from, to);
        uint64_t next = first + 1;
        const bool has_middle = pairs.upper.raise(next) && next < last;
        if (has_middle || from <= to) return take_low(pairs, 0, pairs.kLow);
        take_low(pairs, from, pairs.kLow);
        take_low(pairs, 0, to);
    }

    constexpr void take_low(const HalfPairs<W>& pairs, uint64_t from, uint64_t to) {
        pairs.lower.for_each([&](Part part, bool) {
            part.low = std::max(part.low, from);
            part.high = std::min(part.high, to);
            if (part.trim()) low.add(Range<kHalfBits>::of(part));
        });
    }
};

/// Tightens both. `low` comes with the low bits of `full`'s tnum. False: no number is left.
template <int W>
constexpr bool reconcile(Range<W>& full, Range<W / 2>& low) {
    using Full = Range<W>;
    using Half = Range<W / 2>;
    if (full.umin == full.umax) {
        const uint64_t number = full.umin;
        if (!full.contains(number) || !low.contains(number & Half::kMask)) return false;
        full = Full::constant(number);
        low = Half::constant(number);
        return true;
    }
    const uint64_t least_plus = Full::truncate(std::max<int64_t>(full.smin, 0));
    if (full.umax <= Half::kMask) {  // the lower half is all there is
        if (full.smax < 0 || full.bits.value > Half::kMask) return false;
        low.limit_unsigned(std::max(full.umin, least_plus),
                           std::min(full.umax, Full::truncate(full.smax)));
        if (!low.tighten()) return false;
        full = Full::of({low.bits, low.umin, low.umax});
        return true;
    }
    if (full == Full{} && low == Half{}) return true;
    const HalfPairs<W> pairs{{full.bits.value >> W / 2, full.bits.mask >> W / 2},
                             Signs<W / 2>(low)};
    Reconciled<W> both;
    if (full.smax >= 0)
        both.take(pairs, std::max(full.umin, least_plus),
                  std::min(full.umax, Full::truncate(full.smax)));
    if (full.smin < 0)
        both.take(pairs, std::max(full.umin, Full::truncate(full.smin)),
                  std::min(full.umax, Full::truncate(std::min<int64_t>(full.smax, -1))));
    if (both.whole.empty) return false;
    full = both.whole.range;
    low = both.low.range;
    full.bits = {full.bits.value | low.bits.value, full.bits.mask | low.bits.mask};
    return true;
}

}  // namespace weir::vm::verifier
