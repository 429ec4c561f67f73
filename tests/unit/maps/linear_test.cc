// Several threads on a few keys of a map, or on one queue: what each of them was told fits an order
// of the operations, one after the other. That the check can fail is shown first, by histories and
// by maps that are wrong on purpose. WEIR_OPERATIONS (of each thread) and WEIR_SEED make a long
// run.

#include <optional>

#include "tests/support/environment.h"
#include "tests/unit/maps/linear_recorder.h"
#include "tests/unit/maps/toy_maps.h"

namespace weir::maps {
namespace {

using Kind = KeyModel::Kind;
using KeyHistory = testing::LinearCheck<KeyModel>::History;
using QueueKind = QueueModel::Kind;
using QueueHistory = testing::LinearCheck<QueueModel>::History;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kOperations = 6'000;
#else
constexpr uint64_t kOperations = 60'000;
#endif

uint32_t operations() {
    return static_cast<uint32_t>(tests::number_from_environment("WEIR_OPERATIONS", kOperations));
}

// -- the check itself

std::optional<size_t> misfit_of(const KeyHistory& history) {
    const KeyModel model;
    return testing::LinearCheck<KeyModel>(model, {}).first_misfit(history);
}

TEST(LinearCheck, TakesWhatOverlapsInEitherOrder) {
    const KeyHistory history = {
        {0, 10, 40, {Kind::Write, 0, 7, 0}}, {1, 20, 25, {Kind::Read, 0, 0, -ENOENT}},
        {1, 26, 30, {Kind::Read, 0, 7, 0}},  {2, 36, 60, {Kind::Erase, 0, 0, 0}},
        {1, 41, 50, {Kind::Read, 0, 7, 0}},  {1, 51, 55, {Kind::Presence, 0, 0, -ENOENT}}};
    EXPECT_EQ(misfit_of(history), std::nullopt);
}

TEST(LinearCheck, RefusesAValueThatWasReplacedBefore) {
    EXPECT_EQ(misfit_of({{0, 10, 20, {Kind::Write, 0, 7, 0}},
                         {0, 30, 40, {Kind::Write, 0, 8, 0}},
                         {1, 41, 50, {Kind::Read, 0, 7, 0}}}),
              2u);
}

TEST(LinearCheck, RefusesToGoBackWhileAWriteIsUnderWay) {
    EXPECT_EQ(misfit_of({{0, 10, 90, {Kind::Write, 0, 7, 0}},
                         {1, 20, 30, {Kind::Read, 0, 7, 0}},
                         {1, 40, 50, {Kind::Read, 0, 0, -ENOENT}}}),
              2u);
}

TEST(LinearCheck, RefusesTwoInsertsOfOneKey) {
    EXPECT_TRUE(misfit_of({{0, 10, 90, {Kind::Write, vm::kUpdateNoExist, 7, 0}},
                           {1, 20, 80, {Kind::Write, vm::kUpdateNoExist, 8, 0}}}));
}

TEST(LinearCheck, RefusesTwoAdditionsThatSawTheSame) {
    EXPECT_TRUE(misfit_of({{0, 1, 2, {Kind::Write, 0, 7, 0}},
                           {0, 10, 90, {Kind::FetchAdd, 0, 7, 0}},
                           {1, 20, 80, {Kind::FetchAdd, 0, 7, 0}}}));
}

TEST(LinearCheck, FindsTheOnlyOrderOfAQueue) {
    const QueueModel queue{false, 4}, stack{true, 4};
    QueueHistory history = {{0, 10, 50, {QueueKind::Push, 0, 1, 0}},
                            {1, 10, 50, {QueueKind::Push, 0, 2, 0}},
                            {0, 60, 70, {QueueKind::Pop, 0, 2, 0}},
                            {1, 60, 70, {QueueKind::Pop, 0, 1, 0}}};
    EXPECT_EQ(testing::LinearCheck<QueueModel>(queue, {}).first_misfit(history), std::nullopt);
    EXPECT_EQ(testing::LinearCheck<QueueModel>(stack, {}).first_misfit(history), std::nullopt);
    history.push_back({2, 80, 90, {QueueKind::Pop, 0, 1, 0}});
    EXPECT_EQ(testing::LinearCheck<QueueModel>(queue, {}).first_misfit(history), 4u);
}

// -- keys

std::vector<Bytes> number_keys(uint32_t key_bytes, uint32_t count) {
    std::vector<Bytes> keys;
    for (uint32_t i = 0; i < count; ++i) {
        Bytes key(key_bytes, 0);
        std::memcpy(key.data(), &i, sizeof i);
        keys.push_back(std::move(key));
    }
    return keys;
}

std::string misfit_of_toy(Fault fault) {
    ToyMap map(vm::MapType::Hash, fault, 64);
    KeyRecorder recorder(map, number_keys(8, 3));
    record(recorder, {.operations = 20'000}, tests::first_seed());
    return recorder.first_misfit({});
}

TEST(LinearMaps, AWrongMapIsFoundOut) {
    EXPECT_EQ(misfit_of_toy(Fault::None), "");
    for (const Fault fault :
         {Fault::StaleLookUp, Fault::LostUpdate, Fault::LostErase, Fault::DoubleInsert})
        EXPECT_NE(misfit_of_toy(fault), "") << static_cast<int>(fault);
}

void expect_linear(vm::Map& map, const std::vector<Bytes>& keys, const KeyMix& mix,
                   const KeyModel::State& start = {}, uint64_t absent = 0) {
    KeyRecorder recorder(map, keys, absent);
    record(recorder, mix, tests::first_seed());
    const std::string misfit = recorder.first_misfit(start);
    EXPECT_TRUE(misfit.empty()) << vm::map_type_name(map.spec().type) << " " << misfit;
    EXPECT_GT(recorder.recorded(), recorder.gave_up()) << "too much was refused to tell anything";
    EXPECT_LE(map.evicted_count(), recorder.recorded() / 1000);
}

TEST(LinearMaps, KeysOfHashes) {
    for (const uint32_t key_bytes : {4u, 8u, 16u, 24u}) {
        for (const uint32_t entries : {3u, 1000u}) {
            const auto map =
                make_map(make_spec(vm::MapType::Hash, key_bytes, 512, entries), kWorkers);
            expect_linear(*map, number_keys(key_bytes, 3), {.operations = operations()});
        }
    }
}

TEST(LinearMaps, KeysOfPercpuHashes) {
    for (const uint32_t entries : {3u, 1000u}) {
        const auto map = make_map(make_spec(vm::MapType::PercpuHash, 8, 8, entries), kWorkers);
        expect_linear(*map, number_keys(8, 3), {.operations = operations()});
    }
}

/// So many elements that hardly one has to leave, and if one does, while a worker that holds a lock
/// has lost its core, its key is gone and no old value comes back.
TEST(LinearMaps, KeysOfLruHashes) {
    for (const uint32_t flags : {0u, 2u}) {
        const auto map = make_map(make_spec(vm::MapType::LruHash, 8, 512, 4096, flags), kWorkers);
        expect_linear(*map, number_keys(8, 3), {.operations = operations()});
        const auto percpu =
            make_map(make_spec(vm::MapType::LruPercpuHash, 8, 8, 4096, flags), kWorkers);
        expect_linear(*percpu, number_keys(8, 3), {.operations = operations()});
    }
}

TEST(LinearMaps, ElementsOfArraysWithAtomics) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::PercpuArray}) {
        const auto map = make_map(make_spec(type, 4, 8, 2), kWorkers);
        expect_linear(*map, number_keys(4, 2), {.erases = false, .operations = operations()},
                      {true, 0});
    }
}

/// Addresses whose prefix covers nothing else, so that each answers for itself.
std::vector<Bytes> host_prefixes(uint32_t address_bytes) {
    std::vector<Bytes> keys = number_keys(4 + address_bytes, 4);
    for (uint32_t i = 0; i < keys.size(); ++i) {
        const uint32_t bits = address_bytes * 8;
        std::memcpy(keys[i].data(), &bits, sizeof bits);
        keys[i][4] = 10;
        keys[i].back() = static_cast<uint8_t>(i < 2 ? i : i << 6);
    }
    return keys;
}

TEST(LinearMaps, PrefixesOfTries) {
    for (const uint32_t address_bytes : {4u, 16u, 13u}) {
        const auto map =
            make_map(make_spec(vm::MapType::LpmTrie, 4 + address_bytes, 512, 64), kWorkers);
        expect_linear(*map, host_prefixes(address_bytes), {.operations = operations()});
    }
}

/// Where a prefix goes, the one that covers it answers again, and never nobody.
TEST(LinearMaps, PrefixesOfTriesBelowAnother) {
    constexpr uint64_t kCover = uint64_t{0xffff} << 48;
    for (const uint32_t address_bytes : {4u, 16u, 13u}) {
        const auto map =
            make_map(make_spec(vm::MapType::LpmTrie, 4 + address_bytes, 512, 64), kWorkers);
        for (const uint32_t bits : {8u, 20u}) {
            Bytes cover = host_prefixes(address_bytes)[0];
            std::memcpy(cover.data(), &bits, sizeof bits);
            std::array<uint64_t, kValueWordsMax> value;
            value.fill(~kCover);
            value[0] = kCover;
            ASSERT_EQ(map->control_update(cover.data(), {bytes_of(value), sizeof value}, 0), 0);
        }
        expect_linear(*map, host_prefixes(address_bytes), {.operations = operations()}, {}, kCover);
    }
}

// -- queues

class QueueRecorder {
public:
    QueueRecorder(vm::Map& map, bool overwrites) : map_(map), overwrites_(overwrites) {}

