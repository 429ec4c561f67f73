#pragma once
// Abstract values of few bits as the sets of their numbers, and the way back: the least abstract
// value of a set, found without the domain's own reasoning.

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <set>
#include <vector>

#include "vm/verifier/scalar.h"

namespace weir::vm::verifier {

template <int W>
class MemberSets {
public:
    static constexpr size_t kNumbers = size_t{1} << W;
    static constexpr size_t kHalves = size_t{1} << (W / 2);
    using Set = std::bitset<kNumbers>;
    using Value = BasicScalar<W>;

    MemberSets() {
        for (size_t number = 0; number < kNumbers; ++number) {
            const size_t low = number % kHalves;
            for (size_t end = 0; end < kNumbers; ++end) {
                at_most_[end][number] = number <= end;
                signed_at_most_[end][number] = flip(number, kNumbers) <= end;
            }
            for (size_t bit = 0; bit < W; ++bit) one_[bit][number] = (number >> bit & 1) != 0;
            for (size_t end = 0; end < kHalves; ++end) {
                half_at_most_[end][number] = low <= end;
                half_signed_at_most_[end][number] = flip(low, kHalves) <= end;
            }
        }
    }

    /// Every number that the value's fields allow.
    Set of(const Value& value) const {
        Set set = between(at_most_, value.full.umin, value.full.umax);
        set &= between(signed_at_most_, biased<W>(value.full.smin), biased<W>(value.full.smax));
        set &= between(half_at_most_, value.half_umin, value.half_umax);
        set &= between(half_signed_at_most_, biased<W / 2>(value.half_smin),
                       biased<W / 2>(value.half_smax));
        return set & of_bits(value.full.bits);
    }

    Set of_bits(Tnum bits) const {
        Set set;
        set.set();
        for (size_t bit = 0; bit < W; ++bit) {
            if ((bits.mask >> bit & 1) != 0) continue;
            set &= (bits.value >> bit & 1) != 0 ? one_[bit] : ~one_[bit];
        }
        return set;
    }

    /// The least value that holds a set, which is not empty: the join of its numbers, each field
    /// by its definition.
    static Value best(const Set& set) {
        Value value;
        bool first = true;
        for (size_t number = 0; number < kNumbers; ++number) {
            if (!set[number]) continue;
            const Value one = singleton(number);
            value = first ? one : least_upper_bound(value, one);
            first = false;
        }
        return value;
    }

    /// Every tight value, once. Few enough at 4 bits.
    std::vector<Value> all() const {
        std::set<unsigned long> seen;
        std::vector<Value> values;
        std::vector<Set> bits;
        for (uint64_t mask = 0; mask < kNumbers; ++mask)
            for (uint64_t number = 0; number < kNumbers; ++number)
                if ((number & mask) == 0) bits.push_back(of_bits({number, mask}));
        const auto wholes = two_intervals(at_most_, signed_at_most_);
        const auto halves = two_intervals(half_at_most_, half_signed_at_most_);
        for (const Set& whole : wholes)
            for (const Set& half : halves)
                for (const Set& bit_set : bits) {
                    const Set set = whole & half & bit_set;
                    if (set.any() && seen.insert(set.to_ulong()).second)
                        values.push_back(best(set));
                }
        return values;
    }

private:
    static size_t flip(size_t number, size_t count) { return number ^ (count / 2); }
    template <int V>
    static size_t biased(int64_t number) {
        return static_cast<size_t>(number + (int64_t{1} << (V - 1)));
    }
    static Set between(const std::vector<Set>& at_most, size_t low, size_t high) {
        if (low > high) return {};
        return low == 0 ? at_most[high] : at_most[high] & ~at_most[low - 1];
    }

    static Value singleton(uint64_t number) {
        const uint64_t low = number % kHalves;
        Value value;
        value.full.bits = {number, 0};
        value.full.umin = value.full.umax = number;
        value.full.smin = value.full.smax =
            static_cast<int64_t>(flip(number, kNumbers)) - static_cast<int64_t>(kNumbers / 2);
        value.half_umin = value.half_umax = static_cast<uint32_t>(low);
        value.half_smin = value.half_smax =
            static_cast<int32_t>(flip(low, kHalves)) - static_cast<int32_t>(kHalves / 2);
        return value;
    }
    static Value least_upper_bound(const Value& a, const Value& b) {
        Value value;
        const uint64_t unknown =
            a.full.bits.mask | b.full.bits.mask | (a.full.bits.value ^ b.full.bits.value);
        value.full.bits = {a.full.bits.value & ~unknown, unknown};
        value.full.umin = std::min(a.full.umin, b.full.umin);
        value.full.umax = std::max(a.full.umax, b.full.umax);
        value.full.smin = std::min(a.full.smin, b.full.smin);
        value.full.smax = std::max(a.full.smax, b.full.smax);
        value.half_umin = std::min(a.half_umin, b.half_umin);
        value.half_umax = std::max(a.half_umax, b.half_umax);
        value.half_smin = std::min(a.half_smin, b.half_smin);
        value.half_smax = std::max(a.half_smax, b.half_smax);
        return value;
    }

    /// Every set that an unsigned and a signed interval leave, once.
    static std::vector<Set> two_intervals(const std::vector<Set>& unsigned_ends,
                                          const std::vector<Set>& signed_ends) {
        std::set<unsigned long> seen;
        std::vector<Set> found;
        const size_t count = unsigned_ends.size();
        for (size_t low = 0; low < count; ++low)
            for (size_t high = low; high < count; ++high)
                for (size_t least = 0; least < count; ++least)
                    for (size_t most = least; most < count; ++most) {
                        const Set set =
                            between(unsigned_ends, low, high) & between(signed_ends, least, most);
                        if (set.any() && seen.insert(set.to_ulong()).second) found.push_back(set);
                    }
        return found;
    }

    // The numbers not above an end, by the end; a signed end is counted from the least one.
    std::vector<Set> at_most_ = std::vector<Set>(kNumbers), signed_at_most_ = at_most_;
    std::vector<Set> half_at_most_ = std::vector<Set>(kHalves),
                     half_signed_at_most_ = half_at_most_;
    std::vector<Set> one_ = std::vector<Set>(W);  // the numbers that have a bit set
};

}  // namespace weir::vm::verifier
