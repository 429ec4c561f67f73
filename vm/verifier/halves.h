#pragma once
// How a number and its lower half tell each other what they know. The number is taken as an upper
// half, of which a tnum is known, and a lower one, which is a range; intervals of the whole tie the
// two together. Both views become as small as all of that allows, not only about so.

#include <algorithm>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier {

template <int W>
class Halves {
public:
    using Full = Range<W>;
    using Half = Range<W / 2>;

    /// Tightens both. `low` comes with the low bits of `full`'s tnum. False: no number is left.
    static constexpr bool reconcile(Full& full, Half& low) {
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
        Halves halves(full, low);
        if (full.smax >= 0)
            halves.take(std::max(full.umin, least_plus),
                        std::min(full.umax, Full::truncate(full.smax)));
        if (full.smin < 0)
            halves.take(std::max(full.umin, Full::truncate(full.smin)),
                        std::min(full.umax, Full::truncate(std::min<int64_t>(full.smax, -1))));
        if (halves.whole_.empty) return false;
        full = halves.whole_.range;
        low = halves.low_.range;
        full.bits = {full.bits.value | low.bits.value, full.bits.mask | low.bits.mask};
        return true;
    }

private:
    constexpr Halves(const Full& full, const Half& low)
        : upper_{full.bits.value >> kHalfBits, full.bits.mask >> kHalfBits}, lower_(low) {}

    static constexpr int kHalfBits = W / 2;

    /// Moves a lower half up to the nearest that is possible. False: all are below it.
    constexpr bool raise_low(uint64_t& number) const {
        const auto raise_into = [&number](const Part& part) {
            number = std::max(number, part.low);
            return part.bits.raise(number);
        };
        if (lower_.has_plus && number <= lower_.plus.high) return raise_into(lower_.plus);
        return lower_.has_minus && number <= lower_.minus.high && raise_into(lower_.minus);
    }
    constexpr bool lower_low(uint64_t& number) const {
        const auto lower_into = [&number](const Part& part) {
            number = std::min(number, part.high);
            return part.bits.lower(number);
        };
        if (lower_.has_minus && number >= lower_.minus.low) return lower_into(lower_.minus);
        return lower_.has_plus && number >= lower_.plus.low && lower_into(lower_.plus);
    }

    /// Moves a number up to the nearest whose halves are possible. False: all are below it.
    constexpr bool raise(uint64_t& number) const {
        uint64_t upper = number >> kHalfBits, low = number & Half::kMask;
        if (!upper_.raise(upper)) return false;
        if (upper != number >> kHalfBits || !raise_low(low)) {
            if (upper == number >> kHalfBits && !upper_.raise(++upper)) return false;
            low = 0;
            if (!raise_low(low)) return false;
        }
        number = upper << kHalfBits | low;
        return true;
    }
    constexpr bool lower(uint64_t& number) const {
        uint64_t upper = number >> kHalfBits, low = number & Half::kMask;
        if (!upper_.lower(upper)) return false;
        if (upper != number >> kHalfBits || !lower_low(low)) {
            if (upper == number >> kHalfBits && (upper == 0 || !upper_.lower(--upper)))
                return false;
            low = Half::kMask;
            if (!lower_low(low)) return false;
        }
        number = upper << kHalfBits | low;
        return true;
    }

    constexpr void take_low(uint64_t from, uint64_t to) {
        lower_.for_each([&](Part part, bool) {
            part.low = std::max(part.low, from);
            part.high = std::min(part.high, to);
            if (part.trim()) low_.add(Half::of(part));
        });
    }

    /// Adds the numbers of one sign from `low` to `high`.
    constexpr void take(uint64_t low, uint64_t high) {
        if (low > high || !raise(low) || !lower(high) || low > high) return;
        const uint64_t first = low >> kHalfBits, last = high >> kHalfBits;
        const Tnum upper = upper_.between(first, last);
        whole_.add(Full::of({{upper.value << kHalfBits, upper.mask << kHalfBits}, low, high}));
        const uint64_t from = low & Half::kMask, to = high & Half::kMask;
        if (first == last) return take_low(from, to);
        uint64_t next = first + 1;
        const bool has_middle = upper_.raise(next) && next < last;
        if (has_middle || from <= to) return take_low(0, Half::kMask);
        take_low(from, Half::kMask);
        take_low(0, to);
    }

    Tnum upper_;
    Signs<kHalfBits> lower_;
    Union<W> whole_;
    Union<kHalfBits> low_;
};

}  // namespace weir::vm::verifier
