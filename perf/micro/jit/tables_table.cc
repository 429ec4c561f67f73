#include "perf/micro/jit/tables_table.h"

#include <string>

#include "perf/micro/jit/table_sides.h"

namespace weir::perf {
namespace {

constexpr const char *kTableKernelNet = "kernel net", *kNativeNet = "native net",
                     *kPlainNet = "JIT burst net", *kOverlappedNet = "overlapped net";

std::vector<TableShape> shapes_of(TableSizes sizes) {
    // What has 65,536 entries or more has the shape that the native side is compiled for.
    if (sizes == TableSizes::Small)
        return {{"hash 2^12", "hash", 1u << 12}, {"LRU 2^12", "lru", 1u << 12}};
    return {{"hash 2^20", "hash", 1u << 20},
            {"LRU 2^20", "lru", 1u << 20},
            {"LPM 500,000", "lpm", 500'000},
            {"LPM 100,000", "lpm", 100'000}};
}

void measure(Measurements& into, const TableShape& shape, const Pace& pace, jit::Overlap overlap,
             bool with_dpdk) {
    const TableKeys keys = draw_keys_for(shape);
    OwnTable own(shape, keys, overlap);
    const auto kernel = KernelTable::make(shape, keys);
    const auto dpdk = with_dpdk ? DpdkTable::make(shape, keys) : nullptr;
    for (const TableWork& work : kTableWorks) {
        std::vector<Contestant> contestants;
        own.add(contestants, work);
        if (kernel) KernelTable::add(kernel, contestants, work, own);
        if (dpdk)
            contestants.push_back({kBulk, [dpdk](uint32_t passes) { return dpdk->time(passes); }});
        run_rounds(into, shape.title + ", " + work.title, contestants, pace);
    }
}

}  // namespace

Measurements measure_tables(const Pace& pace, TableSizes sizes, bool with_dpdk) {
    Measurements measured;
    // Small tables never overlap by themselves.
    const auto overlap = sizes == TableSizes::Small ? jit::Overlap::kAlways : jit::Overlap::kAuto;
    for (const TableShape& shape : shapes_of(sizes))
        measure(measured, shape, pace, overlap, with_dpdk);
    measured.subtract(kTableKernelNet, kTableKernel, kTableKernelFloor);
    measured.subtract(kNativeNet, kTableNative, kRewriting);
    measured.subtract(kPlainNet, kPlainBurst, kRewriting);
    measured.subtract(kOverlappedNet, kTableBurst, kRewriting);
    return measured;
}

std::vector<Table> tables_tables(const Measurements& measured) {
    Table times = columns_table(
        "Big tables, random keys, nanoseconds per packet. Ours write the next keys into the "
        "packets of a burst first (\"rewriting\" is that alone); the kernel takes them from an "
        "array (net: less a program that does only that):",
        measured,
        {kTableNative, kTableSingle, kPlainBurst, kTableBurst, kRewriting, kBulk, kTableKernel,
         kTableKernelNet});
    Table ratios = ratios_table("Big tables, ratios; ours less the rewriting:", measured,
                                {{"JIT burst / overlapped", kPlainNet, kOverlappedNet},
                                 {"native / overlapped", kNativeNet, kOverlappedNet},
                                 {"overlapped / DPDK bulk alone", kOverlappedNet, kBulk},
                                 {"kernel net / overlapped", kTableKernelNet, kOverlappedNet}});
    return {std::move(times), std::move(ratios)};
}

Panel tables_panel(const Measurements& measured) {
    return {"Big tables, random keys",
            measured,
            {{kTableKernelNet, "#d55e00"},
             {kBulk, "#cc79a7"},
             {kTableNative, "#000000"},
             {kPlainBurst, "#56b4e9"},
             {kTableBurst, "#0072b2"}}};
}

}  // namespace weir::perf
