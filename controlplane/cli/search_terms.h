#pragma once
// The numbers of one run as functions of its input: what an instrumented run leaves for the solver.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "controlplane/cli/search_input.h"
#include "vm/isa/insn.h"

namespace weir::controlplane::cli {

/// A number of the run, and the term that gives it.
struct Value {
    uint64_t number = 0;
    uint32_t term = 0;  ///< 0: constant

    bool is_constant() const { return term == 0; }
};

enum class TermKind : uint8_t {
    Unknown,  ///< a number of the input
    Insn,     ///< what the instruction `op` gives of a and b
    Choice,   ///< a < b ? yes : no
};

struct Term {
    TermKind kind = TermKind::Unknown;
    vm::Op op = vm::Op::kMov64Reg;
    Value a, b;
    Unknown unknown;
    uint64_t yes = 0, no = 0;
    uint64_t number = 0;    ///< in the run that made it
    uint64_t possible = 0;  ///< bits that it may have
};

/// `op` is a conditional jump; it is taken or not.
struct Condition {
    vm::Op op = vm::Op::kJeq64Reg;
    bool taken = true;
    Value a, b;

    bool is_constant() const { return a.is_constant() && b.is_constant(); }
};

/// What an arithmetic instruction (AluImm, AluReg, AluUnary, ByteOrder) gives; b is its other
/// operand.
uint64_t compute(vm::Op op, uint64_t a, uint64_t b);
/// Whether a conditional jump is taken.
bool compare(vm::Op op, uint64_t a, uint64_t b);

class Terms {
public:
    /// Beyond, everything is a constant: a long run is not searched to its end.
    static constexpr size_t kTermsMax = 60'000;

    Terms() : terms_(1) {}

    /// One term for each, as long as its number stays.
    Value unknown(const Unknown& unknown, uint64_t number);
    Value apply(vm::Op op, Value a, Value b);
    Value choice(Value a, Value b, uint64_t yes, uint64_t no);
    /// Byte `index` of a value.
    Value byte_of(Value value, uint32_t index);
    /// Bytes, the lowest first, as one number.
    Value joined(std::span<const Value> bytes);

    const Term& at(uint32_t term) const { return terms_[term]; }
    size_t size() const { return terms_.size(); }
    uint64_t possible(Value value) const {
        return value.is_constant() ? value.number : terms_[value.term].possible;
    }
    /// What every term would be with another input.
    std::vector<uint64_t> evaluate(const SearchInput& input) const;

private:
    Value add(const Term& term);

    std::map<Unknown, Value> unknowns_;
    std::vector<Term> terms_;  ///< operands come before what is made of them
};

inline uint64_t number_of(const std::vector<uint64_t>& numbers, Value value) {
    return value.is_constant() ? value.number : numbers[value.term];
}
inline bool holds(const Condition& condition, const std::vector<uint64_t>& numbers) {
    return compare(condition.op, number_of(numbers, condition.a),
                   number_of(numbers, condition.b)) == condition.taken;
}

}  // namespace weir::controlplane::cli
