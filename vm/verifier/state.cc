#include "vm/verifier/state.h"

#include <algorithm>

#include "vm/base/check.h"

namespace weir::vm::verifier {

uint64_t State::memory_bytes() const {
    uint64_t bytes = sizeof(State) + references.capacity() * sizeof(Reference);
    for (const Frame& frame : frames)
        bytes += sizeof(Frame) + frame.stack.size() * sizeof(StackSlot);
    return bytes;
}

int64_t range_from(const Reg& pointer, int64_t moved) {
    return pointer.range == 0 ? 0 : std::max<int64_t>(int64_t{pointer.range} - moved, 0);
}

Frame make_frame(uint32_t subprogram, uint8_t index) {
    Frame frame;
    frame.subprogram = subprogram;
    frame.regs[kFramePointer] = Reg::pointer(RegKind::Stack);
    frame.regs[kFramePointer].frame = index;
    return frame;
}

namespace {

/// `left` is what says why it is gone.
template <typename IsVoid>
void forget_where(State& state, const Reg& left, IsVoid is_void) {
    for (Frame& frame : state.frames) {
        for (Reg& reg : frame.regs)
            if (is_void(reg)) reg = left;
        for (StackSlot& slot : frame.stack)
            if (is_void(slot.spill)) slot = {{}, left};
    }
}

}  // namespace

void forget_packet(State& state) {
    forget_where(state, Reg{}, [](const Reg& reg) {
        return reg.kind == RegKind::PacketLow || (reg.kind == RegKind::Memory && reg.of_packet);
    });
    state.for_each_reg([](Reg& reg) {
        reg.has_length = false;
        if (reg.is_packet() || reg.kind == RegKind::PacketEnd)
            reg = Reg::pointer(RegKind::PacketStale);
    });
}

void forget_lent(State& state, uint8_t frame, int64_t low, int64_t end) {
    if (!state.lends) return;
    Reg overwritten;
    overwritten.length_off = -1;
    forget_where(state, overwritten, [&](const Reg& reg) {
        return reg.kind == RegKind::Memory && reg.length_off != 0 && reg.frame == frame &&
               reg.length_off < end && low < int64_t{reg.length_off} + reg.range;
    });
}

void leave_frame(State& state) {
    const auto index = static_cast<uint8_t>(state.frames.size() - 1);
    state.frames.pop_back();
    forget_lent(state, index, -int64_t{kStackBytes}, 0);
}

void forget_owned(State& state, uint32_t ref) {
    Reg given_back;
    given_back.ref = ref;
    forget_where(state, given_back,
                 [ref](const Reg& reg) { return reg.is_pointer() && reg.ref == ref; });
}

const MapSpec& map_of(const ProgramSpec& program, const Reg& reg) {
    const MapSpec& map = program.maps[reg.map];
    if (!reg.inner) return map;
    WEIR_CHECK(map.inner != nullptr);
    return *map.inner;
}

bool names_lookup(const ProgramSpec& program, const Reg& reg) {
    if (reg.kind != RegKind::MapValue) return false;
    const MapSpec& map = map_of(program, reg);
    return map.spin_lock_offset != kNoOffset || map.timer_offset != kNoOffset;
}

}  // namespace weir::vm::verifier
