// The reference meaning of every instruction (RFC 9669, sections 4 and 5, and Linux's additions).
// One template says what an instruction does, told apart by its row in insn.def: format, width and
// spelling. `Access` says what memory it may reach: Proven trusts the verifier, Checked trusts
// nobody.

#include "vm/interp/interp.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/base/limits.h"

namespace weir::vm {
namespace {

using Slot = const DecodedSlot*;

template <Op op>
constexpr OpInfo kRow = op_info(op);

template <unsigned bits>
using Word = std::conditional_t<
    bits == 64, uint64_t,
    std::conditional_t<bits == 32, uint32_t, std::conditional_t<bits == 16, uint16_t, uint8_t>>>;

template <Op op>
using WordOf = Word<kRow<op>.bits>;

struct Caller {
    Slot resume;
    std::array<uint64_t, 4> saved;  ///< r6..r9
};

template <typename Access>
struct Machine {
    Machine(Access& its_access, const HelperTable& its_helpers, RunEnv& its_env,
            std::span<const DecodedSlot> its_code)
        : access(its_access), helpers(its_helpers), env(its_env), code(its_code) {
        r[10] = reinterpret_cast<uint64_t>(stack.data() + stack.size());
    }

    Access& access;
    const HelperTable& helpers;
    RunEnv& env;
    std::span<const DecodedSlot> code;
    std::array<uint64_t, kRegisterCount> r{};
    uint32_t depth = 0;
    uint32_t may_gotos_left = kMayGotoMax;
    std::array<Caller, kCallDepthMax - 1> callers;
    /// Frames grow downwards, kStackBytes each. Left as it is: a proven program writes before it
    /// reads.
    alignas(16) std::array<uint8_t, size_t{kStackBytes} * kCallDepthMax> stack;

    const uint8_t* stack_bottom() const {
        return stack.data() + stack.size() - (depth + 1) * size_t{kStackBytes};
    }
    const uint8_t* stack_top() const { return stack.data() + stack.size(); }
};

/// What a proven program may reach: everything it asks for.
struct Proven {
    std::span<Map* const> maps;
    const XdpContext& context;

    template <unsigned>
    uint8_t* reach(const Machine<Proven>&, uint64_t address, bool /*atomic*/) {
        return reinterpret_cast<uint8_t*>(address);
    }
    ByteSpan packet() const { return {context.data, context.data_end}; }
    bool load_map(const DecodedInsn& insn, uint64_t& value) const {
        const auto index = static_cast<size_t>(insn.imm);
        WEIR_CHECK(index < maps.size());
        value = reinterpret_cast<uint64_t>(maps[index]);
        if (insn.op == Op::kLoadMapValue)
            value = reinterpret_cast<uint64_t>(maps[index]->direct_value()) +
                    static_cast<uint32_t>(insn.next_imm);
        return insn.op == Op::kLoadMap || insn.op == Op::kLoadMapValue;
    }
    bool may_step(Slot, std::span<const DecodedSlot>) { return true; }
    Slot fault(const Machine<Proven>&, const char*) {
        check_failed(__FILE__, __LINE__, "a proven program has no fault");
    }
};

/// What an unverified program may reach: its memory and its stack.
struct Checked {
    std::span<uint8_t> memory;
    uint64_t steps_left;
    std::string error;
    Slot now = nullptr;

