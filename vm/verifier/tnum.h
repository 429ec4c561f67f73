#pragma once
// Tristate numbers: every bit is 0, 1 or unknown. The domain and its sums follow Vishwanathan et
// al., "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers" (CGO 2022).

#include <bit>
#include <cstdint>
#include <utility>

namespace weir::vm::verifier {

/// All bits from the highest one of `number` down; none for 0.
constexpr uint64_t fill_down(uint64_t number) {
    return number == 0 ? 0 : ~uint64_t{0} >> std::countl_zero(number);
}

/// A bit is unknown where `mask` has it; elsewhere `value` says it. Invariant: value & mask == 0.
struct Tnum {
    uint64_t value = 0;
    uint64_t mask = ~uint64_t{0};

    static constexpr Tnum constant(uint64_t number) { return {number, 0}; }

    constexpr bool contains(uint64_t number) const { return (number & ~mask) == value; }
    constexpr bool is_constant() const { return mask == 0; }
    /// The bits that may be 1, which are the greatest number too; the least is `value`.
    constexpr uint64_t possible() const { return value | mask; }
    /// Every number of this is one of `other`.
    constexpr bool within(Tnum other) const {
        return (mask & ~other.mask) == 0 && (value & ~other.mask) == other.value;
    }
    /// True where no number is in both.
    constexpr bool disjoint(Tnum other) const {
        return ((value ^ other.value) & ~mask & ~other.mask) != 0;
    }
    /// The numbers of both, which are not disjoint.
    constexpr Tnum meet(Tnum other) const {
        const uint64_t unknown = mask & other.mask;
        return {(value | other.value) & ~unknown, unknown};
    }
    /// The least tnum that holds every number of both.
    constexpr Tnum join(Tnum other) const {
        const uint64_t unknown = mask | other.mask | (value ^ other.value);
        return {value & ~unknown, unknown};
    }
    /// The low bits of `keep` only; the others become 0.
    constexpr Tnum masked(uint64_t keep) const { return {value & keep, mask & keep}; }
    /// What is left between two of its numbers: bits above the first that differs are theirs.
    constexpr Tnum between(uint64_t low, uint64_t high) const {
        const uint64_t open = fill_down(low ^ high);
        return {(low & ~open) | (value & open), mask & open};
    }

    /// Moves `number` up to the nearest number of this. False: all are below it.
    constexpr bool raise(uint64_t& number) const {
        const uint64_t wrong = (number ^ value) & ~mask;
        if (wrong == 0) return true;
        const uint64_t open = fill_down(wrong), highest = open ^ open >> 1;
        if ((value & highest) != 0) {  // a 1 more: the rest as small as can be
            number = (number & ~open) | (value & open);
            return true;
        }
        const uint64_t free = mask & ~number & ~open;  // a 1 less: an unknown bit above rises
        if (free == 0) return false;
        const uint64_t bit = free & -free;
        number = (number & ~(bit - 1)) | bit | (value & (bit - 1));
        return true;
    }
    /// Moves `number` down to the nearest number of this. False: all are above it.
    constexpr bool lower(uint64_t& number) const {
        const uint64_t wrong = (number ^ value) & ~mask;
        if (wrong == 0) return true;
        const uint64_t open = fill_down(wrong), highest = open ^ open >> 1;
        if ((value & highest) == 0) {
            number = (number & ~open) | (possible() & open);
            return true;
        }
        const uint64_t free = mask & number & ~open;
        if (free == 0) return false;
        const uint64_t bit = free & -free;
        number = (number & ~bit & ~(bit - 1)) | (possible() & (bit - 1));
        return true;
    }

    friend constexpr bool operator==(const Tnum&, const Tnum&) = default;
};

/// Sum: a carry is uncertain where the largest and the smallest sum differ.
constexpr Tnum tnum_add(Tnum a, Tnum b) {
    const uint64_t smallest = a.value + b.value;
    const uint64_t unknown = ((smallest + (a.mask + b.mask)) ^ smallest) | a.mask | b.mask;
    return {smallest & ~unknown, unknown};
}

constexpr Tnum tnum_sub(Tnum a, Tnum b) {
    const uint64_t middle = a.value - b.value;
    const uint64_t unknown = ((middle + a.mask) ^ (middle - b.mask)) | a.mask | b.mask;
    return {middle & ~unknown, unknown};
}

constexpr Tnum tnum_and(Tnum a, Tnum b) {
    const uint64_t ones = a.value & b.value;
    return {ones, a.possible() & b.possible() & ~ones};
}

constexpr Tnum tnum_or(Tnum a, Tnum b) {
    const uint64_t ones = a.value | b.value;
    return {ones, (a.mask | b.mask) & ~ones};
}

constexpr Tnum tnum_xor(Tnum a, Tnum b) {
    const uint64_t unknown = a.mask | b.mask;
    return {(a.value ^ b.value) & ~unknown, unknown};
}

/// Long multiplication, one bit of `a`: it adds b, or may, or does not.
constexpr Tnum tnum_mul_step(Tnum sum, Tnum a, Tnum b, int place) {
    if ((a.possible() >> place & 1) == 0) return sum;
    const Tnum more = tnum_add(sum, {b.value << place, b.mask << place});
    return (a.value >> place & 1) != 0 ? more : sum.join(more);
}

/// All bits of `keep` that b, from `place` on up, may still change are unknown already.
constexpr bool tnum_mul_is_done(Tnum sum, Tnum b, int place, uint64_t keep) {
    const uint64_t lowest = b.possible() & -b.possible();
    return (keep & ~sum.mask & -(lowest << place)) == 0;
}

/// The product's bits in `keep`; those above are anything.
constexpr Tnum tnum_mul(Tnum a, Tnum b, uint64_t keep = ~uint64_t{0}) {
    if (std::popcount(a.possible()) > std::popcount(b.possible())) std::swap(a, b);
    Tnum sum = Tnum::constant(0);
    for (uint64_t bits = a.possible(); bits != 0; bits &= bits - 1) {
        const int place = std::countr_zero(bits);
        if (tnum_mul_is_done(sum, b, place, keep)) break;
        sum = tnum_mul_step(sum, a, b, place);
    }
    return sum;
}

}  // namespace weir::vm::verifier
