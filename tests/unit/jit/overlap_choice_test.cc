// When a burst overlaps its waits, and how it asks a map: seen by a map that counts what it is
// asked.

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "jit/overlap_plan.h"
#include "tests/unit/jit/proven.h"
#include "vm/isa/assemble.h"

namespace weir::tests {
namespace {

using jit::Overlap;

constexpr uint32_t kPackets = 8;

/// Finds nothing; has tickets 1, 2, 3 and then the last.
class AskedMap final : public vm::Map {
public:
    explicit AskedMap(const vm::MapSpec& spec) : Map(spec) {}

    uint8_t* lookup(const uint8_t*, uint32_t) override {
        ++lookups;
        return nullptr;
    }
    std::optional<vm::LookupSteps> lookup_steps() const override {
        return vm::LookupSteps{.ask =
                                   [](const Map& map, const uint8_t* key, uint32_t) {
                                       auto& self = static_cast<const AskedMap&>(map);
                                       ++self.asks;
                                       return *key == self.no_wait_key ? vm::LookupSteps::kNoWait
                                                                       : uint64_t{1};
                                   },
                               .ask_on = [](const Map& map, const uint8_t*, uint32_t cpu,
                                            uint64_t ticket) -> uint64_t {
                                   auto& self = static_cast<const AskedMap&>(map);
                                   EXPECT_EQ(cpu, 2u);
                                   ++self.asks_on.at(ticket);
                                   return ticket < 3 ? ticket + 1 : vm::LookupSteps::kLast;
                               }};
    }
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override { return -E2BIG; }
    int erase(const uint8_t*) override { return -ENOENT; }
    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t*, std::span<uint8_t>) override { return -ENOENT; }
    int control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) override {
        return -E2BIG;
    }
    int control_erase(const uint8_t*) override { return -ENOENT; }
    int next_key(const uint8_t*, uint8_t*) override { return -ENOENT; }
    uint32_t entries() const override { return 0; }
    uint64_t memory_bytes() const override { return 1 << 30; }
    uint64_t used_bytes() const override { return used; }
    uint64_t full_count() const override { return 0; }

    uint64_t used = 0;
    uint8_t no_wait_key = 0xff;
    uint32_t lookups = 0;
    mutable uint32_t asks = 0;
    mutable std::array<uint32_t, 4> asks_on{};
};

class OverlapChoice : public testing::Test {
protected:
    OverlapChoice()
        : proven_(vm::assemble("r2 = *(u32 *)(r1 + 12)\n*(u32 *)(r10 - 4) = r2\nr2 = r10\n"
                               "r2 += -4\nr1 = map[0] ll\ncall 1\nr6 = r0\nr0 = 1\n"
                               "if r6 == 0 goto out\nr0 = 2\nout: exit")
                      .value(),
                  {map_spec(vm::MapType::Hash, 4, 8, 16)}),
          map_(proven_.program->spec().maps[0]) {
        env_.cpu = 2;
    }

    std::unique_ptr<jit::CompiledProgram> compile(Overlap overlap) {
        const std::array<vm::Map*, 1> maps = {&map_};
        return jit::compile(proven_.program, maps, maps::all_helpers(), jit::Engine::kJit,
                            {.overlap = overlap})
            .value();
    }

    void run(const jit::CompiledProgram& program, uint32_t packets = kPackets) {
        std::array<vm::XdpContext, kPackets> contexts{};
        std::array<uint32_t, kPackets> verdicts{}, redirects{};
        for (uint32_t i = 0; i < packets; ++i) contexts[i].ingress_ifindex = i;
        program.run_burst(std::span(contexts).first(packets), std::span(verdicts).first(packets),
                          std::span(redirects).first(packets), env_);
        for (uint32_t i = 0; i < packets; ++i) EXPECT_EQ(verdicts[i], 1u);
    }

    Proven proven_;
    AskedMap map_;
    vm::RunEnv env_;
};

TEST_F(OverlapChoice, AsksOnUntilTheLastTicketAndThenLooksUp) {
    run(*compile(Overlap::kAlways));
    EXPECT_EQ(map_.asks, kPackets);
    EXPECT_EQ(map_.asks_on, (std::array<uint32_t, 4>{0, kPackets, kPackets, kPackets}));
    EXPECT_EQ(map_.lookups, kPackets);
}

TEST_F(OverlapChoice, GoesOnAtOnceWhereNothingIsWaitedFor) {
    map_.no_wait_key = 3;
    run(*compile(Overlap::kAlways));
    EXPECT_EQ(map_.asks, kPackets);
    EXPECT_EQ(map_.asks_on[1], kPackets - 1);
    EXPECT_EQ(map_.lookups, kPackets);
}

TEST_F(OverlapChoice, NeverMeansNever) {
    map_.used = UINT64_MAX;
    run(*compile(Overlap::kNever));
    EXPECT_EQ(map_.asks, 0u);
    EXPECT_EQ(map_.lookups, kPackets);
}

TEST_F(OverlapChoice, BeginsWhenTheMapHasOutgrownTheCacheAndEndsWhenItShrank) {
    constexpr uint32_t kBurstsAtMost = 1100;
    const auto program = compile(Overlap::kAuto);
    for (uint32_t i = 0; i < kBurstsAtMost; ++i) run(*program);
    EXPECT_EQ(map_.asks, 0u);
    map_.used = jit::overlap_map_bytes() + 1;
    for (uint32_t i = 0; i < kBurstsAtMost; ++i) run(*program);
    EXPECT_GT(map_.asks, 0u);
    map_.used = jit::overlap_map_bytes();
    for (uint32_t i = 0; i < kBurstsAtMost; ++i) run(*program);
    map_.asks = 0;
    run(*program);
    EXPECT_EQ(map_.asks, 0u);
}

TEST_F(OverlapChoice, KnowsOfABigMapFromTheFirstBurstOn) {
    map_.used = jit::overlap_map_bytes() + 1;
    const auto program = compile(Overlap::kAuto);
    env_.bursts = 1;  // not a turn to look
    run(*program);
    EXPECT_EQ(map_.asks, kPackets);
}

TEST_F(OverlapChoice, LeavesShortBurstsAlone) {
    run(*compile(Overlap::kAlways), 3);
    EXPECT_EQ(map_.asks, 0u);
    run(*compile(Overlap::kAlways), 4);
    EXPECT_EQ(map_.asks, 4u);
}

}  // namespace
}  // namespace weir::tests
