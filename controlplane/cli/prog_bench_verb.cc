// weir prog bench: how long a program takes on one packet. Only the runs are inside the clock; the
// packets' bytes are put back between them.

#include <fmt/core.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "controlplane/cli/object_options.h"
#include "controlplane/cli/offline_set.h"
#include "controlplane/cli/pcap_file.h"
#include "controlplane/cli/verbs.h"
#include "vm/base/limits.h"
#include "vm/program/context.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kRoundsDefault = 15;
constexpr uint32_t kRoundsMax = 1000;
constexpr uint64_t kPacketsPerRound = 200'000;
constexpr uint64_t kWarmUpPackets = 20'000;

/// The time stamp counter, ordered against what stands before and after it.
uint64_t read_tsc() {
    _mm_lfence();
    const uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
}

/// What two readings with nothing in between cost.
uint64_t empty_ticks() {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; ++i) {
        const uint64_t start = read_tsc();
        least = std::min(least, read_tsc() - start);
    }
    return least;
}

class Stopwatch {
public:
    Stopwatch(OfflineSet& set, const Bytes& packet, uint32_t burst)
        : set_(set), packet_(packet), burst_(burst) {
        buffers_.resize(burst);
    }

    /// Ticks that `packets` packets (rounded up to bursts) took; the number run is added to
    /// `count`.
    uint64_t run(uint64_t packets, uint64_t& count) {
        uint64_t ticks = 0;
        for (uint64_t done = 0; done < packets; done += burst_) {
            ticks += run_burst();
            count += burst_;
        }
        return ticks;
    }

    uint32_t last_verdict() const { return verdicts_[0]; }

private:
    uint64_t run_burst() {
        for (uint32_t i = 0; i < burst_; ++i)
            contexts_[i] = buffers_[i].load_xdp(packet_, set_.spec().has_frags);
        const uint64_t start = read_tsc();
        if (burst_ == 1)
            verdicts_[0] = set_.compiled()->run(contexts_[0], set_.env());
        else
            set_.compiled()->run_burst(std::span(contexts_).first(burst_),
                                       std::span(verdicts_).first(burst_),
                                       std::span(redirects_).first(burst_), set_.env());
        const uint64_t spent = read_tsc() - start;
        return spent - std::min(spent, overhead_);
    }

    OfflineSet& set_;
    const Bytes& packet_;
    const uint32_t burst_;
    const uint64_t overhead_ = empty_ticks();
    std::vector<OfflinePacket> buffers_;
    std::array<vm::XdpContext, kBurstPacketsMax> contexts_{};
    std::array<uint32_t, kBurstPacketsMax> verdicts_{}, redirects_{};
};

struct Spread {
    double min = 0, median = 0, max = 0;
    Json json() const { return {{"min", min}, {"median", median}, {"max", max}}; }
};

Spread spread_of(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return {samples.front(), samples[samples.size() / 2], samples.back()};
}

struct Timing {
    Spread ns, cycles;
    uint64_t packets = 0;
    uint32_t verdict = 0;
};

Timing time_program(OfflineSet& set, const Bytes& packet, uint32_t burst, uint32_t rounds) {
    Stopwatch watch(set, packet, burst);
    Timing timing;
    uint64_t warm = 0;
    const auto wall_start = std::chrono::steady_clock::now();
    const uint64_t tsc_start = read_tsc();
    watch.run(kWarmUpPackets, warm);
    std::vector<double> cycles;
    for (uint32_t round = 0; round < rounds; ++round) {
        uint64_t count = 0;
        const uint64_t ticks = watch.run(kPacketsPerRound, count);
        cycles.push_back(static_cast<double>(ticks) / static_cast<double>(count));
        timing.packets += count;
    }
    const double wall_ns = static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                                   std::chrono::steady_clock::now() - wall_start)
                                                   .count());
    const double ns_per_tick = wall_ns / static_cast<double>(read_tsc() - tsc_start);
    timing.cycles = spread_of(cycles);
    timing.ns = {timing.cycles.min * ns_per_tick, timing.cycles.median * ns_per_tick,
                 timing.cycles.max * ns_per_tick};
    timing.verdict = watch.last_verdict();
    return timing;
}

Result<Bytes> chosen_packet(const Parsed& parsed) {
    Result<std::vector<CapturedPacket>> packets = read_capture(parsed.text("pcap-in"));
    if (!packets) return std::unexpected(packets.error());
    if (packets->empty())
        return fail(ErrorKind::kInvalid,
                    parsed.text("pcap-in") + ": holds no packet, expected at least one");
    const Result<uint64_t> index = number_option(parsed, "packet", 0, 0, packets->size() - 1);
    if (!index) return std::unexpected(index.error());
    Bytes bytes = std::move((*packets)[*index].bytes);
    if (bytes.size() >= kFrameBytesMin && bytes.size() <= kFrameBytesMax) return bytes;
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: packet {} has {} bytes, expected {} to {}", parsed.text("pcap-in"),
                            *index, bytes.size(), kFrameBytesMin, kFrameBytesMax));
}

int bench_with(const Parsed& parsed) {
    const Result<uint32_t> burst = burst_of(parsed);
    if (!burst) return report(burst.error());
    const Result<uint64_t> rounds = number_option(parsed, "rounds", kRoundsDefault, 1, kRoundsMax);
    if (!rounds) return report(rounds.error());
    Result<std::unique_ptr<OfflineSet>> set = make_offline(parsed);
    if (!set) return report(set.error());
    const Result<Bytes> packet = chosen_packet(parsed);
    if (!packet) return report(packet.error());
    const Timing timing = time_program(**set, *packet, *burst, static_cast<uint32_t>(*rounds));
    const char* engine = (*set)->compiled()->engine() == jit::Engine::kJit ? "jit" : "interp";
    if (parsed.json()) {
        print_json({{"engine", engine},
                    {"burst", *burst},
                    {"ns_per_packet", timing.ns.json()},
                    {"cycles_per_packet", timing.cycles.median},
                    {"rounds", *rounds},
                    {"packets", timing.packets},
                    {"packet_bytes", packet->size()},
                    {"retval", timing.verdict},
                    {"jited_bytes", (*set)->compiled()->code().size()}},
                   parsed);
        return kExitDone;
    }
    fmt::print(
        "{}, burst {}: {:.2f} ns a packet (min {:.2f}, max {:.2f} of {} rounds), {:.1f} TSC "
        "cycles, {}\n",
        engine, *burst, timing.ns.median, timing.ns.min, timing.ns.max, *rounds,
        timing.cycles.median, vm::verdict_name(timing.verdict));
    return kExitDone;
}

}  // namespace

int verb_prog_bench(const Words& words) {
    Options options("prog bench", "OBJ --pcap-in FILE",
                    "Times a program on one packet of a capture: nanoseconds and TSC cycles of the "
                    "program and its map look-ups,\n"
                    "minimum, median and maximum over rounds.");
    add_object_options(options);
    add_bench_options(options);
    options.value("packet", "N", "which packet of the capture, from 0 (default the first)");
    options.value("rounds", "N", "how many rounds (default 15)");
    const Result<Parsed> parsed = options.with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    return bench_with(*parsed);
}

}  // namespace weir::controlplane::cli
