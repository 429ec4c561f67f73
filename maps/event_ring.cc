#include "maps/event_ring.h"

#include "maps/words.h"
#include "vm/base/check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kBusy = 1u << 31;       ///< BPF_RINGBUF_BUSY_BIT
constexpr uint32_t kDiscarded = 1u << 30;  ///< BPF_RINGBUF_DISCARD_BIT

/// First word of the header; the second one is not used here.
std::atomic<uint32_t>& length_at(uint8_t* header) {
    return *reinterpret_cast<std::atomic<uint32_t>*>(header);
}

constexpr uint64_t taken_by(uint64_t bytes) {
    return round_up_to(bytes + kRecordHeaderBytes, kWordBytes);
}

}  // namespace

Result<std::unique_ptr<EventRing>> EventRing::create(uint64_t bytes, const std::string& map_name) {
    WEIR_CHECK(bytes > 0 && (bytes & (bytes - 1)) == 0);
    Result<Mirror> memory = Mirror::take(bytes, map_name);
    if (!memory) return std::unexpected(memory.error());
    return std::unique_ptr<EventRing>(new EventRing(std::move(*memory)));
}

uint8_t* EventRing::reserve(uint64_t bytes) {
    if (bytes > kRecordBytesMax || taken_by(bytes) > size()) return count_lost();
    const uint64_t consumer = consumer_.load(std::memory_order_acquire);
    if (!lock_.acquire(Side::Program)) return count_lost();
    const uint64_t start = producer_.load(std::memory_order_relaxed);
    const uint64_t end = start + taken_by(bytes);
    // One byte always stays free, as in the kernel.
    if (end - consumer > size() - 1) {
        lock_.release();
        return count_lost();
    }
    uint8_t* const header = at(start);
    length_at(header).store(static_cast<uint32_t>(bytes) | kBusy, std::memory_order_relaxed);
    producer_.store(end, std::memory_order_release);
    lock_.release();
    return header + kRecordHeaderBytes;
}

void EventRing::commit(uint8_t* record, bool discard) {
    std::atomic<uint32_t>& length = length_at(record - kRecordHeaderBytes);
    const uint32_t bytes = length.load(std::memory_order_relaxed) & ~kBusy;
    length.store(bytes | (discard ? kDiscarded : 0), std::memory_order_release);
}

int64_t EventRing::drain(vm::EventVisitor visit, void* opaque) {
    const std::lock_guard<std::mutex> one_at_a_time(reader_);
    int64_t records = 0;
    uint64_t position = consumer_.load(std::memory_order_relaxed);
    // What programs add meanwhile waits for the next time.
    const uint64_t end = producer_.load(std::memory_order_acquire);
    while (position < end) {
        uint8_t* const header = at(position);
        const uint32_t length = length_at(header).load(std::memory_order_acquire);
        if ((length & kBusy) != 0) break;
        const uint32_t bytes = length & ~kDiscarded;
        if ((length & kDiscarded) == 0) {
            visit(opaque, {header + kRecordHeaderBytes, bytes});
            ++records;
        }
        position += taken_by(bytes);
        consumer_.store(position, std::memory_order_release);
    }
    return records;
}

}  // namespace weir::maps
