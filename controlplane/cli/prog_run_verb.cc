// weir prog run: one program over a capture.

#include <fmt/core.h>

#include "controlplane/cli/object_options.h"
#include "controlplane/cli/offline_report.h"
#include "controlplane/cli/offline_set.h"
#include "controlplane/cli/pcap_file.h"
#include "controlplane/cli/verbs.h"

namespace weir::controlplane::cli {
namespace {

constexpr const char* kAbout =
    "Verifies a program, then runs it over the packets of a capture. The packets share the maps, "
    "which start empty\n"
    "or as --map-fill says. No node, no privileges.\n"
    "XDP programs see frames of 14 to 9,600 bytes; those of xdp.frags get what is beyond 3,520 "
    "bytes as fragments of a\n"
    "page. Socket filters see any frame, as a packet tap shows it: offset 0 is the MAC header; "
    "`retval` is how many\n"
    "bytes they keep, and `match` says whether that is any.\n"
    "Maps are listed as they are at the end; of arrays only elements other than zero, with -j all "
    "of "
    "arrays of up\n"
    "to 65,536 elements.";

/// The verifier's refusal is no end: the other engine takes most programs.
Error with_hint(Error error, bool unverified) {
    if (error.kind == ErrorKind::kRejected && !unverified)
        error.message +=
            "; '--engine interp --unverified' runs it all the same, every access checked";
    return error;
}

std::vector<OfflineOutcome> run_over(OfflineSet& set, std::vector<CapturedPacket>& capture,
                                     uint32_t burst) {
    std::vector<Bytes> packets;
    for (CapturedPacket& packet : capture) packets.push_back(std::move(packet.bytes));
    std::vector<OfflineOutcome> outcomes = set.run(packets, burst);
    for (size_t i = 0; i < packets.size(); ++i) {
        capture[i].bytes = std::move(packets[i]);
        // A program saw what was captured of a packet, and what it leaves is all of it.
        if (outcomes[i].ran && set.spec().type == vm::ProgramType::Xdp)
            capture[i].wire_bytes = static_cast<uint32_t>(capture[i].bytes.size());
    }
    return outcomes;
}

int run_with(const Parsed& parsed) {
    const Result<uint32_t> burst = burst_of(parsed);
    if (!burst) return report(burst.error());
    Result<std::unique_ptr<OfflineSet>> set = make_offline(parsed);
    if (!set) return report(with_hint(set.error(), parsed.has("unverified")));
    Result<std::vector<CapturedPacket>> capture = read_capture(parsed.text("pcap-in"));
    if (!capture) return report(capture.error());
    const bool unverified = parsed.has("unverified");
    if (unverified)
        fmt::print(stderr, "weir: {} was not verified: every access is checked as it runs\n",
                   (*set)->spec().name);
    const std::vector<OfflineOutcome> outcomes = run_over(**set, *capture, *burst);
    if (parsed.has("pcap-out"))
        if (const Result<void> written = write_capture(parsed.text("pcap-out"), *capture); !written)
            return report(written.error());
    const OfflineReport done{
        .set = **set, .outcomes = outcomes, .packets = *capture, .unverified = unverified};
    if (parsed.json())
        print_json(report_json(done), parsed);
    else
        print_report(done);
    return kExitDone;
}

}  // namespace

int verb_prog_run(const Words& words) {
    Options options("prog run", "OBJ --pcap-in FILE", kAbout);
    add_object_options(options);
    add_bench_options(options);
    const Result<Parsed> parsed =
        options
            .flag("unverified",
                  "do not verify; with --engine interp alone, which then checks every access")
            .value("config", "FILE",
                   "configuration whose routes and neighbours bpf_fib_lookup answers from")
            .value("pcap-out", "FILE",
                   "capture to write: one record per packet, whatever the verdict")
            .with_json()
            .parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    return run_with(*parsed);
}

}  // namespace weir::controlplane::cli
