// Best first: inputs that a run followed far along the rejection's path are changed first. Each run
// leaves the conditions of its branches; the solver turns the one where the run left the path, then
// what would make the suspect go wrong, then, for want of better, any branch that went only one
// way so far.

#include "controlplane/cli/counterexample.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <ranges>
#include <set>

#include <fmt/core.h>

#include "controlplane/cli/search_breach.h"
#include "controlplane/cli/search_minimise.h"
#include "controlplane/cli/search_solver.h"

namespace weir::controlplane::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kFollowedInsnsMax = 100'000;  ///< of one run
constexpr size_t kFlipsPerRun = 48;
constexpr uint32_t kTriesPerWay = 4;  ///< to send some branch some way
/// A breach elsewhere is good enough when the suspect was looked for this much longer.
constexpr uint32_t kRunsAfterOther = 200;
constexpr size_t kSeedBytes = 64, kSeedBytesMost = 1514, kSeedLookups = 8;

/// Rules that no run can be seen to break: what Weir does not offer, or cannot read.
bool is_searchable(std::string_view rule) {
    constexpr auto kStatic = std::to_array<std::string_view>(
        {"instruction", "kfunc", "malformed", "map-definition", "map-reference", "program-type",
         "subprogram", "unknown-helper", "unsupported"});
    return std::ranges::find(kStatic, rule) == kStatic.end();
}

constexpr std::string_view kWhateverComes = "it is refused whatever packets come";

/// Of what the interpreter refuses before the first packet; mostly it is the same.
std::string why_not_run(const std::string& message, const vm::Rejection& rejection) {
    if (message.contains(fmt::format(" insn {}: ", rejection.insn)))
        return std::string(kWhateverComes);
    return "it could not be run either: " + message;
}

enum class Priority : uint64_t { Fail = 0, Flip = 1, Path = 1'000'000, Goal = 1'000'000'000 };

/// A way out of a branch, in that round of its loop.
struct Way {
    uint32_t insn = 0;
    uint32_t round = 0;
    bool taken = false;
    friend auto operator<=>(const Way&, const Way&) = default;
};
constexpr uint32_t kRoundsApart = 16;  ///< later ones are alike

class Search {
public:
    Search(const vm::Rejection& rejection, const SearchBudget& budget, Clock::time_point deadline,
           SearchBench& bench)
        : rejection_(rejection),
          budget_(budget),
          bench_(bench),
          decisions_(decisions_of(bench.spec(), rejection)),
          deadline_(deadline) {}

    std::optional<SearchInput> run() {
        add_seeds();
        while (const auto input = next()) {
            if (is_over()) break;
            if (try_input(*input)) return input;
        }
        return other_;
    }

    /// After a run() that found nothing.
    std::string why_not() const {
        if (!is_reached_)
            return fmt::format(
                "no packet of {} or more bytes was found that comes to insn {}, "
                "which proves nothing",
                kFrameBytesMin, rejection_.insn);
        return fmt::format(
            "packets of {} or more bytes come to insn {}, but none was found that "
            "breaks the rule, which proves nothing",
            kFrameBytesMin, rejection_.insn);
    }

private:
    bool is_over() const {
        return runs_ >= budget_.runs_max || Clock::now() >= deadline_ ||
               (other_ && runs_ >= other_at_ + kRunsAfterOther);
    }

    void add(SearchInput input, uint64_t priority) {
        if (seen_.insert(input).second) queue_.emplace(priority, std::move(input));
    }

    /// The best input, and every few runs a seed instead.
    std::optional<SearchInput> next() {
        constexpr uint32_t kRunsPerSeed = 12;
        if (!seeds_.empty() && (queue_.empty() || runs_ % kRunsPerSeed == 0)) {
            SearchInput seed = std::move(seeds_.front());
            seeds_.pop_front();
            return seed;
        }
        if (queue_.empty()) return std::nullopt;
        const auto best = std::prev(queue_.end());
        SearchInput input = std::move(best->second);
        queue_.erase(best);
        return input;
    }

    void add_seeds();

    /// True: it goes wrong at the suspect.
    bool try_input(const SearchInput& input) {
        ++runs_;
        Shadow shadow(rejection_);
        const SearchRun run = bench_.run(input, kFollowedInsnsMax, &shadow);
        const auto breach = breach_of(bench_, input, rejection_, run, shadow);
        if (breach && is_at_suspect(*breach, rejection_)) return true;
        if (breach && !other_) {
            other_ = input;
            other_at_ = runs_;
        }
        is_reached_ = is_reached_ || shadow.suspect().is_reached();
        change(input, shadow);
        let_calls_fail(input, run);
        return false;
    }

    void change(const SearchInput& input, const Shadow& shadow) {
        const Solver solver(shadow.terms(), deadline_);
        const std::vector<Branch>& branches = shadow.branches();
        std::vector<Condition> conditions;
        std::vector<size_t> before(branches.size() + 1);  // conditions in front of each branch
        const std::vector<Way> ways = ways_of(branches);
        for (size_t i = 0; i < branches.size(); ++i) {
            before[i] = conditions.size();
            ways_.try_emplace(ways[i], kTriesPerWay);
            if (!branches[i].condition.is_constant()) conditions.push_back(branches[i].condition);
        }
        before[branches.size()] = conditions.size();
        const auto solve = [&](size_t branch_count, const Condition& goal, uint64_t priority) {
            const auto first = std::span(conditions).first(before[branch_count]);
            if (auto next = solver.solve(input, first, goal)) add(std::move(*next), priority);
        };
        const Progress progress = follow(decisions_, branches);
        for (const Goal& goal : shadow.suspect().goals())
            solve(goal.branches, goal.condition,
                  static_cast<uint64_t>(Priority::Goal) + progress.matched);
        if (progress.deviation)
            solve(*progress.deviation, turned(branches[*progress.deviation].condition),
                  static_cast<uint64_t>(Priority::Path) + progress.matched);
        flip_some(branches, ways, progress.matched, solve);
    }

