// Churn with readers that report late: workers hold what look-ups gave them, read it and write it,
// over many operations of the others, until their quiescent state. What README.md says of a value's
// life must hold: its memory can always be read and written; an LPM value stays as it was; a hash
// element may be another key's by then, but some key's of this map. Run under ASan, where maps and
// programs out of slots are freed as soon as that is allowed. WEIR_SEED and WEIR_OPERATIONS (of
// each worker) make a long run.

#include <algorithm>
#include <array>
#include <atomic>
#include <random>

#include "maps/words.h"
#include "tests/support/environment.h"
#include "tests/unit/maps/stress_workers.h"

namespace weir::maps {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kOperations = 15'000;
#else
constexpr uint64_t kOperations = 300'000;
#endif

uint64_t operations() {
    return tests::number_from_environment("WEIR_OPERATIONS", kOperations);
}

/// When a worker reports next: after 1 to 100,000 operations, each size as likely.
class LateReports {
public:
    explicit LateReports(std::mt19937_64& random) : random_(random) { draw(); }
    bool due() {
        if (--left_ != 0) return false;
        draw();
        return true;
    }

private:
    void draw() {
        uint64_t most = 1;
        for (uint64_t power = random_() % 6; power != 0; --power) most *= 10;
        left_ = 1 + random_() % most;
    }

    std::mt19937_64& random_;
    uint64_t left_ = 1;
};

/// A value: what it belongs to, any number, both mixed; and a word that holders write into.
struct Held {
    uint64_t key = 0, salt = 0, check = 0, scribble = 0;

