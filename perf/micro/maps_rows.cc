#include "perf/micro/maps_rows.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>

namespace weir::perf {
namespace {

constexpr double kMiB = 1 << 20;
constexpr uint64_t kQueriesMin = 1u << 16, kQueriesMax = 1u << 20;

std::vector<std::string> left_out;

/// A bijection on 32 bits: multiplications by odd numbers and shifted sums, which lose nothing.
uint32_t scatter(uint32_t word) {
    word = (word ^ (word >> 16)) * 0x7feb352du;
    word = (word ^ (word >> 15)) * 0x846ca68bu;
    return word ^ (word >> 16);
}

}  // namespace

benchmark::internal::Benchmark* add_row(const std::string& what, const char* way, RowBody body) {
    return benchmark::RegisterBenchmark((what + "/" + way).c_str(), std::move(body));
}

void leave_out(const std::string& sentence) {
    left_out.push_back(sentence);
}

void print_left_out() {
    for (const std::string& sentence : left_out) std::printf("left out: %s\n", sentence.c_str());
}

RatioTable& memory_table() {
    static RatioTable table("MiB", kMapWays, kMiB);
    return table;
}

RatioTable& gross_table() {
    static RatioTable table("ns for one key, with the loop", kMapWays, 1);
    return table;
}

void note_memory(const std::string& what, const char* way, uint64_t bytes) {
    static std::set<std::string> noted;
    if (noted.insert(what + "/" + way).second)
        memory_table().add(what, way, static_cast<double>(bytes));
}

void Group::enter() {
    static std::mutex mutex;
    static Group* current = nullptr;
    const std::lock_guard<std::mutex> one_at_a_time(mutex);
    if (current == this) return;
    if (current != nullptr) std::ranges::for_each(current->ends_, [](const auto& end) { end(); });
    current = this;
}

std::array<uint8_t, 16> key_of_number(uint64_t number) {
    const auto low = static_cast<uint32_t>(number);
    std::array<uint32_t, 4> words{};
    for (uint32_t word = 0; word < words.size(); ++word)
        words[word] = scatter(low ^ (word * 0x9E3779B9u));
    std::array<uint8_t, 16> key{};
    std::memcpy(key.data(), words.data(), key.size());
    return key;
}

KeyList draw_keys(uint32_t key_bytes, uint64_t first, uint64_t count) {
    std::mt19937_64 random(42);
    KeyList keys(key_bytes);
    const uint64_t size = std::clamp(std::bit_floor(count), kQueriesMin, kQueriesMax);
    for (uint64_t i = 0; i < size; ++i) keys.add(key_of_number(first + random() % count).data());
    return keys;
}

std::string power_of(uint64_t entries) {
    return "2^" + std::to_string(std::bit_width(entries) - 1);
}

}  // namespace weir::perf
