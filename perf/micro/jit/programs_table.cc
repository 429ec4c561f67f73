#include "perf/micro/jit/programs_table.h"

#include <algorithm>

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

/// Who begins changes from round to round.
void measure(Measurements& into, const JitProgramName& program, const Pace& pace) {
    const std::vector<Contestant> contestants = own_contestants(program.name);
    std::vector<uint32_t> passes;
    for (const Contestant& contestant : contestants)
        passes.push_back(passes_for(contestant, pace.side_ns));
    for (uint32_t round = 0; round < pace.rounds; ++round) {
        for (size_t turn = 0; turn < contestants.size(); ++turn) {
            const size_t i = (round + turn) % contestants.size();
            into.add(program.title, name_of(contestants[i].side), contestants[i].time(passes[i]));
        }
    }
}

Table times_table(const Measurements& measured) {
    Table table{"Nanoseconds per packet, median [quartiles] of the rounds:", {{"program"}}};
    table.rows[0].insert(table.rows[0].end(), kSideNames.begin(), kSideNames.end());
    for (const std::string& row : measured.rows()) {
        std::vector<std::string>& cells = table.rows.emplace_back(1, row);
        for (const char* const side : kSideNames)
            cells.push_back(cell_of(measured.value(row, side)));
    }
    return table;
}

Table ratios_table(const Measurements& measured) {
    Table table{"Times native, median [quartiles] of the ratios of each round:", {{"program"}}};
    const std::string native = name_of(Side::kNative);
    std::vector<std::string> mean = {"geometric mean"};
    for (const Side side : {Side::kSingle, Side::kBurst, Side::kInterp, Side::kDpdk}) {
        table.rows[0].push_back(std::string(name_of(side)) + " / native");
        mean.push_back(cell_of(measured.mean_ratio(name_of(side), native)));
    }
    for (const std::string& row : measured.rows()) {
        std::vector<std::string>& cells = table.rows.emplace_back(1, row);
        for (const Side side : {Side::kSingle, Side::kBurst, Side::kInterp, Side::kDpdk})
            cells.push_back(cell_of(measured.ratio(row, name_of(side), native)));
    }
    table.rows.push_back(mean);
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
