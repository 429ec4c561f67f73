#pragma once
// What instructions compute of numbers of W bits, written from RFC 9669 (sections 4.1 to 4.3)
// without the domain. scalar_test.cc compares it with the interpreter at 32 and 64 bits.

#include <array>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier {

inline constexpr std::array kAluOps = {AluOp::Add,  AluOp::Sub,  AluOp::Mul, AluOp::Div, AluOp::Mod,
                                       AluOp::Sdiv, AluOp::Smod, AluOp::And, AluOp::Or,  AluOp::Xor,
                                       AluOp::Lsh,  AluOp::Rsh,  AluOp::Arsh};
inline constexpr std::array kAluNames = {"add", "sub", "mul", "div", "mod", "sdiv", "smod",
                                         "and", "or",  "xor", "lsh", "rsh", "arsh"};
inline constexpr std::array kCmpOps = {CmpOp::Eq,  CmpOp::Ne,  CmpOp::Gt,  CmpOp::Ge,
                                       CmpOp::Lt,  CmpOp::Le,  CmpOp::Sgt, CmpOp::Sge,
                                       CmpOp::Slt, CmpOp::Sle, CmpOp::Set, CmpOp::NotSet};
inline constexpr std::array kCmpNames = {
    "==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "set", "not set"};

/// The low W bits, read as two's complement.
template <int W>
constexpr int64_t as_signed(uint64_t number) {
    const uint64_t half = uint64_t{1} << (W - 1), low = number & (half | (half - 1));
    return low < half ? static_cast<int64_t>(low)
                      : -1 - static_cast<int64_t>(half + half - 1 - low);
}

template <int W>
constexpr uint64_t concrete(AluOp op, uint64_t a, uint64_t b) {
    __extension__ using Big = __int128;
    const Big sa = as_signed<W>(a), sb = as_signed<W>(b);
    const auto shift = static_cast<int>(b % W);
    Big r = 0;
    switch (op) {
        case AluOp::Add: r = Big{a} + b; break;
        case AluOp::Sub: r = Big{a} - b; break;
        case AluOp::Mul: r = static_cast<Big>(a * b); break;
        case AluOp::Div: r = b == 0 ? 0 : a / b; break;
        case AluOp::Mod: r = b == 0 ? a : a % b; break;
        case AluOp::Sdiv: r = b == 0 ? 0 : sa / sb; break;
        case AluOp::Smod: r = b == 0 ? sa : sa % sb; break;
        case AluOp::And: r = a & b; break;
        case AluOp::Or: r = a | b; break;
        case AluOp::Xor: r = a ^ b; break;
        case AluOp::Lsh: r = static_cast<Big>(a << shift); break;
        case AluOp::Rsh: r = a >> shift; break;
        case AluOp::Arsh: r = sa >> shift; break;
    }
    return static_cast<uint64_t>(r) & (~uint64_t{0} >> (64 - W));
}

template <int W>
constexpr bool holds(CmpOp op, uint64_t a, uint64_t b) {
    const int64_t sa = as_signed<W>(a), sb = as_signed<W>(b);
    switch (op) {
        case CmpOp::Eq: return a == b;
        case CmpOp::Ne: return a != b;
        case CmpOp::Gt: return a > b;
        case CmpOp::Ge: return a >= b;
        case CmpOp::Lt: return a < b;
        case CmpOp::Le: return a <= b;
        case CmpOp::Sgt: return sa > sb;
        case CmpOp::Sge: return sa >= sb;
        case CmpOp::Slt: return sa < sb;
        case CmpOp::Sle: return sa <= sb;
        case CmpOp::Set: return (a & b) != 0;
        case CmpOp::NotSet: return (a & b) == 0;
    }
    return false;
}

}  // namespace weir::vm::verifier
