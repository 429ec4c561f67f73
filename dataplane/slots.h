#pragma once
// Numbers for the programs' rows in the workers' counter tables (ChainEntry::slot). A number is
// free again when the program that had it is gone, which is after the last generation that ran it.
// Control thread only.

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace weir::dataplane {

class SlotPool {
public:
    explicit SlotPool(uint32_t count) : used_(count, false) {}
    /// The lowest free number; nullopt when all are taken.
    std::optional<uint32_t> take() {
        for (uint32_t i = 0; i < used_.size(); ++i) {
            if (!used_[i]) {
                used_[i] = true;
                return i;
            }
        }
        return std::nullopt;
    }
    void give_back(uint32_t slot) { used_[slot] = false; }

private:
    std::vector<bool> used_;
};

/// One number, given back when the lease ends.
class SlotLease {
public:
    SlotLease() = default;
    SlotLease(std::shared_ptr<SlotPool> pool, uint32_t slot)
        : pool_(std::move(pool)), slot_(slot) {}
    SlotLease(SlotLease&& other) noexcept : pool_(std::move(other.pool_)), slot_(other.slot_) {}
    SlotLease& operator=(SlotLease&& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(slot_, other.slot_);
        return *this;
    }
    ~SlotLease() {
        if (pool_) pool_->give_back(slot_);
    }
    uint32_t number() const { return slot_; }

private:
    std::shared_ptr<SlotPool> pool_;
    uint32_t slot_ = 0;
};

}  // namespace weir::dataplane
