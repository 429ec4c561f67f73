#pragma once
// What the files of maps_bench share: rows, tables that several rows look into, keys.
//
// A row is named "<what>/<way>"; ways stand beside each other in the table at the end. Ours comes
// first, so that a ratio says how many times as much a peer takes.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "perf/micro/ratio_table.h"

namespace weir::perf {

constexpr std::array<const char*, 4> kMapWays = {"weir", "kernel", "dpdk", "liburcu"};
constexpr const char* kWeir = kMapWays[0];
constexpr const char* kKernel = kMapWays[1];
constexpr const char* kDpdk = kMapWays[2];
constexpr const char* kLiburcu = kMapWays[3];

constexpr uint32_t kBulkKeys = 32;

using RowBody = std::function<void(benchmark::State&)>;
/// Registers "<what>/<way>".
benchmark::internal::Benchmark* add_row(const std::string& what, const char* way, RowBody body);

/// A peer that this machine cannot run, named under the table with the reason.
void leave_out(const std::string& sentence);
void print_left_out();

/// Sizes, for a table of their own.
RatioTable& memory_table();
/// Times of programs with the floor of their loop, and these floors.
RatioTable& gross_table();
/// Of `what` held in this way, once for each.
void note_memory(const std::string& what, const char* way, uint64_t bytes);

/// Rows that use the same tables. When a row of another group runs these are freed: the largest of
/// all groups would not fit beside each other.
class Group {
public:
    void on_leave(std::function<void()> end) { ends_.push_back(std::move(end)); }
    void enter();

private:
    std::vector<std::function<void()>> ends_;
};

/// Made when the first row asks, whatever its thread.
template <typename T>
class Lazy {
public:
    /// `make` gives nullptr where the table cannot be had.
    static std::shared_ptr<Lazy> in(const std::shared_ptr<Group>& group,
                                    std::function<std::unique_ptr<T>()> make) {
        auto lazy = std::make_shared<Lazy>(group, std::move(make));
        group->on_leave([self = lazy.get()] { self->value_.reset(); });
        return lazy;
    }
    Lazy(std::shared_ptr<Group> group, std::function<std::unique_ptr<T>()> make)
        : group_(std::move(group)), make_(std::move(make)) {}

    /// nullptr, and the row says so, where there is none.
    T* get(benchmark::State& state) {
        const std::lock_guard<std::mutex> one_at_a_time(mutex_);
        group_->enter();
        if (!value_) value_ = make_();
        if (!value_) state.SkipWithError("the table could not be made");
        return value_.get();
    }

private:
    std::shared_ptr<Group> group_;
    std::function<std::unique_ptr<T>()> make_;
    std::mutex mutex_;
    std::unique_ptr<T> value_;
};

/// Keys of one size, one behind the other.
class KeyList {
public:
    explicit KeyList(uint32_t key_bytes) : key_bytes_(key_bytes) {}
    void add(const void* key) {
        const auto* bytes = static_cast<const uint8_t*>(key);
        bytes_.insert(bytes_.end(), bytes, bytes + key_bytes_);
    }
    const uint8_t* at(size_t i) const { return bytes_.data() + i * key_bytes_; }
    size_t size() const { return bytes_.size() / key_bytes_; }
    uint32_t key_bytes() const { return key_bytes_; }

private:
    uint32_t key_bytes_;
    std::vector<uint8_t> bytes_;
};

/// Key number `number` of this size: numbers below 2^32 give different keys, without a pattern that
/// would make a weak hash look good.
std::array<uint8_t, 16> key_of_number(uint64_t number);

/// Keys to ask for, drawn from numbers first .. first + count - 1; how many is a power of two,
/// enough that those of a large table do not fit into the second-level cache.
KeyList draw_keys(uint32_t key_bytes, uint64_t first, uint64_t count);

/// "2^20".
std::string power_of(uint64_t entries);

// A file each.
void add_hash_rows();
void add_update_rows();
void add_lpm_rows();
void add_lru_rows();
void add_program_rows();

}  // namespace weir::perf
