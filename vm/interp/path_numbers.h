#pragma once
// Numbers on one path through a program: constants, and what a few instructions made of something
// that the program read. What conditional jumps said of them is kept as facts; a jump goes a way
// for certain if some value of what was read agrees with every fact of the path.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "vm/isa/insn.h"

namespace weir::vm {

constexpr size_t kTermStepsMax = 6;    ///< instructions that a number is followed through
constexpr size_t kFactsMax = 65'536;   ///< on all paths of a program
constexpr size_t kFactsOfOneMax = 64;  ///< that speak of the same read

/// A constant (symbol 0), or steps taken from an unknown number.
struct Term {
    struct Step {
        Op op = Op::kExit;
        uint64_t operand = 0;
    };
    uint32_t symbol = 0;
    uint64_t value = 0;  ///< the constant; of a symbol the bits that may be set, each by itself
    uint8_t step_count = 0;
    std::array<Step, kTermStepsMax> steps{};

    bool is_constant() const { return symbol == 0; }
    /// The number, where the symbol stands for `given`.
    uint64_t at(uint64_t given) const;
};

constexpr Term constant(uint64_t value) {
    return {.value = value};
}

/// op with `operand` on the right; nullopt: one step too many.
std::optional<Term> after(const Term& term, Op op, uint64_t operand);

struct Fact {
    Op jump = Op::kExit;
    Term left, right;
    bool holds = false;
};

/// The facts of all paths. A path knows its last one; each leads to the one before.
class Facts {
public:
    using Place = uint32_t;
    static constexpr Place kNone = 0;

    /// Something that the program read, of which these bits may be set.
    Term read(uint64_t bits);
    /// True: some value makes the fact true and all those before it; for constants the fact itself.
    /// False says nothing: none was found.
    bool certainly_possible(Place before, const Fact& fact) const;
    /// A path that goes on with `fact`; nullopt: there is no room.
    std::optional<Place> add(Place before, const Fact& fact);

private:
    struct Node {
        Place before;
        Fact fact;
    };
    std::vector<Node> nodes_;
    std::vector<Place> known_before_;  ///< by symbol: facts up to here do not speak of it
};

}  // namespace weir::vm
