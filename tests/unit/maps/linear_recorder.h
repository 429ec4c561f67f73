#pragma once
// Operations on a few keys of a map by several threads, recorded with their times and answers and
// then checked, key by key, against KeyModel.

#include <array>
#include <random>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "maps/words.h"
#include "tests/support/linear.h"
#include "tests/unit/maps/linear_models.h"
#include "tests/unit/maps/stress_workers.h"

namespace weir::maps {

constexpr uint32_t kControl = kWorkers;  ///< the control side's number in a history
constexpr uint32_t kAllSlots = UINT32_MAX;
constexpr uint32_t kValueWordsMax = 64;

/// One operation on one key, with the values of all its slots.
struct Recorded {
    uint32_t key = 0;
    KeyModel::Kind kind = KeyModel::Kind::Read;
    uint64_t invoked = 0, responded = 0, flags = 0;
    int status = 0;
    uint32_t slot = kAllSlots;  ///< the only one that is meant
    std::array<uint64_t, kWorkers> values{};
};

class KeyRecorder {
public:
    using Kind = KeyModel::Kind;

    /// Values of 8 bytes, or of several words where an update is seen whole or not at all: the more
    /// of them, the longer a look at one takes.
    /// A value of `absent` is read where there is none: that of a shorter prefix.
    KeyRecorder(vm::Map& map, std::vector<Bytes> keys, uint64_t absent = 0)
        : map_(map), keys_(std::move(keys)), absent_(absent) {
        slots_ = vm::is_percpu(map.spec().type) ? kWorkers : 1;
    }

    uint32_t keys() const { return static_cast<uint32_t>(keys_.size()); }
    /// What a worker reads through the pointer of a look-up is what the key held then: an LPM
    /// value lasts, an array's is the key's own. Else only that there was something counts.
    bool values_last() const {
        return map_.spec().type == vm::MapType::LpmTrie || map_.array_layout().has_value();
    }

    void lookup(uint32_t worker, uint32_t key) {
        Recorded r = begin(key, values_last() ? Kind::Read : Kind::Presence);
        const uint8_t* const value = map_.lookup(keys_[key].data(), worker);
        r.status = value != nullptr ? 0 : -ENOENT;
        if (slots_ > 1) r.slot = worker;
        if (value != nullptr && values_last()) r.values[slots_ > 1 ? worker : 0] = number_at(value);
        end(worker, r);
    }
    void control_lookup(uint32_t thread, uint32_t key) {
        Recorded r = begin(key, Kind::Read);
        Bytes value(map_.control_value_bytes());
        r.status = map_.control_lookup(keys_[key].data(), value);
        for (uint32_t slot = 0; slot < slots_; ++slot)
            r.values[slot] = number_in(value.data() + slot * value.size() / slots_);
        end(thread, r);
    }
    void update(uint32_t thread, uint32_t key, uint64_t flags) {
        Recorded r = begin(key, Kind::Write);
        const uint64_t number = next_number(thread, key);
        Words value;
        value.fill(~number);
        value[0] = number;
        r.flags = flags;
        r.values.fill(number);
        if (slots_ > 1 && thread != kControl) r.slot = thread;
        r.status =
            thread == kControl
                ? map_.control_update(keys_[key].data(), {bytes_of(value[0]), value_bytes()}, flags)
                : map_.update(keys_[key].data(), bytes_of(value[0]), flags, thread);
        end(thread, r);
    }
    void erase(uint32_t thread, uint32_t key) {
        Recorded r = begin(key, Kind::Erase);
        r.status = thread == kControl ? map_.control_erase(keys_[key].data())
                                      : map_.erase(keys_[key].data());
        end(thread, r);
    }
    void fetch_add(uint32_t worker, uint32_t key) {
        Recorded r = begin(key, Kind::FetchAdd);
        auto* const value = reinterpret_cast<uint64_t*>(map_.lookup(keys_[key].data(), worker));
        r.slot = slots_ > 1 ? worker : kAllSlots;
        r.values[slots_ > 1 ? worker : 0] = __atomic_fetch_add(value, 1, __ATOMIC_RELAXED);
        end(worker, r);
    }

    /// Empty where every key's history is linearisable, else the end of the first that is not.
    std::string first_misfit(const KeyModel::State& start) const {
        for (uint32_t key = 0; key < keys(); ++key) {
            for (uint32_t slot = 0; slot < slots_; ++slot) {
                const auto history = history_of(key, slot);
                const KeyModel model{.vanishes = map_.evicted_count() != 0};
                const auto misfit =
                    testing::LinearCheck<KeyModel>(model, start).first_misfit(history);
                if (misfit) return story_of(history, *misfit, key, slot);
            }
        }
        return {};
    }
    uint64_t recorded() const {
        uint64_t sum = 0;
        for (const auto& of_thread : histories_) sum += of_thread.size();
        return sum;
    }
    uint64_t gave_up() const { return gave_up_.load(); }

private:
    using History = testing::LinearCheck<KeyModel>::History;
    using Words = std::array<uint64_t, kValueWordsMax>;

