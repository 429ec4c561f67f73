#pragma once
// What is known at one point of one path: registers and stack of every frame of the call chain, and
// what the program holds.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/limits.h"
#include "vm/isa/insn.h"
#include "vm/program/spec.h"
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
    PacketLow,    ///< the lower half of one of the three: only a difference makes a number of it
    PacketStale,  ///< one of before the packet moved: good for comparisons only
    Map,
    MapValue,
    MapKey,         ///< the key that a callback is given
    Memory,         ///< a ring buffer's record, a slice of a dynptr, an iterator's number
    Socket,         ///< struct bpf_sock, to be released
    Connection,     ///< struct nf_conn, to be released
    Function,       ///< address of a subprogram, for callbacks
    DynptrPointer,  ///< to the dynptr that a callback is given, which is not the program's memory
    Dynptr,         ///< in StackSlot::spill only: half of a struct bpf_dynptr
    Iterator,       ///< in StackSlot::spill only: a struct bpf_iter_num
};

/// What a comparison said of a packet pointer that does not lie below the packet's end.
enum class PastEnd : uint8_t { Unknown, AtLeast, Beyond };

/// How far a value has moved since the head of a loop gave it a name; 0: it has none. Exact: no
/// wrap-around but that of 64 bits.
struct Progress {
    uint32_t origin = 0;
    int32_t least = 0, most = 0;

    void move(int64_t low, int64_t high) {
        constexpr int64_t kFar = 1 << 30;
        if (origin == 0) return;
        if (low < -kFar || high > kFar || least + low < -kFar || most + high > kFar) {
            *this = {};
            return;
        }
        least = static_cast<int32_t>(least + low);
        most = static_cast<int32_t>(most + high);
    }
    friend bool operator==(const Progress&, const Progress&) = default;
};

/// A register or a spilled one. A pointer's address is base + off + value, where the base is what
/// `kind` says (for Stack: the frame's top) and `value` is the part that is not constant.
struct Reg {
    RegKind kind = RegKind::Uninit;
    uint8_t frame = 0;                    ///< Stack: whose
    PastEnd past_end = PastEnd::Unknown;  ///< packet kinds: of exactly this pointer
    bool or_null = false;                 ///< results of calls that may fail, until compared with 0
    bool writable = false;                ///< Memory
    bool of_packet = false;               ///< Memory: a slice of the packet. Dynptr: the packet's
    bool inner = false;       ///< Map, MapValue, MapKey: of a map that was looked up in map `map`
    bool is_held = false;     ///< Dynptr: of a record that must be given back
    bool is_end = false;      ///< PacketLow: of the packet's end
    bool has_length = false;  ///< Number: see length_id. PacketLow: of the packet, so that a
                              ///< difference is a length
    uint16_t map = 0;         ///< Map, MapValue, MapKey: index into the spec's maps
    /// Registers with one id (not 0): numbers differ by their `off`s only; packet kinds share
    /// `value` (0: no variable part); what may be null came from the same call; Map, MapValue of a
    /// map with a lock: from the same look-up.
    uint32_t id = 0;
    /// Constant part of a pointer; of a number its distance from the others of its id. Function:
    /// its first slot. Dynptr: 0 and 1 for its halves.
    int32_t off = 0;
    uint32_t range = 0;  ///< packet kinds: bytes proven to exist from base + value on. Memory: size
    /// Memory, Socket, Connection, Dynptr, DynptrPointer, Iterator: what it lives as long as.
    /// Uninit: what it held was given back.
    uint32_t ref = 0;
    /// Number: it is data_end minus (the packet pointer of this id, at this offset).
    uint32_t length_id = 0;
    /// Memory: not 0: a slice that may be the stack's bytes from here on, relative to r10 of
    /// `frame`. Uninit: not 0: it was such a slice, and these bytes were written or have ended.
    int32_t length_off = 0;
    /// Number: the lower half of the number of this id, at this distance, shifted up by 32 bits:
    /// compilers without 32-bit registers take halves so. Pointer: `value` is that number itself.
    uint32_t low_id = 0;
    int32_t low_off = 0;
    uint32_t node = 0;  ///< Number: in Dependencies
    Progress progress;
    Scalar value = Scalar::constant(0);

    bool is_scalar() const { return kind == RegKind::Number; }
    bool is_pointer() const { return kind != RegKind::Number && kind != RegKind::Uninit; }
    bool is_packet() const { return kind == RegKind::Packet || kind == RegKind::PacketMeta; }
    bool is_object() const { return kind == RegKind::Dynptr || kind == RegKind::Iterator; }
    bool is_constant(uint64_t number) const { return is_scalar() && value.is_constant(number); }

    /// Is no longer known to be another number's neighbour.
    void unlink() {
        id = low_id = 0;
        off = low_off = 0;
    }

