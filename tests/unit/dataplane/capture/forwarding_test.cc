// Captures of real workers: what records say is what the counters count.

#include <fcntl.h>

#include <fstream>
#include <map>

#include "dataplane/capture/captures.h"
#include "tests/unit/dataplane/forwarding_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

constexpr uint32_t kPackets = 4000;
constexpr uint32_t kKinds = 8;
constexpr size_t kRuntBytes = 10;
constexpr size_t kLongBytes = 1600;

/// Each kind of packet ends in another way.
Frame of_kind(uint32_t kind) {
    Frame frame(kind == 6 ? kRuntBytes : kind == 7 ? kLongBytes : 64);
    if (frame.size() > kRuntBytes) frame[13] = static_cast<uint8_t>(kind);
    return frame;
}

uint32_t judge(vm::XdpContext& context, vm::RunEnv& env) {
    const uint8_t kind = context.data[13];
    if (kind == vm::XDP_TX) return vm::XDP_DROP;  // it would come back through the ring
    env.redirect_ifindex = kind == 4 ? 99 : 0;    // which no port has
    return kind == 7 ? uint32_t{vm::XDP_PASS} : kind;
}

/// Reason -> records that have it; "" for those without.
std::map<std::string, uint64_t> reasons_in(const std::string& path, const char* point) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::map<std::string, uint64_t> reasons;
    constexpr std::string_view kAt = " at=", kReason = "reason=";
    for (size_t at = bytes.find(kAt); at != std::string::npos; at = bytes.find(kAt, at + 1)) {
        if (bytes.compare(at + kAt.size(), std::strlen(point), point) != 0) continue;
        const size_t begin = bytes.rfind("generation=", at);
        const size_t comment = bytes.find_last_of('\0', begin) + 1;
        const size_t reason = bytes.substr(comment, begin - comment).find(kReason);
        const size_t name = comment + reason + kReason.size();
        ++reasons[reason == std::string::npos ? ""
                                              : bytes.substr(name, bytes.find(' ', name) - name)];
    }
    return reasons;
}

uint32_t open_capture(Forwarding& forwarding, const std::string& path,
                      const api::CaptureOpen& request) {
    Descriptor output(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const Result<uint32_t> id = forwarding.captures().open(1, request, nullptr, std::move(output));
    if (!id) ADD_FAILURE() << id.error().message;
    return id.value_or(0);
}

api::CaptureInfo finish(Forwarding& forwarding, uint32_t id) {
    EXPECT_TRUE(forwarding.captures().close(1, id));
    EXPECT_TRUE(eventually([&] { return forwarding.captures().read(id)->finished; }));
    return *forwarding.captures().read(id);
}

void compare_with_counters(const std::vector<uint32_t>& lcores, const PortChains& chains) {
    const RunDir dir;
    auto forwarding =
        start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}, lcores), dir);
    ASSERT_NE(forwarding, nullptr);
    RingInput input("net_ring0");
    ASSERT_TRUE(forwarding->publish(generation(1, {chains, {}})));
    const std::string before_path = dir.path() + "/before", after_path = dir.path() + "/after";
    const uint32_t before = open_capture(*forwarding, before_path, {});
    const uint32_t after =
        open_capture(*forwarding, after_path, {.point = api::CapturePoint::After});
    for (uint32_t i = 0; i < kPackets; ++i) input.put_patiently(of_kind(i % kKinds));
    ASSERT_TRUE(eventually([&] {
        const api::Counters total = forwarding->read_stats().total;
        return total.rx == kPackets && total.in_flight == 0;
    }));
    const api::CaptureInfo info = finish(*forwarding, before);
    EXPECT_EQ(info.matched, kPackets);
    EXPECT_EQ(info.captured, kPackets);
    EXPECT_EQ(finish(*forwarding, after).dropped, 0u);
    const api::Counters total = forwarding->read_stats().total;
    std::map<std::string, uint64_t> counted;
    for (const auto& [reason, packets] : total.drops)
        if (packets != 0) counted[reason] = packets;
    EXPECT_GE(counted.size(), 5u);
    counted[""] = total.tx;
    EXPECT_EQ(reasons_in(before_path, "before"), counted);
    EXPECT_EQ(reasons_in(after_path, "after")[""], total.tx);
}

TEST(CaptureOfForwarding, ReasonsAreThoseOfTheCounters) {
    in_child([] { compare_with_counters({0}, {.ingress = {entry(0, judge)}, .egress = {}}); });
}

TEST(CaptureOfForwarding, ReasonsAreThoseOfTheCountersWherePacketsGoOneByOne) {
    in_child([] {
        compare_with_counters(
            {0}, {.ingress = {returning(0, vm::XDP_PASS), entry(1, judge)}, .egress = {}});
    });
}

TEST(CaptureOfForwarding, ReasonsAreThoseOfTheCountersOfTwoWorkers) {
    in_child([] { compare_with_counters({0, 1}, {.ingress = {entry(0, judge)}, .egress = {}}); });
}

TEST(CaptureOfForwarding, AnEgressChainThatRefusesIsWhoDecided) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_NE(forwarding, nullptr);
        RingInput input("net_ring0");
        ChainEntry egress = returning(1, vm::XDP_DROP);
        egress.name = "guard";
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {returning(0, vm::XDP_PASS)}, .egress = {}},
                           {.ingress = {}, .egress = {egress}}})));
        const std::string path = dir.path() + "/egress";
        const uint32_t id = open_capture(*forwarding, path,
                                         {.verdicts = {"XDP_DROP"},
                                          .reasons = {"egress_drop"},
                                          .program = "guard",
                                          .hook = api::CaptureHook::Egress});
        for (uint32_t i = 0; i < 100; ++i) input.put_patiently(of_kind(2));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 100; }));
        EXPECT_EQ(finish(*forwarding, id).captured, 100u);
        EXPECT_EQ(reasons_in(path, "before"),
                  (std::map<std::string, uint64_t>{{"egress_drop", 100}}));
    });
}

TEST(CaptureOfForwarding, WhatNoGenerationJudgesIsThereToo) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_NE(forwarding, nullptr);
        RingInput input("net_ring0");
        const std::string path = dir.path() + "/none";
        const uint32_t id = open_capture(*forwarding, path, {});
        for (uint32_t i = 0; i < 50; ++i) input.put_patiently(of_kind(2));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 50; }));
        EXPECT_EQ(finish(*forwarding, id).captured, 50u);
        EXPECT_EQ(reasons_in(path, "before"),
                  (std::map<std::string, uint64_t>{{"no_generation", 50}}));
    });
}

}  // namespace
}  // namespace weir::dataplane
