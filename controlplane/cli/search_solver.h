#pragma once
// Changes an input so that a run takes another way: turns the arithmetic around, from the number
// that a comparison wants back to the bytes that it was made of.

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "controlplane/cli/search_terms.h"

namespace weir::controlplane::cli {

class Solver {
public:
    using Clock = std::chrono::steady_clock;

    /// Nothing is found after the deadline.
    explicit Solver(const Terms& terms, Clock::time_point deadline = Clock::time_point::max())
        : terms_(terms), deadline_(deadline) {}

    /// An input for which `goal` holds and every one of `before` (which hold for `input`) too; or
    /// nullopt, where none was found.
    std::optional<SearchInput> solve(const SearchInput& input, std::span<const Condition> before,
                                     const Condition& goal) const;

private:
    struct Attempt;

    /// Makes those bits of `value` that `care` names what they are in `want`. False: it cannot, and
    /// the attempt's input may be half changed.
    bool make_value(Attempt& attempt, Value value, uint64_t want, uint64_t care,
                    uint32_t depth) const;
    bool make_insn(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                   uint32_t depth) const;
    bool make_sum(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                  uint32_t depth) const;
    bool make_bits(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                   uint32_t depth) const;
    bool make_shift(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                    uint32_t depth) const;
    bool make_scaled(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                     uint32_t depth) const;
    bool make_choice(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                     uint32_t depth) const;
    std::vector<SearchInput> candidates(const SearchInput& input,
                                        const std::vector<uint64_t>& numbers,
                                        const Condition& condition) const;
    void fill_all(SearchInput& input, Value value, uint64_t number) const;

    const Terms& terms_;
    Clock::time_point deadline_;
};

}  // namespace weir::controlplane::cli
