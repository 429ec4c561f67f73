#include "vm/interp/check_arguments.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "vm/interp/code_address.h"
#include "vm/program/map_use.h"

namespace weir::vm {
namespace {

constexpr uint64_t kSizeMax = 1u << 29;  ///< the kernel's BPF_MAX_VAR_SIZ
constexpr uint64_t kEntryBytes = 16;     ///< that a walk over a map goes over per entry, at least
constexpr uint32_t kIpv4HeaderBytes = 20, kIpv6HeaderBytes = 40, kTcpHeaderBytes = 20;

std::unexpected<std::string> bad(const CallSite& call, size_t index, std::string_view what) {
    return std::unexpected(fmt::format("argument {} of {}: {}", index + 1, call.info.name, what));
}

Allowed reach(RunState& run, CallSite& call, size_t index, uint64_t bytes, Touch touch) {
    const uint64_t address = call.argument(index);
    call.bytes += bytes;
    if (run.memory.reach(address, bytes, touch) == nullptr)
        return bad(call, index, run.memory.refusal(address, bytes, touch));
    if (touch == Touch::Store)
        if (const StackObject* object = run.holdings.overlapping(address, bytes))
            return bad(
                call, index,
                fmt::format("writes over the {} made at insn {}",
                            object->kind == StackObjectKind::Iterator ? "iterator" : "dynptr",
                            object->insn));
    return {};
}

Allowed read(RunState& run, CallSite& call, size_t index, uint64_t bytes) {
    return reach(run, call, index, bytes, Touch::Load);
}
Allowed write(RunState& run, CallSite& call, size_t index, uint64_t bytes) {
    return reach(run, call, index, bytes, Touch::Store);
}
Allowed read_and_write(RunState& run, CallSite& call, size_t index, uint64_t bytes) {
    // A dynptr must not outlive its memory: a map's value is there as long as the program runs.
    const Region* region = run.memory.find(call.argument(index));
    if (call.is(HelperId::dynptr_from_mem) &&
        (region == nullptr || region->kind != RegionKind::MapValue))
        return bad(call, index, "is no map value");
    if (const Allowed readable = read(run, call, index, bytes); !readable) return readable;
    return write(run, call, index, bytes);
}

/// A number of 2, 4 or 8 bytes that the call writes.
Allowed number_out(RunState& run, CallSite& call, size_t index, uint32_t bytes) {
    if (call.argument(index) % bytes != 0)
        return bad(call, index, fmt::format("is not aligned to {} bytes", bytes));
    return write(run, call, index, bytes);
}

// ---- maps ---------------------------------------------------------------------------------------

bool writes_elements(const CallSite& call) {
    return call.is(HelperId::map_update_elem) || call.is(HelperId::map_delete_elem) ||
           call.is(HelperId::map_push_elem) || call.is(HelperId::map_pop_elem);
}

Allowed check_map(RunState& run, CallSite& call, size_t index) {
    call.map = run.memory.map_at(call.argument(index));
    if (call.map == nullptr) return bad(call, index, "is no map of this program");
    const MapSpec& map = call.map->spec();
    if (call.is(HelperId::timer_init)) {
        if (call.map != call.guarded_map)
            return bad(call, index,
                       fmt::format("is map {}, but the timer is in a value of {}", map.name,
                                   call.guarded_map->spec().name));
        return {};
    }
    if (!call.is_kfunc && !helper_takes_map(call.info.id, map.type))
        return bad(call, index,
                   fmt::format("is map {} of type {}, which {} does not take", map.name,
                               map_type_name(map.type), call.info.name));
    if (writes_elements(call) && is_read_only(map) &&
        (map.frozen || (map.flags & kMapRdonlyProg) != 0))
        return bad(call, index, fmt::format("is map {}, which programs may not change", map.name));
    if (writes_elements(call)) call.bytes += call.map->control_value_bytes();
    if (call.is(HelperId::for_each_map_elem)) call.bytes += uint64_t{map.entries_max} * kEntryBytes;
    return {};
}

Allowed check_element(RunState& run, CallSite& call, size_t index, ArgKind kind) {
    if (call.map == nullptr) return bad(call, index, "has no map before it");
    const MapSpec& map = call.map->spec();
    if (kind == ArgKind::MapKey) return read(run, call, index, map.key_bytes);
    if (kind == ArgKind::MapValue || map.type == MapType::BloomFilter)
        return read(run, call, index, map.value_bytes);
    return write(run, call, index, map.value_bytes);
}

/// The struct bpf_spin_lock or bpf_timer of a value, at exactly its place.
Allowed check_guarded(RunState& run, CallSite& call, size_t index, ArgKind kind) {
    const uint64_t address = call.argument(index);
    const Region* region = run.memory.find(address);
    const bool is_lock = kind == ArgKind::SpinLock;
    if (region == nullptr || region->kind != RegionKind::MapValue)
        return bad(
            call, index,
            fmt::format("is no {} in a map's value", is_lock ? "bpf_spin_lock" : "bpf_timer"));
    const MapSpec& map = region->map->spec();
    const uint32_t offset = is_lock ? map.spin_lock_offset : map.timer_offset;
    if (offset == kNoOffset || address - region->base != offset)
        return bad(call, index,
                   fmt::format("is map value of {} +{}, where no {} is", map.name,
                               address - region->base, is_lock ? "bpf_spin_lock" : "bpf_timer"));
    call.guarded_map = region->map;
    if (!is_lock) return {};
    const Held* lock = run.holdings.lock();
    if (call.is(HelperId::spin_lock)) {
        if (lock != nullptr)
            return bad(call, index,
                       fmt::format("a lock is held already, since insn {}", lock->insn));
        return {};
    }
    if (lock == nullptr || lock->address != address)
        return bad(call, index, "is not the lock that is held");
    return {};
}

/// Text that ends within a value that never changes.
Allowed check_string(RunState& run, CallSite& call, size_t index) {
    const uint64_t address = call.argument(index);
    const Region* region = run.memory.find(address);
    if (region == nullptr || region->kind != RegionKind::MapValue ||
        !is_read_only(region->map->spec()))
        return bad(call, index, "is no text in a read-only map (.rodata)");
    if (const Allowed readable = read(run, call, index, 1); !readable) return readable;
    const uint64_t left = region->base + region->bytes - address;
    if (std::memchr(reinterpret_cast<const void*>(address), 0, left) == nullptr)
        return bad(call, index, fmt::format("text of map {} has no end", region->map->spec().name));
    call.bytes += left;
    return {};
}

// ---- memory with a size -------------------------------------------------------------------------

/// The size at `index`, and with it the memory of the argument before.
Allowed check_sized(RunState& run, CallSite& call, size_t index) {
    const ArgKind kind = call.info.args[index];
    const uint64_t size = call.argument(index), memory = call.argument(index - 1);
    if (size > kSizeMax)
        return bad(call, index,
                   fmt::format("is a size of {}, at most {} is possible",
                               static_cast<int64_t>(size), kSizeMax));
    if (size == 0 && kind == ArgKind::Size) return bad(call, index, "is a size of 0");
    const ArgKind before = call.info.args[index - 1];
    // Of kfuncs' memory null is no matter of its size; elsewhere null has no bytes.
    const bool null_is_fine = size == 0 || kind == ArgKind::SliceSize;
    if (memory == 0 && null_is_fine) return {};
    if (before == ArgKind::MemRead || before == ArgKind::MemReadOrNull)
        return read(run, call, index - 1, size);
    if (before == ArgKind::MemWrite || before == ArgKind::MemWriteOrNull)
        return write(run, call, index - 1, size);
    if (before == ArgKind::MemReadWrite) return read_and_write(run, call, index - 1, size);
    return {};  // a size of what is returned
}

// ---- objects ------------------------------------------------------------------------------------

uint32_t object_bytes(bool is_iterator) {
    return is_iterator ? kIteratorStackBytes : kDynptrStackBytes;
}

Allowed check_object(RunState& run, CallSite& call, size_t index, bool is_iterator) {
    const std::string_view name = is_iterator ? "iterator" : "dynptr";
    const uint64_t address = call.argument(index);
    const bool may_be_there = run.memory.on_stack(address, object_bytes(is_iterator)) ||
                              (address != 0 && address == run.lent_dynptr);
    const StackObject* object = may_be_there ? run.holdings.intact(address) : nullptr;
    if (object == nullptr || (object->kind == StackObjectKind::Iterator) != is_iterator)
        return bad(call, index, fmt::format("is no {}, or the program wrote over it", name));
    const bool gives_back =
        call.is(HelperId::ringbuf_submit_dynptr) || call.is(HelperId::ringbuf_discard_dynptr);
    if (gives_back && object->kind != StackObjectKind::RecordDynptr)
        return bad(call, index, "is a dynptr, but of no ring buffer");
    if (!is_iterator) call.bytes += object->dynptr_bytes();
    call.dynptr = object->number;
    call.dynptr_kind = object->kind;
    return {};
}

Allowed check_object_out(RunState& run, CallSite& call, size_t index, bool is_iterator) {
    const std::string_view name = is_iterator ? "iterator" : "dynptr";
    const uint64_t address = call.argument(index);
    const uint32_t bytes = object_bytes(is_iterator);
    if (!run.memory.on_stack(address, bytes) || address % 8 != 0)
        return bad(call, index,
                   fmt::format("is not {} aligned bytes of stack for a {}", bytes, name));
    for (uint64_t at = address; at < address + bytes; at += 8) {
        const StackObject* object = run.holdings.overlapping(at, 8);
        if (object == nullptr) continue;
        if (object->is_held())
            return bad(call, index,
                       fmt::format("there is one already, made at insn {}", object->insn));
        run.holdings.remove(object->address);
    }
    run.memory.reach(address, bytes, Touch::Store);
    return {};
}

Allowed check_held(RunState& run, CallSite& call, size_t index, HeldKind kind,
                   std::string_view name) {
    const uint64_t address = call.argument(index);
    if (run.holdings.find(kind, address) != nullptr) return {};
    return bad(call, index,
               address == 0 ? fmt::format("is null; compare the {} with 0 first", name)
                            : fmt::format("is no {} that the program holds", name));
}

Allowed check_callback(CallSite& call, size_t index) {
    const uint64_t address = call.argument(index);
    const auto address_of = [](const Subprogram& each) { return code_address(each.insn); };
    const auto found = std::ranges::lower_bound(call.functions, address, {}, address_of);
    if (found != call.functions.end() && found->insn != 0 && address_of(*found) == address)
        return {};
    return bad(call, index, "is no function of this program");
}

Allowed check_argument(RunState& run, CallSite& call, size_t index) {
    const ArgKind kind = call.info.args[index];
    const uint64_t value = call.argument(index);
    switch (kind) {
        case ArgKind::None:
        case ArgKind::Unchecked:
        case ArgKind::Scalar: return {};
        case ArgKind::Map: return check_map(run, call, index);
        case ArgKind::MapKey:
        case ArgKind::MapValue:
        case ArgKind::MapValueOut: return check_element(run, call, index, kind);
        case ArgKind::Context:
            if (value != run.context || value == 0) return bad(call, index, "is not the context");
            return {};
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull:
        case ArgKind::MemWrite:
        case ArgKind::MemWriteOrNull:
        case ArgKind::MemReadWrite: return {};  // with its size
        case ArgKind::Size:
        case ArgKind::SizeOrZero:
        case ArgKind::RecordSize:
        case ArgKind::SliceSize: return check_sized(run, call, index);
        case ArgKind::U16Out: return number_out(run, call, index, 2);
        case ArgKind::U32Out:
        case ArgKind::U32InOut: return number_out(run, call, index, 4);
        case ArgKind::U64Out: return number_out(run, call, index, 8);
        case ArgKind::Ipv4Header: return read(run, call, index, kIpv4HeaderBytes);
        case ArgKind::Ipv6Header: return read(run, call, index, kIpv6HeaderBytes);
        case ArgKind::TcpHeader: return read(run, call, index, kTcpHeaderBytes);
        case ArgKind::ConstString: return check_string(run, call, index);
        case ArgKind::Callback: return check_callback(call, index);
        case ArgKind::CallbackContext:
            if (value == 0 || run.memory.on_stack(value, 0)) return {};
            return bad(call, index, "is neither null nor on the stack");
        case ArgKind::SpinLock:
        case ArgKind::Timer: return check_guarded(run, call, index, kind);
        case ArgKind::Dynptr: return check_object(run, call, index, false);
        case ArgKind::DynptrOut: return check_object_out(run, call, index, false);
        case ArgKind::Iterator: return check_object(run, call, index, true);
        case ArgKind::IteratorOut: return check_object_out(run, call, index, true);
        case ArgKind::Record: return check_held(run, call, index, HeldKind::Record, "record");
        case ArgKind::Socket: return check_held(run, call, index, HeldKind::Socket, "socket");
        case ArgKind::Connection:
            return check_held(run, call, index, HeldKind::Connection, "connection");
    }
    return bad(call, index, "has no known kind");
}

}  // namespace

Allowed check_call(RunState& run, CallSite& call) {
    if (!helper_serves(call.info, run.type))
        return std::unexpected(
            fmt::format("{} is not for {} programs", call.info.name, program_type_name(run.type)));
    const bool locks = call.is(HelperId::spin_lock) || call.is(HelperId::spin_unlock);
    if (const Held* lock = run.holdings.lock(); lock != nullptr && !locks)
        return std::unexpected(
            fmt::format("{} may not be called while the bpf_spin_lock taken at insn {} is held",
                        call.info.name, lock->insn));
    for (size_t index = 0; index < call.info.args.size(); ++index) {
        const ArgKind kind = call.info.args[index];
        if (kind == ArgKind::None || kind == ArgKind::Unchecked) continue;
        if ((call.initialised >> (index + 1) & 1) == 0)
            return bad(call, index, fmt::format("nothing was written to r{}", index + 1));
        if (const Allowed fits = check_argument(run, call, index); !fits) return fits;
    }
    return {};
}

}  // namespace weir::vm