    uint32_t value_bytes() const { return map_.spec().value_bytes; }
    Recorded begin(uint32_t key, Kind kind) const {
        Recorded r;
        r.key = key;
        r.kind = kind;
        r.invoked = testing::stamp();
        return r;
    }
    /// Who gave up has changed nothing: if it has, nobody has written what is read later.
    void end(uint32_t thread, Recorded& r) {
        r.responded = testing::stamp();
        if (r.kind == Kind::Read && absent_ != 0 && r.status == 0 && r.values[0] == absent_)
            r.status = -ENOENT;
        if (r.status == -EBUSY || r.status == -ENOMEM) {
            ++gave_up_;
        } else {
            histories_[thread].push_back(r);
        }
    }
    /// Never the same twice, and of its key.
    uint64_t next_number(uint32_t thread, uint32_t key) {
        const uint64_t count = ++written_[thread].count;
        return uint64_t{key + 1} << 48 | count << 3 | thread;
    }
    /// UINT64_MAX, which nobody writes, for a torn value.
    uint64_t number_in(const uint8_t* value) const {
        const auto number = value_at<uint64_t>(value);
        for (uint32_t at = 8; at < value_bytes(); at += 8)
            if (value_at<uint64_t>(value + at) != ~number) return UINT64_MAX;
        return number;
    }
    uint64_t number_at(const uint8_t* shared) const {
        Words copy;
        load_words(reinterpret_cast<uint8_t*>(copy.data()), shared, value_bytes());
        return number_in(bytes_of(copy[0]));
    }

    History history_of(uint32_t key, uint32_t slot) const {
        History history;
        for (uint32_t thread = 0; thread < histories_.size(); ++thread) {
            for (const Recorded& r : histories_[thread]) {
                if (r.key != key) continue;
                const bool elsewhere = r.slot != kAllSlots && r.slot != slot;
                Kind kind = r.kind;
                if (elsewhere && kind == Kind::Write) kind = Kind::WriteElsewhere;
                if (elsewhere && kind == Kind::Read) kind = Kind::Presence;
                if (elsewhere && kind == Kind::FetchAdd) continue;
                history.push_back(
                    {thread, r.invoked, r.responded, {kind, r.flags, r.values[slot], r.status}});
            }
        }
        return history;
    }

    /// What happened before and during operation `misfit`.
    static std::string story_of(const History& history, size_t misfit, uint32_t key,
                                uint32_t slot) {
        constexpr const char* kNames[] = {"read",  "presence", "write", "write elsewhere",
                                          "erase", "fetch_add"};
        constexpr uint64_t kBeforeNs = 20'000;
        const uint64_t end = history[misfit].responded;
        std::string text =
            fmt::format("key {} slot {}: no order explains operation {}\n", key, slot, misfit);
        for (size_t i = 0; i < history.size(); ++i) {
            const auto& timed = history[i];
            if (timed.responded + kBeforeNs < end || timed.invoked > end) continue;
            text +=
                fmt::format("{:>6}: {:>8}..{:>8} ns thread {} {} flags {} = {} value {:x}\n", i,
                            static_cast<int64_t>(timed.invoked - end),
                            static_cast<int64_t>(timed.responded - end), timed.thread,
                            kNames[static_cast<size_t>(timed.operation.kind)],
                            timed.operation.flags, timed.operation.status, timed.operation.value);
            if (text.size() > 8'000) break;
        }
        return text;
    }

    struct alignas(64) Written {
        uint64_t count = 0;
    };

    vm::Map& map_;
    std::vector<Bytes> keys_;
    uint64_t absent_;
    uint32_t slots_ = 1;
    std::array<std::vector<Recorded>, kWorkers + 1> histories_;
    std::array<Written, kWorkers + 1> written_;
    std::atomic<uint64_t> gave_up_{0};
};

/// What a thread does next, by chance.
struct KeyMix {
    bool erases = true;  ///< arrays: no, and they count instead
    uint32_t operations = 0;
};

inline void record_one(KeyRecorder& recorder, uint32_t thread, const KeyMix& mix,
                       std::mt19937_64& random) {
    const auto key = static_cast<uint32_t>(random() % recorder.keys());
    const uint64_t choice = random() % 16;
    if (choice < 4) {
        const uint64_t flags = random() % 2 == 0 ? random() % 3 : vm::kUpdateAny;
        recorder.update(thread, key, mix.erases ? flags : vm::kUpdateAny);
    } else if (choice < 7) {
        if (mix.erases) return recorder.erase(thread, key);
        if (thread != kControl) return recorder.fetch_add(thread, key);
        recorder.control_lookup(thread, key);
    } else if (choice < 11 && thread != kControl) {
        recorder.lookup(thread, key);
    } else {
        recorder.control_lookup(thread, key);
    }
}

inline void record(KeyRecorder& recorder, const KeyMix& mix, uint64_t seed) {
    std::mt19937_64 control_random(seed);
    uint32_t control_operations = 0;
    run_workers(
        [&](uint32_t worker) {
            std::mt19937_64 random(seed + 1 + worker);
            for (uint32_t i = 0; i < mix.operations; ++i) {
                record_one(recorder, worker, mix, random);
                if (i % 16 == 0) reader_quiescent();
            }
        },
        [&] {
            if (++control_operations > mix.operations) return;
            record_one(recorder, kControl, mix, control_random);
        });
}

}  // namespace weir::maps
