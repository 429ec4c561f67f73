#include "tests/support/state_contains.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "vm/interp/code_address.h"

namespace weir::tests {
namespace {

using vm::verifier::Frame;
using vm::verifier::PastEnd;
using vm::verifier::Reg;
using vm::verifier::RegKind;
using vm::verifier::Scalar;
using vm::verifier::StackByte;
using vm::verifier::StackSlot;
using vm::verifier::State;

/// What is known by the name of an id: of numbers, of packet pointers' bases, of nullness.
class Links {
public:
    bool agree(uint32_t id, uint64_t value) {
        for (const auto& [known, number] : pairs_)
            if (known == id) return number == value;
        pairs_.emplace_back(id, value);
        return true;
    }
    std::optional<uint64_t> find(uint32_t id) const {
        for (const auto& [known, number] : pairs_)
            if (known == id) return number;
        return std::nullopt;
    }

private:
    std::vector<std::pair<uint32_t, uint64_t>> pairs_;
};

uint64_t wide(int32_t number) {
    return static_cast<uint64_t>(int64_t{number});
}

class Containment {
public:
    explicit Containment(const Moment& moment) : moment_(moment) {}

    /// What the state does not hold, or "".
    std::string check(const State& state) {
        state_ = &state;
        for (uint32_t depth = 0; depth < state.frames.size(); ++depth)
            if (std::string what = check_frame(state.frames[depth], depth); !what.empty())
                return fmt::format("frame {}: {}", depth, what);
        return check_relations();
    }

private:
    /// A number, or the variable part of a pointer, beside what it was made of.
    struct Related {
        Reg reg;
        uint64_t value;
    };

    std::string check_relations() const;
    std::string check_frame(const Frame& frame, uint32_t depth);
    std::string check_slot(const Frame& frame, uint32_t depth, uint32_t slot);
    std::string check_partial(const Reg& spill, uint64_t word, uint64_t bytes) const;
    std::string check_reg(const Reg& reg, uint64_t value, bool vital);
    std::string check_number(const Reg& reg, uint64_t value, bool vital);
    std::string check_pointer(const Reg& reg, uint64_t value, bool vital);
    std::string check_packet(const Reg& reg, uint64_t value, bool vital);
    bool in_region(const Reg& reg, uint64_t value, bool vital) const;
    bool is_region_of(const Reg& reg, const vm::Region& region) const;
    bool in_memory(const Reg& reg, uint64_t value, bool vital) const;
    bool is_map(const Reg& reg, uint64_t value) const;
    bool is_lent(uint32_t depth, int64_t offset) const;
    bool moves_to(const Reg& reg, uint64_t base, uint64_t value, bool vital) const {
        return !vital || reg.value.contains(value - base - wide(reg.off));
    }

