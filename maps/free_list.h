#pragma once
// The unused elements of a map, by index. Several lock-free stacks (Treiber 1986), one for a group
// of threads: taking and giving back touches a line of one's own group, until that stack is empty;
// then it takes from the others, so that every element is found whichever thread asks. The links
// live in the elements, through `FreeLinks`.
//
// A head is an index with a counter above it that changes on every operation: a stack that went
// away and came back between a load and the compare-and-swap is told apart (ABA).

#include <atomic>
#include <cstdint>
#include <vector>

namespace weir::maps {

constexpr uint32_t kNoElement = 0xffffffff;

/// Small number of this thread, given at first use. Threads beyond the number of shards share them.
uint32_t thread_number();

/// Where element i keeps its link: base + i * stride, 4 bytes aligned to 4.
struct FreeLinks {
    uint8_t* base = nullptr;
    uint64_t stride = 0;

    std::atomic<uint32_t>& at(uint32_t element) const {
        return *reinterpret_cast<std::atomic<uint32_t>*>(base + element * stride);
    }
};

class FreeList {
public:
    static constexpr uint32_t kShardsMax = 32;

    /// Holds elements first .. first + count - 1. `threads`: how many are expected to work at once.
    FreeList(FreeLinks links, uint32_t first, uint32_t count, uint32_t threads);

    /// kNoElement when all stacks are empty.
    uint32_t take();
    void give_back(uint32_t element);

private:
    struct alignas(64) Shard {
        std::atomic<uint64_t> head{kNoElement};
        std::atomic<uint32_t> victim{
            0};  ///< shard that had elements last, where to look first when this one is empty
    };

    uint32_t pop(Shard& shard);
    void push(Shard& shard, uint32_t element);
    uint32_t own_shard() const { return thread_number() % static_cast<uint32_t>(shards_.size()); }

    FreeLinks links_;
    std::vector<Shard> shards_;
};

/// A number that many threads add to, each on a line of its own group; the sum is exact once they
/// rest.
class ShardedCounter {
public:
    void add(int64_t amount) {
        cells_[thread_number() % kCells].value.fetch_add(amount, std::memory_order_relaxed);
    }
    int64_t sum() const {
        int64_t total = 0;
        for (const Cell& cell : cells_) total += cell.value.load(std::memory_order_relaxed);
        return total;
    }

private:
    static constexpr uint32_t kCells = 32;
    struct alignas(64) Cell {
        std::atomic<int64_t> value{0};
    };
    Cell cells_[kCells];
};

}  // namespace weir::maps
