// Packets of several buffers on their way through a worker.

#include "dataplane/scattered.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "dataplane/pool.h"
#include "tests/unit/dataplane/forwarding_fixture.h"

namespace weir::dataplane::testing {
namespace {

Frame filled(size_t bytes, uint8_t with) {
    return Frame(bytes, with);
}
Frame joined(const std::vector<Frame>& parts) {
    Frame all;
    for (const Frame& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// What a program saw of a packet, by part.
std::vector<Frame> parts_of(const vm::XdpContext& context) {
    std::vector<Frame> parts = {Frame(context.data, context.data_end)};
    for (uint32_t i = 0; i < context.segment_count; ++i) {
        const vm::Segment& segment = context.segments[i];
        parts.emplace_back(segment.data, segment.data + segment.bytes);
    }
    return parts;
}

/// p0 runs `change` and passes to p1, whose program keeps what arrives there.
struct Wire {
    RunDir dir;
    std::unique_ptr<Forwarding> forwarding;
    std::mutex lock;
    std::vector<std::vector<Frame>> shown;  ///< to `change`, by part
    std::vector<Frame> arrived;

    explicit Wire(bool takes_segments, LambdaProgram::Body change) {
        forwarding = start(configure({{"net_ring0", "p1"}, {"net_ring1", ""}}), dir);
        if (!forwarding) return;
        ChainEntry first = entry(0, [this, change](vm::XdpContext& context, vm::RunEnv& env) {
            {
                const std::lock_guard guard(lock);
                shown.push_back(parts_of(context));
            }
            return change(context, env);
        });
        first.takes_segments = takes_segments;
        const auto keep = [this](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            const std::lock_guard guard(lock);
            arrived.push_back(joined(parts_of(context)));
            return vm::XDP_DROP;
        };
        EXPECT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {first}, .egress = {}},
                           {.ingress = {taking_segments(1, keep)}, .egress = {}}})));
    }
    bool has_settled(uint64_t packets) {
        return eventually([&] {
            const api::Stats stats = forwarding->read_stats();
            return stats.ports.at("p0").rx == packets && stats.total.in_flight == 0 &&
                   unaccounted(stats.total) == 0 &&
                   stats.ports.at("p1").rx == stats.ports.at("p0").rx -
                                                  dropped(stats.ports.at("p0"), "too_long") -
                                                  dropped(stats.ports.at("p1"), "too_long");
        });
    }
};

uint32_t pass(vm::XdpContext&, vm::RunEnv&) {
    return vm::XDP_PASS;
}

/// Moves bytes from the segments into the linear part, which begins that much earlier, and drops
/// segments that became empty from the front.
void pull(vm::XdpContext& context, uint32_t bytes) {
    const size_t linear = static_cast<size_t>(context.data_end - context.data);
    ASSERT_GE(context.data - context.frame_start, static_cast<ptrdiff_t>(bytes));
    std::memmove(context.data - bytes, context.data, linear);
    context.data -= bytes;
    context.data_end -= bytes;
    while (bytes != 0) {
        vm::Segment& first = context.segments[0];
        const uint32_t part = std::min(bytes, first.bytes);
        std::memcpy(context.data_end, first.data, part);
        context.data_end += part;
        first.data += part;
        first.bytes -= part;
        bytes -= part;
        if (first.bytes == 0)
            std::copy_n(context.segments + 1, --context.segment_count, context.segments);
    }
}

const std::vector<Frame> kParts = {filled(60, 1), filled(500, 2), filled(300, 3)};

TEST(Scattered, ShowsSegmentsToAProgramThatTakesThem) {
    in_child([] {
        Wire wire(true, pass);
        ASSERT_TRUE(wire.forwarding);
        RingInput input("net_ring0");
        ASSERT_TRUE(input.put_parts(kParts));
        ASSERT_TRUE(input.put(filled(64, 9)));  // after it: a packet of one buffer, in its context
        ASSERT_TRUE(wire.has_settled(2));
        EXPECT_EQ(wire.shown, (std::vector<std::vector<Frame>>{kParts, {filled(64, 9)}}));
        EXPECT_EQ(wire.arrived, (std::vector<Frame>{joined(kParts), filled(64, 9)}));
    });
}