    const Moment& moment_;
    const State* state_ = nullptr;  ///< while it is checked
    Links numbers_, lookups_, places_;
    std::vector<Related> halves_, lengths_;
};

std::string differs(const Reg& reg, uint64_t value) {
    return fmt::format("{} ({:#x}) is not {}", static_cast<int64_t>(value), value,
                       describe_reg(reg));
}

std::string Containment::check_number(const Reg& reg, uint64_t value, bool vital) {
    if (!vital) return {};
    if (!reg.value.contains(value)) return differs(reg, value);
    if (reg.id != 0 && !numbers_.agree(reg.id, value - wide(reg.off)))
        return fmt::format("{} {:+} differs from its copy (id {})", value, -int64_t{reg.off},
                           reg.id);
    if (reg.low_id != 0) halves_.push_back({reg, value});
    if (reg.has_length) lengths_.push_back({reg, value});
    return {};
}

/// Of numbers that are at hand.
std::string Containment::check_relations() const {
    for (const auto& [reg, value] : halves_) {
        const std::optional<uint64_t> whole = numbers_.find(reg.low_id);
        if (!whole) continue;
        const uint64_t part = *whole + wide(reg.low_off);
        if (value != (reg.is_scalar() ? part << 32 : part))
            return fmt::format("{:#x} was not made of {:#x} (id {})", value, part, reg.low_id);
    }
    const TraceStep& step = moment_.step();
    for (const auto& [reg, value] : lengths_) {
        const std::optional<uint64_t> base =
            reg.length_id == 0 ? std::optional(step.data) : places_.find(reg.length_id);
        if (base && value != step.data_end - (*base + wide(reg.length_off)))
            return fmt::format("{} is not the length from {:+} on", value,
                               static_cast<int64_t>(*base - step.data) + reg.length_off);
    }
    return {};
}

std::string Containment::check_packet(const Reg& reg, uint64_t value, bool vital) {
    const TraceStep& step = moment_.step();
    const bool is_meta = reg.kind == RegKind::PacketMeta;
    const uint64_t start = is_meta ? step.data_meta : step.data;
    const uint64_t end = is_meta ? step.data : step.data_end;
    if (!moves_to(reg, start, value, vital))
        return fmt::format("{:+} is not {}", static_cast<int64_t>(value - start),
                           describe_reg(reg));
    if (!vital) return {};
    const uint64_t base = value - wide(reg.off);
    // Of a base before the packet this says nothing of single bytes.
    if (reg.range > 0 && static_cast<int64_t>(base + reg.range - end) > 0)
        return fmt::format("{} bytes at {:+} go past the end {}", reg.range,
                           static_cast<int64_t>(base - start), end - start);
    if (reg.past_end != PastEnd::Unknown && value < end + (reg.past_end == PastEnd::Beyond ? 1 : 0))
        return fmt::format("{:+} lies not past the end {}", static_cast<int64_t>(value - start),
                           end - start);
    if (reg.id != 0 && !places_.agree(reg.id, base))
        return fmt::format("the variable part differs from its copy's (id {})", reg.id);
    if (reg.low_id != 0) halves_.push_back({reg, base - start});
    return {};
}

/// Somewhere in what helpers gave.
bool Containment::in_region(const Reg& reg, uint64_t value, bool vital) const {
    for (const auto& [place, region] : moment_.trace.regions)
        if (is_region_of(reg, region) && moves_to(reg, region.base, value, vital)) return true;
    return false;
}

bool Containment::is_region_of(const Reg& reg, const vm::Region& region) const {
    if (region.kind !=
        (reg.kind == RegKind::MapKey ? vm::RegionKind::MapKey : vm::RegionKind::MapValue))
        return false;
    const vm::Map* const map = moment_.setup.maps[reg.map];
    return reg.inner ? region.map->spec().same_definition(*map->spec().inner) : region.map == map;
}

/// A record, a slice of anything, the number in an iterator: as many bytes as the state says. Where
/// slices overlap, what helpers gave is one piece.
bool Containment::in_memory(const Reg& reg, uint64_t value, bool vital) const {
    if (!vital || !reg.value.is_constant()) return true;  // each access is checked as it is done
    const uint64_t base = value - wide(reg.off) - reg.value.full.umin;
    const TraceStep& step = moment_.step();
    const uint64_t stack = moment_.trace.frame_pointer(static_cast<uint32_t>(moment_.chain.size()));
    const auto within = [&](uint64_t low, uint64_t high) {
        return base >= low && base <= high && reg.range <= high - base;
    };
    return within(stack, moment_.trace.frame_top) || within(step.data, step.data_end) ||
           std::ranges::any_of(moment_.trace.regions, [&](const auto& each) {
               return each.second.covers(base, reg.range);
           });
}

bool Containment::is_map(const Reg& reg, uint64_t value) const {
    vm::Map* const map = moment_.setup.maps[reg.map];
    if (!reg.inner) return value == reinterpret_cast<uint64_t>(map);
    return value != 0;  // whether it is a map cannot be asked of a number that may be none
}

std::string Containment::check_pointer(const Reg& reg, uint64_t value, bool vital) {
    const auto fits = [&](bool does) { return does ? std::string() : differs(reg, value); };
    const TraceStep& step = moment_.step();
    switch (reg.kind) {
        case RegKind::Context: return fits(moves_to(reg, moment_.setup.context, value, vital));
        case RegKind::Stack:
            return fits(moves_to(reg, moment_.trace.frame_pointer(reg.frame), value, vital));
        case RegKind::Packet:
        case RegKind::PacketMeta: return check_packet(reg, value, vital);
        case RegKind::PacketEnd: return fits(value == step.data_end);
        case RegKind::PacketLow: return fits(value <= UINT32_MAX);
        case RegKind::Map: return fits(is_map(reg, value));
        case RegKind::MapValue:
        case RegKind::MapKey: return fits(in_region(reg, value, vital));
        case RegKind::Memory: return fits(in_memory(reg, value, vital));
        case RegKind::Function:
            return fits(value == vm::code_address(static_cast<uint64_t>(reg.off)));
        case RegKind::Socket:
        case RegKind::Connection:
        case RegKind::DynptrPointer: return fits(value != 0);
        case RegKind::PacketStale: return {};
        case RegKind::Uninit:
        case RegKind::Number:
        case RegKind::Dynptr:
        case RegKind::Iterator: break;
    }
    return "cannot be in a register";
}

std::string Containment::check_reg(const Reg& reg, uint64_t value, bool vital) {
    if (reg.kind == RegKind::Uninit) return "is read later, but holds nothing in the state";
    if (reg.kind == RegKind::Number) return check_number(reg, value, vital);
    if (reg.or_null) {
        if (reg.id != 0 && !lookups_.agree(reg.id, value == 0)) return "null differs from its copy";
        if (value == 0) return {};
    }
    return check_pointer(reg, value, vital);
}

/// Of a number of which not all bytes are there, or not all are read.
std::string Containment::check_partial(const Reg& spill, uint64_t word, uint64_t bytes) const {
    if (!spill.is_scalar()) return "part of a pointer is read";
    const vm::verifier::Tnum& bits = spill.value.full.bits;
    if (((word ^ bits.value) & ~bits.mask & bytes) == 0) return {};
    return fmt::format("{:#x} in bytes {:#x} is not {}", word, bytes, describe_reg(spill));
}

/// A slice may be these bytes of the stack: what wrote them is the call that gave it.
bool Containment::is_lent(uint32_t depth, int64_t offset) const {
    const auto covers = [&](const Reg& reg) {
        return reg.kind == RegKind::Memory && reg.length_off != 0 && reg.frame == depth &&
               offset >= reg.length_off && offset < int64_t{reg.length_off} + reg.range;
    };
    return std::ranges::any_of(state_->frames, [&](const Frame& frame) {
        return std::ranges::any_of(frame.regs, covers) ||
               std::ranges::any_of(frame.stack, covers, &StackSlot::spill);
    });
}

std::string Containment::check_slot(const Frame& frame, uint32_t depth, uint32_t slot) {
    const FrameNeeds& needs = moment_.place.needs[depth];
    const uint32_t first = kStackBytes - 8 * (slot + 1);
    uint64_t word, live = 0, spilled = 0, vital = 0;
    std::memcpy(&word, moment_.place.stack.data() + depth * size_t{kStackBytes} + first, 8);
    const StackSlot known = slot < frame.stack.size() ? frame.stack[slot] : StackSlot{};
    for (uint32_t i = 0; i < 8; ++i) {
        const uint64_t byte = uint64_t{0xff} << (8 * i);
        if (!needs.live_bytes.test(first + i)) continue;
        if (known.bytes[i] == StackByte::Unwritten) {
            if (is_lent(depth, static_cast<int64_t>(first + i) - kStackBytes)) continue;
            return "is read later, but nothing wrote it";
        }
        live |= byte;
        if (known.bytes[i] == StackByte::Spill) spilled |= byte;
        if (needs.vital_bytes.test(first + i)) vital |= byte;
    }
    if (spilled == 0 || known.holds_object()) return {};
    if (spilled == ~uint64_t{0}) return check_reg(known.spill, word, vital != 0);
    return check_partial(known.spill, word, known.holds_pointer() ? spilled : spilled & vital);
}

std::string Containment::check_frame(const Frame& frame, uint32_t depth) {
    const FrameNeeds& needs = moment_.place.needs[depth];
    const TraceStep& step = moment_.registers_of(depth);
    for (uint8_t reg = 0; reg < vm::verifier::kFramePointer; ++reg) {
        if ((needs.live >> reg & 1) == 0) continue;
        std::string what =
            check_reg(frame.regs[reg], step.registers[reg], (needs.vital >> reg & 1) != 0);
        if (!what.empty()) return fmt::format("r{}: {}", reg, what);
    }
    if (needs.live_bytes.none()) return {};
    for (uint32_t slot = 0; slot < kStackBytes / 8; ++slot)
        if (std::string what = check_slot(frame, depth, slot); !what.empty())
            return fmt::format("stack at {}: {}", -8 * static_cast<int>(slot + 1), what);
    return {};
}

}  // namespace

bool same_chain(const State& state, const Moment& moment) {
    if (state.frames.size() != moment.chain.size()) return false;
    for (size_t i = 0; i < state.frames.size(); ++i) {
        const TraceFrame& frame = moment.trace.frames[moment.chain[i]];
        const Frame& known = state.frames[i];
        if (moment.setup.program.subprograms[known.subprogram].insn != frame.entry) return false;
        if (i > 0 && known.call_slot != moment.trace.steps[frame.call_step].insn) return false;
    }
    return true;
}

std::string missed(const State& state, const Moment& moment) {
    return Containment(moment).check(state);
}

}  // namespace weir::tests
