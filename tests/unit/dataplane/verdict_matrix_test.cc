// Verdict by hook by what the port does with XDP_PASS: each packet ends in one place, and in which.
#include <fmt/format.h>

#include <map>
#include <string>

#include "tests/unit/dataplane/forwarding_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

constexpr uint32_t kNoVerdict = 77;
constexpr uint8_t kSeen = 0xaa;  ///< first byte of a frame that came back by its own ring

/// "p0 xdp_drop" or "p1 tx" -> packets.
using Ends = std::map<std::string, uint64_t>;

Ends ends_of(const api::Stats& stats) {
    Ends ends;
    for (const auto& [name, port] : stats.ports) {
        ends[name + " tx"] = port.tx;
        ends[name + " to_kernel"] = port.to_kernel;
        for (const auto& [reason, packets] : port.drops) ends[name + " " + reason] = packets;
    }
    return ends;
}

/// p0 passes to p1, p2 drops what passes; p0 and p2 are rings.
class Matrix {
public:
    explicit Matrix(const RunDir& dir)
        : forwarding_(
              start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}, {"net_ring2", ""}}),
                    dir)) {}

    /// Where one frame that comes in by `device` ends; "" and more where it is not one place.
    std::string end_of(const std::string& device, std::vector<PortChains> chains) {
        EXPECT_TRUE(forwarding_->publish(generation(++generation_, std::move(chains))));
        const api::Stats before = forwarding_->read_stats();
        RingInput(device).put_patiently(Frame(64, 0));
        EXPECT_TRUE(eventually([&] {
            const api::Stats now = forwarding_->read_stats();
            const Ends ends = ends_of(now), ends_before = ends_of(before);
            uint64_t ended = 0, ended_before = 0;
            for (const auto& [end, packets] : ends) ended += packets;
            for (const auto& [end, packets] : ends_before) ended_before += packets;
            return now.total.rx > before.total.rx && now.total.in_flight == 0 &&
                   ended - ended_before == now.total.rx - before.total.rx;
        }));
        const api::Stats after = forwarding_->read_stats();
        EXPECT_EQ(unaccounted(after.total), 0u);
        Ends old = ends_of(before);
        std::string text;
        for (const auto& [end, packets] : ends_of(after)) {
            if (packets == old[end]) continue;
            text += fmt::format("{}{}", text.empty() ? "" : ", ", end);
            if (packets != old[end] + 1) text += fmt::format(" {}", packets - old[end]);
        }
        return text;
    }

private:
    std::unique_ptr<Forwarding> forwarding_;
    uint64_t generation_ = 0;
};

/// A frame that XDP_TX sent into its own ring is dropped when it comes back.
ChainEntry says(uint32_t slot, uint32_t verdict) {
    return entry(slot, [verdict](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
        if (context.data[0] == kSeen) return vm::XDP_DROP;
        env.redirect_ifindex = 2;
        if (verdict == vm::XDP_TX && context.egress_ifindex == 0) context.data[0] = kSeen;
        return verdict;
    });
}

std::vector<PortChains> on_ingress(uint32_t port, uint32_t verdict) {
    std::vector<PortChains> chains(3);
    chains[port].ingress = {says(0, verdict)};
    return chains;
}

TEST(VerdictMatrix, OfIngressPrograms) {
    in_child([] {
        const RunDir dir;
        Matrix matrix(dir);
        const std::map<uint32_t, std::pair<std::string, std::string>> wanted = {
            {vm::XDP_ABORTED, {"p0 xdp_aborted", "p2 xdp_aborted"}},
            {vm::XDP_DROP, {"p0 xdp_drop", "p2 xdp_drop"}},
            {vm::XDP_PASS, {"p1 tx", "p2 pass_drop"}},
            {vm::XDP_TX, {"p0 tx, p0 xdp_drop", "p2 tx, p2 xdp_drop"}},
            {vm::XDP_REDIRECT, {"p1 tx", "p1 tx"}},
            {kNoVerdict, {"p0 invalid_verdict", "p2 invalid_verdict"}}};
        for (const auto& [verdict, ends] : wanted) {
            EXPECT_EQ(matrix.end_of("net_ring0", on_ingress(0, verdict)), ends.first) << verdict;
            EXPECT_EQ(matrix.end_of("net_ring2", on_ingress(2, verdict)), ends.second) << verdict;
        }
    });
}

TEST(VerdictMatrix, OfEgressProgramsBehindEachWayOut) {
    in_child([] {
        const RunDir dir;
        Matrix matrix(dir);
        const auto with_egress = [](uint32_t ingress_port, uint32_t ingress, uint32_t egress_port,
                                    uint32_t egress) {
            std::vector<PortChains> chains = on_ingress(ingress_port, ingress);
            chains[egress_port].egress = {entry(1, [egress](vm::XdpContext& context, vm::RunEnv&) {
                EXPECT_NE(context.egress_ifindex, 0u);
                return egress;
            })};
            return chains;
        };
        const std::map<uint32_t, std::string> wanted = {{vm::XDP_ABORTED, "egress_aborted"},
                                                        {vm::XDP_DROP, "egress_drop"},
                                                        {vm::XDP_PASS, "tx"},
                                                        {vm::XDP_TX, "egress_aborted"},
                                                        {vm::XDP_REDIRECT, "egress_aborted"},
                                                        {kNoVerdict, "egress_aborted"}};
        for (const auto& [verdict, end] : wanted) {
            EXPECT_EQ(matrix.end_of("net_ring0", with_egress(0, vm::XDP_PASS, 1, verdict)),
                      "p1 " + end);
            EXPECT_EQ(matrix.end_of("net_ring2", with_egress(2, vm::XDP_REDIRECT, 1, verdict)),
                      "p1 " + end);
            // What is sent into the ring comes back, and is dropped then.
            EXPECT_EQ(matrix.end_of("net_ring2", with_egress(2, vm::XDP_TX, 2, verdict)),
                      verdict == vm::XDP_PASS ? "p2 tx, p2 xdp_drop" : "p2 " + end);
            // Nothing goes out where passing drops.
            EXPECT_EQ(matrix.end_of("net_ring2", with_egress(2, vm::XDP_PASS, 2, verdict)),
                      "p2 pass_drop");
        }
    });
}

}  // namespace
}  // namespace weir::dataplane
