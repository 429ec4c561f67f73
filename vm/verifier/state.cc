#include "vm/verifier/state.h"

#include "vm/base/check.h"

namespace weir::vm::verifier {

uint64_t State::memory_bytes() const {
    uint64_t bytes = sizeof(State) + references.capacity() * sizeof(Reference);
    for (const Frame& frame : frames)
        bytes += sizeof(Frame) + frame.stack.size() * sizeof(StackSlot);
    return bytes;
}

Frame make_frame(uint32_t subprogram, uint8_t index) {
    Frame frame;
    frame.subprogram = subprogram;
    frame.regs[kFramePointer] = Reg::pointer(RegKind::Stack);
    frame.regs[kFramePointer].frame = index;
    return frame;
}

namespace {

template <typename IsVoid>
void forget_where(State& state, IsVoid is_void) {
    for (Frame& frame : state.frames) {
        for (Reg& reg : frame.regs)
            if (is_void(reg)) reg = Reg{};
        for (StackSlot& slot : frame.stack)
            if (is_void(slot.spill)) slot = StackSlot{};
    }
}

}  // namespace

void forget_packet(State& state) {
    forget_where(state, [](const Reg& reg) {
        return reg.kind == RegKind::PacketLow || (reg.kind == RegKind::Memory && reg.of_packet);
    });
    state.for_each_reg([](Reg& reg) {
        reg.has_length = false;
        if (reg.is_packet() || reg.kind == RegKind::PacketEnd)
            reg = Reg::pointer(RegKind::PacketStale);
    });
}

void forget_owned(State& state, uint32_t ref) {
    const auto is_void = [ref](const Reg& reg) { return reg.is_pointer() && reg.ref == ref; };
    Reg given_back;
    given_back.ref = ref;
    for (Frame& frame : state.frames) {
        for (Reg& reg : frame.regs)
            if (is_void(reg)) reg = given_back;
        for (StackSlot& slot : frame.stack)
            if (is_void(slot.spill)) slot = {{}, given_back};
    }
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
