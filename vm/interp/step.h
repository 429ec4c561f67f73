#pragma once
// The reference meaning of every instruction (RFC 9669, sections 4 and 5, and Linux's additions):
// one template, told apart by the instruction's row in insn.def. Machine and Access: machine.h.

#include <cstring>

#include "vm/interp/arithmetic.h"
#include "vm/interp/machine.h"

namespace weir::vm {

// ---- memory (section 5) -------------------------------------------------------------------------

template <Op op, typename Access>
Slot load(Machine<Access>& m, Slot at) {
    using W = WordOf<op>;
    constexpr bool kSigned = kRow<op>.spelling.starts_with("s");
    const DecodedInsn& insn = at->insn;
    const uint64_t address = m.r[insn.src] + static_cast<uint64_t>(insn.off);
    if constexpr (Access::kTranslatesContext)
        if (m.access.is_context(address))
            return m.access.template load_context<kRow<op>.bits>(m, address, kSigned, m.r[insn.dst])
                       ? at + 1
                       : nullptr;
    const uint8_t* from = m.access.template reach<kRow<op>.bits>(m, address, Touch::Load);
    if (from == nullptr) return nullptr;
    W value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (kSigned)
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
        m, m.r[insn.dst] + static_cast<uint64_t>(insn.off), Touch::Store);
    if (to == nullptr) return nullptr;
    const auto low = static_cast<WordOf<op>>(value);
    std::memcpy(to, &low, sizeof low);
    return at + 1;
}

/// A load-acquire addresses by src, everything else by dst.
template <Op op, typename Access>
Slot atomic_access(Machine<Access>& m, Slot at) {
    using W = WordOf<op>;
    const DecodedInsn& insn = at->insn;
    constexpr bool kLoads = kRow<op>.spelling == "load_acquire";
    const uint64_t base = kLoads ? m.r[insn.src] : m.r[insn.dst];
    uint8_t* to = m.access.template reach<kRow<op>.bits>(
        m, base + static_cast<uint64_t>(insn.off), kLoads ? Touch::AtomicLoad : Touch::Atomic);
    if (to == nullptr) return nullptr;
    atomic<op>(reinterpret_cast<W*>(to), m.r[insn.src], m.r[0], m.r[insn.dst]);
    return at + 1;
}

// ---- calls (section 4.3.1) ----------------------------------------------------------------------

/// Ends the current frame.
template <typename Access>
Slot leave(Machine<Access>& m) {
    m.access.left(m);
    if (m.depth == 0) return nullptr;
    const auto& caller = m.callers[--m.depth];
    for (size_t i = 0; i < caller.saved.size(); ++i) m.r[6 + i] = caller.saved[i];
    m.r[10] += kStackBytes;
    m.program = caller.program;
    m.entry_depth = caller.entry_depth;
    m.access.returned(m);
    return caller.resume;
}

/// Begins a frame of `function`; `resume` is where the caller goes on.
template <typename Access>
bool enter(Machine<Access>& m, Slot function, Slot resume) {
    if (m.depth - m.entry_depth + 1 == kCallDepthMax) {
        m.access.fault(m, "calls nested deeper than 8 frames");
        return false;
    }
    m.callers[m.depth++] = {resume, m.program, m.entry_depth, {m.r[6], m.r[7], m.r[8], m.r[9]}};
    m.r[10] -= kStackBytes;
    return m.access.entered(m, function);
}

/// The target takes over the frame: what its exit gives goes to the frame's caller, as when the
/// kernel's machine code jumps from a subprogram, and it may nest its own calls as deep as any
/// program. Counted over the whole run, as the kernel does.
template <typename Access>
Slot tail_call(Machine<Access>& m, Slot at) {
    const typename Access::Program* target = nullptr;
    if (!m.access.tail_target(m, target)) return nullptr;
    if (target == nullptr || m.tail_calls == kTailCallsMax) return at + 1;
    ++m.tail_calls;
    m.program = target;
    m.entry_depth = m.depth;
    m.access.jumped(m);
    return target->code.data();
}

template <typename Access>
Slot call_outside(Machine<Access>& m, Slot at, Callee callee, int64_t id) {
    if (callee == Callee::Helper && id == number_of(HelperId::tail_call)) return tail_call(m, at);
    return m.access.call(m, callee, id) ? at + 1 : nullptr;
}

template <Op op, typename Access>
Slot call(Machine<Access>& m, Slot at) {
    if constexpr (op == Op::kCallLocal) {
        const Slot function = at + 1 + at->insn.imm;
        return enter(m, function, at + 1) ? function : nullptr;
    } else {
        return call_outside(m, at, op == Op::kCallHelper ? Callee::Helper : Callee::Kfunc,
                            at->insn.imm);
    }
}

// ---- one instruction ----------------------------------------------------------------------------

