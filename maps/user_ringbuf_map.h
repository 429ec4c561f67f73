#pragma once
// user_ringbuf (kernel/bpf/ringbuf.c): samples from the control side to programs, which take them
// out with bpf_user_ringbuf_drain. Keys and values do not exist.
//
// Where the kernel's user space writes headers and positions into shared pages, the control side
// calls produce(), so that no header is ever wrong, busy or discarded: of the drain's errors -EBUSY
// and -EINVAL (flags) are left.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "maps/mirror.h"
#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

constexpr uint32_t kSamplesPerDrainMax = 128 * 1024;  ///< BPF_MAX_USER_RINGBUF_SAMPLES
constexpr uint32_t kSampleHeaderBytes = 8;            ///< BPF_RINGBUF_HDR_SZ

/// Takes one sample. Not 0: none after this one.
using SampleVisitor = uint64_t (*)(void* opaque, uint8_t* data, uint32_t bytes);

class UserRingbufMap final : public vm::Map {
public:
    /// entries_max is the size in bytes: a power of two and a multiple of the page size.
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    // -- control side: any thread
    /// Copies a sample in. -E2BIG: the ring or a dynptr could never hold it; -ENOSPC: there is no
    /// room now (counted).
    int produce(ByteSpan sample);
    // -- program side: any thread, one at a time
    /// Hands out what is there, oldest first, each until the visitor returns. How many, or -EBUSY
    /// while another thread (or a caller on this one's stack) does.
    int64_t consume(SampleVisitor visit, void* opaque);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;               ///< nullptr
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EOPNOTSUPP
    int erase(const uint8_t*) override;                                       ///< -EOPNOTSUPP

    uint32_t control_value_bytes() const override { return 0; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    /// -EOPNOTSUPP, as in the kernel; see produce.
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    /// Samples that wait.
    uint32_t entries() const override;
    uint64_t memory_bytes() const override { return memory_.bytes(); }
    uint64_t used_bytes() const override;
    uint64_t full_count() const override { return full_.load(std::memory_order_relaxed); }

private:
    UserRingbufMap(const vm::MapSpec& spec, Mirror memory)
        : Map(spec), memory_(std::move(memory)) {}
    uint8_t* at(uint64_t position) const {
        return memory_.data() + (position & (memory_.bytes() - 1));
    }

    Mirror memory_;
    std::mutex producer_lock_;                       ///< among the control side
    alignas(64) std::atomic<uint64_t> produced_{0};  ///< position; released after the sample
    std::atomic<uint64_t> put_{0};                   ///< samples
    std::atomic<uint64_t> full_{0};
    alignas(64) std::atomic<uint64_t> consumed_{0};  ///< position; released after the visitor
    std::atomic<uint64_t> taken_{0};                 ///< samples
    std::atomic<bool> busy_{false};                  ///< somebody consumes
};

}  // namespace weir::maps
