#include "maps/lpm_map.h"

#include <cerrno>
#include <thread>
#include <vector>

#include "maps/reclaim.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

std::string refusal(const vm::MapSpec& spec) {
    const auto map = create_map(spec, 2);
    return map ? "" : map.error().message;
}

std::unique_ptr<vm::Map> make_trie(uint32_t entries_max) {
    return make_map(make_spec(vm::MapType::LpmTrie, 8, 4, entries_max));
}

int put(vm::Map& map, const Prefix4& prefix, uint32_t value, uint64_t flags = 0) {
    return map.update(bytes_of(prefix), bytes_of(value), flags, 0);
}

uint32_t get(vm::Map& map, const Prefix4& key) {
    const uint8_t* value = map.lookup(bytes_of(key), 0);
    return value == nullptr ? 0 : value_at<uint32_t>(value);
}

TEST(LpmMap, RefusesWhatTheKernelRefuses) {
    vm::MapSpec spec = make_spec(vm::MapType::LpmTrie, 8, 4, 1);
    spec.flags = 0;
    EXPECT_EQ(refusal(spec), "map m (lpm_trie): flags 0x0 must contain BPF_F_NO_PREALLOC (0x1)");
    EXPECT_EQ(refusal(make_spec(vm::MapType::LpmTrie, 4, 4, 1)),
              "map m (lpm_trie): key size 4 must lie between 5 and 260");
    EXPECT_NE(refusal(make_spec(vm::MapType::LpmTrie, 261, 4, 1)), "");
    EXPECT_NE(refusal(make_spec(vm::MapType::LpmTrie, 8, 4, 1, vm::kMapZeroSeed)), "");
    EXPECT_NE(refusal(make_spec(vm::MapType::LpmTrie, 8, 4, UINT32_MAX)), "");
    EXPECT_EQ(refusal(make_spec(vm::MapType::LpmTrie, 260, 4, 1)), "");
}

TEST(LpmMap, TheLongestMatchWins) {
    const auto map = make_trie(8);
    EXPECT_EQ(put(*map, {0, {0, 0, 0, 0}}, 1), 0);
    EXPECT_EQ(put(*map, {8, {10, 0, 0, 0}}, 2), 0);
    EXPECT_EQ(put(*map, {24, {10, 1, 2, 0}}, 3), 0);
    EXPECT_EQ(put(*map, {32, {10, 1, 2, 3}}, 4), 0);
    EXPECT_EQ(get(*map, {32, {10, 1, 2, 3}}), 4u);
    EXPECT_EQ(get(*map, {32, {10, 1, 2, 4}}), 3u);
    EXPECT_EQ(get(*map, {32, {10, 1, 3, 3}}), 2u);
    EXPECT_EQ(get(*map, {32, {11, 1, 2, 3}}), 1u);
    EXPECT_EQ(get(*map, {24, {10, 1, 2, 3}}), 3u) << "no longer than the key's own length";
    EXPECT_EQ(get(*map, {23, {10, 1, 2, 3}}), 2u);
    EXPECT_EQ(get(*map, {33, {10, 1, 2, 3}}), 0u) << "longer than the address";
}

TEST(LpmMap, DeletingUncoversTheShorterPrefix) {
    const auto map = make_trie(8);
    ASSERT_EQ(put(*map, {8, {10, 0, 0, 0}}, 1), 0);
    ASSERT_EQ(put(*map, {16, {10, 1, 0, 0}}, 2), 0);
    ASSERT_EQ(put(*map, {24, {10, 1, 1, 0}}, 3), 0);
    ASSERT_EQ(put(*map, {24, {10, 1, 128, 0}}, 4), 0);
    const Prefix4 middle{16, {10, 1, 9, 9}};
    EXPECT_EQ(map->erase(bytes_of(middle)), 0) << "bits behind the length do not count";
    EXPECT_EQ(map->erase(bytes_of(middle)), -ENOENT);
    EXPECT_EQ(get(*map, {32, {10, 1, 9, 9}}), 1u);
    EXPECT_EQ(get(*map, {32, {10, 1, 1, 9}}), 3u);
    EXPECT_EQ(put(*map, {16, {10, 1, 0, 0}}, 5), 0) << "where an intermediate node stands";
    EXPECT_EQ(get(*map, {32, {10, 1, 9, 9}}), 5u);
    EXPECT_EQ(map->entries(), 4u);
}

