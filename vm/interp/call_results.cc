// What a program has, and no longer has, after a call.

#include <algorithm>

#include <fmt/format.h>

#include "vm/interp/check_arguments.h"

namespace weir::vm {
namespace {

std::unexpected<std::string> too_much(const CallSite& call, size_t most) {
    return std::unexpected(
        fmt::format("{} gives more than the {} that one run may hold", call.info.name, most));
}

uint64_t argument_of(const CallSite& call, ArgKind kind) {
    const auto found = std::ranges::find(call.info.args, kind);
    return found == call.info.args.end()
               ? 0
               : call.argument(static_cast<size_t>(found - call.info.args.begin()));
}

Allowed learn_value(RunState& run, const CallSite& call, uint64_t r0) {
    const bool learned = is_map_in_map(call.map->spec().type)
                             ? run.memory.learn_map(reinterpret_cast<const Map*>(r0))
                             : run.memory.learn(value_region(*call.map, r0));
    if (!learned) return too_much(call, kRegionsMax);
    return {};
}

/// A slice in the packet's linear part, in a map's value or in the program's own buffer is known
/// already.
Allowed learn_slice(RunState& run, const CallSite& call, uint64_t r0) {
    const uint64_t bytes = argument_of(call, ArgKind::SliceSize);
    const bool writable = !call.is(KfuncId::bpf_dynptr_slice);
    if (run.memory.reach(r0, bytes, writable ? Touch::Store : Touch::Load) != nullptr) return {};
    const bool is_lent = call.dynptr_kind != StackObjectKind::Dynptr;
    if (!run.memory.learn({.base = r0,
                           .bytes = bytes,
                           .kind = RegionKind::Slice,
                           .writable = writable,
                           .owner = is_lent ? call.dynptr : 0}))
        return too_much(call, kRegionsMax);
    return {};
}

Allowed take(RunState& run, const CallSite& call, HeldKind kind, uint64_t r0) {
    if (!run.holdings.take({kind, r0, call.map, call.insn})) return too_much(call, kHeldMax);
    if (kind != HeldKind::Record) return {};
    if (!run.memory.learn({.base = r0,
                           .bytes = argument_of(call, ArgKind::RecordSize),
                           .kind = RegionKind::Record,
                           .writable = true,
                           .map = call.map}))
        return too_much(call, kRegionsMax);
    return {};
}

Allowed take_result(RunState& run, const CallSite& call, uint64_t r0) {
    if (r0 == 0) return {};
    switch (call.info.returns) {
        case ReturnKind::Scalar:
        case ReturnKind::NumberOrNull: return {};  // the number is in the iterator, on the stack
        case ReturnKind::MapValueOrNull: return learn_value(run, call, r0);
        case ReturnKind::SliceOrNull: return learn_slice(run, call, r0);
        case ReturnKind::RecordOrNull: return take(run, call, HeldKind::Record, r0);
        case ReturnKind::SocketOrNull: return take(run, call, HeldKind::Socket, r0);
        case ReturnKind::ConnectionOrNull: return take(run, call, HeldKind::Connection, r0);
    }
    return {};
}

void finish_object(RunState& run, const CallSite& call, uint64_t address) {
    const bool ends = call.is(HelperId::ringbuf_submit_dynptr) ||
                      call.is(HelperId::ringbuf_discard_dynptr) ||
                      call.is(KfuncId::bpf_iter_num_destroy);
    if (ends) {
        run.holdings.remove_all(call.dynptr);
        if (call.dynptr_kind == StackObjectKind::RecordDynptr)
            run.memory.forget_slices(call.dynptr);
        return;
    }
    if (StackObject* object = run.holdings.overlapping(address, 1)) run.holdings.refresh(*object);
}

void give_back(RunState& run, HeldKind kind, uint64_t address) {
    run.holdings.give_back(kind, address);
    if (kind == HeldKind::Record) run.memory.forget(address);
}

Allowed finish_lock(RunState& run, const CallSite& call, uint64_t address) {
    if (call.is(HelperId::spin_unlock))
        give_back(run, HeldKind::SpinLock, address);
    else if (!run.holdings.take({HeldKind::SpinLock, address, call.guarded_map, call.insn}))
        return too_much(call, kHeldMax);
    return {};
}

void make_dynptr(RunState& run, const CallSite& call, uint64_t address) {
    if (call.is(KfuncId::bpf_dynptr_clone))
        run.holdings.make(call.dynptr_kind, address, call.insn, call.dynptr);
    else
        run.holdings.make(call.is(HelperId::ringbuf_reserve_dynptr) ? StackObjectKind::RecordDynptr
                                                                    : StackObjectKind::Dynptr,
                          address, call.insn);
}

Allowed finish_argument(RunState& run, const CallSite& call, size_t index) {
    const ArgKind kind = call.info.args[index];
    const uint64_t value = call.argument(index);
    if (kind == ArgKind::DynptrOut) make_dynptr(run, call, value);
    if (kind == ArgKind::IteratorOut)
        run.holdings.make(StackObjectKind::Iterator, value, call.insn);
    if (kind == ArgKind::Dynptr || kind == ArgKind::Iterator) finish_object(run, call, value);
    if (kind == ArgKind::Record) give_back(run, HeldKind::Record, value);
    if (kind == ArgKind::Connection) give_back(run, HeldKind::Connection, value);
    if (kind == ArgKind::Socket && call.is(HelperId::sk_release))
        give_back(run, HeldKind::Socket, value);
    return kind == ArgKind::SpinLock ? finish_lock(run, call, value) : Allowed{};
}

}  // namespace

Allowed finish_call(RunState& run, const CallSite& call, uint64_t r0) {
    if (call.info.changes_packet()) run.memory.forget_slices(0);
    for (size_t index = 0; index < call.info.args.size(); ++index)
        if (const Allowed done = finish_argument(run, call, index); !done) return done;
    return take_result(run, call, r0);
}

}  // namespace weir::vm