    void one(uint32_t thread, std::mt19937_64& random) {
        testing::Timed<QueueModel::Operation> timed{.thread = thread};
        const uint64_t choice = random() % 8;
        QueueModel::Operation& operation = timed.operation;
        operation.kind = choice < 4   ? QueueKind::Push
                         : choice < 7 ? QueueKind::Pop
                                      : QueueKind::Peek;
        operation.flags = overwrites_ && choice == 0 ? vm::kUpdateExist : vm::kUpdateAny;
        operation.value = operation.kind == QueueKind::Push ? ++pushed_[thread] << 3 | thread : 0;
        timed.invoked = testing::stamp();
        operation.status = run(operation);
        timed.responded = testing::stamp();
        if (operation.status != -EBUSY) histories_[thread].push_back(timed);
    }
    std::optional<size_t> first_misfit(const QueueModel& model) const {
        QueueHistory all;
        for (const QueueHistory& history : histories_)
            all.insert(all.end(), history.begin(), history.end());
        EXPECT_GT(all.size(), 1000u);
        return testing::LinearCheck<QueueModel>(model, {}).first_misfit(all);
    }

private:
    int run(QueueModel::Operation& operation) {
        auto* const value = reinterpret_cast<uint8_t*>(&operation.value);
        switch (operation.kind) {
            case QueueKind::Push: return map_.push(value, operation.flags);
            case QueueKind::Pop: return map_.pop(value);
            case QueueKind::Peek: return map_.peek(value);
        }
        return -EINVAL;
    }

