#include "vm/verifier/state.h"

#include <fmt/format.h>

namespace weir::vm::verifier {

uint64_t State::memory_bytes() const {
    uint64_t bytes = sizeof(State);
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

void forget_packet(State& state) {
    const auto is_void = [](const Reg& reg) {
        return reg.is_packet() || reg.kind == RegKind::PacketEnd || reg.kind == RegKind::PacketLow;
    };
    for (Frame& frame : state.frames) {
        for (Reg& reg : frame.regs)
            if (is_void(reg)) reg = Reg{};
        for (StackSlot& slot : frame.stack)
            if (is_void(slot.spill)) slot = StackSlot{};
    }
}

std::string_view kind_words(RegKind kind) {
    switch (kind) {
        case RegKind::Uninit: return "nothing (never written)";
        case RegKind::Number: return "a number";
        case RegKind::Context: return "the context pointer";
        case RegKind::Stack: return "a stack pointer";
        case RegKind::Packet: return "a packet pointer";
        case RegKind::PacketMeta: return "a packet metadata pointer";
        case RegKind::PacketEnd: return "the packet end pointer";
        case RegKind::PacketLow: return "the lower half of a packet pointer";
        case RegKind::Map: return "a map";
        case RegKind::MapValue: return "a map value pointer";
        case RegKind::MapValueOrNull: return "a map value pointer or null";
    }
    return "nothing";
}

namespace {

std::string describe_number(const Scalar& value) {
    if (value.is_constant()) return fmt::format("{}", value.full.smin);
    if (value.full.smin >= 0) return fmt::format("[{},{}]", value.full.umin, value.full.umax);
    if (value.full.smin == INT64_MIN && value.full.smax == INT64_MAX) return "?";
    return fmt::format("[{},{}]", value.full.smin, value.full.smax);
}

/// "+4" or "+4+[0,60]"
std::string describe_offset(const Reg& reg) {
    std::string text = reg.off == 0 ? "" : fmt::format("{:+}", reg.off);
    if (!reg.value.is_constant(0)) text += "+" + describe_number(reg.value);
    return text;
}

}  // namespace

std::string describe_reg(const Reg& reg) {
    switch (reg.kind) {
        case RegKind::Uninit: return "-";
        case RegKind::Number: return describe_number(reg.value);
        case RegKind::Context: return "ctx";
        case RegKind::Stack: return fmt::format("fp{}{}", reg.frame, describe_offset(reg));
        case RegKind::Packet:
            return fmt::format("pkt{}(range={})", describe_offset(reg), reg.range);
        case RegKind::PacketMeta:
            return fmt::format("pkt_meta{}(range={})", describe_offset(reg), reg.range);
        case RegKind::PacketEnd: return "pkt_end";
        case RegKind::PacketLow: return "pkt_low";
        case RegKind::Map: return fmt::format("map[{}]", reg.map);
        case RegKind::MapValue:
            return fmt::format("map_value[{}]{}", reg.map, describe_offset(reg));
        case RegKind::MapValueOrNull:
            return fmt::format("map_value_or_null[{}]{}", reg.map, describe_offset(reg));
    }
    return "-";
}

std::string describe_registers(const State& state) {
    std::string text;
    const Frame& frame = state.top();
    for (size_t i = 0; i < kFramePointer; ++i)
        if (frame.regs[i].kind != RegKind::Uninit)
            text +=
                fmt::format("{}r{}={}", text.empty() ? "" : " ", i, describe_reg(frame.regs[i]));
    return text;
}

}  // namespace weir::vm::verifier
