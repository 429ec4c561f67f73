#pragma once
// A hash and a queue that are right under one lock, or wrong on purpose once in a while: they show
// that the checks of this folder can fail.

#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {

enum class Fault : uint8_t {
    None,
    StaleLookUp,   ///< gives the value before the last
    LostUpdate,    ///< says 0 and does nothing
    LostErase,     ///< says 0 and does nothing
    DoubleInsert,  ///< BPF_NOEXIST replaces
    TwiceOut,      ///< a queue's value stays after it came out
    WrongEnd,      ///< a queue's newest comes out
};

/// Keys and values of 8 bytes.
class ToyMap final : public vm::Map {
public:
    ToyMap(vm::MapType type, Fault fault, uint32_t entries_max)
        : Map(make_spec(type, type == vm::MapType::Hash ? 8 : 0, 8, entries_max)), fault_(fault) {}

    uint8_t* lookup(const uint8_t* key, uint32_t) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        return values_.contains(value_at<uint64_t>(key)) ? any_ : nullptr;
    }
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = values_.find(value_at<uint64_t>(key));
        const bool present = found != values_.end();
        if (present && flags == vm::kUpdateNoExist && !fails(Fault::DoubleInsert)) return -EEXIST;
        if (!present && flags == vm::kUpdateExist) return -ENOENT;
        if (fails(Fault::LostUpdate)) return 0;
        const auto number = value_at<uint64_t>(value);
        values_[value_at<uint64_t>(key)] = {number, present ? found->second.now : number};
        return 0;
    }
    int erase(const uint8_t* key) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        const bool present = values_.contains(value_at<uint64_t>(key));
        if (!present) return -ENOENT;
        if (!fails(Fault::LostErase)) values_.erase(value_at<uint64_t>(key));
        return 0;
    }
    int push(const uint8_t* value, uint64_t flags) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        const bool full = queue_.size() == spec().entries_max;
        if (full && flags != vm::kUpdateExist) return -E2BIG;
        if (fails(Fault::LostUpdate)) return 0;
        if (full) queue_.pop_front();
        queue_.push_back(value_at<uint64_t>(value));
        return 0;
    }
    int pop(uint8_t* value) override { return take(value, true); }
    int peek(uint8_t* value) override { return take(value, false); }

    uint32_t control_value_bytes() const override { return 8; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = values_.find(value_at<uint64_t>(key));
        if (found == values_.end()) return -ENOENT;
        const uint64_t number =
            fails(Fault::StaleLookUp) ? found->second.before : found->second.now;
        std::memcpy(value.data(), &number, 8);
        return 0;
    }
    int control_update(const uint8_t* key, std::span<const uint8_t> value,
                       uint64_t flags) override {
        return update(key, value.data(), flags, 0);
    }
    int control_erase(const uint8_t* key) override { return erase(key); }
    int next_key(const uint8_t*, uint8_t*) override { return -ENOENT; }
    uint32_t entries() const override { return static_cast<uint32_t>(values_.size()); }
    uint64_t memory_bytes() const override { return 0; }
    uint64_t full_count() const override { return 0; }

private:
    struct Value {
        uint64_t now, before;
    };

    bool fails(Fault fault) { return fault_ == fault && ++chances_ % 512 == 0; }
    int take(uint8_t* value, bool remove) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (queue_.empty()) return -ENOENT;
        const bool newest = fails(Fault::WrongEnd);
        const uint64_t number = newest ? queue_.back() : queue_.front();
        std::memcpy(value, &number, 8);
        if (!remove || fails(Fault::TwiceOut)) return 0;
        newest ? queue_.pop_back() : queue_.pop_front();
        return 0;
    }

    Fault fault_;
    std::mutex mutex_;
    uint64_t chances_ = 0;
    std::map<uint64_t, Value> values_;
    std::deque<uint64_t> queue_;
    uint8_t any_[8] = {};
};

}  // namespace weir::maps