    vm::Map& map_;
    bool overwrites_;
    std::array<QueueHistory, kWorkers> histories_;
    std::array<uint64_t, kWorkers> pushed_{};
};

std::optional<size_t> misfit_of_queue(vm::Map& map, bool overwrites, uint32_t count) {
    QueueRecorder recorder(map, overwrites);
    run_workers(
        [&](uint32_t worker) {
            std::mt19937_64 random(tests::first_seed() + worker);
            for (uint32_t i = 0; i < count; ++i) {
                recorder.one(worker, random);
                if (i % 16 == 0) reader_quiescent();
            }
        },
        [] { std::this_thread::yield(); });
    return recorder.first_misfit({map.spec().type == vm::MapType::Stack, map.spec().entries_max});
}

TEST(LinearMaps, AWrongQueueIsFoundOut) {
    for (const Fault fault : {Fault::None, Fault::LostUpdate, Fault::TwiceOut, Fault::WrongEnd}) {
        ToyMap queue(vm::MapType::Queue, fault, 5);
        EXPECT_EQ(misfit_of_queue(queue, true, 20'000) == std::nullopt, fault == Fault::None)
            << static_cast<int>(fault);
    }
}

TEST(LinearMaps, QueuesAndStacks) {
    for (const vm::MapType type : {vm::MapType::Queue, vm::MapType::Stack}) {
        for (const uint32_t entries : {1u, 5u, 8u}) {
            for (const bool overwrites : {false, true}) {
                const auto map = make_map(make_spec(type, 0, 8, entries), kWorkers);
                EXPECT_EQ(misfit_of_queue(*map, overwrites, operations() / 4), std::nullopt)
                    << vm::map_type_name(type) << " of " << entries;
            }
        }
    }
}

}  // namespace
}  // namespace weir::maps