    static bool inside(uint64_t address, uint64_t bytes, const uint8_t* first, const uint8_t* end) {
        const auto low = reinterpret_cast<uint64_t>(first);
        const auto high = reinterpret_cast<uint64_t>(end);
        return address >= low && address <= high && bytes <= high - address;
    }
    template <unsigned bits>
    uint8_t* reach(const Machine<Checked>& m, uint64_t address, bool atomic) {
        if (atomic && address % (bits / 8) != 0) return nullptr;
        if (inside(address, bits / 8, memory.data(), memory.data() + memory.size()) ||
            inside(address, bits / 8, m.stack_bottom(), m.stack_top()))
            return reinterpret_cast<uint8_t*>(address);
        return nullptr;
    }
    ByteSpan packet() const { return memory; }
    bool load_map(const DecodedInsn&, uint64_t&) const { return false; }
    bool may_step(Slot at, std::span<const DecodedSlot> code) {
        now = at;
        if (at == code.data() + code.size()) error = "runs past the end of the program";
        if (error.empty() && steps_left-- == 0)
            error = fmt::format("insn {}: step limit reached", at - code.data());
        return error.empty();
    }
    Slot fault(const Machine<Checked>& m, const char* what) {
        error =
            fmt::format("insn {} ({}): {}", now - m.code.data(), op_info(now->insn.op).name, what);
        return nullptr;
    }
};

// ---- arithmetic (section 4.1)
// ---------------------------------------------------------------------------------

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

// ---- memory (section 5)
// ---------------------------------------------------------------------------------------

template <Op op, typename Access>
Slot load(Machine<Access>& m, Slot at) {
    using W = WordOf<op>;
    const DecodedInsn& insn = at->insn;
    const uint8_t* from = m.access.template reach<kRow<op>.bits>(
        m, m.r[insn.src] + static_cast<uint64_t>(insn.off), false);
    if (from == nullptr) return m.access.fault(m, "load outside memory and stack");
    W value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (kRow<op>.spelling.starts_with("s"))
        m.r[insn.dst] =
            static_cast<uint64_t>(static_cast<int64_t>(static_cast<std::make_signed_t<W>>(value)));
    else
        m.r[insn.dst] = value;
    return at + 1;
}

template <Op op, typename Access>
Slot store(Machine<Access>& m, Slot at, uint64_t value) {
    const DecodedInsn& insn = at->insn;
    uint8_t* to = m.access.template reach<kRow<op>.bits>(
        m, m.r[insn.dst] + static_cast<uint64_t>(insn.off), false);
    if (to == nullptr) return m.access.fault(m, "store outside memory and stack");
    const auto low = static_cast<WordOf<op>>(value);
    std::memcpy(to, &low, sizeof low);
    return at + 1;
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

/// A load-acquire addresses by src, everything else by dst.
template <Op op, typename Access>
Slot atomic_access(Machine<Access>& m, Slot at) {
    using W = WordOf<op>;
    const DecodedInsn& insn = at->insn;
    const uint64_t base = kRow<op>.spelling == "load_acquire" ? m.r[insn.src] : m.r[insn.dst];
    uint8_t* to =
        m.access.template reach<kRow<op>.bits>(m, base + static_cast<uint64_t>(insn.off), true);
    if (to == nullptr)
        return m.access.fault(m, "atomic access outside memory and stack, or not aligned");
    atomic<op>(reinterpret_cast<W*>(to), m.r[insn.src], m.r[0], m.r[insn.dst]);
    return at + 1;
}

/// Section 5.5: big-endian, into r0. A load past the packet ends the program with 0.
template <Op op, typename Access>
Slot load_packet(Machine<Access>& m, Slot at, uint64_t index) {
    using W = WordOf<op>;
    const ByteSpan packet = m.access.packet();
    const auto offset = static_cast<int32_t>(index + static_cast<uint64_t>(at->insn.imm));
    if (offset < 0 || packet.size() < sizeof(W) ||
        static_cast<size_t>(offset) > packet.size() - sizeof(W)) {
        m.r[0] = 0;
        return nullptr;
    }
    W value;
    std::memcpy(&value, packet.data() + offset, sizeof value);
    m.r[0] = std::byteswap(value);
    return at + 1;
}

// ---- calls (section 4.3.1)
// ------------------------------------------------------------------------------------

template <typename Access>
Slot call_helper(Machine<Access>& m, Slot at, int64_t id) {
    const HelperFn function = m.helpers.at(id);
    if (function == nullptr) return m.access.fault(m, "call of a helper that does not exist");
    m.r[0] = function(m.r[1], m.r[2], m.r[3], m.r[4], m.r[5], m.env);
    return at + 1;
}

template <typename Access>
Slot call_local(Machine<Access>& m, Slot at) {
    if (m.depth + 1 == kCallDepthMax) return m.access.fault(m, "calls nested deeper than 8 frames");
    m.callers[m.depth++] = {at + 1, {m.r[6], m.r[7], m.r[8], m.r[9]}};
    m.r[10] -= kStackBytes;
    return at + 1 + at->insn.imm;
}

template <typename Access>
Slot leave(Machine<Access>& m) {
    if (m.depth == 0) return nullptr;
    const Caller& caller = m.callers[--m.depth];
    for (size_t i = 0; i < caller.saved.size(); ++i) m.r[6 + i] = caller.saved[i];
    m.r[10] += kStackBytes;
    return caller.resume;
}

// ---- one instruction
// ------------------------------------------------------------------------------------------

template <Op op, typename Access>
Slot load_imm64(Machine<Access>& m, Slot at) {
    uint64_t value = static_cast<uint64_t>(at->insn.imm);
    if (op != Op::kLoadImm64 && !m.access.load_map(at->insn, value))
        return m.access.fault(m, "loads an address that this program has not");
    m.r[at->insn.dst] = value;
    return at + 2;
}

template <Op op, typename Access>
Slot may_goto(Machine<Access>& m, Slot at) {
    if (m.may_gotos_left == 0) return at + 1 + at->insn.off;
    --m.may_gotos_left;
    return at + 1;
}

template <Op op, typename Access>
Slot call(Machine<Access>& m, Slot at) {
    if constexpr (op == Op::kCallLocal)
        return call_local(m, at);
    else if constexpr (op == Op::kCallHelper)
        return call_helper(m, at, at->insn.imm);
    else
        return m.access.fault(m, "kernel functions cannot be called");
}

/// Does the instruction at `at` and gives the next one, or nullptr at the end of the program.
template <Op op, typename Access>
[[gnu::always_inline]] inline Slot step(Machine<Access>& m, Slot at) {
    using W = WordOf<op>;
    const DecodedInsn& insn = at->insn;
    const auto imm = static_cast<uint64_t>(insn.imm);
    const auto target = [&] { return at + 1 + insn.off; };
    if constexpr (kRow<op>.format == Format::AluImm || kRow<op>.format == Format::AluUnary)
        m.r[insn.dst] = arithmetic<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(imm));
    else if constexpr (kRow<op>.format == Format::AluReg)
        m.r[insn.dst] =
            arithmetic<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(m.r[insn.src]));
    else if constexpr (kRow<op>.format == Format::ByteOrder)
        m.r[insn.dst] = swap_bytes<op>(m.r[insn.dst]);
    else if constexpr (kRow<op>.format == Format::JumpImm)
        return holds<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(imm)) ? target() : at + 1;
    else if constexpr (kRow<op>.format == Format::JumpReg)
        return holds<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(m.r[insn.src])) ? target()
                                                                                       : at + 1;
    else if constexpr (kRow<op>.format == Format::Goto)
        return target();
    else if constexpr (kRow<op>.format == Format::GotoLong)
        return at + 1 + insn.imm;
    else if constexpr (kRow<op>.format == Format::MayGoto)
        return may_goto<op>(m, at);
    else if constexpr (kRow<op>.format == Format::Call)
        return call<op>(m, at);
    else if constexpr (kRow<op>.format == Format::CallReg)
        return call_helper(m, at, static_cast<int64_t>(m.r[insn.dst]));
    else if constexpr (kRow<op>.format == Format::Exit)
        return leave(m);
    else if constexpr (kRow<op>.format == Format::LoadImm64)
        return load_imm64<op>(m, at);
    else if constexpr (kRow<op>.format == Format::LoadPacketAbs)
        return load_packet<op>(m, at, 0);
    else if constexpr (kRow<op>.format == Format::LoadPacketInd)
        return load_packet<op>(m, at, m.r[insn.src]);
    else if constexpr (kRow<op>.format == Format::Load)
        return load<op>(m, at);
    else if constexpr (kRow<op>.format == Format::StoreImm)
        return store<op>(m, at, imm);
    else if constexpr (kRow<op>.format == Format::StoreReg)
        return store<op>(m, at, m.r[insn.src]);
    else if constexpr (kRow<op>.format == Format::Atomic)
        return atomic_access<op>(m, at);
    return at + 1;
}

