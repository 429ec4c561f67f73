#include <cerrno>
#include <vector>

#include "maps/perf_event_map.h"
#include "maps/ringbuf_map.h"
#include "tests/unit/maps/map_fixtures.h"
#include "vm/base/bytes.h"
#include "vm/helpers/dynptr.h"
#include "vm/program/context.h"

namespace weir::maps {
namespace {

constexpr int64_t kPerfOutput = 25, kOutput = 130, kReserve = 131, kSubmit = 132, kDiscard = 133,
                  kQuery = 134, kReserveDynptr = 198, kSubmitDynptr = 199, kDiscardDynptr = 200;

uint64_t address(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}
int64_t call(int64_t helper, uint64_t r1, uint64_t r2 = 0, uint64_t r3 = 0, uint64_t r4 = 0,
             uint64_t r5 = 0, uint32_t cpu = 0) {
    vm::RunEnv env;
    env.cpu = cpu;
    return static_cast<int64_t>(all_helpers().at(helper)(r1, r2, r3, r4, r5, env));
}

std::vector<Bytes> drain(vm::Map& map, uint32_t cpu = 0) {
    std::vector<Bytes> records;
    map.drain_events(
        cpu,
        [](void* opaque, std::span<const uint8_t> record) {
            static_cast<std::vector<Bytes>*>(opaque)->emplace_back(record.begin(), record.end());
        },
        &records);
    return records;
}

TEST(Ringbuf, RefusesSizesThatAreNoRing) {
    for (const uint32_t entries : {0u, 1u, 2048u, 12288u, 4097u}) {
        const auto map = create_map(make_spec(vm::MapType::Ringbuf, 0, 0, entries), 1);
        ASSERT_FALSE(map.has_value()) << entries;
    }
    const auto map = create_map(make_spec(vm::MapType::Ringbuf, 0, 0, 5000), 1);
    EXPECT_EQ(map.error().message,
              "map m (ringbuf): max_entries 5000 must be a power of two and a multiple of 4096: it "
              "is the size in bytes");
    const auto keyed = create_map(make_spec(vm::MapType::Ringbuf, 4, 0, 4096), 1);
    EXPECT_EQ(keyed.error().message, "map m (ringbuf): key size 4 and value size 0 must be 0");
}

TEST(Ringbuf, TheControlSideOnlyDrains) {
    const auto map = make_map(make_spec(vm::MapType::Ringbuf, 0, 0, 4096));
    EXPECT_EQ(map->control_lookup(nullptr, {}), -EOPNOTSUPP);
    EXPECT_EQ(map->control_update(nullptr, {}, 0), -EOPNOTSUPP);
    EXPECT_EQ(map->control_erase(nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->next_key(nullptr, nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->lookup(nullptr, 0), nullptr);
}

TEST(RingbufHelpers, OutputReserveAndQuery) {
    const auto map = make_map(make_spec(vm::MapType::Ringbuf, 0, 0, 4096));
    const uint64_t ring = address(map.get());
    const Bytes data = {1, 2, 3};
    EXPECT_EQ(call(kOutput, ring, address(data.data()), 3, 0), 0);
    EXPECT_EQ(call(kOutput, ring, address(data.data()), 3, 4), -EINVAL);
    EXPECT_EQ(call(kOutput, ring, address(data.data()), 4096, 0), -EAGAIN);
    const int64_t kept = call(kReserve, ring, 8, 0), dropped = call(kReserve, ring, 8, 0);
    EXPECT_EQ(call(kReserve, ring, 8, 1), 0) << "no flags are known";
    std::memset(reinterpret_cast<void*>(kept), 9, 8);
    EXPECT_EQ(call(kQuery, ring, kRingAvailableData), 48);
    EXPECT_EQ(call(kSubmit, static_cast<uint64_t>(kept), 1), 0);
    EXPECT_EQ(call(kDiscard, static_cast<uint64_t>(dropped), 2), 0);
    EXPECT_EQ(drain(*map), (std::vector<Bytes>{{1, 2, 3}, Bytes(8, 9)}));
    EXPECT_EQ(call(kQuery, ring, kRingAvailableData), 0);
    EXPECT_EQ(call(kQuery, ring, kRingSize), 4096);
    EXPECT_EQ(call(kQuery, ring, kRingConsumerPosition), 48);
    EXPECT_EQ(call(kQuery, ring, kRingProducerPosition), 48);
    EXPECT_EQ(call(kQuery, ring, 4), 0);
    EXPECT_EQ(map->lost_events(), 1u);
}

TEST(RingbufHelpers, DynptrsHoldRecords) {
    const auto map = make_map(make_spec(vm::MapType::Ringbuf, 0, 0, 4096));
    const uint64_t ring = address(map.get());
    vm::Dynptr dynptr;
    const uint64_t at = address(&dynptr);
    EXPECT_EQ(call(kReserveDynptr, ring, 16, 0, at), 0);
    EXPECT_EQ(dynptr.kind(), vm::DynptrKind::Record);
    EXPECT_EQ(dynptr.size(), 16u);
    EXPECT_EQ(vm::write_dynptr(dynptr, 0, "sixteen bytes, .", 16), 0);
    EXPECT_EQ(call(kSubmitDynptr, at, 0), 0);
    EXPECT_TRUE(vm::load_dynptr(at).is_null());
    EXPECT_EQ(call(kSubmitDynptr, at, 0), 0) << "a null one is nothing to give back";
    const std::string text = "sixteen bytes, .";
    EXPECT_EQ(drain(*map), (std::vector<Bytes>{Bytes(text.begin(), text.end())}));
    EXPECT_EQ(call(kReserveDynptr, ring, 16, 0, at), 0);
    EXPECT_EQ(call(kDiscardDynptr, at, 0), 0);
    EXPECT_TRUE(drain(*map).empty());
    for (const auto& [bytes, flags, error] :
         {std::tuple<uint64_t, uint64_t, int64_t>{16, 1, -EINVAL},
          {vm::kDynptrBytesMax + 1, 0, -E2BIG},
          {5000, 0, -EINVAL}}) {
        EXPECT_EQ(call(kReserveDynptr, ring, bytes, flags, at), error);
        EXPECT_TRUE(vm::load_dynptr(at).is_null());
    }
}

TEST(RingbufHelpers, BelieveNoMapWithoutAsking) {
    const auto map = make_map(make_spec(vm::MapType::Array, 4, 4, 1));
    const uint64_t array = address(map.get());
    vm::Dynptr dynptr;
    EXPECT_EQ(call(kOutput, array, array, 4, 0), -EINVAL);
    EXPECT_EQ(call(kReserve, array, 4, 0), 0);
    EXPECT_EQ(call(kQuery, array, kRingSize), 0);
    EXPECT_EQ(call(kReserveDynptr, array, 4, 0, address(&dynptr)), -EINVAL);
    vm::XdpContext context{};
    EXPECT_EQ(call(kPerfOutput, address(&context), array, 0, 0, 0), -EINVAL);
}

/// A packet of 6 bytes: two, then three and one in segments.
struct Packet {
    Bytes linear = {1, 2}, second = {3, 4, 5}, third = {6};
    vm::Segment segments[2] = {{second.data(), 3, 3}, {third.data(), 1, 1}};
    vm::XdpContext context{};

    Packet() {
        context.data = linear.data();
        context.data_end = linear.data() + 2;
        context.segment_count = 2;
        context.segments = segments;
    }
};

TEST(PerfEventHelpers, AppendPacketBytesAcrossSegments) {
    const auto map = make_map(make_spec(vm::MapType::PerfEventArray, 4, 4, 2), 2);
    const Packet packet;
    const Bytes data = {9};
    const auto output = [&](uint64_t flags) {
        return call(kPerfOutput, address(&packet.context), address(map.get()), flags,
                    address(data.data()), 1);
    };
    EXPECT_EQ(output(0xffffffff), 0);
    EXPECT_EQ(output(uint64_t{6} << 32), 0);
    EXPECT_EQ(output(uint64_t{4} << 32), 0);
    EXPECT_EQ(output(uint64_t{7} << 32), -EFAULT);
    // Each fills up to a multiple of 8 with the four bytes of its length.
    EXPECT_EQ(drain(*map), (std::vector<Bytes>{{9, 0, 0, 0},
                                               {9, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0},
                                               {9, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0}}));
}

TEST(PerfEventHelpers, AProgramWritesToItsOwnCpu) {
    const auto map = make_map(make_spec(vm::MapType::PerfEventArray, 4, 4, 3), 2);
    const Packet packet;
    const Bytes data = {9};
    const auto output = [&](uint64_t flags, uint32_t cpu) {
        return call(kPerfOutput, address(&packet.context), address(map.get()), flags,
                    address(data.data()), 1, cpu);
    };
    EXPECT_EQ(output(1, 1), 0);
    EXPECT_EQ(output(0, 1), -EOPNOTSUPP);
    EXPECT_EQ(output(2, 1), -ENOENT) << "an entry without a cpu";
    EXPECT_EQ(output(3, 1), -E2BIG);
    EXPECT_EQ(output(uint64_t{1} << 52, 1), -EINVAL);
    EXPECT_TRUE(drain(*map, 0).empty());
    EXPECT_EQ(drain(*map, 1).size(), 1u);
    EXPECT_EQ(map->drain_events(2, nullptr, nullptr), -EINVAL);
}

TEST(PerfEventHelpers, AFullRingIsCounted) {
    const auto map = make_map(make_spec(vm::MapType::PerfEventArray, 4, 4, 1), 1);
    const Packet packet;
    const Bytes data(1000, 1);
    uint64_t written = 0;
    while (call(kPerfOutput, address(&packet.context), address(map.get()), 0, address(data.data()),
                data.size()) == 0)
        ++written;
    EXPECT_EQ(written, kPerfRingBytes / 1016) << "a header, 1,000 bytes, and up to 8";
    EXPECT_EQ(map->lost_events(), 1u);
    EXPECT_EQ(drain(*map).size(), written);
}

}  // namespace
}  // namespace weir::maps
