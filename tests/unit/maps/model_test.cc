// Random sequences of operations against models that are simple enough to be believed. WEIR_SEED
// and WEIR_OPERATIONS (of each map) make a long run of it.

#include <deque>
#include <random>
#include <unordered_map>

#include "tests/support/environment.h"
#include "tests/unit/maps/map_model.h"

namespace weir::maps {
namespace {

uint32_t operations_or(uint32_t otherwise) {
    return static_cast<uint32_t>(tests::number_from_environment("WEIR_OPERATIONS", otherwise));
}

/// Elements as programs reach them, now from one cpu, now from another; iteration is the control
/// side's. Not for per-CPU kinds.
class ProgramSide final : public testing::ControlSide {
public:
    ProgramSide(vm::Map& map, uint32_t cpus) : map_(map), cpus_(cpus), control_(map) {}
    int lookup(const Bytes& key, Bytes& value) override {
        const uint8_t* const found = map_.lookup(key.data(), next_cpu());
        if (found == nullptr) return -ENOENT;
        value.assign(found, found + map_.spec().value_bytes);
        return 0;
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        return map_.update(key.data(), value.data(), flags, next_cpu());
    }
    int erase(const Bytes& key) override { return map_.erase(key.data()); }
    int next_key(const Bytes* key, Bytes& next) override { return control_.next_key(key, next); }

private:
    uint32_t next_cpu() { return ++calls_ / 3 % cpus_; }

