#include "controlplane/cli/search_terms.h"

#include <bit>

#include "vm/interp/arithmetic.h"

namespace weir::controlplane::cli {
namespace {

using vm::Format;
using vm::Op;

template <Op op>
uint64_t compute_one(uint64_t a, uint64_t b) {
    constexpr Format kFormat = vm::kRow<op>.format;
    if constexpr (kFormat == Format::ByteOrder) {
        return vm::swap_bytes<op>(a);
    } else if constexpr (kFormat == Format::AluImm || kFormat == Format::AluReg ||
                         kFormat == Format::AluUnary) {
        using W = vm::WordOf<op>;
        return vm::arithmetic<op>(static_cast<W>(a), static_cast<W>(b));
    } else {
        return 0;
    }
}

template <Op op>
bool compare_one(uint64_t a, uint64_t b) {
    constexpr Format kFormat = vm::kRow<op>.format;
    if constexpr (kFormat == Format::JumpImm || kFormat == Format::JumpReg) {
        using W = vm::WordOf<op>;
        return vm::holds<op>(static_cast<W>(a), static_cast<W>(b));
    } else {
        return false;
    }
}

uint64_t width_mask(Op op) {
    const uint8_t bits = vm::op_info(op).bits;
    return ~uint64_t{0} >> (64 - bits);
}

/// All bits up to the highest.
uint64_t filled(uint64_t bits) {
    return bits == 0 ? 0 : ~uint64_t{0} >> std::countl_zero(bits);
}

/// Bits that `a op b` may have.
uint64_t possible_result(const Term& term, uint64_t a, uint64_t b) {
    const std::string_view op = vm::op_info(term.op).spelling;
    const uint64_t mask = width_mask(term.op);
    const bool constant_shift = term.b.is_constant();
    const auto count = static_cast<unsigned>(term.b.number & (vm::op_info(term.op).bits - 1u));
    if (vm::op_info(term.op).format == Format::ByteOrder)
        return op.starts_with("le") ? a & mask : compute(term.op, a & mask, 0);
    if (op == "&=") return a & b & mask;
    if (op == "|=" || op == "^=") return (a | b) & mask;
    if (op == "=") return b & mask;
    if (op == "<<=" && constant_shift) return (a << count) & mask;
    if (op == ">>=" && constant_shift) return (a & mask) >> count;
    if (op == "/=") return filled(a & mask);
    if (op == "%=" && term.b.is_constant() && term.b.number != 0)
        return filled((term.b.number - 1) & mask) & filled(a & mask);
    if (op == "+=" && (a & b) == 0) return (a | b) & mask;
    if (op == "+=") {
        const uint64_t both = filled(a | b);
        return (both | both << 1) & mask;
    }
    return mask;
}

/// Of a call left to itself: what it gave in the run, or a success where it failed there.
uint64_t unknown_number(const SearchInput& input, const Term& term) {
    const std::optional<uint64_t> read = read_unknown(input, term.unknown);
    if (term.unknown.kind == UnknownKind::LookupHit)  // an address: which one does not matter
        return *read != 0 && term.number != 0 ? term.number : *read;
    if (read) return *read;
    const bool failed = term.unknown.kind == UnknownKind::FailableCall &&
                        term.number == uint64_t{0} - term.unknown.offset;
    return !failed ? term.number : term.unknown.offset == 0 ? 1 : 0;
}

}  // namespace

uint64_t compute(Op op, uint64_t a, uint64_t b) {
    switch (op) {
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) \
    case Op::k##name: return compute_one<Op::k##name>(a, b);
#include "vm/isa/insn.def"
    }
    return 0;
}

bool compare(Op op, uint64_t a, uint64_t b) {
    switch (op) {
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) \
    case Op::k##name: return compare_one<Op::k##name>(a, b);
#include "vm/isa/insn.def"
    }
    return false;
}

Value Terms::add(const Term& term) {
    if (terms_.size() >= kTermsMax) return {term.number, 0};
    terms_.push_back(term);
    return {term.number, static_cast<uint32_t>(terms_.size() - 1)};
}

Value Terms::unknown(const Unknown& unknown, uint64_t number) {
    const auto known = unknowns_.find(unknown);
    if (known != unknowns_.end() && known->second.number == number) return known->second;
    Term term;
    term.unknown = unknown;
    term.number = number;
    term.possible = possible_bits(unknown);
    return unknowns_[unknown] = add(term);
}

Value Terms::apply(Op op, Value a, Value b) {
    const uint64_t number = compute(op, a.number, b.number);
    if (vm::op_info(op).spelling == "=" && vm::op_info(op).bits == 64) return b;
    if (a.is_constant() && b.is_constant()) return {number, 0};
    Term term;
    term.kind = TermKind::Insn;
    term.op = op;
    term.a = a;
    term.b = b;
    term.number = number;
    term.possible = possible_result(term, possible(a), possible(b));
    // A mask that takes nothing away, as compilers write them between halves.
    const bool copies = vm::op_info(op).spelling == "=" && (possible(b) & ~term.possible) == 0;
    return term.possible == 0 ? Value{number, 0} : copies ? b : add(term);
}

Value Terms::choice(Value a, Value b, uint64_t yes, uint64_t no) {
    const uint64_t number = a.number < b.number ? yes : no;
    if (a.is_constant() && b.is_constant()) return {number, 0};
    Term term;
    term.kind = TermKind::Choice;
    term.a = a;
    term.b = b;
    term.yes = yes;
    term.no = no;
    term.number = number;
    term.possible = yes | no;
    return add(term);
}

Value Terms::byte_of(Value value, uint32_t index) {
    const uint64_t number = (value.number >> (8 * index)) & 0xff;
    if (value.is_constant()) return {number, 0};
    if (index == 0 && (possible(value) & ~uint64_t{0xff}) == 0) return value;
    const Value shifted = index == 0 ? value : apply(Op::kRsh64Imm, value, {8 * index, 0});
    return apply(Op::kAnd64Imm, shifted, {0xff, 0});
}

Value Terms::joined(std::span<const Value> bytes) {
    Value all = bytes[0];
    for (size_t i = 1; i < bytes.size(); ++i)
        all = apply(Op::kOr64Reg, all, apply(Op::kLsh64Imm, bytes[i], {8 * i, 0}));
    return all;
}

std::vector<uint64_t> Terms::evaluate(const SearchInput& input) const {
    std::vector<uint64_t> numbers(terms_.size());
    for (size_t i = 1; i < terms_.size(); ++i) {
        const Term& term = terms_[i];
        if (term.kind == TermKind::Insn) {
            numbers[i] = compute(term.op, number_of(numbers, term.a), number_of(numbers, term.b));
        } else if (term.kind == TermKind::Choice) {
            const bool less = number_of(numbers, term.a) < number_of(numbers, term.b);
            numbers[i] = less ? term.yes : term.no;
        } else {
            numbers[i] = unknown_number(input, term);
        }
    }
    return numbers;
}

}  // namespace weir::controlplane::cli
