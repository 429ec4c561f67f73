#pragma once
// A worker's records on their way to the writer: one producer, one consumer, no lock, no memory
// taken after the start. Records have the length that they need and lie in one piece.

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/capture/record.h"

namespace weir::dataplane::capture {

class RecordRing {
public:
    /// `bytes`: a power of two, with room for one record of the longest kind at least.
    explicit RecordRing(uint32_t bytes);

    // -- the worker -------------------------------------------------------------------------------
    /// Room for a record of `bytes`, a multiple of kRecordAlignment; nullptr: the ring is full. The
    /// consumer sees it after commit().
    uint8_t* reserve(uint32_t bytes);
    void commit() { head_.store(next_, std::memory_order_release); }

    // -- the writer -------------------------------------------------------------------------------
    /// The oldest record, until pop(); nullptr: none.
    const RecordHeader* peek();
    void pop();

private:
    uint32_t mask_;
    std::unique_ptr<uint8_t[]> memory_;
    uint64_t next_ = 0;                          ///< the worker's: end of what is reserved
    uint64_t seen_tail_ = 0;                     ///< the worker's: what it knows of tail_
    alignas(64) std::atomic<uint64_t> head_{0};  ///< release by commit; partner: peek
    alignas(64) std::atomic<uint64_t> tail_{0};  ///< release by pop; partner: reserve
    uint64_t read_ = 0;                          ///< the writer's
};

}  // namespace weir::dataplane::capture
