#pragma once
// Tristate numbers: every bit is 0, 1 or unknown. The domain and its arithmetic follow Vishwanathan
// et al., "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers" (CGO 2022).

#include <bit>
#include <cstdint>

namespace weir::vm::verifier {

/// A bit is unknown where `mask` has it; elsewhere `value` says it. Invariant: value & mask == 0.
struct Tnum {
    uint64_t value = 0;
    uint64_t mask = ~uint64_t{0};

    static constexpr Tnum constant(uint64_t number) { return {number, 0}; }

    constexpr bool contains(uint64_t number) const { return (number & ~mask) == value; }
    constexpr bool is_constant() const { return mask == 0; }
    /// Every number of this is one of `other`.
    constexpr bool within(Tnum other) const {
        return (mask & ~other.mask) == 0 && (value & ~other.mask) == other.value;
    }
    /// True where no number is in both.
    constexpr bool disjoint(Tnum other) const {
        return ((value ^ other.value) & ~mask & ~other.mask) != 0;
    }
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

    /// The least tnum that holds every number of [low, high].
    static constexpr Tnum range(uint64_t low, uint64_t high) {
        const auto differing = static_cast<int>(std::bit_width(low ^ high));
        if (differing == 64) return {0, ~uint64_t{0}};
        const uint64_t unknown = (uint64_t{1} << differing) - 1;
        return {low & ~unknown, unknown};
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
    return {ones, (a.value | a.mask) & (b.value | b.mask) & ~ones};
}

constexpr Tnum tnum_or(Tnum a, Tnum b) {
    const uint64_t ones = a.value | b.value;
    return {ones, (a.mask | b.mask) & ~ones};
}

constexpr Tnum tnum_xor(Tnum a, Tnum b) {
    const uint64_t unknown = a.mask | b.mask;
    return {(a.value ^ b.value) & ~unknown, unknown};
}

/// Long multiplication: known products go into a constant, uncertain ones are summed as unknown
/// bits.
constexpr Tnum tnum_mul(Tnum a, Tnum b) {
    const Tnum known = Tnum::constant(a.value * b.value);
    Tnum unknown = Tnum::constant(0);
    while (a.value != 0 || a.mask != 0) {
        if ((a.value & 1) != 0)
            unknown = tnum_add(unknown, {0, b.mask});
        else if ((a.mask & 1) != 0)
            unknown = tnum_add(unknown, {0, b.value | b.mask});
        a = {a.value >> 1, a.mask >> 1};
        b = {b.value << 1, b.mask << 1};
    }
    return tnum_add(known, unknown);
}

}  // namespace weir::vm::verifier