    static Held of(uint64_t key, uint64_t salt) { return {key, salt, salt * 5 ^ key, 0}; }
    bool is_some_keys(uint64_t keys) const { return key < keys; }
    bool whole() const { return check == (salt * 5 ^ key); }
};

Held read_held(const uint8_t* value) {
    Held held;
    load_words(reinterpret_cast<uint8_t*>(&held), value, sizeof held);
    return held;
}

/// Pointers that a worker holds until its next quiescent state.
struct HeldValue {
    const uint8_t* value = nullptr;
    uint64_t salt = 0;
};
using HeldValues = std::array<HeldValue, 64>;

// -- tries

constexpr uint64_t kPrefixes = 48;

Prefix4 prefix_of(uint64_t number) {
    const auto bits = static_cast<uint32_t>(16 + number % 17);
    return {bits, {10, static_cast<uint8_t>(number), static_cast<uint8_t>(number << 4), 0}};
}

bool is_expected(int status) {
    return status == 0 || status == -ENOENT || status == -ENOMEM || status == -EBUSY;
}

struct TrieCounts {
    std::atomic<uint64_t> checked{0}, changed{0}, unexpected{0}, no_memory{0}, reports{0};
};

void check_held(const HeldValue& held, TrieCounts& counts) {
    if (held.value == nullptr) return;
    const Held now = read_held(held.value);
    ++counts.checked;
    counts.changed += now.whole() && now.salt == held.salt ? 0 : 1;
}

/// Does not delete after `last` failed for want of memory: else nothing would be left to look at.
int churn_trie(vm::Map& map, uint32_t worker, std::mt19937_64& random, int last,
               TrieCounts& counts) {
    const uint64_t number = random() % kPrefixes;
    const Prefix4 prefix = prefix_of(number);
    const int status =
        last != -ENOMEM && random() % 3 == 0
            ? map.erase(bytes_of(prefix))
            : map.update(bytes_of(prefix), bytes_of(Held::of(number, random())), 0, worker);
    counts.unexpected += is_expected(status) ? 0 : 1;
    counts.no_memory += status == -ENOMEM ? 1 : 0;
    return status;
}

void hold_trie_values(vm::Map& map, uint32_t worker, TrieCounts& counts) {
    std::mt19937_64 random(tests::first_seed() * 100 + worker);
    LateReports reports(random);
    HeldValues held;
    int last = 0;
    for (uint64_t i = 0; i < operations(); ++i) {
        Prefix4 address = prefix_of(random() % kPrefixes);
        address.bits = 32;
        HeldValue& place = held[random() % held.size()];
        check_held(place, counts);
        place.value = map.lookup(bytes_of(address), worker);
        if (place.value != nullptr) place.salt = read_held(place.value).salt;
        if (i % 2 == 0) last = churn_trie(map, worker, random, last, counts);
        if (!reports.due()) continue;
        for (const HeldValue& value : held) check_held(value, counts);
        held.fill({});
        reader_quiescent();
        ++counts.reports;
    }
    for (const HeldValue& value : held) check_held(value, counts);
}

TEST(Churn, TrieValuesStayUntilTheReaderReportsHoweverLate) {
    for (const uint32_t entries : {static_cast<uint32_t>(kPrefixes), 1'000u}) {
        const auto map =
            make_map(make_spec(vm::MapType::LpmTrie, 8, sizeof(Held), entries), kWorkers);
        TrieCounts counts;
        std::mt19937_64 control_random(tests::first_seed());
        run_workers([&](uint32_t worker) { hold_trie_values(*map, worker, counts); },
                    [&] {
                        const uint64_t number = control_random() % kPrefixes;
                        const Prefix4 prefix = prefix_of(number);
                        const Held value = Held::of(number, control_random());
                        const int status = map->control_update(bytes_of(prefix),
                                                               {bytes_of(value), sizeof value}, 0);
                        counts.unexpected += is_expected(status) ? 0 : 1;
                        counts.no_memory += status == -ENOMEM ? 1 : 0;
                    });
        EXPECT_EQ(counts.changed, 0u);
        EXPECT_EQ(counts.unexpected, 0u);
        EXPECT_GT(counts.checked, 1'000u);
        EXPECT_GT(counts.reports, kWorkers);
        EXPECT_GE(map->full_count() + map->busy_count(), counts.no_memory);
        EXPECT_EQ(count_keys(*map), map->entries());
    }
}

/// A reader that never reports uses the memory up; when it does, all is as before.
TEST(Churn, ATrieWhoseReaderSleepsRunsOutOfMemoryAndRecovers) {
    constexpr uint32_t kReplacesMax = 100'000'000;
    const auto map = make_map(make_spec(vm::MapType::LpmTrie, 8, sizeof(Held), 16), kWorkers);
    const Prefix4 key = prefix_of(3);
    reader_register();
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(Held::of(3, 1)), 0, 0), 0);
    const uint8_t* const held = map->lookup(bytes_of(key), 0);
    int status = 0;
    uint64_t replaced = 0;
    while (status == 0 && replaced < kReplacesMax)
        status = map->update(bytes_of(key), bytes_of(Held::of(3, ++replaced + 1)), 0, 0);
    EXPECT_EQ(status, -ENOMEM);
    EXPECT_GE(map->full_count(), 1u);
    EXPECT_EQ(read_held(held).salt, 1u) << "what is held has changed";
    EXPECT_EQ(read_held(map->lookup(bytes_of(key), 0)).salt, replaced)
        << "a refused update must change nothing";
    for (uint64_t i = 0; i < 1'000; ++i) {
        reader_quiescent();
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(Held::of(3, i)), 0, 0), 0) << i;
    }
    reader_unregister();
}

// -- hashes

struct HashCounts {
    std::atomic<uint64_t> checked{0}, foreign{0}, others{0}, unexpected{0};
};

/// Reads and writes what is held, whatever became of it; the key word is written by updates alone.
void use_held(const HeldValue& held, uint64_t keys, HashCounts& counts) {
    if (held.value == nullptr) return;
    const Held now = read_held(held.value);
    ++counts.checked;
    counts.foreign += now.is_some_keys(keys) ? 0 : 1;
    counts.others += now.key != held.salt ? 1 : 0;
    store_shared_word(const_cast<uint8_t*>(held.value) + offsetof(Held, scribble), UINT64_MAX);
}