    vm::Map& map_;
    uint32_t cpus_;
    uint32_t calls_ = 0;
    testing::WeirControlSide control_;
};

/// A bulk of look-ups finds what each of them finds.
void expect_bulk_like_single(vm::Map& map, uint64_t seed) {
    testing::KeyDraw draw(map.spec(), seed);
    for (uint32_t count = 1; count <= kBurstPacketsMax; ++count) {
        std::vector<Bytes> keys;
        std::vector<const uint8_t*> pointers;
        for (uint32_t i = 0; i < count; ++i) keys.push_back(draw.key());
        for (const Bytes& key : keys) pointers.push_back(key.data());
        std::vector<uint8_t*> values(count);
        map.lookup_bulk(pointers.data(), count, values.data(), 1);
        for (uint32_t i = 0; i < count; ++i)
            ASSERT_EQ(values[i], map.lookup(pointers[i], 1)) << i << " of " << count;
    }
}

void expect_like_model(const vm::MapSpec& spec, uint64_t seed, uint32_t operations = 100'000) {
    constexpr uint32_t kCpus = 3;
    testing::SequenceOptions options{.seed = seed + tests::first_seed() - 1,
                                     .operations = operations_or(operations)};
    const auto map = make_map(spec, kCpus);
    Model model(spec, map->control_value_bytes());
    testing::WeirControlSide control(*map);
    options.control_value_bytes = map->control_value_bytes();
    ASSERT_NO_FATAL_FAILURE(testing::expect_same_sequence(spec, options, model, control));
    expect_bulk_like_single(*map, seed);
    if (vm::is_percpu(spec.type)) return;

    const auto by_programs = make_map(spec, kCpus);
    Model second(spec, spec.value_bytes);
    ProgramSide program(*by_programs, kCpus);
    options.flags_bound = 4;  // where BPF_F_LOCK is refused first differs by side, as in the kernel
    ASSERT_NO_FATAL_FAILURE(testing::expect_same_sequence(spec, options, second, program));
    expect_bulk_like_single(*by_programs, seed);
}

TEST(MapsLikeTheModel, Arrays) {
    expect_like_model(make_spec(vm::MapType::Array, 4, 10, 30), 1);
    expect_like_model(make_spec(vm::MapType::PercpuArray, 4, 10, 30), 2);
}

TEST(MapsLikeTheModel, Hashes) {
    for (const uint32_t key_bytes : {4u, 7u, 8u, 16u, 33u}) {
        expect_like_model(make_spec(vm::MapType::Hash, key_bytes, 10, 64), 10 + key_bytes);
    }
    expect_like_model(make_spec(vm::MapType::Hash, 4, 10, 1), 3);
    expect_like_model(make_spec(vm::MapType::Hash, 4, 8, 3000), 4);
}

TEST(MapsLikeTheModel, PercpuHashes) {
    expect_like_model(make_spec(vm::MapType::PercpuHash, 4, 10, 64), 5);
    expect_like_model(make_spec(vm::MapType::PercpuHash, 16, 8, 64), 6);
}

TEST(MapsLikeTheModel, Tries) {
    for (const uint32_t key_bytes : {5u, 8u, 12u, 13u, 20u}) {
        expect_like_model(make_spec(vm::MapType::LpmTrie, key_bytes, 10, 80), 30 + key_bytes,
                          50'000);
    }
    expect_like_model(make_spec(vm::MapType::LpmTrie, 8, 8, 4), 7, 20'000);
}

/// Prefixes of all lengths in a crowd, so that most of them cover others and are covered.
std::vector<Bytes> crowded_prefixes(uint32_t address_bytes, uint32_t count,
                                    std::mt19937_64& random) {
    std::vector<Bytes> prefixes;
    for (uint32_t i = 0; i < count; ++i) {
        Bytes key(4 + address_bytes, 0);
        const auto bits = static_cast<uint32_t>(random() % (address_bytes * 8 + 1));
        std::memcpy(key.data(), &bits, sizeof bits);
        const bool follows = i != 0 && random() % 4 != 0;
        if (follows) std::copy_n(prefixes[random() % i].data() + 4, address_bytes, key.data() + 4);
        for (uint32_t flips = follows ? 1 : address_bytes; flips != 0; --flips) {
            const uint64_t bit = random() % (address_bytes * 8);
            key[4 + bit / 8] = static_cast<uint8_t>(key[4 + bit / 8] ^ 1u << bit % 8);
        }
        prefixes.push_back(std::move(key));
    }
    return prefixes;
}

Bytes address_near(const Bytes& prefix, std::mt19937_64& random) {
    Bytes key = prefix;
    const auto bits = static_cast<uint32_t>((key.size() - 4) * 8);
    std::memcpy(key.data(), &bits, sizeof bits);
    const uint64_t bit = random() % bits;
    key[4 + bit / 8] = static_cast<uint8_t>(key[4 + bit / 8] ^ 1u << bit % 8);
    return key;
}

TEST(MapsLikeTheModel, CrowdedTries) {
    for (const uint32_t address_bytes : {4u, 16u, 13u, 3u}) {
        const vm::MapSpec spec = make_spec(vm::MapType::LpmTrie, 4 + address_bytes, 8, 1'000);
        const auto map = make_map(spec, 2);
        Model model(spec, 8);
        std::mt19937_64 random(tests::first_seed());
        const auto prefixes = crowded_prefixes(address_bytes, 1'500, random);
        for (uint32_t step = 0; step < operations_or(15'000); ++step) {
            const Bytes& key = prefixes[random() % prefixes.size()];
            const uint64_t number = random();
            const Bytes value(bytes_of(number), bytes_of(number) + 8);
            if (number % 8 == 0) {
                ASSERT_EQ(map->erase(key.data()), model.erase(key)) << step;
            } else if (number % 8 < 4) {
                ASSERT_EQ(map->update(key.data(), value.data(), number >> 8 & 1, 0),
                          model.update(key, value, number >> 8 & 1));
            }
            const Bytes asked = address_near(prefixes[random() % prefixes.size()], random);
            Bytes expected;
            const int status = model.lookup(asked, expected);
            const uint8_t* const found = map->lookup(asked.data(), 0);
            ASSERT_EQ(found != nullptr, status == 0) << address_bytes << " step " << step;
            if (found == nullptr) continue;
            ASSERT_EQ(value_at<uint64_t>(found), value_at<uint64_t>(expected.data())) << step;
            uint8_t* values[1] = {};
            const uint8_t* const keys[1] = {asked.data()};
            map->lookup_bulk(keys, 1, values, 0);
            ASSERT_EQ(values[0], found);
        }
    }
}

/// Each cpu's slot by programs, and all of them by the control side.
TEST(MapsLikeTheModel, SlotsOfPercpuKinds) {
    constexpr uint32_t kCpus = 3, kKeys = 12;
    for (const vm::MapType type :
         {vm::MapType::PercpuArray, vm::MapType::PercpuHash, vm::MapType::LruPercpuHash}) {
        const bool array = type == vm::MapType::PercpuArray;
        const auto map = make_map(make_spec(type, 4, 8, array ? kKeys : 256), kCpus);
        std::array<std::array<uint64_t, kCpus>, kKeys> slots{};
        std::array<bool, kKeys> present{};
        if (array) present.fill(true);
        std::mt19937_64 random(tests::first_seed());
        for (uint32_t step = 0; step < operations_or(30'000); ++step) {
            const auto key = static_cast<uint32_t>(random() % kKeys);
            const auto cpu = static_cast<uint32_t>(random() % kCpus);
            const uint64_t number = random();
            if (number % 8 == 0 && !array) {
                ASSERT_EQ(map->erase(bytes_of(key)), present[key] ? 0 : -ENOENT);
                present[key] = false;
                slots[key] = {};
            } else if (number % 8 < 4) {
                ASSERT_EQ(map->update(bytes_of(key), bytes_of(number), 0, cpu), 0);
                present[key] = true;
                slots[key][cpu] = number;
            }
            uint64_t all[kCpus] = {};
            const int status =
                map->control_lookup(bytes_of(key), {reinterpret_cast<uint8_t*>(all), sizeof all});
            ASSERT_EQ(status, present[key] ? 0 : -ENOENT) << vm::map_type_name(type);
            const uint8_t* const own = map->lookup(bytes_of(key), cpu);
            ASSERT_EQ(own != nullptr, present[key]);
            if (own == nullptr) continue;
            ASSERT_EQ(value_at<uint64_t>(own), slots[key][cpu]);
            for (uint32_t i = 0; i < kCpus; ++i) ASSERT_EQ(all[i], slots[key][i]);
        }
    }
}

/// Of a map that evicts: what is there has the value that it was given last, what was just put in
/// is there, it never refuses, and it holds nearly as many as it may.
TEST(MapsLikeTheModel, LruHashes) {
    for (const uint32_t flags : {0u, 2u}) {
        for (const uint32_t entries : {16u, 300u, 5'000u}) {
            const auto map = make_map(make_spec(vm::MapType::LruHash, 8, 8, entries, flags), 3);
            std::unordered_map<uint64_t, uint64_t> last;
            std::mt19937_64 random(tests::first_seed());
            uint64_t evicted = 0;
            for (uint32_t step = 0; step < operations_or(60'000); ++step) {
                const uint64_t key = random() % (uint64_t{entries} * 2), value = random();
                const auto cpu = static_cast<uint32_t>(random() % 3);
                if (value % 16 == 0) {
                    const int status = map->erase(bytes_of(key));
                    ASSERT_TRUE(status == 0 || status == -ENOENT);
                    last.erase(key);
                } else if (value % 2 == 0) {
                    ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, cpu), 0);
                    last[key] = value;
                    ASSERT_NE(map->lookup(bytes_of(key), cpu), nullptr) << "what was just put in";
                }
                const uint8_t* const found = map->lookup(bytes_of(key), cpu);
                if (found == nullptr) evicted += last.erase(key);
                if (found == nullptr) continue;
                ASSERT_TRUE(last.contains(key)) << "a key that was erased";
                ASSERT_EQ(value_at<uint64_t>(found), last[key]);
            }
            EXPECT_GT(evicted, 0u);
            EXPECT_LE(map->entries(), entries + 2) << "each cpu has the same share";
            EXPECT_GE(map->entries(), entries / 4);
            EXPECT_EQ(map->full_count(), 0u);
        }
    }
}

TEST(MapsLikeTheModel, QueuesAndStacks) {
    for (const vm::MapType type : {vm::MapType::Queue, vm::MapType::Stack}) {
        for (const uint32_t entries : {1u, 2u, 13u}) {
            const auto map = make_map(make_spec(type, 0, 12, entries));
            std::deque<Bytes> model;
            std::mt19937_64 random(tests::first_seed());
            uint64_t refused = 0;
            for (uint32_t step = 0; step < operations_or(50'000); ++step) {
                const uint64_t choice = random();
                Bytes value(12, static_cast<uint8_t>(choice >> 8));
                const bool by_program = choice % 3 == 0;
                if (choice % 8 < 4) {
                    const uint64_t flags = choice >> 16 & 3;
                    const bool full = model.size() == entries;
                    int expected = flags % 2 != 0 ? -EINVAL : 0;
                    if (expected == 0 && full && flags == 0) expected = -E2BIG;
                    ASSERT_EQ(by_program ? map->push(value.data(), flags)
                                         : map->control_update(nullptr, value, flags),
                              expected);
                    refused += expected == -E2BIG ? 1 : 0;
                    if (expected != 0) continue;
                    if (full) model.pop_front();
                    model.push_back(value);
                    continue;
                }
                const bool pops = choice % 8 < 7;
                const int status = pops         ? map->pop(value.data())
                                   : by_program ? map->peek(value.data())
                                                : map->control_lookup(nullptr, value);
                ASSERT_EQ(status, model.empty() ? -ENOENT : 0);
                if (model.empty()) continue;
                const bool queue = type == vm::MapType::Queue;
                ASSERT_EQ(value, queue ? model.front() : model.back());
                if (pops) queue ? model.pop_front() : model.pop_back();
                ASSERT_EQ(map->entries(), model.size());
            }
            EXPECT_EQ(map->full_count(), refused);
        }
    }
}

}  // namespace
}  // namespace weir::maps
