// What registers, stack and references are after a call.

#include <algorithm>

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

constexpr size_t kReferencesMax = 64;  ///< at once

void set_lock(Step& step, const Call& call) {
    HeldLock& lock = step.state().lock;
    if (call.is(HelperId::spin_lock))
        lock = {true, call.guarded.map, call.guarded.id, step.pc};
    else if (call.is(HelperId::spin_unlock))
        lock = {};
}

/// Gives it back: every copy, slice and clone of it is void.
void give_back(Step& step, const Reg& released) {
    State& state = step.state();
    std::erase_if(state.references, [&](const Reference& held) { return held.id == released.ref; });
    forget_owned(state, released.ref);
}

Checked take(Step& step, Reference::Kind kind, uint32_t id) {
    if (step.state().references.size() >= kReferencesMax)
        return fault("reference", fmt::format("more than {} references at once", kReferencesMax));
    step.state().references.push_back({kind, id, step.pc});
    return {};
}

Reg new_dynptr(Step& step, const Call& call) {
    Reg object = Reg::pointer(RegKind::Dynptr);
    if (call.is(KfuncId::bpf_dynptr_clone)) {
        object = call.object;
        object.off = 0;
        return object;
    }
    object.ref = step.env.fresh_id();
    object.is_held = call.is(HelperId::ringbuf_reserve_dynptr);
    object.of_packet =
        call.is(KfuncId::bpf_dynptr_from_xdp) || call.is(KfuncId::bpf_dynptr_from_skb);
    object.writable = !call.is(KfuncId::bpf_dynptr_from_skb);
    return object;
}

/// Rounds of an iterator are bounded by its limits.
Reg new_iterator(Step& step) {
    Reg object = Reg::pointer(RegKind::Iterator);
    object.ref = step.env.fresh_id();
    const Reg &start = step.reg(2), &end = step.reg(3);
    const int64_t most = int64_t{end.value.half_smax} - start.value.half_smin;
    Range<64> rounds;
    rounds.limit_unsigned(0, most <= 0 ? 0 : static_cast<uint64_t>(most));
    object.value = Scalar::from_full(rounds);
    object.progress = {object.ref, 0, 0};
    step.rely_on(start);
    step.rely_on(end);
    return object;
}

/// Objects that the call makes on the stack.
Checked make_objects(Step& step, const Call& call) {
    for (uint8_t index = 1; index <= 5; ++index) {
        const ArgKind kind = call.helper.args[index - 1u];
        if (kind != ArgKind::DynptrOut && kind != ArgKind::IteratorOut) continue;
        const bool is_dynptr = kind == ArgKind::DynptrOut;
        const uint32_t slots = is_dynptr ? kDynptrSlots : kIteratorSlots;
        const Reg object = is_dynptr ? new_dynptr(step, call) : new_iterator(step);
        const auto place = object_place(step, step.reg(index), slots);
        if (!place) return fault("dynptr", place.error());
        put_object(step, *place, slots, object);
        if (is_dynptr && (!object.is_held || call.is(KfuncId::bpf_dynptr_clone))) continue;
        const auto taken = is_dynptr ? Reference::Kind::RecordDynptr : Reference::Kind::Iterator;
        if (const Checked held = take(step, taken, object.ref); !held) return held;
    }
    return {};
}

Reg lookup_result(Step& step, const Call& call) {
    const MapSpec& map = map_of(step.env.program, call.map);
    Reg value = Reg::pointer(is_map_in_map(map.type) ? RegKind::Map : RegKind::MapValue);
    value.map = call.map.map;
    value.inner = is_map_in_map(map.type) || call.map.inner;
    value.or_null = !call.constant_key || *call.constant_key >= map.entries_max;
    if (value.or_null || names_lookup(step.env.program, value)) value.id = step.env.fresh_id();
    return value;
}

Reg owned(Step& step, RegKind kind, uint32_t bytes, uint32_t ref) {
    Reg reg = Reg::pointer(kind);
    reg.or_null = true;
    reg.range = bytes;
    reg.ref = ref;
    reg.id = step.env.fresh_id();
    return reg;
}