void hold_hash_values(vm::Map& map, uint32_t worker, uint64_t keys, HashCounts& counts) {
    std::mt19937_64 random(tests::first_seed() * 100 + worker);
    LateReports reports(random);
    HeldValues held;
    for (uint64_t i = 0; i < operations(); ++i) {
        const uint64_t key = random() % keys;
        HeldValue& place = held[random() % held.size()];
        use_held(place, keys, counts);
        place = {map.lookup(bytes_of(key), worker), key};
        const uint64_t other = random() % keys;
        const int status =
            random() % 3 == 0
                ? map.erase(bytes_of(other))
                : map.update(bytes_of(other), bytes_of(Held::of(other, random())), 0, worker);
        counts.unexpected += is_expected(status) || status == -E2BIG ? 0 : 1;
        if (!reports.due()) continue;
        held.fill({});
        reader_quiescent();
    }
}

/// Holders that scribble into elements that have left, are free, or are another key's by now: the
/// map stays whole. Which of the two a held element is, the map need not say; its memory stays.
void expect_whole_under_holders(const vm::MapSpec& spec, uint64_t keys) {
    const auto map = make_map(spec, kWorkers);
    HashCounts counts;
    uint64_t turn = 0;
    run_workers([&](uint32_t worker) { hold_hash_values(*map, worker, keys, counts); },
                [&] {
                    const uint64_t key = turn++ % keys;
                    Bytes value(map->control_value_bytes());
                    if (map->control_lookup(bytes_of(key), value) != 0) return;
                    // Per-CPU slots of others than the writer are zero.
                    if (vm::is_percpu(spec.type)) return;
                    const Held held = value_at<Held>(value.data());
                    counts.foreign += held.key == key && held.whole() ? 0 : 1;
                });
    EXPECT_EQ(counts.foreign, 0u) << vm::map_type_name(spec.type);
    EXPECT_EQ(counts.unexpected, 0u) << vm::map_type_name(spec.type);
    EXPECT_GT(counts.checked, 1'000u);
    EXPECT_GT(counts.others, 0u) << "no held element was ever used again: the test is too tame";
    EXPECT_EQ(count_keys(*map), map->entries());
    const bool evicts =
        spec.type == vm::MapType::LruHash || spec.type == vm::MapType::LruPercpuHash;
    if (evicts) return;
    uint64_t key = 1'000'000;
    while (map->update(bytes_of(key), bytes_of(Held{}), 0, 0) == 0) ++key;
    EXPECT_EQ(map->entries(), spec.entries_max);
}

TEST(Churn, HashValuesCanBeReadAndWrittenUntilTheReaderReports) {
    for (const vm::MapType type : {vm::MapType::Hash, vm::MapType::PercpuHash})
        for (const uint32_t entries : {20u, 100u})
            expect_whole_under_holders(make_spec(type, 8, sizeof(Held), entries), 60);
}

TEST(Churn, LruValuesCanBeReadAndWrittenUntilTheReaderReports) {
    for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash})
        for (const uint32_t flags : {0u, 2u})
            expect_whole_under_holders(make_spec(type, 8, sizeof(Held), 40, flags), 120);
}

// -- what stands in slots

constexpr uint32_t kInnerMaps = 4, kInnerKeys = 8;

/// Looks keys up in inner maps of which some left their slot long ago.
void use_inner_maps(vm::Map& outer, uint32_t worker, std::atomic<uint64_t>& missed,
                    std::atomic<uint64_t>& torn) {
    std::mt19937_64 random(worker);
    std::array<vm::Map*, kInnerMaps> held{};
    LateReports reports(random);
    for (uint64_t i = 0; i < operations(); ++i) {
        const auto index = static_cast<uint32_t>(random() % kInnerMaps);
        vm::Map*& map = held[random() % kInnerMaps];
        if (map == nullptr || random() % 4 == 0)
            map = reinterpret_cast<vm::Map*>(outer.lookup(bytes_of(index), worker));
        const uint64_t key = random() % kInnerKeys;
        const uint8_t* const value = map != nullptr ? map->lookup(bytes_of(key), worker) : nullptr;
        missed += value == nullptr ? 1 : 0;
        if (value != nullptr) torn += read_held(value).whole() ? 0 : 1;
        if (!reports.due()) continue;
        held.fill(nullptr);
        reader_quiescent();
    }
}

