// weir prog run: one program over a capture.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "controlplane/cli/object_options.h"
#include "controlplane/cli/pcap_file.h"
#include "controlplane/cli/program_bench.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/deploy/sha256.h"
#include "vm/base/limits.h"
#include "vm/program/context.h"

namespace weir::controlplane::cli {
namespace {

struct Outcome {
    bool ran = false;
    uint32_t retval = 0;
    std::string error;  ///< why no program saw it
};

/// The packets of one burst: buffers that live as long as the run.
class BurstRunner {
public:
    BurstRunner(ProgramBench& bench, uint32_t burst) : bench_(bench), burst_(burst) {
        for (uint32_t i = 0; i < burst; ++i)
            buffers_.emplace_back(kFrameBytesMax + kFrameDataBytes);
    }

    /// Runs all packets in bursts, in order; their bytes become what the program left.
    std::vector<Outcome> run(std::vector<CapturedPacket>& packets) {
        std::vector<Outcome> outcomes(packets.size());
        for (size_t i = 0; i < packets.size(); ++i) {
            const size_t bytes = packets[i].bytes.size();
            if (bytes < kFrameBytesMin || bytes > kFrameBytesMax) {
                outcomes[i].error = fmt::format("{} bytes, programs see frames of {} to {}", bytes,
                                                kFrameBytesMin, kFrameBytesMax);
                continue;
            }
            pending_.push_back(i);
            if (pending_.size() == burst_) flush(packets, outcomes);
        }
        flush(packets, outcomes);
        return outcomes;
    }

private:
    void flush(std::vector<CapturedPacket>& packets, std::vector<Outcome>& outcomes) {
        if (pending_.empty()) return;
        std::array<vm::XdpContext, kBurstPacketsMax> contexts;
        std::array<uint32_t, kBurstPacketsMax> verdicts{}, redirects{};
        for (size_t slot = 0; slot < pending_.size(); ++slot) {
            const Bytes& bytes = packets[pending_[slot]].bytes;
            contexts[slot] = buffers_[slot].load(bytes);
            // Room as BPF_PROG_TEST_RUN gives it; a larger packet has none left.
            contexts[slot].frame_limit =
                contexts[slot].data + std::max<size_t>(bytes.size(), kFrameDataBytes);
        }
        const size_t count = pending_.size();
        if (burst_ == 1)
            verdicts[0] = bench_.program().run(contexts[0], bench_.env());
        else
            bench_.program().run_burst(std::span(contexts).first(count),
                                       std::span(verdicts).first(count),
                                       std::span(redirects).first(count), bench_.env());
        for (size_t slot = 0; slot < count; ++slot) {
            CapturedPacket& packet = packets[pending_[slot]];
            packet.bytes.assign(contexts[slot].data, contexts[slot].data_end);
            packet.wire_bytes = static_cast<uint32_t>(packet.bytes.size());
            outcomes[pending_[slot]] = {true, verdicts[slot], ""};
        }
        pending_.clear();
    }

    ProgramBench& bench_;
    uint32_t burst_;
    std::vector<PacketBuffer> buffers_;
    std::vector<size_t> pending_;
};

Json packet_json(size_t n, const CapturedPacket& packet, const Outcome& outcome) {
    Json entry = {{"n", n}, {"retval", nullptr}, {"verdict", nullptr}};
    if (outcome.ran) {
        entry["retval"] = outcome.retval;
        entry["verdict"] = vm::verdict_name(outcome.retval);
    } else {
        entry["error"] = outcome.error;
    }
    entry["len"] = packet.bytes.size();
    entry["sha256"] = sha256_hex(packet.bytes);
    return entry;
}

void print_summary(const std::vector<CapturedPacket>& packets,
                   const std::vector<Outcome>& outcomes) {
    std::map<std::string, uint64_t> verdicts;
    for (size_t i = 0; i < packets.size(); ++i) {
        const std::string word =
            outcomes[i].ran ? std::string(vm::verdict_name(outcomes[i].retval)) : outcomes[i].error;
        fmt::print("{} {} {}\n", i, word, packets[i].bytes.size());
        ++verdicts[outcomes[i].ran ? word : "not run"];
    }
    fmt::print("{} packets", packets.size());
    for (const auto& [verdict, count] : verdicts) fmt::print(", {} {}", count, verdict);
    fmt::print("\n");
}

}  // namespace

int verb_prog_run(const Words& words) {
    Options options("prog run", "OBJ --pcap-in FILE",
                    "Verifies a program, then runs it over the packets of a capture. The packets "
                    "share the maps, which start empty\n"
                    "or as --map-fill says. No node, no privileges.");
    add_object_options(options);
    add_bench_options(options);
    const Result<Parsed> parsed =
        options
            .value("pcap-out", "FILE",
                   "capture to write: one record per packet, whatever the verdict")
            .with_json()
            .parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    if (!parsed->has("pcap-in"))
        return report(
            {ErrorKind::kInvalid, "prog run: --pcap-in is missing, expected a capture file"});
    const Result<uint32_t> burst = burst_of(*parsed);
    if (!burst) return report(burst.error());
    Result<std::unique_ptr<ProgramBench>> bench = ProgramBench::make(*parsed);
    if (!bench) return report(bench.error());
    Result<std::vector<CapturedPacket>> packets = read_capture(parsed->text("pcap-in"));
    if (!packets) return report(packets.error());
    const std::vector<Outcome> outcomes = BurstRunner(**bench, *burst).run(*packets);
    if (parsed->has("pcap-out"))
        if (const Result<void> written = write_capture(parsed->text("pcap-out"), *packets);
            !written)
            return report(written.error());
    if (!parsed->json()) {
        print_summary(*packets, outcomes);
        return kExitDone;
    }
    Json entries = Json::array();
    for (size_t i = 0; i < packets->size(); ++i)
        entries.push_back(packet_json(i, (*packets)[i], outcomes[i]));
    print_json({{"packets", std::move(entries)}, {"maps", (*bench)->maps_json()}}, *parsed);
    return kExitDone;
}

}  // namespace weir::controlplane::cli
