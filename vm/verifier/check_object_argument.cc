// Arguments that are more than memory: references, locks, timers, callbacks, dynptrs and iterators.

#include <algorithm>

#include <fmt/format.h>

#include "vm/verifier/check_argument.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

Checked check_callback(Step& step, Call& call, uint8_t index, const Reg& reg) {
    if (reg.kind != RegKind::Function)
        return bad_argument(
            call, index, fmt::format("is {}, expected a function of the program", kind_words(reg)),
            "callback");
    call.function = step.env.cfg.subprogram_of[static_cast<size_t>(reg.off)];
    return {};
}

Checked check_callback_context(Step& step, Call& call, uint8_t index, const Reg& reg) {
    if (reg.kind == RegKind::Stack) {
        const Range<64>& place = reg.value.full;
        if (place.smin >= -kPointerOffsetMax && place.smax <= kPointerOffsetMax &&
            reg.off + place.smin >= -int64_t{kStackBytes} && reg.off + place.smax <= 0)
            return {};
        return bad_argument(
            call, index, fmt::format("is {}, which may lie outside the stack", describe_reg(reg)),
            "callback");
    }
    step.rely_on(reg);
    if (reg.is_constant(0)) return {};
    return bad_argument(
        call, index, fmt::format("is {}, expected a pointer to the stack or null", kind_words(reg)),
        "callback");
}

/// The struct bpf_spin_lock or bpf_timer of a value, at exactly its place.
Checked check_guarded(Step& step, Call& call, uint8_t index, const Reg& reg, bool is_lock) {
    const std::string_view rule = is_lock ? "lock" : "timer";
    const std::string_view name = is_lock ? "bpf_spin_lock" : "bpf_timer";
    if (reg.or_null)
        return fault("null-pointer",
                     fmt::format("argument {} of {} is {}; compare it with 0 first", index,
                                 call.name(), nullable_words(step.env.program, reg)));
    if (reg.kind != RegKind::MapValue || reg.or_null)
        return bad_argument(
            call, index,
            fmt::format("is {}, expected the {} in a map's value", kind_words(reg), name), rule);
    const MapSpec& map = map_of(step.env.program, reg);
    const uint32_t offset = is_lock ? map.spin_lock_offset : map.timer_offset;
    if (offset == kNoOffset || !reg.value.is_constant() ||
        reg.off + reg.value.full.smin != int64_t{offset})
        return bad_argument(call, index,
                            fmt::format("is offset {} in a value of map {}, where no {} is",
                                        reg.off + reg.value.full.smin, map.name, name),
                            rule);
    if (!is_lock && reg.inner)
        return bad_argument(call, index, "is a bpf_timer in a map that was looked up in a map",
                            rule);
    call.guarded = reg;
    const HeldLock& lock = step.state().lock;
    if (!is_lock) return {};
    if (call.is(HelperId::spin_lock)) {
        if (!lock.is_held) return {};
        return fault("lock", fmt::format("spin_lock while the lock taken at insn {} is held; only "
                                         "one can be held at a time",
                                         lock.insn));
    }
    if (!lock.is_held) return fault("lock", "spin_unlock without a lock that is held");
    if (lock.map == reg.map && lock.id == reg.id) return {};
    return fault("lock", fmt::format("spin_unlock of another lock than the one taken at insn {}",
                                     lock.insn));
}

bool gives_back(const Call& call) {
    return call.is(HelperId::ringbuf_submit_dynptr) || call.is(HelperId::ringbuf_discard_dynptr) ||
           call.is(KfuncId::bpf_iter_num_destroy);
}

/// Of a sample: helpers may use it, and change what it points to, but not give it back.
Checked check_lent_dynptr(Call& call, uint8_t index, const Reg& reg) {
    if (gives_back(call))
        return bad_argument(call, index, "is a dynptr, but not of a ring buffer's record",
                            "reference");
    call.object = Reg::pointer(RegKind::Dynptr);
    call.object.ref = reg.ref;
    call.object.writable = true;
    return {};
}

Checked check_object(Step& step, Call& call, uint8_t index, const Reg& reg, RegKind kind) {
    const bool is_dynptr = kind == RegKind::Dynptr;
    if (is_dynptr && reg.kind == RegKind::DynptrPointer) return check_lent_dynptr(call, index, reg);
    const std::string_view rule = is_dynptr ? "dynptr" : "iterator";
    const auto place = object_place(step, reg, is_dynptr ? kDynptrSlots : kIteratorSlots);
    if (!place) return bad_argument(call, index, place.error(), rule);
    const Reg object = object_slot(step, *place).spill;
    if (object.kind != kind || object.off != 0)
        return bad_argument(call, index,
                            fmt::format("is no initialised {}", is_dynptr ? "dynptr" : "iterator"),
                            rule);
    uint64_t slots = uint64_t{1} << place->slot;
    if (is_dynptr) slots |= slots >> 1;
    mark_read(step.path, place->frame, slots);
    call.object = object;
    if (call.is(HelperId::dynptr_data) && object.of_packet)
        return bad_argument(call, index,
                            "is a dynptr of the packet, whose memory may lie in pieces; take a "
                            "slice of it",
                            rule);
    if (!gives_back(call)) return {};
    if (is_dynptr && !object.is_held)
        return bad_argument(call, index, "is a dynptr, but not of a ring buffer's record",
                            "reference");
    call.released = object;
    return {};
}