TEST(LpmMap, ErrorsAreTheKernels) {
    const auto map = make_trie(1);
    const Prefix4 prefix{8, {10, 0, 0, 0}}, too_long{33, {}};
    EXPECT_EQ(put(*map, prefix, 1, vm::kUpdateExist), -ENOENT);
    EXPECT_EQ(put(*map, prefix, 1, 3), -EINVAL);
    EXPECT_EQ(put(*map, too_long, 1), -EINVAL);
    EXPECT_EQ(map->erase(bytes_of(too_long)), -EINVAL);
    EXPECT_EQ(put(*map, prefix, 1, vm::kUpdateNoExist), 0);
    EXPECT_EQ(put(*map, prefix, 1, vm::kUpdateNoExist), -EEXIST);
    EXPECT_EQ(put(*map, {9, {10, 0, 0, 0}}, 1), -ENOSPC);
    EXPECT_EQ(map->full_count(), 1u);
    EXPECT_EQ(put(*map, prefix, 2), 0);
    EXPECT_EQ(map->entries(), 1u);
}

TEST(LpmMap, IteratesInPostorder) {
    const auto map = make_trie(8);
    Prefix4 key{};
    auto* raw = reinterpret_cast<uint8_t*>(&key);
    EXPECT_EQ(map->next_key(nullptr, raw), -ENOENT);
    for (const Prefix4& prefix :
         {Prefix4{8, {10}}, Prefix4{16, {10, 128}}, Prefix4{16, {10, 1}}, Prefix4{0, {}}}) {
        ASSERT_EQ(put(*map, prefix, 1), 0);
    }
    std::vector<std::pair<uint32_t, int>> order;
    for (int status = map->next_key(nullptr, raw); status == 0; status = map->next_key(raw, raw)) {
        order.emplace_back(key.bits, key.address[1]);
    }
    EXPECT_EQ(order, (std::vector<std::pair<uint32_t, int>>{{16, 1}, {16, 128}, {8, 0}, {0, 0}}));
}

TEST(LpmMap, SmallTablesAreSmall) {
    EXPECT_LE(make_trie(1000)->memory_bytes(), 1u << 20);
}

TEST(LpmMap, AMillionIpv4PrefixesStayBelow128MiB) {
    EXPECT_LE(make_map(make_spec(vm::MapType::LpmTrie, 8, 8, 1'000'000))->memory_bytes(),
              128u << 20);
}

TEST(LpmMap, ValuesLastUntilTheReaderIsQuiescent) {
    const auto map = make_trie(1);
    const Prefix4 prefix{8, {10, 0, 0, 0}};
    ASSERT_EQ(put(*map, prefix, 1), 0);
    reader_register();
    const uint8_t* held = map->lookup(bytes_of(prefix), 0);
    int last = 0;
    for (uint32_t i = 0; i < 500 && last == 0; ++i) last = put(*map, prefix, 100 + i);
    EXPECT_EQ(last, -ENOMEM) << "nothing may be used again, and what waits is bounded";
    EXPECT_EQ(value_at<uint32_t>(held), 1u);
    EXPECT_EQ(map->full_count(), 1u);
    reader_quiescent();
    reader_unregister();
    EXPECT_EQ(put(*map, prefix, 2), 0);
    EXPECT_EQ(get(*map, prefix), 2u);
}

/// The control side waits for readers where a program gives up.
TEST(LpmMap, ControlUpdatesOutlastReadersThatMoveOn) {
    const auto map = make_trie(1);
    const Prefix4 prefix{8, {10, 0, 0, 0}};
    std::atomic<bool> stop{false}, started{false};
    std::thread reader([&] {
        reader_register();
        started = true;
        while (!stop) {
            std::this_thread::yield();
            reader_quiescent();
        }
    });
    while (!started) std::this_thread::yield();
    for (uint32_t value = 0; value < 2000; ++value) {
        ASSERT_EQ(map->control_update(bytes_of(prefix), {bytes_of(value), 4}, 0), 0) << value;
    }
    stop = true;
    reader.join();
    EXPECT_EQ(get(*map, prefix), 1999u);
}

}  // namespace
}  // namespace weir::maps