    static Reg scalar(const Scalar& number, uint32_t node = 0) {
        Reg reg;
        reg.kind = RegKind::Number;
        reg.value = number;
        reg.node = node;
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
    Misc,    ///< some byte of a number
    Spill,   ///< the byte of StackSlot::spill at the same place
    Object,  ///< of a dynptr or iterator, which StackSlot::spill describes
};

/// Eight bytes of stack. A spilled pointer and an object always have all of them; of a number any
/// byte may have been overwritten.
struct StackSlot {
    std::array<StackByte, 8> bytes{};
    Reg spill;

    bool holds_pointer() const { return spill.is_pointer() && !spill.is_object(); }
    bool holds_object() const { return spill.is_object(); }
    bool has(StackByte kind) const {
        for (const StackByte byte : bytes)
            if (byte == kind) return true;
        return false;
    }
    friend bool operator==(const StackSlot&, const StackSlot&) = default;
};

/// No packet is longer, fragments included.
constexpr int64_t kPacketBytesMax = 1 << 20;
/// No pointer is moved further, as in the kernel (BPF_MAX_VAR_OFF).
constexpr int64_t kPointerOffsetMax = 1 << 29;

constexpr uint32_t kStackSlots = kStackBytes / 8;
constexpr uint8_t kFramePointer = 10;

/// Who called a frame: an instruction, a helper once per round, or a timer.
/// Contract: whoever calls a global function, which is walked for all of them.
enum class Caller : uint8_t { Program, Loop, ForEach, Drain, Timer, Contract };

struct Frame {
    std::array<Reg, kRegisterCount> regs;
    std::vector<StackSlot>
        stack;  ///< slot i holds the bytes from r10 - 8 * (i + 1); grows on the first write
    uint32_t subprogram = 0;
    uint32_t call_slot = 0;  ///< where the caller called; unused in the first frame
    Caller caller = Caller::Program;
    uint32_t references = 0;  ///< that were held when a callback's frame began
    uint32_t sample = 0;      ///< Drain: what the sample's slices live as long as, this frame
    /// Not 0: this frame stands at a call whose callback runs any number of times; r1 to r5 are its
    /// arguments. The number names the call.
    uint32_t rounds = 0;
    Progress round;  ///< of that call
};

/// What must be given back on every path.
struct Reference {
    enum class Kind : uint8_t { Record, RecordDynptr, Iterator, Socket, Connection };
    Kind kind = Kind::Record;
    uint32_t id = 0;
    uint32_t insn = 0;  ///< that took it

    friend bool operator==(const Reference&, const Reference&) = default;
};

struct HeldLock {
    bool is_held = false;
    uint16_t map = 0;
    uint32_t id = 0;  ///< of the look-up; 0: global data
    uint32_t insn = 0;

    friend bool operator==(const HeldLock&, const HeldLock&) = default;
};

struct State {
    std::vector<Frame> frames;
    std::vector<Reference> references;
    HeldLock lock;
    Progress may_goto;   ///< jumps not taken: a run has a bounded number of them
    bool lends = false;  ///< some slice may be bytes of the stack

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

/// Bytes that are proven to exist from a packet pointer's base + variable part + `moved` on: 0,
/// where nothing is proven, stays 0.
int64_t range_from(const Reg& pointer, int64_t moved);

/// A frame at its first instruction: r10 set, nothing else.
Frame make_frame(uint32_t subprogram, uint8_t index);

/// Removes what the packet's new bounds make void: packet pointers and slices, in registers and on
/// the stack.
void forget_packet(State& state);
/// Removes what lived as long as this reference or dynptr.
void forget_owned(State& state, uint32_t ref);

/// These bytes of a frame's stack, relative to its r10, get other contents: slices that may be them
/// are void, as what is known of one would not be known of the other.
void forget_lent(State& state, uint8_t frame, int64_t low, int64_t end);
/// The innermost frame ends, and with it slices that may be its stack.
void leave_frame(State& state);

/// Definition of the map that a Map, MapValue or MapKey register refers to.
const MapSpec& map_of(const ProgramSpec& program, const Reg& reg);

/// A value's look-up is remembered where a lock or timer in it must be told from others.
bool names_lookup(const ProgramSpec& program, const Reg& reg);

/// One line of what the registers of the innermost frame hold: "r0=7 r1=ctx
/// r2=pkt(id=1,off=14,range=34) …".
std::string describe_registers(const State& state);
std::string describe_reg(const Reg& reg);
/// "a number", "a packet pointer", …
std::string_view kind_words(RegKind kind);
std::string_view kind_words(const Reg& reg);
/// Of a pointer that may be null: "the look-up in map flows, which may have given null".
std::string nullable_words(const ProgramSpec& program, const Reg& reg);
std::string_view reference_words(Reference::Kind kind);

}  // namespace weir::vm::verifier
