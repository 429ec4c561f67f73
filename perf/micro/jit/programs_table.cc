#include "perf/micro/jit/programs_table.h"

#include <utility>

#include "perf/micro/jit/dpdk.h"
#include "perf/micro/jit/kernel.h"
#include "perf/micro/jit/sides.h"

namespace weir::perf {
namespace {

constexpr const char *kSingleNet = "JIT net", *kKernelNet = "kernel net";

}  // namespace

Measurements measure_programs(const Pace& pace) {
    Measurements measured;
    for (const JitProgramName& program : kJitPrograms) {
        Lineup lineup = own_lineup(program.name);
        add_dpdk(lineup, program.name);
        add_kernel(lineup, program.name);
        run_rounds(measured, program.title, lineup.contestants, pace);
    }
    measured.subtract(kSingleNet, kSingle, kSingleFloor);
    measured.subtract(kKernelNet, kKernel, kKernelFloor);
    return measured;
}

std::vector<Table> programs_tables(const Measurements& measured) {
    const std::vector<RatioColumn> columns = {
        {"JIT / native", kSingle, kNative},    {"JIT burst / native", kBurst, kNative},
        {"interp / native", kInterp, kNative}, {"rte_bpf JIT / native", kDpdk, kNative},
        {"kernel / JIT", kKernel, kSingle},    {"kernel net / JIT net", kKernelNet, kSingleNet},
    };
    Table times = columns_table(
        "Ten programs, nanoseconds per packet, median [quartiles] of the rounds (net: less what "
        "returning a constant took in the same round):",
        measured, {kNative, kSingle, kSingleNet, kBurst, kInterp, kDpdk, kKernel, kKernelNet});
    Table ratios = ratios_table(
        "Ten programs, ratios, median [quartiles] of those of each round:", measured, columns);
    add_means(ratios, measured, columns);
    return {std::move(times), std::move(ratios)};
}

Panel programs_panel(const Measurements& measured) {
    return {"Ten programs",
            measured,
            {{kInterp, "#999999"},
             {kKernel, "#d55e00"},
             {kDpdk, "#cc79a7"},
             {kNative, "#000000"},
             {kSingle, "#56b4e9"},
             {kBurst, "#0072b2"}}};
}

}  // namespace weir::perf
