#include "dataplane/capture/ring.h"

#include <bit>
#include <cstring>

#include "vm/base/check.h"

namespace weir::dataplane::capture {
namespace {

/// What unused space up to the ring's end begins with: there is always room for that.
struct Gap {
    uint32_t bytes = 0;
    uint32_t is_packet = 0;
};
static_assert(sizeof(Gap) == kRecordAlignment);

}  // namespace

RecordRing::RecordRing(uint32_t bytes)
    : mask_(bytes - 1), memory_(std::make_unique<uint8_t[]>(bytes)) {
    WEIR_CHECK(std::has_single_bit(bytes));
}

uint8_t* RecordRing::reserve(uint32_t bytes) {
    const uint64_t size = uint64_t{mask_} + 1;
    const auto offset = static_cast<uint32_t>(next_ & mask_);
    const uint64_t gap = offset + uint64_t{bytes} > size ? size - offset : 0;
    if (next_ + gap + bytes - seen_tail_ > size) {
        seen_tail_ = tail_.load(std::memory_order_acquire);
        if (next_ + gap + bytes - seen_tail_ > size) return nullptr;
    }
    if (gap != 0) {
        const Gap mark{static_cast<uint32_t>(gap), 0};
        std::memcpy(&memory_[offset], &mark, sizeof mark);
        next_ += gap;
    }
    uint8_t* const room = &memory_[next_ & mask_];
    next_ += bytes;
    return room;
}

const RecordHeader* RecordRing::peek() {
    const uint64_t head = head_.load(std::memory_order_acquire);
    while (read_ != head) {
        const uint8_t* const at = &memory_[read_ & mask_];
        Gap start;
        std::memcpy(&start, at, sizeof start);
        if (start.is_packet != 0) return reinterpret_cast<const RecordHeader*>(at);
        read_ += start.bytes;
    }
    return nullptr;
}

void RecordRing::pop() {
    const RecordHeader* const record = peek();
    WEIR_CHECK(record != nullptr);
    read_ += record->bytes;
    tail_.store(read_, std::memory_order_release);
}

}  // namespace weir::dataplane::capture
