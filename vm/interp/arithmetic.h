#pragma once
// What arithmetic instructions compute and conditional jumps compare (RFC 9669, sections 4.1 to
// 4.3), and what atomic operations do to a word (section 5.3). The operator is the row's spelling
// in insn.def.

#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "vm/isa/insn.h"

namespace weir::vm {

template <Op op>
constexpr OpInfo kRow = op_info(op);

template <unsigned bits>
using Word = std::conditional_t<
    bits == 64, uint64_t,
    std::conditional_t<bits == 32, uint32_t, std::conditional_t<bits == 16, uint16_t, uint8_t>>>;

template <Op op>
using WordOf = Word<kRow<op>.bits>;

/// dst op src, where op is the operator as insn.def spells it.
template <Op op, typename W>
W arithmetic(W a, W b) {
    constexpr std::string_view kOp = kRow<op>.spelling;
    using Signed = std::make_signed_t<W>;
    constexpr W kShiftMask = sizeof(W) * 8 - 1;
    if constexpr (kOp == "+=")
        return a + b;
    else if constexpr (kOp == "-=")
        return a - b;
    else if constexpr (kOp == "*=")
        return a * b;
    else if constexpr (kOp == "/=")
        return b == 0 ? 0 : a / b;
    else if constexpr (kOp == "%=")
        return b == 0 ? a : a % b;
    else if constexpr (kOp == "s/=")  // the smallest number divided by -1 is itself
        return b == 0       ? 0
               : b == W(-1) ? W(0) - a
                            : static_cast<W>(static_cast<Signed>(a) / static_cast<Signed>(b));
    else if constexpr (kOp == "s%=")
        return b == 0       ? a
               : b == W(-1) ? 0
                            : static_cast<W>(static_cast<Signed>(a) % static_cast<Signed>(b));
    else if constexpr (kOp == "|=")
        return a | b;
    else if constexpr (kOp == "&=")
        return a & b;
    else if constexpr (kOp == "^=")
        return a ^ b;
    else if constexpr (kOp == "<<=")
        return a << (b & kShiftMask);
    else if constexpr (kOp == ">>=")
        return a >> (b & kShiftMask);
    else if constexpr (kOp == "s>>=")
        return static_cast<W>(static_cast<Signed>(a) >> (b & kShiftMask));
    else if constexpr (kOp == "=")
        return b;
    else if constexpr (kOp == "(s8)")
        return static_cast<W>(static_cast<Signed>(static_cast<int8_t>(b)));
    else if constexpr (kOp == "(s16)")
        return static_cast<W>(static_cast<Signed>(static_cast<int16_t>(b)));
    else if constexpr (kOp == "(s32)")
        return static_cast<W>(static_cast<Signed>(static_cast<int32_t>(b)));
    else if constexpr (kOp == "-")
        return W(0) - a;
    else
        static_assert(sizeof(W) == 0, "no meaning for this row of insn.def");
}

template <Op op>
uint64_t swap_bytes(uint64_t value) {
    const auto low = static_cast<WordOf<op>>(value);
    if constexpr (kRow<op>.spelling.starts_with("le"))
        return low;
    else
        return std::byteswap(low);
}

/// Section 4.3: whether the jump is taken.
template <Op op, typename W>
bool holds(W a, W b) {
    constexpr std::string_view kOp = kRow<op>.spelling;
    const auto signed_a = static_cast<std::make_signed_t<W>>(a);
    const auto signed_b = static_cast<std::make_signed_t<W>>(b);
    if constexpr (kOp == "==")
        return a == b;
    else if constexpr (kOp == "!=")
        return a != b;
    else if constexpr (kOp == ">")
        return a > b;
    else if constexpr (kOp == ">=")
        return a >= b;
    else if constexpr (kOp == "<")
        return a < b;
    else if constexpr (kOp == "<=")
        return a <= b;
    else if constexpr (kOp == "&")
        return (a & b) != 0;
    else if constexpr (kOp == "s>")
        return signed_a > signed_b;
    else if constexpr (kOp == "s>=")
        return signed_a >= signed_b;
    else if constexpr (kOp == "s<")
        return signed_a < signed_b;
    else if constexpr (kOp == "s<=")
        return signed_a <= signed_b;
    else
        static_assert(sizeof(W) == 0, "no meaning for this row of insn.def");
}

/// Section 5.3. Operations that return the old value are sequentially consistent, the others
/// relaxed, as in Linux.
template <Op op, typename W>
void atomic(W* to, uint64_t& src, uint64_t& r0, uint64_t& dst) {
    constexpr std::string_view kOp = kRow<op>.spelling;
    const auto value = static_cast<W>(src);
    if constexpr (kOp == "+=")
        __atomic_fetch_add(to, value, __ATOMIC_RELAXED);
    else if constexpr (kOp == "|=")
        __atomic_fetch_or(to, value, __ATOMIC_RELAXED);
    else if constexpr (kOp == "&=")
        __atomic_fetch_and(to, value, __ATOMIC_RELAXED);
    else if constexpr (kOp == "^=")
        __atomic_fetch_xor(to, value, __ATOMIC_RELAXED);
    else if constexpr (kOp == "fetch_add")
        src = __atomic_fetch_add(to, value, __ATOMIC_SEQ_CST);
    else if constexpr (kOp == "fetch_or")
        src = __atomic_fetch_or(to, value, __ATOMIC_SEQ_CST);
    else if constexpr (kOp == "fetch_and")
        src = __atomic_fetch_and(to, value, __ATOMIC_SEQ_CST);
    else if constexpr (kOp == "fetch_xor")
        src = __atomic_fetch_xor(to, value, __ATOMIC_SEQ_CST);
    else if constexpr (kOp == "xchg")
        src = __atomic_exchange_n(to, value, __ATOMIC_SEQ_CST);
    else if constexpr (kOp == "load_acquire")
        dst = __atomic_load_n(to, __ATOMIC_ACQUIRE);
    else if constexpr (kOp == "store_release")
        __atomic_store_n(to, value, __ATOMIC_RELEASE);
    else if constexpr (kOp == "cmpxchg") {
        auto expected = static_cast<W>(r0);  // becomes the old value where it differs
        __atomic_compare_exchange_n(to, &expected, value, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        r0 = expected;
    } else
        static_assert(sizeof(W) == 0, "no meaning for this row of insn.def");
}

}  // namespace weir::vm
