// Broken packets through the whole packet path: rings, workers, programs as machine code, chains
// that change meanwhile. Nothing crashes, every packet is counted in exactly one place, every
// buffer comes back whole.
//
//   WEIR_SEED=7 WEIR_PACKETS=10000000   makes a long run of it (tests/LONG_RUNS.md)

#include "tests/support/environment.h"
#include "tests/unit/dataplane/mutated_traffic.h"

namespace weir::dataplane::testing {
namespace {

/// Each way to end was taken, or the packets were not as broken as they should be.
void expect_reasons(const api::Stats& stats) {
    for (const char* reason :
         {"runt", "too_long", "exceeds_mtu", "xdp_drop", "xdp_aborted", "invalid_verdict",
          "pass_drop", "redirect_unknown_port", "egress_drop", "egress_aborted"})
        EXPECT_GT(dropped(stats.total, reason), 0u) << reason;
}

TEST(MutatedPackets, CrashNothingAndAreCountedInExactlyOnePlace) {
    in_child([] {
        const uint64_t seed = tests::first_seed();
        const uint64_t count = tests::number_from_environment("WEIR_PACKETS", 50'000);
        alarm(seconds_for(count));
        const RunDir dir;
        Chains chains(all_programs(), seed);
        auto forwarding = start(mutated_ports(), dir);
        ASSERT_TRUE(forwarding);
        Feeder feeder(*forwarding, chains, seed);
        const unsigned held = rte_mempool_in_use_count(feeder.pool());
        feeder.feed(count);
        // Then all that was fed is gone, each packet once.
        const bool settled = eventually([&] {
            const api::Stats stats = forwarding->read_stats();
            return gone(stats) >= count && stats.total.in_flight == 0;
        });
        const api::Stats stats = forwarding->read_stats();
        EXPECT_TRUE(settled);
        EXPECT_EQ(gone(stats), count);
        EXPECT_EQ(unaccounted(stats.total), 0u);
        EXPECT_EQ(stats.total.rx, count + stats.ports.at("p0").tx + stats.ports.at("p1").tx);
        expect_reasons(stats);
        EXPECT_EQ(rte_mempool_in_use_count(feeder.pool()), held);
        EXPECT_EQ(damaged_buffers(feeder.pool()), 0u);
        print_totals(seed, count, stats);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing
