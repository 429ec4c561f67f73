#pragma once
// Records from programs to a reader, in order of reservation: the kernel's BPF ring buffer
// (kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst) with its layout and arithmetic.
//
// Positions only grow; a position modulo the size is a place in the ring. A record is a header of 8
// bytes and its data, rounded up to 8. The header's length carries two bits: busy until the program
// gives the record back, discarded if nobody shall see it. Reserving takes a lock; committing is
// one store; the reader stops at the first busy record.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "maps/mirror.h"
#include "maps/spin_lock.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

constexpr uint32_t kRecordHeaderBytes = 8;
constexpr uint64_t kRecordBytesMax = UINT32_MAX / 4;  ///< RINGBUF_MAX_RECORD_SZ

class EventRing {
public:
    /// `bytes` is a power of two and a multiple of the page size.
    static Result<std::unique_ptr<EventRing>> create(uint64_t bytes, const std::string& map_name);

    // -- program side: any thread
    /// Room for `bytes`, to be given to `commit` once; nullptr where they do not fit (counted), or
    /// a lock could not be had in bounded time.
    uint8_t* reserve(uint64_t bytes);
    /// Of any ring. `record` is not touched afterwards.
    static void commit(uint8_t* record, bool discard);

    // -- control side: any thread, one after the other
    /// Hands out the committed records up to the first busy one, then forgets them; their number.
    int64_t drain(vm::EventVisitor visit, void* opaque);

    uint64_t size() const { return memory_.bytes(); }
    uint64_t consumer_position() const { return consumer_.load(std::memory_order_acquire); }
    uint64_t producer_position() const { return producer_.load(std::memory_order_acquire); }
    uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

private:
    explicit EventRing(Mirror memory) : memory_(std::move(memory)) {}
    uint8_t* at(uint64_t position) const {
        return memory_.data() + (position & (memory_.bytes() - 1));
    }
    uint8_t* count_lost() {
        lost_.fetch_add(1, std::memory_order_relaxed);
        return nullptr;
    }

    Mirror memory_;
    alignas(64) SpinLock lock_;          ///< among producers
    std::atomic<uint64_t> producer_{0};  ///< stored with release after the header, under the lock
    std::atomic<uint64_t> lost_{0};
    alignas(64) std::atomic<uint64_t> consumer_{0};  ///< released after the records were read
    std::mutex reader_;
};

}  // namespace weir::maps
