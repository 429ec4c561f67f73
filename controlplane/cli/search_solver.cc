// A comparison names a few numbers that would satisfy it; each is pushed down through the terms to
// the input. What that breaks of the conditions before is mended the same way, a few times: a local
// search, whose result is always evaluated whole.

#include "controlplane/cli/search_solver.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>

namespace weir::controlplane::cli {
namespace {

using vm::Format;

constexpr uint32_t kDepthMax = 200;
constexpr uint32_t kRoundsMax = 10;
constexpr size_t kConeMax = 4'000;  ///< terms below one that are looked at

uint64_t mask_of(uint32_t bits) {
    return bits == 0 ? 0 : ~uint64_t{0} >> (64 - bits);
}
uint64_t filled(uint64_t bits) {
    return bits == 0 ? 0 : ~uint64_t{0} >> std::countl_zero(bits);
}

/// The comparison with its sides exchanged: a < b is b > a.
std::string_view mirrored(std::string_view op) {
    if (op == "<") return ">";
    if (op == "<=") return ">=";
    if (op == ">") return "<";
    if (op == ">=") return "<=";
    if (op == "s<") return "s>";
    if (op == "s<=") return "s>=";
    if (op == "s>") return "s<";
    if (op == "s>=") return "s<=";
    return op;
}

std::string_view negated(std::string_view op) {
    if (op == "==") return "!=";
    if (op == "!=") return "==";
    if (op == "<") return ">=";
    if (op == "<=") return ">";
    if (op == ">") return "<=";
    if (op == ">=") return "<";
    if (op == "s<") return "s>=";
    if (op == "s<=") return "s>";
    if (op == "s>") return "s<=";
    if (op == "s>=") return "s<";
    return "!&";  // of "&"
}

/// Numbers for which `number op other` holds, near ones first. A step of the term may leave out
/// some.
std::vector<uint64_t> wanted(std::string_view op, uint64_t number, uint64_t other, uint32_t bits) {
    const uint64_t sign = uint64_t{1} << (bits - 1);
    if (op == "==") return {other};
    if (op == "!=") return {other + 1, other - 1, 0, ~uint64_t{0}};
    if (op == ">") return {other + 1, other + 2, other + 4, other + 8, other | 0xff, ~uint64_t{0}};
    if (op == ">=") return {other, other + 1, other + 3, other + 7, ~uint64_t{0}};
    if (op == "<") return {other - 1, other - 2, other - 4, 0};
    if (op == "<=") return {other, other - 1, other - 3, 0};
    if (op == "s>") return {other + 1, other + 2, other + 4, sign - 1};
    if (op == "s>=") return {other, other + 1, other + 3, sign - 1};
    if (op == "s<") return {other - 1, other - 4, sign, ~uint64_t{0}};
    if (op == "s<=") return {other, other - 3, sign, ~uint64_t{0}};
    if (op == "&") return {number | (other & -other), other};
    return {number & ~other, 0};
}

}  // namespace

struct Solver::Attempt {
    SearchInput& input;
    const std::vector<uint64_t>& numbers;
    bool second;  ///< prefers the other operand where there is a choice
    uint64_t of(Value value) const { return number_of(numbers, value); }
};

bool Solver::make_value(Attempt& attempt, Value value, uint64_t want, uint64_t care,
                        uint32_t depth) const {
    want &= care;
    if (care == 0) return true;
    if (depth > kDepthMax) return false;
    if (value.is_constant()) return ((value.number ^ want) & care) == 0;
    const Term& term = terms_.at(value.term);
    if (term.kind == TermKind::Choice) return make_choice(attempt, term, want, care, depth);
    if (term.kind == TermKind::Unknown && term.unknown.kind == UnknownKind::LookupHit)
        return write_unknown(attempt.input, term.unknown, want);
    if ((want & ~term.possible) != 0) return false;
    if (term.kind == TermKind::Insn) return make_insn(attempt, term, want, care, depth);
    const uint64_t now = read_unknown(attempt.input, term.unknown).value_or(term.number);
    return write_unknown(attempt.input, term.unknown, (now & ~care) | want);
}

bool Solver::make_insn(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                       uint32_t depth) const {
    const vm::OpInfo& row = vm::op_info(term.op);
    const std::string_view op = row.spelling;
    care &= mask_of(row.bits);
    if (row.format == Format::ByteOrder) {
        if (op.starts_with("le")) return make_value(attempt, term.a, want, care, depth + 1);
        return make_value(attempt, term.a, compute(term.op, want, 0), compute(term.op, care, 0),
                          depth + 1);
    }
    if (op == "=") return make_value(attempt, term.b, want, care, depth + 1);
    if (op == "(s8)") return make_value(attempt, term.b, want, care & 0xff, depth + 1);
    if (op == "(s16)") return make_value(attempt, term.b, want, care & 0xffff, depth + 1);
    if (op == "(s32)") return make_value(attempt, term.b, want, care & mask_of(32), depth + 1);
    if (op == "-") return make_value(attempt, term.a, 0 - want, filled(care), depth + 1);
    const bool disjoint = (terms_.possible(term.a) & terms_.possible(term.b)) == 0;
    if (op == "&=" || op == "|=" || op == "^=" || (op == "+=" && disjoint))
        return make_bits(attempt, term, want, care, depth);
    if (op == "+=" || op == "-=") return make_sum(attempt, term, want, care, depth);
    if (op.ends_with("<<=") || op.ends_with(">>="))
        return make_shift(attempt, term, want, care, depth);
    return make_scaled(attempt, term, want, care, depth);
}

bool Solver::make_sum(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                      uint32_t depth) const {
    const bool adds = vm::op_info(term.op).spelling == "+=";
    const uint64_t a = attempt.of(term.a), b = attempt.of(term.b);
    // A carry comes from every bit below: those keep what they have.
    const uint64_t all = filled(care), now = adds ? a + b : a - b;
    const uint64_t sum = (want & care) | (now & ~care);
    const bool by_a = !term.a.is_constant() && (!attempt.second || term.b.is_constant());
    if (by_a) return make_value(attempt, term.a, adds ? sum - b : sum + b, all, depth + 1);
    return make_value(attempt, term.b, adds ? sum - a : a - sum, all, depth + 1);
}

bool Solver::make_bits(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                       uint32_t depth) const {
    const std::string_view op = vm::op_info(term.op).spelling;
    const Value first = attempt.second ? term.b : term.a, other = attempt.second ? term.a : term.b;
    const uint64_t of_first = terms_.possible(first), of_other = terms_.possible(other);
    if (op == "^=") {
        const Value from = first.is_constant() ? other : first;
        const uint64_t fixed = attempt.of(first.is_constant() ? first : other);
        return make_value(attempt, from, want ^ fixed, care, depth + 1);
    }
    if (op == "&=") {
        // Ones come from both, a zero from one of them.
        const Value mask = first.is_constant() ? first : other;
        const Value from = first.is_constant() ? other : first;
        if (mask.is_constant())
            return make_value(attempt, from, want, care & mask.number, depth + 1);
        return make_value(attempt, from, want, care, depth + 1) &&
               make_value(attempt, mask, want, care & want, depth + 1);
    }
    const uint64_t shared = of_first & of_other;
    return make_value(attempt, first, want, care & of_first, depth + 1) &&
           make_value(attempt, other, want & ~shared, care & of_other, depth + 1);
}

bool Solver::make_shift(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                        uint32_t depth) const {
    const vm::OpInfo& row = vm::op_info(term.op);
    const auto count = static_cast<uint32_t>(attempt.of(term.b) & (row.bits - 1u));
    const uint64_t mask = mask_of(row.bits);
    if (row.spelling == "<<=")
        return make_value(attempt, term.a, want >> count, care >> count, depth + 1);
    return make_value(attempt, term.a, (want << count) & mask, (care << count) & mask, depth + 1);
}

bool Solver::make_scaled(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                         uint32_t depth) const {
    const vm::OpInfo& row = vm::op_info(term.op);
    const std::string_view op = row.spelling;
    const bool turned = term.a.is_constant();
    const Value from = turned ? term.b : term.a;
    const uint64_t by = attempt.of(turned ? term.a : term.b), now = attempt.of(from);
    const uint64_t mask = mask_of(row.bits),
                   now_here = compute(term.op, attempt.of(term.a), attempt.of(term.b));
    const uint64_t result = (want & care) | (now_here & ~care & mask);
    if (by == 0) return op == "%=" && make_value(attempt, from, result, mask, depth + 1);
    if (op == "*=") {
        if (result % by != 0) return false;
        return make_value(attempt, from, result / by, mask, depth + 1);
    }
    if (turned) return false;
    if (op == "/=") return make_value(attempt, from, result * by, mask, depth + 1);
    if (op == "%=" && result < by)
        return make_value(attempt, from, now - now % by + result, mask, depth + 1);
    return false;
}

bool Solver::make_choice(Attempt& attempt, const Term& term, uint64_t want, uint64_t care,
                         uint32_t depth) const {
    const bool wants_null = want == 0;
    const bool wants_yes = wants_null ? (term.yes & care) == 0 : term.yes != 0;
    const uint64_t a = attempt.of(term.a), b = attempt.of(term.b);
    if ((a < b) == wants_yes) return true;
    // a becomes b - 1 or b; or b becomes a + 1 or a.
    if (!term.a.is_constant() && (!attempt.second || term.b.is_constant()))
        return make_value(attempt, term.a, wants_yes ? b - 1 : b, terms_.possible(term.a),
                          depth + 1);
    return make_value(attempt, term.b, wants_yes ? a + 1 : a, terms_.possible(term.b), depth + 1);
}

/// Every unknown that the value is made of.
void Solver::fill_all(SearchInput& input, Value value, uint64_t number) const {
    std::set<uint32_t> seen;
    std::vector<uint32_t> open = {value.term};
    while (!open.empty() && seen.size() < kConeMax) {
        const uint32_t next = open.back();
        open.pop_back();
        if (next == 0 || !seen.insert(next).second) continue;
        const Term& term = terms_.at(next);
        if (term.kind != TermKind::Unknown) {
            open.push_back(term.a.term);
            open.push_back(term.b.term);
        } else if (term.unknown.kind != UnknownKind::PacketLength) {
            write_unknown(input, term.unknown, number & possible_bits(term.unknown));
        }
    }
}

std::vector<SearchInput> Solver::candidates(const SearchInput& input,
                                            const std::vector<uint64_t>& numbers,
                                            const Condition& condition) const {
    const vm::OpInfo& row = vm::op_info(condition.op);
    const std::string_view op = condition.taken ? row.spelling : negated(row.spelling);
    const uint64_t mask = mask_of(row.bits);
    std::vector<SearchInput> found;
    const auto try_side = [&](Value side, std::string_view side_op, Value other) {
        if (side.is_constant()) return;
        for (const uint64_t want :
             wanted(side_op, number_of(numbers, side), number_of(numbers, other), row.bits))
            for (const bool second : {false, true}) {
                SearchInput next = input;
                Attempt attempt{next, numbers, second};
                if (make_value(attempt, side, want, mask, 0)) found.push_back(std::move(next));
            }
        for (const uint64_t number : {uint64_t{0}, ~uint64_t{0}}) {
            found.push_back(input);
            fill_all(found.back(), side, number);
        }
    };
    try_side(condition.a, op, condition.b);
    try_side(condition.b, mirrored(op), condition.a);
    return found;
}

std::optional<SearchInput> Solver::solve(const SearchInput& input,
                                         std::span<const Condition> before,
                                         const Condition& goal) const {
    const auto first_broken = [&](const std::vector<uint64_t>& numbers, size_t& count) {
        const Condition* first = nullptr;
        count = 0;
        const auto look = [&](const Condition& condition) {
            if (holds(condition, numbers)) return;
            ++count;
            if (first == nullptr) first = &condition;
        };
        look(goal);
        for (const Condition& condition : before) look(condition);
        return first;
    };
    SearchInput now = input;
    std::set<SearchInput> tried = {now};
    for (uint32_t round = 0; round < kRoundsMax; ++round) {
        const std::vector<uint64_t> numbers = terms_.evaluate(now);
        size_t count = 0;
        const Condition* const broken = first_broken(numbers, count);
        if (broken == nullptr) return now;
        std::optional<SearchInput> best;
        size_t best_count = SIZE_MAX;
        for (SearchInput& next : candidates(now, numbers, *broken)) {
            if (Clock::now() >= deadline_) return std::nullopt;
            if (!tried.insert(next).second) continue;
            const std::vector<uint64_t> then = terms_.evaluate(next);
            if (!holds(*broken, then)) continue;
            first_broken(then, count);
            if (count >= best_count) continue;
            best_count = count;
            best = std::move(next);
        }
        if (!best) return std::nullopt;
        now = std::move(*best);
    }
    return std::nullopt;
}

}  // namespace weir::controlplane::cli
