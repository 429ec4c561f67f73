#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>

#include "maps/key_hash.h"
#include "tests/unit/jit/lookup_programs.h"

namespace weir::tests {
namespace {

using vm::MapType;

constexpr uint32_t kBucketSlots = 8;

void put(vm::Map& map, const Bytes& key, uint32_t word) {
    Bytes value(map.control_value_bytes());
    for (size_t at = 0; at + 8 <= value.size(); at += 8) {
        const auto of_cpu = static_cast<uint32_t>(word + at);  // so that cpus differ
        std::memcpy(value.data() + at, &of_cpu, sizeof of_cpu);
    }
    ASSERT_EQ(map.control_update(key.data(), value, vm::kUpdateAny), 0);
}

Bytes random_key(uint32_t bytes, std::mt19937& random) {
    Bytes key(bytes);
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    return key;
}

/// As many keys as a burst has packets: the even ones are in the map, the odd ones differ from one
/// of these in one byte.
std::vector<Bytes> half_present_keys(vm::Map& map, std::mt19937& random) {
    const uint32_t bytes = map.spec().key_bytes;
    std::vector<Bytes> keys;
    for (uint32_t i = 0; i < 32; i += 2) {
        keys.push_back(random_key(bytes, random));
        put(map, keys.back(), 1000 + i);
        keys.push_back(keys.back());
        keys.back()[random() % bytes] ^= static_cast<uint8_t>(1 + random() % 255);
    }
    return keys;
}

void expect_as_the_map_says(const Proven& proven, const std::vector<Bytes>& keys,
                            const std::string& what) {
    for (const uint32_t cpu : {0u, kCpuSlots - 1, kCpuSlots}) {
        const std::vector<uint32_t> wanted = looked_up(*proven.maps[0], keys, cpu);
        for (const Way way : kWays)
            ASSERT_EQ(verdicts_of(proven, way, keys, cpu), wanted)
                << what << ", cpu " << cpu << ", way " << static_cast<int>(way);
    }
}

std::vector<Split> splits_of(uint32_t bytes, std::mt19937& random) {
    std::vector<Split> splits;
    for (const uint32_t width : {8u, 4u, 2u, 1u}) splits.push_back(even_split(bytes, width));
    for (int i = 0; i < 3; ++i) splits.push_back(random_split(bytes, random));
    return splits;
}

class EmitHashLookup : public testing::TestWithParam<MapType> {};

TEST_P(EmitHashLookup, FindsWhatTheMapFindsWithKeysOfAnySizeStoredInAnyPieces) {
    std::mt19937 random(1);
    for (uint32_t bytes = 1; bytes <= 64; ++bytes) {
        for (const Split& split : splits_of(bytes, random)) {
            const KeyForm form = kKeyForms[random() % kKeyForms.size()];
            const NullCheck check = kNullChecks[random() % kNullChecks.size()];
            const Proven proven(lookup_program(split, form, check),
                                {map_spec(GetParam(), bytes, 8, 64)});
            const std::vector<Bytes> keys = half_present_keys(*proven.maps[0], random);
            expect_as_the_map_says(proven, keys, "key of " + std::to_string(bytes) + " bytes");
        }
    }
}

TEST_P(EmitHashLookup, FindsByEveryFormOfPointerAndNullCheck) {
    std::mt19937 random(2);
    for (const uint32_t bytes : {4u, 13u, 16u, 40u})
        for (const KeyForm form : kKeyForms)
            for (const NullCheck check : kNullChecks) {
                const Proven proven(lookup_program(even_split(bytes, 4), form, check),
                                    {map_spec(GetParam(), bytes, 8, 64)});
                const std::vector<Bytes> keys = half_present_keys(*proven.maps[0], random);
                expect_as_the_map_says(proven, keys, "form " + std::to_string(int(form)));
            }
}

TEST_P(EmitHashLookup, FindsValuesOfAnySize) {
    std::mt19937 random(3);
    for (const uint32_t value_bytes : {4u, 8u, 16u, 20u, 48u, 64u, 100u, 1000u}) {
        const Proven proven(lookup_program(even_split(8, 8), KeyForm::kStack, NullCheck::kEqual),
                            {map_spec(GetParam(), 8, value_bytes, 64)});
        const std::vector<Bytes> keys = half_present_keys(*proven.maps[0], random);
        expect_as_the_map_says(proven, keys, "value of " + std::to_string(value_bytes));
    }
}

/// Keys of four bytes that lead to bucket 0 of a map of this many entries and a known seed.
std::vector<Bytes> keys_of_first_bucket(uint32_t entries, size_t count, bool same_tag) {
    const maps::KeyHash hash = maps::KeyHash::make(true);
    const uint64_t buckets = (entries + 3) / 4;
    std::map<uint64_t, std::vector<Bytes>> by_tag;
    for (uint32_t number = 0;; ++number) {
        Bytes key(4);
        std::memcpy(key.data(), &number, sizeof number);
        const uint64_t h = hash(key.data(), 4);
        if (((h & 0xffffffff) * buckets) >> 32 != 0) continue;
        std::vector<Bytes>& found = by_tag[same_tag ? (h >> 48) | 1 : 0];
        found.push_back(key);
        if (found.size() == count) return found;
    }
}

Proven known_seed(MapType type, uint32_t entries) {
    vm::MapSpec spec = map_spec(type, 4, 8, entries);
    spec.flags = vm::kMapZeroSeed;
    return Proven(lookup_program({4}, KeyForm::kStack, NullCheck::kEqual), {spec});
}

TEST_P(EmitHashLookup, FindsKeysOfAChainAndMissesOthersOfTheirBucket) {
    constexpr uint32_t kEntries = 64;
    const Proven proven = known_seed(GetParam(), kEntries);
    std::vector<Bytes> keys = keys_of_first_bucket(kEntries, 4 * kBucketSlots, false);
    for (size_t i = 0; i < keys.size(); i += 2)
        put(*proven.maps[0], keys[i], static_cast<uint32_t>(100 + i));
    expect_as_the_map_says(proven, keys, "a chain");
}

TEST_P(EmitHashLookup, TellsKeysWithTheSameTagApart) {
    constexpr uint32_t kEntries = 4;
    const Proven proven = known_seed(GetParam(), kEntries);
    const std::vector<Bytes> keys = keys_of_first_bucket(kEntries, 3, true);
    put(*proven.maps[0], keys[0], 100);
    expect_as_the_map_says(proven, keys, "one present of three with a tag");
    put(*proven.maps[0], keys[1], 200);
    expect_as_the_map_says(proven, keys, "two present of three with a tag");
    ASSERT_EQ(proven.maps[0]->control_erase(keys[0].data()), 0);
    expect_as_the_map_says(proven, keys, "the first of two with a tag gone");
}

TEST_P(EmitHashLookup, FindsInTheLastSlotOfABucket) {
    constexpr uint32_t kEntries = 16;
    const Proven proven = known_seed(GetParam(), kEntries);
    const std::vector<Bytes> keys = keys_of_first_bucket(kEntries, kBucketSlots, false);
    for (size_t i = 0; i < keys.size(); ++i)
        put(*proven.maps[0], keys[i], static_cast<uint32_t>(i));
    expect_as_the_map_says(proven, keys, "a full bucket");
}

/// A writer replaces and removes others in the bucket of a key that is always there, and of one
/// that never is.
TEST_P(EmitHashLookup, NeverMissesAPresentKeyNorFindsAnAbsentOneWhileAWriterIsAtWork) {
    constexpr uint32_t kEntries = 64;
    const Proven proven = known_seed(GetParam(), kEntries);
    vm::Map& map = *proven.maps[0];
    const std::vector<Bytes> keys = keys_of_first_bucket(kEntries, 2 * kBucketSlots, false);
    const Bytes &present = keys[0], &absent = keys[1];
    put(map, present, 1);
    std::atomic<bool> done = false;
    std::thread writer([&] {
        std::mt19937 random(4);
        while (!done.load(std::memory_order_relaxed)) {
            const Bytes& other = keys[2 + random() % (keys.size() - 2)];
            put(map, present, static_cast<uint32_t>(random() % 1000));
            if (random() % 2 == 0)
                put(map, other, 7);
            else
                map.control_erase(other.data());
        }
    });
    const auto program = proven.compile(jit::Engine::kJit);
    KeyPackets packets({present, absent, present, absent});
    vm::RunEnv env;
    std::array<uint32_t, 4> verdicts{}, redirects{};
    uint32_t missed = 0, invented = 0;
    for (int round = 0; round < 200'000; ++round) {
        program->run_burst(packets.contexts(), verdicts, redirects, env);
        missed += verdicts[0] == kNothingFound || verdicts[2] == kNothingFound;
        invented += verdicts[1] != kNothingFound || verdicts[3] != kNothingFound;
    }
    done.store(true, std::memory_order_relaxed);
    writer.join();
    EXPECT_EQ(missed, 0u);
    EXPECT_EQ(invented, 0u);
}

/// `key` with another word at `at`, and the same tag if that is asked for.
Bytes with_other_word(const Bytes& key, size_t at, bool same_tag) {
    const maps::KeyHash hash = maps::KeyHash::make(true);
    const auto tag_of = [&](const Bytes& of) {
        return hash(of.data(), static_cast<uint32_t>(of.size())) >> 48 | 1;
    };
    Bytes other = key;
    for (uint64_t number = 1;; ++number) {
        std::memcpy(other.data() + at, &number, sizeof number);
        if (other != key && (!same_tag || tag_of(other) == tag_of(key))) return other;
    }
}

/// An element holds a key that agrees with an absent one in all but the last word, then one that
/// agrees with it in all but the first: who reads in between must notice.
TEST(EmitHashLookupTorn, IsNotFooledByHalvesOfTwoKeys) {
    constexpr uint32_t kKeyBytes = 64, kLastWord = kKeyBytes - 8;
    vm::MapSpec spec = map_spec(MapType::Hash, kKeyBytes, 8, 4);
    spec.flags = vm::kMapZeroSeed;
    const Proven proven(
        lookup_program(even_split(kKeyBytes, 8), KeyForm::kStack, NullCheck::kEqual), {spec});
    vm::Map& map = *proven.maps[0];
    std::mt19937 random(5);
    const Bytes absent = random_key(kKeyBytes, random);
    // Three in turn: two elements take them alternately.
    const std::array<Bytes, 3> others = {with_other_word(absent, kLastWord, true),
                                         with_other_word(absent, 0, false),
                                         with_other_word(absent, 0, true)};
    std::atomic<bool> done = false;
    std::thread writer([&] {
        for (size_t i = 0; !done.load(std::memory_order_relaxed); i = (i + 1) % others.size()) {
            put(map, others[i], 7);
            map.control_erase(others[i].data());
        }
    });
    const auto program = proven.compile(jit::Engine::kJit);
    KeyPackets packets(std::vector<Bytes>(32, absent));
    vm::RunEnv env;
    std::array<uint32_t, 32> verdicts{}, redirects{};
    uint32_t found = 0;
    for (int round = 0; round < 1'000'000; ++round) {
        program->run_burst(packets.contexts(), verdicts, redirects, env);
        for (const uint32_t verdict : verdicts) found += verdict != kNothingFound;
    }
    done.store(true, std::memory_order_relaxed);
    writer.join();
    EXPECT_EQ(found, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EmitHashLookup,
                         testing::Values(MapType::Hash, MapType::PercpuHash, MapType::LruHash,
                                         MapType::LruPercpuHash),
                         [](const auto& kind) { return vm::map_type_name(kind.param); });

/// Which keys survive when new ones need room depends on which were looked up.
TEST(EmitLruLookup, CountsAsUseJustAsTheMapsOwn) {
    constexpr uint32_t kEntries = 64;
    for (const MapType type : {MapType::LruHash, MapType::LruPercpuHash}) {
        const auto program = lookup_program({4}, KeyForm::kStack, NullCheck::kEqual);
        vm::MapSpec spec = map_spec(type, 4, 8, kEntries);
        spec.flags = vm::kMapZeroSeed;
        const Proven by_code(program, {spec}), by_map(program, {spec});
        std::vector<Bytes> all, used;
        for (uint32_t number = 0; number < 2 * kEntries; ++number) {
            Bytes key(4);
            std::memcpy(key.data(), &number, sizeof number);
            all.push_back(key);
            if (number < kEntries && number % 5 < 2) used.push_back(key);
        }
        const Bytes value(8);
        const auto insert = [&](size_t begin, size_t end) {
            for (size_t i = begin; i < end; ++i)
                for (const Proven* proven : {&by_code, &by_map})
                    ASSERT_EQ(
                        proven->maps[0]->update(all[i].data(), value.data(), vm::kUpdateAny, 1), 0);
        };
        insert(0, kEntries);
        verdicts_of(by_code, Way::kBurst, used, 1);
        looked_up(*by_map.maps[0], used, 1);
        insert(kEntries, kEntries + kEntries / 2);
        const auto present = [&](const Proven& proven) {
            std::vector<bool> is(all.size());
            Bytes copy(proven.maps[0]->control_value_bytes());
            for (size_t i = 0; i < all.size(); ++i)
                is[i] = proven.maps[0]->control_lookup(all[i].data(), copy) == 0;
            return is;
        };
        EXPECT_EQ(present(by_code), present(by_map));
        size_t used_left = 0;
        Bytes copy(by_code.maps[0]->control_value_bytes());
        for (const Bytes& key : used)
            used_left += by_code.maps[0]->control_lookup(key.data(), copy) == 0;
        EXPECT_EQ(used_left, used.size()) << "else the look-ups made no difference";
    }
}

}  // namespace
}  // namespace weir::tests