    /// Also those whose result nobody looks at: what comes later may.
    void let_calls_fail(const SearchInput& input, const SearchRun& run) {
        constexpr size_t kCallsMax = 8;
        for (const Unknown& call : run.failable | std::views::take(kCallsMax)) {
            SearchInput failing = input;
            if (write_unknown(failing, call, uint64_t{0} - call.offset))
                add(std::move(failing), static_cast<uint64_t>(Priority::Fail));
        }
    }

    static std::vector<Way> ways_of(const std::vector<Branch>& branches) {
        std::vector<Way> ways;
        std::map<uint32_t, uint32_t> rounds;
        for (const Branch& branch : branches)
            ways.push_back({branch.insn, std::min(rounds[branch.insn]++, kRoundsApart),
                            branch.condition.taken});
        return ways;
    }

    template <typename Solve>
    void flip_some(const std::vector<Branch>& branches, const std::vector<Way>& ways,
                   size_t matched, const Solve& solve) {
        size_t flips = 0;
        for (size_t i = 0; i < branches.size() && flips < kFlipsPerRun; ++i) {
            const Condition& condition = branches[i].condition;
            if (condition.is_constant()) continue;
            Way other = ways[i];
            other.taken = !other.taken;
            uint32_t& tries = ways_[other];
            if (tries >= kTriesPerWay) continue;
            ++tries;
            ++flips;
            solve(i, turned(condition), static_cast<uint64_t>(Priority::Flip) + matched);
        }
    }

    static Condition turned(Condition condition) {
        condition.taken = !condition.taken;
        return condition;
    }

    const vm::Rejection& rejection_;
    const SearchBudget& budget_;
    SearchBench& bench_;
    std::vector<Decision> decisions_;
    Clock::time_point deadline_;
    std::multimap<uint64_t, SearchInput> queue_;
    std::deque<SearchInput> seeds_;
    std::set<SearchInput> seen_;
    std::map<Way, uint32_t> ways_;      ///< tries; kTriesPerWay: it was gone
    std::optional<SearchInput> other_;  ///< goes wrong elsewhere
    uint32_t runs_ = 0, other_at_ = 0;
    bool is_reached_ = false;
};

/// An Ethernet frame of this length that begins like one of the protocol.
Bytes frame(size_t bytes, std::initializer_list<uint8_t> from_type) {
    constexpr size_t kTypeOffset = 12;
    Bytes packet(bytes);
    std::copy(from_type.begin(), from_type.end(), packet.begin() + kTypeOffset);
    return packet;
}

/// Everything as large as it can be: lengths, indices, numbers of rounds.
SearchInput largest(const SearchBench& bench) {
    SearchInput input = bench.first_input(kSeedBytes);
    input.packet.assign(kSeedBytes, 0xff);
    input.lookups.assign(kSeedLookups, {true, Bytes(kSeedBytes, 0xff)});
    input.context.fill(UINT32_MAX);
    return input;
}

void Search::add_seeds() {
    const Bytes tcp4 = frame(64, {0x08, 0x00, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 6});
    const Bytes udp4 = frame(64, {0x08, 0x00, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17});
    const Bytes tcp6 = frame(84, {0x86, 0xdd, 0x60, 0, 0, 0, 0, 30, 6, 64});
    const Bytes vlan = frame(68, {0x81, 0x00, 0, 1, 0x08, 0x00, 0x45, 0, 0, 50});
    for (const bool hit : {false, true})
        for (const Bytes& packet : {Bytes(kFrameBytesMin), Bytes(kSeedBytes), tcp4, udp4, tcp6,
                                    vlan, Bytes(kSeedBytesMost)}) {
            SearchInput input = bench_.first_input(packet.size());
            input.packet = packet;
            if (hit) input.lookups.assign(kSeedLookups, {true, {}});
            seeds_.push_back(std::move(input));
        }
    // Long loops are soon out of time.
    const bool is_urgent = is_about_the_end(bench_, rejection_);
    seeds_.insert(is_urgent ? std::next(seeds_.begin()) : seeds_.end(), largest(bench_));
    for (const SearchInput& seed : seeds_) seen_.insert(seed);
}

}  // namespace

SearchOutcome find_counterexample(const vm::ProgramSpec& program, const vm::Rejection& rejection,
                                  const SearchBudget& budget) {
    if (!is_searchable(rejection.rule)) return {{}, std::string(kWhateverComes)};
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(budget.time_ms_max);
    auto bench = SearchBench::make(program);
    if (!bench) return {{}, why_not_run(bench.error().message, rejection)};
    Search search(rejection, budget, deadline, **bench);
    const auto found = search.run();
    if (!found) return {{}, search.why_not()};
    const SearchInput least = minimised(**bench, *found, rejection, deadline);
    // From the start: nothing that the search left behind may have a part in it.
    auto fresh = SearchBench::make(program);
    if (!fresh) return {{}, fresh.error().message};
    Shadow shadow(rejection);
    const SearchRun run = (*fresh)->run(least, kFollowedInsnsMax, &shadow);
    const auto breach = breach_of(**fresh, least, rejection, run, shadow);
    if (!breach) return {{}, "what went wrong once did not go wrong again"};
    return {Counterexample{least.packet, breach->insn,
                           breach_text(**fresh, least, run, shadow, *breach)},
            {}};
}

std::string verdict_text(const SearchOutcome& outcome) {
    return outcome.example ? "unsafe: " + outcome.example->what : "not proven: " + outcome.why_not;
}

}  // namespace weir::controlplane::cli
