#pragma once
// Exact ends of x & y, x | y and x ^ c over two parts, in constant time. They refine the loops of
// Warren, "Hacker's Delight" (2nd edition, section 4-3) by tnums: in a trimmed part every unknown
// bit can rise, and whichever number rises has the bits below for free.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier::bitwise {

/// The least number of the part that has `low`'s bits above `bit`, an unknown 0 there, and 1 in it.
constexpr uint64_t risen(const Part& part, uint64_t low, uint64_t bit) {
    return (low & ~(bit - 1)) | bit | (part.bits.value & (bit - 1));
}

/// The part of all ~x.
template <int W>
constexpr Part complement(const Part& part) {
    constexpr uint64_t kAll = Range<W>::kMask;
    return {{~part.bits.possible() & kAll, part.bits.mask}, ~part.high & kAll, ~part.low & kAll};
}

/// Where one of two numbers has a 1 anyway, the other may rise there and drop what it has below.
constexpr uint64_t least_or(const Part& a, const Part& b) {
    uint64_t x = a.low, y = b.low, x_open = a.bits.mask, y_open = b.bits.mask;
    for (int risings = 0; risings < 2; ++risings) {
        const uint64_t x_free = y & ~x & x_open, y_free = x & ~y & y_open;
        const uint64_t bit = std::bit_floor(x_free | y_free);
        if (bit == 0) break;
        if ((x_free & bit) != 0) {
            x = risen(a, x, bit);
            x_open = 0;  // its bits below are as small as can be
        } else {
            y = risen(b, y, bit);
            y_open = 0;
        }
    }
    return x | y;
}

/// x has risen at `bit` where y has 0; y may still do so below.
constexpr uint64_t and_after_rising(const Part& a, const Part& b, uint64_t bit) {
    const uint64_t x = risen(a, a.low, bit), y = b.low;
    const uint64_t next = std::bit_floor(~x & ~y & b.bits.mask & (bit - 1));
    return x & (next == 0 ? y : risen(b, y, next));
}

/// Where both numbers have a 0, one of them may rise.
constexpr uint64_t least_and(const Part& a, const Part& b) {
    const uint64_t x_free = ~a.low & ~b.low & a.bits.mask, y_free = ~a.low & ~b.low & b.bits.mask;
    const uint64_t bit = std::bit_floor(x_free | y_free);
    if (bit == 0) return a.low & b.low;
    const uint64_t all = ~uint64_t{0};
    return std::min((x_free & bit) != 0 ? and_after_rising(a, b, bit) : all,
                    (y_free & bit) != 0 ? and_after_rising(b, a, bit) : all);
}

/// The first bit that the ends differ in says which end x ^ c counts from; then the first bit that
/// may turn into a 0 frees those below.
constexpr uint64_t least_xor(const Part& part, uint64_t c) {
    const uint64_t first = std::bit_floor(part.low ^ part.high);
    const bool from_high = (first & c) != 0;
    const uint64_t x = from_high ? part.high : part.low;
    const uint64_t turns = (from_high ? x & ~c : ~x & c) & part.bits.mask & (first - (first != 0));
    const uint64_t bit = std::bit_floor(turns);
    if (bit == 0) return x ^ c;
    return ((x ^ c) & ~bit & ~(bit - 1)) | ((part.bits.value ^ c) & ~part.bits.mask & (bit - 1));
}

template <int W>
constexpr Part and_parts(const Part& a, const Part& b) {
    constexpr uint64_t kAll = Range<W>::kMask;
    return {tnum_and(a.bits, b.bits), least_and(a, b),
            ~least_or(complement<W>(a), complement<W>(b)) & kAll};
}

template <int W>
constexpr Part or_parts(const Part& a, const Part& b) {
    constexpr uint64_t kAll = Range<W>::kMask;
    return {tnum_or(a.bits, b.bits), least_or(a, b),
            ~least_and(complement<W>(a), complement<W>(b)) & kAll};
}

/// The part of all x ^ c.
template <int W>
constexpr Part xor_constant(const Part& part, uint64_t c) {
    return {tnum_xor(part.bits, Tnum::constant(c)), least_xor(part, c),
            ~least_xor(part, ~c) & Range<W>::kMask};
}

/// x ^ y is at least their difference and at most their sum.
template <int W>
constexpr Part xor_parts(const Part& a, const Part& b) {
    if (b.bits.is_constant()) return xor_constant<W>(a, b.low);
    if (a.bits.is_constant()) return xor_constant<W>(b, a.low);
    const uint64_t gap = a.low > b.high ? a.low - b.high : b.low > a.high ? b.low - a.high : 0;
    const uint64_t most = or_parts<W>(a, b).high, sum = a.high + b.high;
    return {tnum_xor(a.bits, b.bits), gap, sum < a.high ? most : std::min(most, sum)};
}

}  // namespace weir::vm::verifier::bitwise