TEST(Scattered, ShowsOneBufferToOthers) {
    in_child([] {
        Wire wire(false, pass);
        ASSERT_TRUE(wire.forwarding);
        RingInput input("net_ring0");
        ASSERT_TRUE(input.put_parts(kParts));
        ASSERT_TRUE(wire.has_settled(1));
        EXPECT_EQ(wire.shown, (std::vector<std::vector<Frame>>{{joined(kParts)}}));
        EXPECT_EQ(wire.arrived, std::vector<Frame>{joined(kParts)});
    });
}

TEST(Scattered, JoinsWhereTheFirstBufferIsShorterThanAHeader) {
    in_child([] {
        Wire wire(true, pass);
        ASSERT_TRUE(wire.forwarding);
        RingInput input("net_ring0");
        const std::vector<Frame> parts = {filled(10, 1), filled(200, 2)};
        ASSERT_TRUE(input.put_parts(parts));
        ASSERT_TRUE(wire.has_settled(1));
        EXPECT_EQ(wire.shown, (std::vector<std::vector<Frame>>{{joined(parts)}}));
    });
}

TEST(Scattered, JoinsMoreSegmentsThanAContextHolds) {
    in_child([] {
        Wire wire(true, pass);
        ASSERT_TRUE(wire.forwarding);
        RingInput input("net_ring0");
        const std::vector<Frame> most(kSegmentsMax + 1, filled(50, 4));
        const std::vector<Frame> more(kSegmentsMax + 2, filled(50, 5));
        ASSERT_TRUE(input.put_parts(most));
        ASSERT_TRUE(input.put_parts(more));
        ASSERT_TRUE(wire.has_settled(2));
        EXPECT_EQ(wire.shown, (std::vector<std::vector<Frame>>{most, {joined(more)}}));
    });
}

TEST(Scattered, SendsWhatAProgramLeftOfIt) {
    in_child([] {
        Wire wire(true, [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            switch (context.data[0]) {
                case 10: context.segments[1].bytes -= 100; break;
                case 11: context.segment_count = 1; break;
                case 12: context.segment_count = 0; break;
                case 13:
                    EXPECT_GE(context.segments[1].bytes_max, 400u);
                    std::memset(context.segments[1].data + 300, 7, 100);
                    context.segments[1].bytes += 100;
                    break;
                case 14:
                    context.data -= kPacketHeadroomBytes;
                    std::memset(context.data, 8, kPacketHeadroomBytes);
                    break;
                case 15:  // as bpf_xdp_pull_data: the first segment, and some of the second
                    pull(context, 100 + 20);
                    break;
                default: ADD_FAILURE();
            }
            return vm::XDP_PASS;
        });
        ASSERT_TRUE(wire.forwarding);
        RingInput input("net_ring0");
        for (uint8_t first = 10; first < 15; ++first)
            ASSERT_TRUE(input.put_parts({filled(60, first), filled(500, 2), filled(300, 3)}));
        ASSERT_TRUE(input.put_parts({filled(60, 15), filled(100, 2), filled(300, 3)}));
        ASSERT_TRUE(wire.has_settled(6));
        const std::vector<Frame> expected = {
            joined({filled(60, 10), filled(500, 2), filled(200, 3)}),
            joined({filled(60, 11), filled(500, 2)}),
            filled(60, 12),
            joined({filled(60, 13), filled(500, 2), filled(300, 3), filled(100, 7)}),
            joined(
                {filled(kPacketHeadroomBytes, 8), filled(60, 14), filled(500, 2), filled(300, 3)}),
            joined({filled(60, 15), filled(100, 2), filled(300, 3)}),
        };
        EXPECT_EQ(wire.arrived, expected);
        EXPECT_EQ(wire.forwarding->port_infos().at(1).heads_moved, 1u);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing
