// What maps cost beside their peers, in one run: the live kernel's maps through the same object
// file, DPDK's rte_hash and rte_fib, liburcu's cds_lfht. Times are processor time for one key in
// one thread. A peer that the machine cannot run is left out and named.
//
// With free huge pages (128 of 2 MiB) DPDK has them; ours asks for transparent ones.

#include <rte_eal.h>

#include <cstdio>

#include "perf/micro/dpdk_start.h"
#include "perf/micro/maps_rows.h"

int main(int argc, char** argv) {
    namespace perf = weir::perf;
    perf::initialize(argc, argv);
    if (!perf::start_dpdk(argv[0])) return 1;
    if (!perf::dpdk_has_huge_pages())
        std::printf("no free huge pages: DPDK works on pages of 4 KiB\n");
    perf::add_hash_rows();
    perf::add_update_rows();
    perf::add_lpm_rows();
    perf::add_lru_rows();
    perf::add_program_rows();
    perf::RatioTable table("ns for one key, median", perf::kMapWays, 1);
    benchmark::RunSpecifiedBenchmarks(&table);
    perf::gross_table().Finalize();
    perf::memory_table().Finalize();
    perf::print_left_out();
    rte_eal_cleanup();
    return 0;
}
