#include "vm/verifier/meter.h"

#include <time.h>

#include <algorithm>

#include <fmt/format.h>

namespace weir::vm::verifier {
namespace {

constexpr uint32_t kInsnsPerClockRead = 64;
/// Of an attempt: instructions that it may walk, at least, and per instruction of the program.
constexpr uint64_t kAttemptInsns = 50'000, kAttemptInsnsEach = 16, kCrowdInsns = 2'000,
                   kWasteInsns = 4'000;

constexpr uint64_t kNanosecondsPerMs = 1'000'000;

/// Of this thread: on a busy machine a verdict must not depend on who else runs.
uint64_t processor_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000 * kNanosecondsPerMs +
           static_cast<uint64_t>(now.tv_nsec);
}

/// Without its folders.
std::string_view file_name(const LineInfo& line) {
    return std::string_view(line.file).substr(line.file.rfind('/') + 1);
}

}  // namespace

uint64_t processor_ms() {
    return processor_ns() / kNanosecondsPerMs;
}

Meter::Meter(const ProgramSpec& program, const Cfg& cfg, const Budget& budget)
    : program_(program),
      cfg_(cfg),
      budget_(budget),
      deadline_ns_(processor_ns() +
                   std::min<uint64_t>(budget.time_ms_max, 1u << 30) * kNanosecondsPerMs),
      visits_(cfg.roles.size()) {}

Checked Meter::check(const StateStore& store, const Dependencies& depend, size_t paths_pending,
                     uint64_t attempt_visited_max) {
    if (visited_ >= budget_.visited_insns_max)
        return over("of walking", budget_.visited_insns_max, "instructions");
    if (store.states() + paths_pending > budget_.states_max)
        return over("of paths", budget_.states_max, "states");
    const uint64_t bytes = store.memory_bytes() + pending_bytes + depend.memory_bytes();
    bytes_peak = std::max(bytes_peak, bytes);
    if (bytes > budget_.bytes_max) return over("for states", budget_.bytes_max >> 20, "MiB");
    if (visited_ % kInsnsPerClockRead == 0 && processor_ns() > deadline_ns_)
        return over("of time", budget_.time_ms_max, "ms");
    if (visited_ > attempt_visited_max) return fault("budget", "the attempt went too far");
    return {};
}

Checked Meter::over(std::string_view what, uint64_t most, std::string_view unit) {
    is_spent_ = true;
    return fault("budget",
                 fmt::format("not proven within the budget: {} {} {} were not enough; {}; "
                             "fewer paths or shorter loops are needed",
                             most, unit, what, culprit()));
}

uint64_t Meter::attempt_visited_max(bool is_loop) const {
    if (!is_loop) return visited_ + std::max(kCrowdInsns, visited_ / 8);
    const uint64_t rest = budget_.visited_insns_max - std::min(visited_, budget_.visited_insns_max);
    const uint64_t enough = std::max(kAttemptInsns, kAttemptInsnsEach * cfg_.roles.size());
    return visited_ + std::min(rest / 2, enough);
}

bool Meter::may_guess() const {
    return wasted_ <= kWasteInsns + visited_ / 4;
}

std::string Meter::culprit() const {
    uint32_t head = 0, rounds = 0;
    std::vector<uint64_t> of_subprogram(program_.subprograms.size());
    for (uint32_t pc = 0; pc < visits_.size(); ++pc) {
        of_subprogram[cfg_.subprogram_of[pc]] += visits_[pc];
        if (cfg_.roles[pc].heads_loop && visits_[pc] > rounds) head = pc, rounds = visits_[pc];
    }
    const auto most = std::ranges::max_element(of_subprogram);
    const auto which = static_cast<size_t>(most - of_subprogram.begin());
    const std::string function =
        fmt::format("{} of them went into {}", *most, program_.subprograms[which].name);
    if (rounds < 2) return function;
    const LineInfo* const line = line_of(program_, head);
    return fmt::format("{}, whose loop at insn {}{} was walked {} times", function, head,
                       line == nullptr ? "" : fmt::format(" ({}:{})", file_name(*line), line->line),
                       rounds);
}

}  // namespace weir::vm::verifier
