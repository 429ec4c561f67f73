#include <cerrno>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kTimestamp = 1, kHash = 2, kVlanTag = 3;

struct Outputs {
    uint64_t timestamp = 7;
    uint32_t hash = 7, type = 7;
    uint16_t protocol = 7, tci = 7;
};

std::array<int64_t, 3> ask(Frame& frame, Outputs& out) {
    return {frame.call_kfunc(kTimestamp, number_of(&out.timestamp)),
            frame.call_kfunc(kHash, number_of(&out.hash), number_of(&out.type)),
            frame.call_kfunc(kVlanTag, number_of(&out.protocol), number_of(&out.tci))};
}

TEST(RxMetadata, IsWhatTheDeviceSaid) {
    Frame frame(60);
    const PacketMetadata said{.has_hash = true,
                              .has_timestamp = true,
                              .has_vlan_tag = true,
                              .hash = 0x1234,
                              .hash_type = 3,
                              .timestamp_ns = 5'000'000'000,
                              .vlan_protocol_be16 = 0x0081,
                              .vlan_tci = 42};
    frame.context.metadata = &said;
    Outputs out;
    EXPECT_EQ(ask(frame, out), (std::array<int64_t, 3>{0, 0, 0}));
    EXPECT_EQ(out.timestamp, 5'000'000'000u);
    EXPECT_EQ(out.hash, 0x1234u);
    EXPECT_EQ(out.type, 3u);
    EXPECT_EQ(out.protocol, 0x0081u);
    EXPECT_EQ(out.tci, 42u);
}

TEST(RxMetadata, TellsASilentDeviceFromASilentPacket) {
    Frame frame(60);
    Outputs out;
    EXPECT_EQ(ask(frame, out), (std::array<int64_t, 3>{-EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP}));
    EXPECT_EQ(out.timestamp | out.hash | out.type | out.protocol | out.tci, 0u);
    const PacketMetadata nothing;
    frame.context.metadata = &nothing;
    frame.env.stack_is_clean = true;
    Outputs kept;
    EXPECT_EQ(ask(frame, kept), (std::array<int64_t, 3>{-ENODATA, -ENODATA, -ENODATA}));
    EXPECT_EQ(kept.timestamp & kept.hash & kept.type & kept.protocol & kept.tci, 7u);
}

}  // namespace
}  // namespace weir::vm