template <typename Access>
uint64_t run(Machine<Access>& m) {
    Slot at = m.code.data();
    while (at != nullptr && m.access.may_step(at, m.code)) {
        switch (at->insn.op) {
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) \
    case Op::k##name: at = step<Op::k##name>(m, at); break;
#include "vm/isa/insn.def"
        }
    }
    return m.r[0];
}

}  // namespace

uint32_t interpret(const VerifiedProgram& program, std::span<Map* const> maps,
                   const HelperTable& helpers, XdpContext& context, RunEnv& env) {
    Proven access{maps, context};
    Machine<Proven> machine(access, helpers, env, program.slots());
    machine.r[1] = reinterpret_cast<uint64_t>(&context);
    return static_cast<uint32_t>(run(machine));
}

Result<uint64_t> interpret_unverified(std::span<const Insn> insns, std::span<uint8_t> memory,
                                      const HelperTable& helpers, uint64_t insns_max) {
    const Result<std::vector<DecodedSlot>> slots = decode_program(insns);
    if (!slots) return std::unexpected(slots.error());
    RunEnv env;
    Checked access{.memory = memory, .steps_left = insns_max, .error = {}};
    Machine<Checked> machine(access, helpers, env, *slots);
    machine.stack.fill(0);
    machine.r[1] = reinterpret_cast<uint64_t>(memory.data());
    machine.r[2] = memory.size();
    const uint64_t result = run(machine);
    if (!access.error.empty()) return fail(ErrorKind::kInvalid, access.error);
    return result;
}

}  // namespace weir::vm
