// Results: bpf_user_ringbuf_drain of Linux 6.18 and libbpf's producer.
#include "maps/user_ringbuf_map.h"

#include <cerrno>
#include <thread>
#include <vector>

#include "tests/unit/maps/map_fixtures.h"
#include "vm/helpers/dynptr.h"

namespace weir::maps {
namespace {

constexpr int64_t kDrain = 209;

std::unique_ptr<vm::Map> make_ring(uint32_t bytes = 4096) {
    return make_map(make_spec(vm::MapType::UserRingbuf, 0, 0, bytes));
}
UserRingbufMap& ring_of(vm::Map& map) {
    return static_cast<UserRingbufMap&>(map);
}
Bytes sample(size_t bytes, uint8_t fill) {
    return Bytes(bytes, fill);
}

/// What a program's callback sees, until it says stop.
struct Seen {
    std::vector<Bytes> samples;
    size_t stop_after = SIZE_MAX;
};

uint64_t see(vm::RunEnv& env, uint64_t, const std::array<uint64_t, 5>& arguments) {
    Seen& seen = *static_cast<Seen*>(env.engine);
    const vm::Dynptr dynptr = vm::load_dynptr(arguments[0]);
    EXPECT_EQ(dynptr.kind(), vm::DynptrKind::Memory);
    EXPECT_FALSE(dynptr.is_readonly());
    EXPECT_EQ(arguments[1], 77u);
    Bytes copy(dynptr.size());
    EXPECT_EQ(vm::read_dynptr(dynptr, 0, copy.data(), dynptr.size()), 0);
    seen.samples.push_back(std::move(copy));
    return seen.samples.size() == seen.stop_after ? 1 : 0;
}

int64_t drain(vm::Map& map, Seen& seen, uint64_t flags = 0) {
    vm::RunEnv env;
    env.engine = &seen;
    env.call = see;
    return static_cast<int64_t>(
        all_helpers().at(kDrain)(reinterpret_cast<uint64_t>(&map), 1, 77, flags, 0, env));
}

TEST(UserRingbuf, RefusesSizesThatAreNoRing) {
    for (const uint32_t entries : {0u, 2048u, 12288u})
        EXPECT_FALSE(create_map(make_spec(vm::MapType::UserRingbuf, 0, 0, entries), 1)) << entries;
    EXPECT_FALSE(create_map(make_spec(vm::MapType::UserRingbuf, 4, 0, 4096), 1));
    EXPECT_FALSE(create_map(make_spec(vm::MapType::UserRingbuf, 0, 8, 4096), 1));
}

TEST(UserRingbuf, HasNoElements) {
    const auto map = make_ring();
    EXPECT_EQ(map->control_lookup(nullptr, {}), -EOPNOTSUPP);
    EXPECT_EQ(map->control_update(nullptr, {}, 0), -EOPNOTSUPP);
    EXPECT_EQ(map->control_erase(nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->next_key(nullptr, nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->update(nullptr, nullptr, 0, 0), -EOPNOTSUPP);
    EXPECT_EQ(map->erase(nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->lookup(nullptr, 0), nullptr);
}

TEST(UserRingbuf, GivesSamplesInOrderOnce) {
    const auto map = make_ring();
    const std::vector<Bytes> samples = {sample(1, 0xa1), sample(0, 0), sample(100, 0xa2)};
    for (const Bytes& each : samples) ASSERT_EQ(ring_of(*map).produce(each), 0);
    EXPECT_EQ(map->entries(), 3u);
    EXPECT_EQ(map->used_bytes(), 16u + 8u + 112u);
    Seen seen;
    EXPECT_EQ(drain(*map, seen), 3);
    EXPECT_EQ(seen.samples, samples);
    EXPECT_EQ(map->entries(), 0u);
    EXPECT_EQ(map->used_bytes(), 0u);
    EXPECT_EQ(drain(*map, seen), 0);
}

TEST(UserRingbuf, StopsWhereTheCallbackSaysSo) {
    const auto map = make_ring();
    for (uint8_t i = 0; i < 5; ++i) ASSERT_EQ(ring_of(*map).produce(sample(8, i)), 0);
    Seen seen{.samples = {}, .stop_after = 2};
    EXPECT_EQ(drain(*map, seen), 2) << "the one that said stop is taken, too";
    EXPECT_EQ(map->entries(), 3u);
    EXPECT_EQ(drain(*map, seen), 3);
}

TEST(UserRingbuf, KnowsTheFlagsOfAWakeUpAndNoOthers) {
    const auto map = make_ring();
    Seen seen;
    for (const uint64_t flags : {0, 1, 2, 3}) EXPECT_EQ(drain(*map, seen, flags), 0);
    EXPECT_EQ(drain(*map, seen, 4), -EINVAL);
}

TEST(UserRingbuf, IsFullWhereTheProducerWouldOverrunTheReader) {
    const auto map = make_ring();
    EXPECT_EQ(ring_of(*map).produce(sample(4089, 1)), -E2BIG);
    EXPECT_EQ(map->full_count(), 0u);
    ASSERT_EQ(ring_of(*map).produce(sample(4088, 1)), 0);
    EXPECT_EQ(ring_of(*map).produce(sample(0, 1)), -ENOSPC);
    EXPECT_EQ(map->full_count(), 1u);
    Seen seen;
    EXPECT_EQ(drain(*map, seen), 1);
    EXPECT_EQ(seen.samples[0], sample(4088, 1));
    // Over the end of the ring, in one piece.
    ASSERT_EQ(ring_of(*map).produce(sample(2000, 2)), 0);
    EXPECT_EQ(drain(*map, seen), 1);
    ASSERT_EQ(ring_of(*map).produce(sample(3000, 3)), 0);
    EXPECT_EQ(drain(*map, seen), 1);
    EXPECT_EQ(seen.samples.back(), sample(3000, 3));
}

TEST(UserRingbuf, IsBusyForASecondReader) {
    const auto map = make_ring();
    ASSERT_EQ(ring_of(*map).produce(sample(8, 1)), 0);
    struct Nested {
        UserRingbufMap& ring;
        int64_t result = 0;
    } nested{ring_of(*map)};
    const auto again = [](void* opaque, uint8_t*, uint32_t) -> uint64_t {
        auto& inner = *static_cast<Nested*>(opaque);
        inner.result = inner.ring.consume(nullptr, nullptr);
        return 0;
    };
    EXPECT_EQ(ring_of(*map).consume(again, &nested), 1);
    EXPECT_EQ(nested.result, -EBUSY);
}

TEST(UserRingbuf, LosesNothingBetweenAProducerAndAReader) {
    constexpr uint32_t kSamples = 100'000;
    const auto map = make_ring();
    std::thread producer([&] {
        for (uint32_t i = 0; i < kSamples; ++i) {
            Bytes bytes(4 + i % 60);
            std::memcpy(bytes.data(), &i, sizeof i);
            while (ring_of(*map).produce(bytes) == -ENOSPC) std::this_thread::yield();
        }
    });
    uint32_t next = 0;
    const auto check = [](void* opaque, uint8_t* data, uint32_t bytes) -> uint64_t {
        auto& expected = *static_cast<uint32_t*>(opaque);
        EXPECT_EQ(value_at<uint32_t>(data), expected);
        EXPECT_EQ(bytes, 4 + expected % 60);
        ++expected;
        return 0;
    };
    while (next < kSamples)
        if (ring_of(*map).consume(check, &next) == 0) std::this_thread::yield();
    producer.join();
    EXPECT_EQ(map->entries(), 0u);
}

}  // namespace
}  // namespace weir::maps
