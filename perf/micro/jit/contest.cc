#include "perf/micro/jit/contest.h"

#include <algorithm>

#include "perf/micro/jit/frames.h"

namespace weir::perf {
namespace {

/// So many that a turn takes the time wanted.
uint32_t passes_for(const Contestant& contestant, double turn_ns) {
    constexpr uint32_t kFirst = 8, kMost = 1u << 20;
    contestant.time(1);
    const double pass_ns = contestant.time(kFirst) * kFrameCount;
    return std::clamp(static_cast<uint32_t>(turn_ns / std::max(pass_ns, 1.0)), 1u, kMost);
}

}  // namespace

void run_rounds(Measurements& into, const std::string& row,
                const std::vector<Contestant>& contestants, const Pace& pace) {
    std::vector<uint32_t> passes;
    for (const Contestant& contestant : contestants)
        passes.push_back(passes_for(contestant, pace.turn_ns));
    for (uint32_t round = 0; round < pace.rounds; ++round) {
        for (size_t turn = 0; turn < contestants.size(); ++turn) {
            const size_t i = (round + turn) % contestants.size();
            into.add(row, contestants[i].column, contestants[i].time(passes[i]));
        }
    }
}

}  // namespace weir::perf
