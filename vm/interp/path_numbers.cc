#include "vm/interp/path_numbers.h"

#include <algorithm>
#include <bit>

#include "vm/interp/arithmetic.h"

namespace weir::vm {
namespace {

template <Op op>
uint64_t compute_one(uint64_t left, uint64_t right) {
    constexpr Format kFormat = kRow<op>.format;
    if constexpr (kFormat == Format::AluImm || kFormat == Format::AluReg ||
                  kFormat == Format::AluUnary)
        return arithmetic<op>(static_cast<WordOf<op>>(left), static_cast<WordOf<op>>(right));
    else if constexpr (kFormat == Format::ByteOrder)
        return swap_bytes<op>(left);
    else
        return 0;
}

uint64_t compute(Op op, uint64_t left, uint64_t right) {
    switch (op) {
#define WEIR_INSN(name, ...) \
    case Op::k##name: return compute_one<Op::k##name>(left, right);
#include "vm/isa/insn.def"
    }
    return 0;
}

template <Op op>
bool compare_one(uint64_t left, uint64_t right) {
    constexpr Format kFormat = kRow<op>.format;
    if constexpr (kFormat == Format::JumpImm || kFormat == Format::JumpReg)
        return holds<op>(static_cast<WordOf<op>>(left), static_cast<WordOf<op>>(right));
    else
        return false;
}

bool compare(Op op, uint64_t left, uint64_t right) {
    switch (op) {
#define WEIR_INSN(name, ...) \
    case Op::k##name: return compare_one<Op::k##name>(left, right);
#include "vm/isa/insn.def"
    }
    return false;
}

/// Moves compute from their right side alone.
bool is_move(Op op) {
    const std::string_view spelling = op_info(op).spelling;
    return spelling == "=" || spelling.starts_with("(s");
}

/// A number from which the step may lead to `result`; no more than a guess, since every one is
/// tried forward.
uint64_t guess_back(const Term::Step& step, uint64_t result) {
    const std::string_view spelling = op_info(step.op).spelling;
    const uint64_t shift = step.operand & 63;
    if (spelling == "+=") return result - step.operand;
    if (spelling == "-=") return result + step.operand;
    if (spelling == "^=") return result ^ step.operand;
    if (spelling == "<<=") return result >> shift;
    if (spelling == ">>=" || spelling == "s>>=") return result << shift;
    if (spelling == "*=") return step.operand == 0 ? 0 : result / step.operand;
    if (spelling == "/=") return result * step.operand;
    if (spelling == "-") return uint64_t{0} - result;
    if (op_info(step.op).format == Format::ByteOrder) return compute(step.op, result, 0);
    return result;
}

uint64_t guess(const Term& term, uint64_t result) {
    for (size_t i = term.step_count; i > 0; --i) result = guess_back(term.steps[i - 1], result);
    return result;
}

using Candidates = std::vector<uint64_t>;

/// Values of `term`'s symbol at which a comparison with `other` may change its outcome.
void add_candidates(const Term& term, const Term& other, Candidates& candidates) {
    if (term.is_constant() || !other.is_constant()) return;
    for (const uint64_t near : {other.value - 1, other.value, other.value + 1})
        candidates.push_back(guess(term, near) & term.value);
}

bool is_true(const Fact& fact, uint64_t given) {
    return compare(fact.jump, fact.left.at(given), fact.right.at(given)) == fact.holds;
}

}  // namespace

uint64_t Term::at(uint64_t given) const {
    uint64_t number = is_constant() ? value : given;
    for (size_t i = 0; i < step_count; ++i) {
        const Step& step = steps[i];
        number =
            is_move(step.op) ? compute(step.op, 0, number) : compute(step.op, number, step.operand);
    }
    return number;
}

std::optional<Term> after(const Term& term, Op op, uint64_t operand) {
    if (term.step_count == kTermStepsMax) return std::nullopt;
    Term next = term;
    next.steps[next.step_count++] = {op, operand};
    return next.is_constant() ? constant(next.at(0)) : next;
}

Term Facts::read(uint64_t bits) {
    known_before_.push_back(static_cast<Place>(nodes_.size()));
    return {.symbol = static_cast<uint32_t>(known_before_.size()), .value = bits};
}

bool Facts::certainly_possible(Place before, const Fact& fact) const {
    const bool is_left = !fact.left.is_constant();
    const Term& unknown = is_left ? fact.left : fact.right;
    if (unknown.is_constant()) return is_true(fact, 0);
    const Term& other = is_left ? fact.right : fact.left;
    if (!other.is_constant() && other.symbol != unknown.symbol) return false;
    std::vector<const Fact*> facts = {&fact};
    const Place oldest = known_before_[unknown.symbol - 1];
    for (Place at = before; at > oldest; at = nodes_[at - 1].before) {
        const Fact& known = nodes_[at - 1].fact;
        if (known.left.symbol != unknown.symbol && known.right.symbol != unknown.symbol) continue;
        if (facts.size() == kFactsOfOneMax) return false;
        facts.push_back(&known);
    }
    const uint64_t all = unknown.value;
    Candidates candidates = {0, all, all & (~all + 1), std::bit_floor(all), all >> 1 & all};
    for (const Fact* known : facts) {
        add_candidates(known->left, known->right, candidates);
        add_candidates(known->right, known->left, candidates);
    }
    return std::ranges::any_of(candidates, [&](uint64_t given) {
        return std::ranges::all_of(facts,
                                   [&](const Fact* known) { return is_true(*known, given); });
    });
}

std::optional<Facts::Place> Facts::add(Place before, const Fact& fact) {
    if (nodes_.size() == kFactsMax) return std::nullopt;
    nodes_.push_back({before, fact});
    return static_cast<Place>(nodes_.size());
}

}  // namespace weir::vm
