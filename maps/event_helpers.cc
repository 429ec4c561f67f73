// bpf_ringbuf_* (kernel/bpf/ringbuf.c) and bpf_perf_event_output (kernel/trace/bpf_trace.c;
// bpf_xdp_event_output and bpf_skb_event_output in net/core/filter.c).

#include <cerrno>
#include <cstring>

#include "maps/held_locks.h"
#include "maps/map_helpers.h"
#include "maps/perf_event_map.h"
#include "maps/ringbuf_map.h"
#include "maps/user_ringbuf_map.h"
#include "maps/words.h"
#include "vm/helpers/dynptr.h"
#include "vm/helpers/segments.h"

namespace weir::maps {
namespace {

constexpr uint64_t kNoWakeup = 1, kForceWakeup = 2;              ///< BPF_RB_*: readers here poll
constexpr uint64_t kIndexMask = 0xffffffff;                      ///< BPF_F_INDEX_MASK
constexpr uint64_t kCurrentCpu = 0xffffffff;                     ///< BPF_F_CURRENT_CPU
constexpr uint64_t kContextBytesMask = uint64_t{0xfffff} << 32;  ///< BPF_F_CTXLEN_MASK
constexpr uint32_t kContextBytesShift = 32;
constexpr uint32_t kRawSizeBytes = 4;  ///< the length in front of raw data in a perf record

RingbufMap* ringbuf_argument(uint64_t map) {
    vm::Map& ring = map_argument(map);
    return ring.spec().type == vm::MapType::Ringbuf ? static_cast<RingbufMap*>(&ring) : nullptr;
}

// -- ring buffer

uint64_t ringbuf_output(uint64_t map, uint64_t data, uint64_t bytes, uint64_t flags, uint64_t,
                        vm::RunEnv&) {
    RingbufMap* const ring = ringbuf_argument(map);
    if (ring == nullptr || (flags & ~(kNoWakeup | kForceWakeup)) != 0)
        return status_result(-EINVAL);
    uint8_t* const record = ring->ring().reserve(bytes);
    if (record == nullptr) return status_result(-EAGAIN);
    if (bytes != 0) std::memcpy(record, memory_argument(data), bytes);
    EventRing::commit(record, false);
    return 0;
}

uint64_t ringbuf_reserve(uint64_t map, uint64_t bytes, uint64_t flags, uint64_t, uint64_t,
                         vm::RunEnv&) {
    RingbufMap* const ring = ringbuf_argument(map);
    if (ring == nullptr || flags != 0) return 0;
    uint8_t* const record = ring->ring().reserve(bytes);
    if (record != nullptr) ++held_locks;
    return pointer_result(record);
}

void give_back(uint8_t* record, bool discard) {
    EventRing::commit(record, discard);
    --held_locks;
}

uint64_t ringbuf_submit(uint64_t record, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    give_back(memory_argument(record), false);
    return 0;
}

uint64_t ringbuf_discard(uint64_t record, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    give_back(memory_argument(record), true);
    return 0;
}

uint64_t ringbuf_query(uint64_t map, uint64_t what, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    const RingbufMap* const ring = ringbuf_argument(map);
    return ring == nullptr ? 0 : ring->query(what);
}

/// The kernel's argument is u32 size. After an error the dynptr is a null one, which must be given
/// back all the same.
uint64_t ringbuf_reserve_dynptr(uint64_t map, uint64_t size, uint64_t flags, uint64_t dynptr,
                                uint64_t, vm::RunEnv&) {
    const auto bytes = static_cast<uint32_t>(size);
    RingbufMap* const ring = ringbuf_argument(map);
    vm::clear_dynptr(dynptr);
    if (ring == nullptr || flags != 0) return status_result(-EINVAL);
    if (bytes > vm::kDynptrBytesMax) return status_result(-E2BIG);
    const uint8_t* const record = ring->ring().reserve(bytes);
    if (record == nullptr) return status_result(-EINVAL);
    ++held_locks;
    vm::store_dynptr(dynptr,
                     vm::Dynptr::make(vm::DynptrKind::Record, pointer_result(record), bytes));
    return 0;
}

void commit_dynptr(uint64_t dynptr, bool discard) {
    const vm::Dynptr record = vm::load_dynptr(dynptr);
    if (record.is_null() || record.kind() != vm::DynptrKind::Record) return;
    give_back(memory_argument(record.data), discard);
    vm::clear_dynptr(dynptr);
}

uint64_t ringbuf_submit_dynptr(uint64_t dynptr, uint64_t, uint64_t, uint64_t, uint64_t,
                               vm::RunEnv&) {
    commit_dynptr(dynptr, false);
    return 0;
}

uint64_t ringbuf_discard_dynptr(uint64_t dynptr, uint64_t, uint64_t, uint64_t, uint64_t,
                                vm::RunEnv&) {
    commit_dynptr(dynptr, true);
    return 0;
}

// -- ring buffer from user space

struct Draining {
    vm::RunEnv& env;
    uint64_t callback;
    uint64_t context;
};

/// The callback's arguments are a dynptr of the sample and the caller's context.
uint64_t visit_sample(void* opaque, uint8_t* data, uint32_t bytes) {
    const Draining& draining = *static_cast<const Draining*>(opaque);
    vm::RunEnv& env = draining.env;
    vm::Dynptr sample = vm::Dynptr::make(vm::DynptrKind::Memory, pointer_result(data), bytes);
    const uint64_t stop = env.call(
        env, draining.callback, {reinterpret_cast<uint64_t>(&sample), draining.context, 0, 0, 0});
    return env.callback_failed ? 1 : stop;
}

uint64_t user_ringbuf_drain(uint64_t map, uint64_t callback, uint64_t context, uint64_t flags,
                            uint64_t, vm::RunEnv& env) {
    vm::Map& ring = map_argument(map);
    if (ring.spec().type != vm::MapType::UserRingbuf || (flags & ~(kNoWakeup | kForceWakeup)) != 0)
        return status_result(-EINVAL);
    if (env.call == nullptr) return status_result(-EOPNOTSUPP);
    Draining draining{env, callback, context};
    ++held_locks;
    const int64_t samples = static_cast<UserRingbufMap&>(ring).consume(visit_sample, &draining);
    --held_locks;
    return status_result(samples);
}

// -- perf events

/// Records are what the kernel's reader gets as raw data: together with its length a multiple of 8.
uint64_t write_event(EventRing& ring, const uint8_t* data, uint64_t bytes,
                     const vm::XdpContext& packet, uint32_t packet_part) {
    const uint64_t used = bytes + packet_part;
    const uint64_t padded = round_up_to(used + kRawSizeBytes, kWordBytes) - kRawSizeBytes;
    uint8_t* const record = ring.reserve(padded);
    if (record == nullptr) return status_result(-ENOSPC);
    if (bytes != 0) std::memcpy(record, data, bytes);
    vm::copy_from_packet(packet, 0, record + bytes, packet_part);
    std::memset(record + used, 0, padded - used);
    EventRing::commit(record, false);
    return 0;
}

/// An SkbContext begins with its XdpContext: both program types come here.
uint64_t perf_event_output(uint64_t context, uint64_t map, uint64_t flags, uint64_t data,
                           uint64_t bytes, vm::RunEnv& env) {
    const auto& packet = *reinterpret_cast<const vm::XdpContext*>(context);
    if ((flags & ~(kIndexMask | kContextBytesMask)) != 0) return status_result(-EINVAL);
    const auto packet_part =
        static_cast<uint32_t>((flags & kContextBytesMask) >> kContextBytesShift);
    if (packet_part > vm::packet_bytes(packet)) return status_result(-EFAULT);
    vm::Map& events = map_argument(map);
    if (events.spec().type != vm::MapType::PerfEventArray) return status_result(-EINVAL);
    const uint64_t index = (flags & kIndexMask) == kCurrentCpu ? env.cpu : flags & kIndexMask;
    int error = 0;
    EventRing* const ring = static_cast<PerfEventMap&>(events).ring_for(index, env.cpu, error);
    if (ring == nullptr) return status_result(error);
    return write_event(*ring, memory_argument(data), bytes, packet, packet_part);
}

}  // namespace

void add_event_helpers(vm::HelperTable& table) {
    set(table, vm::HelperId::perf_event_output, perf_event_output);
    set(table, vm::HelperId::ringbuf_output, ringbuf_output);
    set(table, vm::HelperId::ringbuf_reserve, ringbuf_reserve);
    set(table, vm::HelperId::ringbuf_submit, ringbuf_submit);
    set(table, vm::HelperId::ringbuf_discard, ringbuf_discard);
    set(table, vm::HelperId::ringbuf_query, ringbuf_query);
    set(table, vm::HelperId::ringbuf_reserve_dynptr, ringbuf_reserve_dynptr);
    set(table, vm::HelperId::ringbuf_submit_dynptr, ringbuf_submit_dynptr);
    set(table, vm::HelperId::ringbuf_discard_dynptr, ringbuf_discard_dynptr);
    set(table, vm::HelperId::user_ringbuf_drain, user_ringbuf_drain);
}

}  // namespace weir::maps
