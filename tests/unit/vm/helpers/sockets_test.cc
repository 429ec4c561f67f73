// Results: net/core/filter.c and net/netfilter/nf_conntrack_bpf.c of Linux 6.18, nothing being
// found.

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kCtLookup = 10, kCtRelease = 11;

TEST(SocketHelpers, FindNothing) {
    Frame frame(60);
    const std::array<uint8_t, 36> tuple{};
    for (const int64_t id : {84, 85, 99})
        EXPECT_EQ(frame.call(id, number_of(tuple.data()), tuple.size(), offset_of(-1)), 0);
    for (const int64_t id : {86, 100, 110}) EXPECT_EQ(frame.call_plain(id), -EINVAL);
}

struct Options {
    int32_t netns_id = -1;
    int32_t error = 0;
    uint8_t l4_protocol = IPPROTO_TCP;
    uint8_t direction = 0;
    uint16_t zone_id = 0;
    uint8_t zone_direction = 0;
    std::array<uint8_t, 3> reserved{};
};

int32_t look_up(Options& options, uint32_t options_bytes = 16, uint32_t tuple_bytes = 12) {
    Frame frame(60);
    const std::array<uint8_t, 36> tuple{};
    EXPECT_EQ(frame.call_kfunc_plain(kCtLookup, number_of(&frame.context), number_of(tuple.data()),
                                     tuple_bytes, number_of(&options), options_bytes),
              0);
    return options.error;
}

TEST(CtLookup, SaysWhyThereIsNoConnection) {
    Options plain;
    EXPECT_EQ(look_up(plain), -ENOENT);
    EXPECT_EQ(plain.zone_direction, 3);
    Options udp{.l4_protocol = IPPROTO_UDP};
    EXPECT_EQ(look_up(udp, 12, 36), -ENOENT);
    EXPECT_EQ(udp.zone_direction, 0);
    Options elsewhere{.netns_id = 5};
    EXPECT_EQ(look_up(elsewhere), -ENONET);
}

TEST(CtLookup, ChecksItsArgumentsInTheKernelsOrder) {
    Options bad_size;
    EXPECT_EQ(look_up(bad_size, 8), -EINVAL);
    Options reserved{.reserved = {0, 1, 0}};
    EXPECT_EQ(look_up(reserved), -EINVAL);
    Options zone{.l4_protocol = IPPROTO_ICMP, .zone_id = 1};
    EXPECT_EQ(look_up(zone, 12), -EINVAL);
    Options icmp{.netns_id = -2, .l4_protocol = IPPROTO_ICMP};
    EXPECT_EQ(look_up(icmp), -EPROTO);
    Options netns{.netns_id = -2};
    EXPECT_EQ(look_up(netns, 16, 11), -EINVAL);
    Options tuple;
    EXPECT_EQ(look_up(tuple, 16, 11), -EAFNOSUPPORT);
}

TEST(CtLookup, WritesNothingBehindShortOptions) {
    Options options{.netns_id = 0, .error = 77};
    EXPECT_EQ(look_up(options, 4), 77);
    Frame frame(60);
    EXPECT_EQ(frame.call_kfunc_plain(kCtRelease), 0);
}

}  // namespace
}  // namespace weir::vm
