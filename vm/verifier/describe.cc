// States in words.

#include <fmt/format.h>

#include "vm/verifier/state.h"

namespace weir::vm::verifier {

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
        case RegKind::PacketStale: return "a packet pointer of before the packet changed";
        case RegKind::Map: return "a map";
        case RegKind::MapValue: return "a map value pointer";
        case RegKind::MapKey: return "a map key pointer";
        case RegKind::Memory: return "a pointer to memory of a helper";
        case RegKind::Socket: return "a socket";
        case RegKind::Connection: return "a connection";
        case RegKind::Function: return "the address of a function";
        case RegKind::DynptrPointer: return "the dynptr of a sample";
        case RegKind::Dynptr: return "a dynptr";
        case RegKind::Iterator: return "an iterator";
    }
    return "nothing";
}

std::string_view kind_words(const Reg& reg) {
    if (!reg.or_null) return kind_words(reg.kind);
    switch (reg.kind) {
        case RegKind::Map: return "a map or null";
        case RegKind::MapValue: return "a map value pointer or null";
        case RegKind::Memory: return "a pointer to memory of a helper or null";
        case RegKind::Socket: return "a socket or null";
        case RegKind::Connection: return "a connection or null";
        case RegKind::Uninit:
        case RegKind::Number:
        case RegKind::Context:
        case RegKind::Stack:
        case RegKind::Packet:
        case RegKind::PacketMeta:
        case RegKind::PacketEnd:
        case RegKind::PacketLow:
        case RegKind::PacketStale:
        case RegKind::MapKey:
        case RegKind::Function:
        case RegKind::DynptrPointer:
        case RegKind::Dynptr:
        case RegKind::Iterator: break;
    }
    return kind_words(reg.kind);
}

std::string nullable_words(const ProgramSpec& program, const Reg& reg) {
    if (reg.kind == RegKind::MapValue || reg.kind == RegKind::Map)
        return fmt::format("the look-up in map {}, which may have given null",
                           program.maps[reg.map].name);
    return fmt::format("{}, which may be null", kind_words(reg.kind));
}

std::string_view reference_words(Reference::Kind kind) {
    switch (kind) {
        case Reference::Kind::Record: return "record";
        case Reference::Kind::RecordDynptr: return "dynptr of a record";
        case Reference::Kind::Iterator: return "iterator";
        case Reference::Kind::Socket: return "socket";
        case Reference::Kind::Connection: return "connection";
    }
    return "reference";
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

std::string describe_map(std::string_view what, const Reg& reg) {
    return fmt::format("{}{}[{}{}]{}", what, reg.or_null ? "_or_null" : "", reg.map,
                       reg.inner ? ".inner" : "", describe_offset(reg));
}

std::string describe_owned(std::string_view what, const Reg& reg) {
    return fmt::format("{}{}({}){}", what, reg.or_null ? "_or_null" : "", reg.range,
                       describe_offset(reg));
}

}  // namespace

std::string describe_reg(const Reg& reg) {
    switch (reg.kind) {
        case RegKind::Uninit: return "-";
        case RegKind::Number: return describe_number(reg.value) + (reg.has_length ? "=length" : "");
        case RegKind::Context: return "ctx";
        case RegKind::Stack: return fmt::format("fp{}{}", reg.frame, describe_offset(reg));
        case RegKind::Packet:
            return fmt::format("pkt{}(range={})", describe_offset(reg), reg.range);
        case RegKind::PacketMeta:
            return fmt::format("pkt_meta{}(range={})", describe_offset(reg), reg.range);
        case RegKind::PacketEnd: return "pkt_end";
        case RegKind::PacketLow: return "pkt_low";
        case RegKind::PacketStale: return "pkt_stale";
        case RegKind::Map: return describe_map("map", reg);
        case RegKind::MapValue: return describe_map("map_value", reg);
        case RegKind::MapKey: return describe_map("map_key", reg);
        case RegKind::Memory: return describe_owned("mem", reg);
        case RegKind::Socket: return reg.or_null ? "sock_or_null" : "sock";
        case RegKind::Connection: return reg.or_null ? "nf_conn_or_null" : "nf_conn";
        case RegKind::Function: return fmt::format("func({})", reg.off);
        case RegKind::DynptrPointer: return "dynptr_ptr";
        case RegKind::Dynptr: return "dynptr";
        case RegKind::Iterator: return "iter_num";
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
