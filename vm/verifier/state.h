#pragma once
// What is known at one point of one path: registers and stack of every frame of the call chain.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/limits.h"
#include "vm/isa/insn.h"
#include "vm/verifier/scalar.h"

namespace weir::vm::verifier {

enum class RegKind : uint8_t {
    Uninit,
    Number,
    Context,
    Stack,
    Packet,
    PacketMeta,
    PacketEnd,
    PacketLow,  ///< the lower half of one of the three: only a difference makes a number of it
    Map,
    MapValue,
    MapValueOrNull,
};

/// What a comparison said of a packet pointer that does not lie below the packet's end.
enum class PastEnd : uint8_t { Unknown, AtLeast, Beyond };

/// A register or a spilled one. A pointer's address is base + off + value, where the base is what
/// `kind` says (for Stack: the frame's top) and `value` is the part that is not constant.
struct Reg {
    RegKind kind = RegKind::Uninit;
    uint8_t frame = 0;                    ///< Stack: whose
    PastEnd past_end = PastEnd::Unknown;  ///< packet kinds: of exactly this pointer
    uint16_t map = 0;  ///< Map, MapValue, MapValueOrNull: index into the spec's maps
    /// Registers with one id (not 0) hold one value: Scalar, the number; packet kinds, `value` (0:
    /// no variable part); MapValueOrNull, the look-up.
    uint32_t id = 0;
    int32_t off = 0;
    uint32_t range = 0;  ///< packet kinds: bytes that are proven to exist from base + value on
    Scalar value = Scalar::constant(0);

    bool is_scalar() const { return kind == RegKind::Number; }
    bool is_pointer() const { return kind != RegKind::Number && kind != RegKind::Uninit; }
    bool is_packet() const { return kind == RegKind::Packet || kind == RegKind::PacketMeta; }
    bool is_constant(uint64_t number) const { return is_scalar() && value.is_constant(number); }

    static Reg scalar(const Scalar& number) {
        Reg reg;
        reg.kind = RegKind::Number;
        reg.value = number;
        return reg;
    }
    static Reg pointer(RegKind kind) {
        Reg reg;
        reg.kind = kind;
        return reg;
    }

    friend bool operator==(const Reg&, const Reg&) = default;
};

enum class StackByte : uint8_t {
    Unwritten,
    Misc,   ///< some byte of a number
    Spill,  ///< the byte of StackSlot::spill at the same place
};

/// Eight bytes of stack. A spilled pointer always has all of them; of a number any byte may have
/// been overwritten.
struct StackSlot {
    std::array<StackByte, 8> bytes{};
    Reg spill;

    bool holds_pointer() const { return spill.is_pointer(); }
    bool has(StackByte kind) const {
        for (const StackByte byte : bytes)
            if (byte == kind) return true;
        return false;
    }
    friend bool operator==(const StackSlot&, const StackSlot&) = default;
};

constexpr uint32_t kStackSlots = kStackBytes / 8;
constexpr uint8_t kFramePointer = 10;

struct Frame {
    std::array<Reg, kRegisterCount> regs;
    std::vector<StackSlot>
        stack;  ///< slot i holds the bytes from r10 - 8 * (i + 1); grows on the first write
    uint32_t subprogram = 0;
    uint32_t call_slot = 0;  ///< where the caller called; unused in the first frame
};

struct State {
    std::vector<Frame> frames;

    Frame& top() { return frames.back(); }
    const Frame& top() const { return frames.back(); }

    /// Calls `visit(Reg&)` for every register and every spilled one.
    template <typename Visit>
    void for_each_reg(Visit visit) {
        for (Frame& frame : frames) {
            for (Reg& reg : frame.regs) visit(reg);
            for (StackSlot& slot : frame.stack)
                if (slot.spill.kind != RegKind::Uninit) visit(slot.spill);
        }
    }

    uint64_t memory_bytes() const;
};

/// A frame at its first instruction: r10 set, nothing else.
Frame make_frame(uint32_t subprogram, uint8_t index);

/// Removes what the packet's new bounds make void: packet pointers, in registers and on the stack.
void forget_packet(State& state);

/// One line of what the registers of the innermost frame hold: "r0=7 r1=ctx
/// r2=pkt(id=1,off=14,range=34) …".
std::string describe_registers(const State& state);
std::string describe_reg(const Reg& reg);
/// "a number", "a packet pointer", …
std::string_view kind_words(RegKind kind);

}  // namespace weir::vm::verifier