TEST(Churn, MapsOutOfSlotsAreFreedAfterTheirReaders) {
    const vm::MapSpec inner = make_spec(vm::MapType::Hash, 8, sizeof(Held), kInnerKeys);
    for (const vm::MapType type : {vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps}) {
        vm::MapSpec spec = make_spec(type, 4, 4, kInnerMaps);
        spec.inner = std::make_shared<vm::MapSpec>(inner);
        const auto outer = make_map(spec, kWorkers);
        std::array<vm::Map*, kInnerMaps> bound{};
        uint64_t made = 0;
        uint32_t turn = 0;
        const auto replace = [&](uint32_t index) {
            auto fresh = make_map(inner, kWorkers);
            for (uint64_t key = 0; key < kInnerKeys; ++key)
                fresh->update(bytes_of(key), bytes_of(Held::of(key, ++made)), 0, 0);
            vm::Map* const old = bound[index];
            bound[index] = fresh.release();
            EXPECT_EQ(outer->bind_map(bytes_of(index), bound[index], index), 0);
            if (old == nullptr) return;
            defer_free(old, [](void* map) { delete static_cast<vm::Map*>(map); });
        };
        for (uint32_t index = 0; index < kInnerMaps; ++index) replace(index);
        std::atomic<uint64_t> missed{0}, torn{0};
        run_workers([&](uint32_t worker) { use_inner_maps(*outer, worker, missed, torn); },
                    [&] {
                        replace(turn++ % kInnerMaps);
                        reclaim_deferred();
                    });
        EXPECT_EQ(missed, 0u);
        EXPECT_EQ(torn, 0u);
        for (vm::Map* const map : bound) delete map;
        EXPECT_TRUE(wait_for_readers());
        EXPECT_EQ(reclaim_deferred(), 0u);
    }
}

class CountedProgram final : public vm::Runnable {
public:
    uint64_t call(uint64_t, const std::array<uint64_t, 5>&, vm::RunEnv&) const override {
        return magic_;
    }
    ~CountedProgram() override { magic_ = 0; }
    static constexpr uint64_t kMagic = 0x1234'5678'9abc'def0;

private:
    uint64_t magic_ = kMagic;
};

TEST(Churn, ProgramsOutOfSlotsAreFreedAfterTheirReaders) {
    const auto map = make_map(make_spec(vm::MapType::ProgArray, 4, 4, 2), kWorkers);
    std::array<const vm::Runnable*, 2> bound{};
    const auto replace = [&](uint32_t index) {
        const vm::Runnable* const old = bound[index];
        bound[index] = new CountedProgram;
        EXPECT_EQ(map->bind_program(bytes_of(index), bound[index], index + 1), 0);
        if (old == nullptr) return;
        defer_free(const_cast<vm::Runnable*>(old),
                   [](void* program) { delete static_cast<vm::Runnable*>(program); });
    };
    replace(0);
    replace(1);
    std::atomic<uint64_t> wrong{0};
    uint32_t turn = 0;
    run_workers(
        [&](uint32_t worker) {
            std::mt19937_64 random(worker);
            std::array<const vm::Runnable*, 8> held{};
            LateReports reports(random);
            vm::RunEnv env;
            for (uint64_t i = 0; i < operations(); ++i) {
                auto& program = held[random() % held.size()];
                if (program == nullptr || random() % 4 == 0)
                    program = map->program_at(static_cast<uint32_t>(random() % 2));
                const bool right =
                    program != nullptr && program->call(0, {}, env) == CountedProgram::kMagic;
                wrong += right ? 0 : 1;
                if (!reports.due()) continue;
                held.fill(nullptr);
                reader_quiescent();
            }
        },
        [&] {
            replace(turn++ % 2);
            reclaim_deferred();
        });
    EXPECT_EQ(wrong, 0u);
    for (const vm::Runnable* const program : bound) delete program;
    EXPECT_TRUE(wait_for_readers());
    EXPECT_EQ(reclaim_deferred(), 0u);
}

}  // namespace
}  // namespace weir::maps
