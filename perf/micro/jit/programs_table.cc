#include "perf/micro/jit/programs_table.h"

#include <algorithm>
#include <string_view>

#include "perf/micro/jit/dpdk.h"
#include "perf/micro/jit/kernel.h"
#include "perf/micro/jit/sides.h"

namespace weir::perf {
namespace {

/// So many passes over the frames that a turn takes the time wanted.
uint32_t passes_for(const Contestant& contestant, double turn_ns) {
    constexpr uint32_t kFirst = 8, kMost = 1u << 20;
    contestant.time(1);
    const double pass_ns = contestant.time(kFirst) * kFrameCount;
    return std::clamp(static_cast<uint32_t>(turn_ns / std::max(pass_ns, 1.0)), 1u, kMost);
}

constexpr const char* kSingleNet = "JIT net";
constexpr const char* kKernelNet = "kernel net";
/// A net time may be nothing; ratios of nothing are not.
constexpr double kNetMinNs = 0.05;

void add_net(Measurements& into, const std::string& row, const char* net,
             const std::array<double, kSideNames.size()>& times, Side side, Side floor) {
    const double gross_ns = times[static_cast<size_t>(side)];
    if (gross_ns != 0)
        into.add(row, net, std::max(gross_ns - times[static_cast<size_t>(floor)], kNetMinNs));
}

/// Who begins changes from round to round.
void measure(Measurements& into, const JitProgramName& program, const Pace& pace) {
    Lineup lineup = own_lineup(program.name);
    add_dpdk(lineup, program.name);
    add_kernel(lineup, program.name);
    const std::vector<Contestant>& all = lineup.contestants;
    std::vector<uint32_t> passes;
    for (const Contestant& contestant : all) passes.push_back(passes_for(contestant, pace.turn_ns));
    for (uint32_t round = 0; round < pace.rounds; ++round) {
        std::array<double, kSideNames.size()> times{};
        for (size_t turn = 0; turn < all.size(); ++turn) {
            const size_t i = (round + turn) % all.size();
            const double ns = times[static_cast<size_t>(all[i].side)] = all[i].time(passes[i]);
            into.add(program.title, name_of(all[i].side), ns);
        }
        if (std::string_view(program.name) == "constant") continue;  // the floor itself
        add_net(into, program.title, kSingleNet, times, Side::kSingle, Side::kSingleFloor);
        add_net(into, program.title, kKernelNet, times, Side::kKernel, Side::kKernelFloor);
    }
}

/// A column for each; those of one program stand in a row, and the geometric mean below them.
Table ratios_table(const Measurements& measured) {
    struct Column {
        const char *title, *of, *base;
    };
    constexpr std::array<Column, 6> kColumns = {{
        {"JIT / native", name_of(Side::kSingle), name_of(Side::kNative)},
        {"JIT burst / native", name_of(Side::kBurst), name_of(Side::kNative)},
        {"interp / native", name_of(Side::kInterp), name_of(Side::kNative)},
        {"rte_bpf JIT / native", name_of(Side::kDpdk), name_of(Side::kNative)},
        {"kernel / JIT", name_of(Side::kKernel), name_of(Side::kSingle)},
        {"kernel net / JIT net", kKernelNet, kSingleNet},
    }};
    Table table{"Ratios, median [quartiles] of those of each round:", {{"program"}}};
    std::vector<std::string> means = {"geometric mean"};
    for (const Column& column : kColumns) {
        table.rows[0].emplace_back(column.title);
        means.push_back(cell_of(measured.mean_ratio(column.of, column.base)));
    }
    for (const std::string& row : measured.rows()) {
        std::vector<std::string>& cells = table.rows.emplace_back(1, row);
        for (const Column& column : kColumns)
            cells.push_back(cell_of(measured.ratio(row, column.of, column.base)));
    }
    table.rows.push_back(means);
    return table;
}

Table times_table(const Measurements& measured) {
    constexpr std::array<const char*, 8> kColumns = {name_of(Side::kNative),
                                                     name_of(Side::kSingle),
                                                     kSingleNet,
                                                     name_of(Side::kBurst),
                                                     name_of(Side::kInterp),
                                                     name_of(Side::kDpdk),
                                                     name_of(Side::kKernel),
                                                     kKernelNet};
    Table table{
        "Nanoseconds per packet, median [quartiles] of the rounds; net: less what returning a "
        "constant took in the same round:",
        {{"program"}}};
    table.rows[0].insert(table.rows[0].end(), kColumns.begin(), kColumns.end());
    for (const std::string& row : measured.rows()) {
        std::vector<std::string>& cells = table.rows.emplace_back(1, row);
        for (const char* const column : kColumns)
            cells.push_back(cell_of(measured.value(row, column)));
    }
    return table;
}

}  // namespace

Measurements measure_programs(const Pace& pace) {
    Measurements measured;
    for (const JitProgramName& program : kJitPrograms) measure(measured, program, pace);
    return measured;
}

std::vector<Table> programs_tables(const Measurements& measured) {
    return {times_table(measured), ratios_table(measured)};
}

}  // namespace weir::perf