Checked check_object_out(Step& step, Call& call, uint8_t index, const Reg& reg, bool is_dynptr) {
    const uint32_t slots = is_dynptr ? kDynptrSlots : kIteratorSlots;
    const auto place = object_place(step, reg, slots);
    if (!place) return bad_argument(call, index, place.error(), is_dynptr ? "dynptr" : "iterator");
    for (uint32_t part = 0; part < slots; ++part)
        if (const Checked ended = end_object(step, place->frame, place->slot - part); !ended)
            return ended;
    return {};
}

bool is_reference(const State& state, const Reg& reg, Reference::Kind kind) {
    return reg.ref != 0 && std::ranges::any_of(state.references, [&](const Reference& held) {
               return held.id == reg.ref && held.kind == kind;
           });
}

Checked check_reference(Step& step, Call& call, uint8_t index, const Reg& reg,
                        Reference::Kind kind) {
    if (reg.or_null)
        return fault("null-pointer",
                     fmt::format("argument {} of {} is {}; compare it with 0 first", index,
                                 call.name(), nullable_words(step.env.program, reg)));
    if (!is_reference(step.state(), reg, kind) || reg.off != 0 || !reg.value.is_constant(0))
        return bad_argument(call, index,
                            fmt::format("is {}, expected a {} as it was given",
                                        reg.kind == RegKind::Uninit ? "nothing" : kind_words(reg),
                                        reference_words(kind)),
                            "reference");
    const bool only_looks =
        call.is(HelperId::tcp_check_syncookie) || call.is(HelperId::tcp_gen_syncookie);
    if (!only_looks) call.released = reg;
    return {};
}

}  // namespace

Checked check_timer_map(const Step& step, const Call& call, uint8_t index) {
    if (call.map.map == call.guarded.map && !call.map.inner && !call.guarded.inner) return {};
    return bad_argument(call, index,
                        fmt::format("is map {}, but the timer is in a value of map {}",
                                    map_of(step.env.program, call.map).name,
                                    map_of(step.env.program, call.guarded).name),
                        "timer");
}

Checked check_object_argument(Step& step, Call& call, uint8_t index, const Reg& reg) {
    switch (call.helper.args[index - 1u]) {
        case ArgKind::Callback: return check_callback(step, call, index, reg);
        case ArgKind::CallbackContext: return check_callback_context(step, call, index, reg);
        case ArgKind::SpinLock: return check_guarded(step, call, index, reg, true);
        case ArgKind::Timer: return check_guarded(step, call, index, reg, false);
        case ArgKind::Dynptr: return check_object(step, call, index, reg, RegKind::Dynptr);
        case ArgKind::DynptrOut: return check_object_out(step, call, index, reg, true);
        case ArgKind::Iterator: return check_object(step, call, index, reg, RegKind::Iterator);
        case ArgKind::IteratorOut: return check_object_out(step, call, index, reg, false);
        case ArgKind::Record:
            return check_reference(step, call, index, reg, Reference::Kind::Record);
        case ArgKind::Socket:
            return check_reference(step, call, index, reg, Reference::Kind::Socket);
        case ArgKind::Connection:
            return check_reference(step, call, index, reg, Reference::Kind::Connection);
        case ArgKind::None:
        case ArgKind::Scalar:
        case ArgKind::Map:
        case ArgKind::MapKey:
        case ArgKind::MapValue:
        case ArgKind::MapValueOut:
        case ArgKind::Context:
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull:
        case ArgKind::MemWrite:
        case ArgKind::MemWriteOrNull:
        case ArgKind::MemReadWrite:
        case ArgKind::Size:
        case ArgKind::SizeOrZero:
        case ArgKind::Unchecked:
        case ArgKind::U16Out:
        case ArgKind::U32Out:
        case ArgKind::U64Out:
        case ArgKind::U32InOut:
        case ArgKind::Ipv4Header:
        case ArgKind::Ipv6Header:
        case ArgKind::TcpHeader:
        case ArgKind::ConstString:
        case ArgKind::RecordSize:
        case ArgKind::SliceSize: break;
    }
    return {};
}

}  // namespace weir::vm::verifier