/// Section 5.5: big-endian, into r0. A load past the packet ends the function with 0.
template <Op op, typename Access>
Slot load_packet(Machine<Access>& m, Slot at, uint64_t index) {
    WordOf<op> value;
    const auto offset = static_cast<int32_t>(index + static_cast<uint64_t>(at->insn.imm));
    switch (m.access.packet_bytes(m, offset, {reinterpret_cast<uint8_t*>(&value), sizeof value})) {
        case PacketLoad::Fault: return nullptr;
        case PacketLoad::Outside: m.r[0] = 0; return leave(m);
        case PacketLoad::Done: break;
    }
    m.r[0] = std::byteswap(value);
    return at + 1;
}

template <Op op, typename Access>
Slot load_imm64(Machine<Access>& m, Slot at) {
    uint64_t value = static_cast<uint64_t>(at->insn.imm);
    if (op != Op::kLoadImm64 && !m.access.load_address(m, at, value)) return nullptr;
    m.r[at->insn.dst] = value;
    return at + 2;
}

/// The budget is the run's: what cannot end otherwise ends so.
template <typename Access>
Slot may_goto(Machine<Access>& m, Slot at) {
    if (m.may_gotos_left == 0) return at + 1 + at->insn.off;
    --m.may_gotos_left;
    return at + 1;
}

/// Does the instruction at `at` and gives the next one, or nullptr at the end of the program.
template <Op op, typename Access>
[[gnu::always_inline]] inline Slot step(Machine<Access>& m, Slot at) {
    using W = WordOf<op>;
    constexpr Format kFormat = kRow<op>.format;
    const DecodedInsn& insn = at->insn;
    const auto imm = static_cast<uint64_t>(insn.imm);
    const auto target = [&] { return at + 1 + insn.off; };
    if constexpr (kFormat == Format::AluImm || kFormat == Format::AluUnary)
        m.r[insn.dst] = arithmetic<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(imm));
    else if constexpr (kFormat == Format::AluReg)
        m.r[insn.dst] =
            arithmetic<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(m.r[insn.src]));
    else if constexpr (kFormat == Format::ByteOrder)
        m.r[insn.dst] = swap_bytes<op>(m.r[insn.dst]);
    else if constexpr (kFormat == Format::JumpImm)
        return holds<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(imm)) ? target() : at + 1;
    else if constexpr (kFormat == Format::JumpReg)
        return holds<op>(static_cast<W>(m.r[insn.dst]), static_cast<W>(m.r[insn.src])) ? target()
                                                                                       : at + 1;
    else if constexpr (kFormat == Format::Goto)
        return target();
    else if constexpr (kFormat == Format::GotoLong)
        return at + 1 + insn.imm;
    else if constexpr (kFormat == Format::MayGoto)
        return may_goto(m, at);
    else if constexpr (kFormat == Format::Call)
        return call<op>(m, at);
    else if constexpr (kFormat == Format::CallReg)
        return call_outside(m, at, Callee::Helper, static_cast<int64_t>(m.r[insn.dst]));
    else if constexpr (kFormat == Format::Exit) {
        m.access.exits(m, at);
        return leave(m);
    } else if constexpr (kFormat == Format::LoadImm64)
        return load_imm64<op>(m, at);
    else if constexpr (kFormat == Format::LoadPacketAbs)
        return load_packet<op>(m, at, 0);
    else if constexpr (kFormat == Format::LoadPacketInd)
        return load_packet<op>(m, at, m.r[insn.src]);
    else if constexpr (kFormat == Format::Load)
        return load<op>(m, at);
    else if constexpr (kFormat == Format::StoreImm)
        return store<op>(m, at, imm);
    else if constexpr (kFormat == Format::StoreReg)
        return store<op>(m, at, m.r[insn.src]);
    else if constexpr (kFormat == Format::Atomic)
        return atomic_access<op>(m, at);
    return at + 1;
}

/// Runs from `at` until the frame that is current now ends, or something faults. r0 is the result.
template <typename Access>
void run_from(Machine<Access>& m, Slot at) {
    while (at != nullptr && m.access.may_step(m, at)) {
        switch (at->insn.op) {
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) \
    case Op::k##name: at = step<Op::k##name>(m, at); break;
#include "vm/isa/insn.def"
        }
    }
}

/// A helper calls a function of the program that called it: one frame deeper, and every register
/// as before afterwards. Gives r0; after a fault the frames are as they were.
template <typename Access>
uint64_t call_back(Machine<Access>& m, Slot function, const std::array<uint64_t, 5>& arguments) {
    const auto registers = m.r;
    const uint32_t depth = m.depth, entry_depth = m.entry_depth;
    const auto* const program = m.program;
    uint64_t result = 0;
    if (enter(m, function, nullptr)) {
        for (size_t i = 0; i < arguments.size(); ++i) m.r[i + 1] = arguments[i];
        run_from(m, function);
        result = m.r[0];
    }
    m.r = registers;
    m.depth = depth;
    m.entry_depth = entry_depth;
    m.program = program;
    return result;
}

}  // namespace weir::vm
