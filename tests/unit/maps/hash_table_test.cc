#include "maps/hash_table.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "maps/hash_find.h"

namespace weir::maps {
namespace {

const uint8_t* raw(const uint32_t& key) {
    return reinterpret_cast<const uint8_t*>(&key);
}

std::unique_ptr<HashTable> make_table(uint32_t entries_max) {
    auto table = HashTable::create({.key_bytes = 4,
                                    .payload_bytes = 8,
                                    .entries_max = entries_max,
                                    .spare_elements = 1,
                                    .threads = 1,
                                    .zero_seed = true},
                                   "m");
    EXPECT_TRUE(table.has_value());
    return std::move(*table);
}

uint32_t insert(HashTable& table, uint32_t key) {
    const uint32_t element = table.take_element();
    table.write_key(element, raw(key));
    HashTable::Guard guard(table, raw(key), Side::Program);
    EXPECT_TRUE(guard.locked());
    guard.insert(element);
    return element;
}

void remove(HashTable& table, uint32_t key) {
    HashTable::Guard guard(table, raw(key), Side::Program);
    ASSERT_NE(guard.element(), kNoElement);
    guard.remove();
    table.give_back_element(guard.element());
}

/// Keys that the fixed seed puts into the first of a large table's buckets are more than it has
/// slots: a chain.
std::vector<uint32_t> keys_of_one_bucket(uint32_t buckets, size_t count) {
    const KeyHash hash = KeyHash::make(true);
    std::vector<uint32_t> keys;
    for (uint32_t key = 0; keys.size() < count; ++key) {
        if (((hash(raw(key), 4) & 0xffffffff) * buckets) >> 32 == 0) keys.push_back(key);
    }
    return keys;
}

TEST(HashTable, RefusesMoreElementsThanIndices) {
    const auto table = HashTable::create({.key_bytes = 4,
                                          .payload_bytes = 0,
                                          .entries_max = UINT32_MAX,
                                          .spare_elements = 2,
                                          .threads = 1,
                                          .zero_seed = false},
                                         "m");
    ASSERT_FALSE(table.has_value());
    EXPECT_EQ(table.error().message, "map m: max_entries 4294967295 exceeds 4294967292");
}

TEST(HashTable, AFullBucketGoesOnInAChain) {
    constexpr uint32_t kEntries = 64;
    const auto table = make_table(kEntries);
    const std::vector<uint32_t> keys = keys_of_one_bucket(kEntries / 4, kEntries);
    std::vector<uint32_t> elements;
    for (const uint32_t key : keys) elements.push_back(insert(*table, key));
    EXPECT_EQ(table->take_element(), kNoElement);
    EXPECT_EQ(table->entries(), kEntries);
    for (size_t i = 0; i < keys.size(); ++i)
        EXPECT_EQ(table->find(raw(keys[i])).element, elements[i]);

    for (size_t i = 0; i < keys.size(); i += 3)
        remove(*table, keys[i]);  // slots, head, middle and end of the chain
    for (size_t i = 0; i < keys.size(); ++i) {
        EXPECT_EQ(table->find(raw(keys[i])).element, i % 3 == 0 ? kNoElement : elements[i]) << i;
    }
    for (size_t i = 0; i < keys.size(); i += 3) insert(*table, keys[i]);
    for (const uint32_t key : keys) EXPECT_TRUE(table->find(raw(key)));
    EXPECT_EQ(table->entries(), kEntries);
}

TEST(HashTable, ReplacesInSlotsAndChains) {
    const auto table = make_table(64);
    const std::vector<uint32_t> keys = keys_of_one_bucket(16, 12);
    for (const uint32_t key : keys) insert(*table, key);
    uint32_t spare = 64;
    for (const uint32_t key : keys) {
        table->write_key(spare, raw(key));
        HashTable::Guard guard(*table, raw(key), Side::Control);
        const uint32_t old = guard.element();
        guard.replace(spare);
        EXPECT_EQ(table->find(raw(key)).element, spare);
        spare = old;
    }
    for (const uint32_t key : keys) EXPECT_TRUE(table->find(raw(key)));
}

TEST(HashTable, HitsNoticeThatTheElementLeft) {
    const auto table = make_table(4);
    insert(*table, 1);
    const HashTable::Hit hit = table->find(raw(1));
    EXPECT_TRUE(hit.unchanged());
    remove(*table, 1);
    EXPECT_FALSE(hit.unchanged());
}

TEST(HashTable, IterationGivesEachKeyOnceAcrossChains) {
    const auto table = make_table(64);
    std::set<uint32_t> keys;
    for (const uint32_t key : keys_of_one_bucket(16, 20)) keys.insert(key);
    for (uint32_t key = 1'000'000; key < 1'000'020; ++key) keys.insert(key);
    for (const uint32_t key : keys) insert(*table, key);
    std::set<uint32_t> seen;
    uint32_t key = 0;
    auto* next = reinterpret_cast<uint8_t*>(&key);
    for (int status = table->next_key(nullptr, next); status == 0;
         status = table->next_key(next, next)) {
        ASSERT_TRUE(seen.insert(key).second);
    }
    EXPECT_EQ(seen, keys);
}

TEST(HashTable, VisitsAllOfABucketHoweverLong) {
    constexpr uint32_t kEntries = 600;
    const auto table = make_table(1024);
    const std::vector<uint32_t> keys = keys_of_one_bucket(256, kEntries);
    for (const uint32_t key : keys) insert(*table, key);
    std::set<uint32_t> seen;
    const auto visit = [&](const uint8_t* key, uint32_t) {
        uint32_t number = 0;
        std::memcpy(&number, key, sizeof number);
        EXPECT_TRUE(seen.insert(number).second);
        return 0;
    };
    EXPECT_EQ(table->for_each(visit), int64_t{kEntries});
    EXPECT_EQ(seen, std::set<uint32_t>(keys.begin(), keys.end()));
}

TEST(HashTable, BulkFindsWhatOneByOneFindsAcrossSlotsAndChains) {
    const auto table = make_table(64);
    const std::vector<uint32_t> present = keys_of_one_bucket(16, 20);
    for (const uint32_t key : present) insert(*table, key);
    for (size_t i = 0; i < present.size(); i += 3) remove(*table, present[i]);
    std::vector<uint32_t> asked(present);
    for (uint32_t key = 1'000'000; asked.size() < kBurstPacketsMax; ++key) asked.push_back(key);
    std::vector<const uint8_t*> keys;
    for (const uint32_t& key : asked) keys.push_back(raw(key));
    for (const uint32_t count : {1u, 2u, 21u, kBurstPacketsMax}) {
        std::vector<uint32_t> elements(kBurstPacketsMax, 7'777);
        table->find_bulk(keys.data(), count, elements.data());
        for (uint32_t i = 0; i < kBurstPacketsMax; ++i)
            EXPECT_EQ(elements[i], i < count ? table->find(keys[i]).element : 7'777) << i;
    }
}

TEST(HashTable, ShortElementsLieInOneCacheLine) {
    for (const uint32_t payload : {0u, 8u, 16u, 24u, 32u, 40u}) {
        const auto table = HashTable::create({.key_bytes = 16,
                                              .payload_bytes = payload,
                                              .entries_max = 64,
                                              .spare_elements = 0,
                                              .threads = 1,
                                              .zero_seed = true},
                                             "m");
        ASSERT_TRUE(table.has_value());
        for (uint32_t element = 0; element < 64; ++element) {
            const auto value = reinterpret_cast<uint64_t>((*table)->payload(element));
            EXPECT_EQ((value - 24) / 64, (value + payload - 1) / 64) << payload;
            EXPECT_EQ((*table)->element_of((*table)->payload(element)), element);
        }
    }
}

std::unique_ptr<HashTable> make_claimed_table() {
    auto table = HashTable::create({.key_bytes = 4,
                                    .payload_bytes = 8,
                                    .entries_max = 4,
                                    .spare_elements = 0,
                                    .threads = 2,
                                    .claims = 2,
                                    .zero_seed = true},
                                   "m");
    return std::move(*table);
}

TEST(HashTable, ClaimsLetEachOtherInAndKeepWritersOut) {
    const auto table = make_claimed_table();
    insert(*table, 1);
    const HashTable::Hit hit = table->find(raw(1));
    {
        const HashTable::Claim first(*table, hit, 0), second(*table, hit, 1);
        EXPECT_TRUE(first.held());
        EXPECT_TRUE(second.held());
        EXPECT_FALSE(HashTable::Guard(*table, raw(1), Side::Program).locked());
    }
    EXPECT_TRUE(HashTable::Guard(*table, raw(1), Side::Program).locked());
}

TEST(HashTable, AClaimFailsBesideAWriterAndAfterItsElementLeft) {
    const auto table = make_claimed_table();
    insert(*table, 1);
    const HashTable::Hit hit = table->find(raw(1));
    {
        const HashTable::Guard writer(*table, raw(1), Side::Control);
        EXPECT_FALSE(HashTable::Claim(*table, hit, 0).held());
    }
    EXPECT_TRUE(HashTable::Claim(*table, hit, 0).held());
    remove(*table, 1);
    insert(*table, 1);
    EXPECT_FALSE(HashTable::Claim(*table, hit, 0).held());
}

/// A worker does not wait for good for a lock whose holder lost its core.
TEST(HashTable, ProgramsGiveUpOnALockedBucketAndReadersDoNotCare) {
    const auto table = make_table(1);
    insert(*table, 1);
    const HashTable::Guard holder(*table, raw(1), Side::Control);
    const HashTable::Guard waiting(*table, raw(2), Side::Program);
    EXPECT_FALSE(waiting.locked());
    EXPECT_TRUE(table->find(raw(1)));
}

}  // namespace
}  // namespace weir::maps