Reg slice_result(Step& step, const Call& call) {
    Reg slice = owned(step, RegKind::Memory, call.result_bytes, call.object.ref);
    slice.writable = call.object.writable && !call.is(KfuncId::bpf_dynptr_slice);
    slice.of_packet = call.object.of_packet;
    if (call.buffer.kind == RegKind::Stack) {
        slice.frame = call.buffer.frame;
        slice.length_off = static_cast<int32_t>(call.buffer.off + call.buffer.value.full.smin);
        step.state().lends = true;
    }
    return slice;
}

std::expected<Reg, Fault> held_result(Step& step, const Call& call, RegKind kind,
                                      Reference::Kind held) {
    const uint32_t ref = step.env.fresh_id();
    if (const Checked taken = take(step, held, ref); !taken) return std::unexpected(taken.error());
    Reg reg = owned(step, kind, call.result_bytes, ref);
    reg.writable = kind == RegKind::Memory;
    return reg;
}

std::expected<Reg, Fault> result_of(Step& step, const Call& call) {
    switch (call.helper.returns) {
        case ReturnKind::Scalar:
        case ReturnKind::NumberOrNull: return Reg::scalar(Scalar::below_bits(64));
        case ReturnKind::MapValueOrNull: return lookup_result(step, call);
        case ReturnKind::SliceOrNull: return slice_result(step, call);
        case ReturnKind::RecordOrNull:
            return held_result(step, call, RegKind::Memory, Reference::Kind::Record);
        case ReturnKind::SocketOrNull:
            return held_result(step, call, RegKind::Socket, Reference::Kind::Socket);
        case ReturnKind::ConnectionOrNull:
            return held_result(step, call, RegKind::Connection, Reference::Kind::Connection);
    }
    return Reg{};
}

/// The iterator gives a number and goes on, or null for good.
Walked next_number(Step& step, const Call& call, const Reg& iterator) {
    Onward onward{Onward::Where::Next, OtherWay{step.state(), step.pc + 1, false}};
    onward.other->state.top().regs[0] = Reg::scalar(Scalar::constant(0));
    Reg number = owned(step, RegKind::Memory, 4, call.object.ref);
    number.or_null = false;
    number.id = 0;
    step.reg(0) = number;
    if (const auto place = object_place(step, iterator, kIteratorSlots))
        object_slot(step, *place).spill.progress.move(1, 1);
    return onward;
}

/// The called program runs in this frame's place; what it returns goes to this frame's caller.
Walked after_tail_call(Step& step) {
    step.reg(0) = Reg{};  // a tail call that fails gives nothing
    Onward onward{Onward::Where::Next};
    if (step.state().frames.size() == 1) return onward;
    onward.other = OtherWay{step.state(), step.frame().call_slot + 1, false};
    State& returned = onward.other->state;
    leave_frame(returned);
    returned.top().regs[0] = Reg::scalar(Scalar::below_bits(64));
    forget_packet(returned);
    return onward;
}

}  // namespace

void move_packet(Step& step) {
    forget_packet(step.state());
    step.env.walked.changes_packet = true;
}

Walked set_results(Step& step, const Call& call) {
    const Reg first = step.reg(1);
    if (call.is(HelperId::timer_set_callback))
        step.env.note_root({call.function, Caller::Timer, call.guarded.map});
    if (const Checked made = make_objects(step, call); !made) return std::unexpected(made.error());
    set_lock(step, call);
    if (call.released.kind != RegKind::Uninit) give_back(step, call.released);
    if (call.helper.changes_packet()) move_packet(step);
    const auto result = result_of(step, call);
    if (!result) return std::unexpected(result.error());
    for (uint8_t i = 1; i <= 5; ++i) step.reg(i) = Reg{};
    step.reg(0) = *result;
    if (call.helper.returns == ReturnKind::NumberOrNull) return next_number(step, call, first);
    if (call.is(HelperId::tail_call)) return after_tail_call(step);
    return Onward{};
}

}  // namespace weir::vm::verifier
