// Objects on the stack that only helpers may write: struct bpf_dynptr and struct bpf_iter_num.

#include <algorithm>

#include <fmt/format.h>

#include "vm/verifier/checks.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

uint32_t slots_of(const Reg& object) {
    return object.kind == RegKind::Dynptr ? kDynptrSlots : kIteratorSlots;
}

/// First slot of the object that this slot is part of.
uint32_t first_slot(const Reg& object, uint32_t slot) {
    return slot + static_cast<uint32_t>(object.off);
}

/// Must be given back, and cannot be once its place is lost.
bool is_held(const State& state, const Reg& object) {
    return std::ranges::any_of(
        state.references, [&](const Reference& reference) { return reference.id == object.ref; });
}

/// Another one keeps alive what this one does, which counts.
bool has_clone(const Step& step, const Reg& object) {
    const std::vector<Frame>& frames = step.state().frames;
    for (uint8_t i = 0; i < frames.size(); ++i)
        for (size_t slot = 0; slot < frames[i].stack.size(); ++slot) {
            const StackSlot& other = frames[i].stack[slot];
            if (!other.holds_object() || other.spill.ref != object.ref) continue;
            mark_read(step.path, i, uint64_t{1} << slot);
            return true;
        }
    return false;
}

}  // namespace

std::expected<ObjectPlace, std::string> object_place(Step& step, const Reg& pointer,
                                                     uint32_t slots) {
    if (pointer.kind != RegKind::Stack || !pointer.value.is_constant())
        return std::unexpected(
            fmt::format("is {}, expected the stack at a constant offset", kind_words(pointer)));
    const int64_t offset = pointer.off + pointer.value.full.smin;
    const int64_t bytes = int64_t{slots} * 8;
    if (offset % 8 != 0 || offset < -int64_t{kStackBytes} || offset + bytes > 0)
        return std::unexpected(
            fmt::format("is offset {} of the stack, where no {} aligned bytes are", offset, bytes));
    uint32_t& used = step.env.stack_bytes[step.state().frames[pointer.frame].subprogram];
    used = std::max(used, static_cast<uint32_t>(-offset));
    Frame& frame = step.state().frames[pointer.frame];
    const auto slot = static_cast<uint32_t>(-offset / 8 - 1);
    if (frame.stack.size() <= slot) frame.stack.resize(slot + 1);
    return ObjectPlace{pointer.frame, slot};
}

StackSlot& object_slot(Step& step, const ObjectPlace& place) {
    return step.state().frames[place.frame].stack[place.slot];
}

void put_object(Step& step, const ObjectPlace& place, uint32_t slots, const Reg& object) {
    uint64_t mask = 0;
    const int64_t end = -8 * (int64_t{place.slot} - slots + 1);
    forget_lent(step.state(), place.frame, end - 8 * int64_t{slots}, end);
    for (uint32_t part = 0; part < slots; ++part) {
        StackSlot& slot = step.state().frames[place.frame].stack[place.slot - part];
        slot.bytes.fill(StackByte::Object);
        slot.spill = object;
        slot.spill.off = static_cast<int32_t>(part);
        mask |= uint64_t{1} << (place.slot - part);
    }
    mark_written(step.path, place.frame, mask);
}

void remove_object(Step& step, const ObjectPlace& place) {
    std::vector<StackSlot>& stack = step.state().frames[place.frame].stack;
    const uint32_t slots = slots_of(stack[place.slot].spill);
    for (uint32_t part = 0; part < slots; ++part) stack[place.slot - part] = StackSlot{};
}

Checked end_object(Step& step, uint8_t frame, uint32_t slot) {
    const std::vector<StackSlot>& stack = step.state().frames[frame].stack;
    if (slot >= stack.size() || !stack[slot].holds_object()) return {};
    const Reg object = stack[slot].spill;
    if (object.kind == RegKind::Iterator || is_held(step.state(), object))
        return fault("reference-leak",
                     fmt::format("a write over {} on the stack, which must be given back first",
                                 kind_words(object.kind)));
    const uint32_t first = first_slot(object, slot);
    mark_read(step.path, frame, uint64_t{1} << first | uint64_t{1} << (first - 1));
    remove_object(step, {frame, first});
    const bool is_lent = std::ranges::any_of(step.state().frames, [&](const Frame& one) {
        return one.sample != 0 && one.sample == object.ref;
    });
    if (!is_lent && !has_clone(step, object)) forget_owned(step.state(), object.ref);
    return {};
}

Checked end_frame_objects(Step& step) {
    for (const StackSlot& slot : step.frame().stack)
        if (slot.holds_object() &&
            (slot.spill.kind == RegKind::Iterator || is_held(step.state(), slot.spill)))
            return fault("reference-leak",
                         fmt::format("the function ends with {} on its stack, which must be given "
                                     "back first",
                                     kind_words(slot.spill.kind)));
    return {};
}

}  // namespace weir::vm::verifier
