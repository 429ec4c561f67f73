// weir filter compile, run: pcap expressions as eBPF.

#include <fmt/core.h>
#include <pcap/dlt.h>

#include "controlplane/cli/filter_program.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/cli/pcap_file.h"
#include "controlplane/cli/verbs.h"
#include "vm/cbpf/compile.h"
#include "vm/cbpf/reference.h"
#include "vm/isa/disassemble.h"

namespace weir::controlplane::cli {
namespace {

std::string hex_of(const vm::Insn& insn) {
    std::string text;
    const auto* bytes = reinterpret_cast<const uint8_t*>(&insn);
    for (size_t i = 0; i < sizeof insn; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

Json compiled_json(const std::string& expression, int link_type, const FilterProgram& filter) {
    Json classic = Json::array(), slots = Json::array();
    size_t pc = 0;
    for (const vm::cbpf::ClassicInsn& insn : filter.classic().insns())
        classic.push_back({{"code", insn.code},
                           {"jt", insn.jt},
                           {"jf", insn.jf},
                           {"k", insn.k},
                           {"text", vm::cbpf::disassemble(insn, pc++)}});
    for (const vm::Insn& insn : filter.spec().insns) slots.push_back(hex_of(insn));
    return {{"expression", expression},
            {"link_type", vm::cbpf::link_type_name(link_type)},
            {"cbpf", std::move(classic)},
            {"ebpf",
             {{"insns", std::move(slots)},
              {"listing", vm::disassemble_program(filter.spec().insns)},
              {"visited_insns", filter.visited_insns()}}}};
}

void print_compiled(int link_type, const FilterProgram& filter) {
    const auto classic = filter.classic().insns();
    fmt::print("; classic BPF for {}: {} instructions\n", vm::cbpf::link_type_name(link_type),
               classic.size());
    for (size_t pc = 0; pc < classic.size(); ++pc)
        fmt::print("{}\n", vm::cbpf::disassemble(classic[pc], pc));
    fmt::print("; eBPF: {} instructions, proven in {}\n{}", filter.spec().insns.size(),
               filter.visited_insns(), vm::disassemble_program(filter.spec().insns));
}

struct Matches {
    std::vector<size_t> packets;
    std::vector<std::string> lines;  ///< one per match, for people
    size_t seen = 0;
};

Result<Matches> match_all(FilterProgram& filter, CaptureReader& capture) {
    Matches matches;
    size_t by_reference = 0;
    for (CapturedPacket packet;; ++matches.seen) {
        const Result<bool> more = capture.next(packet);
        if (!more) return std::unexpected(more.error());
        if (!*more) break;
        by_reference += packet.bytes.size() > vm::cbpf::kReachBytes;
        if (filter.run(packet.bytes, packet.wire_bytes) == 0) continue;
        matches.packets.push_back(matches.seen);
        const bool cut = packet.wire_bytes != packet.bytes.size();
        matches.lines.push_back(
            fmt::format("{}  {} bytes{}", matches.seen, packet.bytes.size(),
                        cut ? fmt::format(" of {}", packet.wire_bytes) : std::string()));
    }
    if (by_reference != 0)
        fmt::print(stderr,
                   "weir: libpcap's bpf_filter() judged {} of {} packets: they are longer than the "
                   "{} bytes that a program can see\n",
                   by_reference, matches.seen, vm::cbpf::kReachBytes);
    return matches;
}

void print_matches(const Matches& matches) {
    for (const std::string& line : matches.lines) fmt::print("{}\n", line);
    fmt::print("{} of {} packets match\n", matches.packets.size(), matches.seen);
}

}  // namespace

int verb_filter_compile(const Words& words) {
    Options options("filter compile", "EXPR",
                    "Turns an expression of pcap-filter(7) into classic BPF by libpcap, and that "
                    "into a verified XDP program, which\n"
                    "returns the number of bytes to keep of a packet that matches, else 0. Host "
                    "names come from /etc/hosts alone.");
    const Result<Parsed> parsed =
        options.positional("EXPR", true)
            .value("link-type", "NAME",
                   "libpcap's name of the link type (default EN10MB, Ethernet)")
            .with_json()
            .parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    int link_type = DLT_EN10MB;
    if (parsed->has("link-type")) {
        const Result<int> named = vm::cbpf::link_type_by_name(parsed->text("link-type"));
        if (!named) return report({named.error().kind, "--link-type: " + named.error().message});
        link_type = *named;
    }
    Result<vm::cbpf::ClassicProgram> classic = vm::cbpf::compile(parsed->text("EXPR"), link_type);
    if (!classic) return report(classic.error());
    const Result<FilterProgram> filter = FilterProgram::make(
        std::move(*classic), vm::cbpf::LengthSource::PacketBytes, jit::Engine::kInterp);
    if (!filter) return report(filter.error());
    if (parsed->json())
        print_json(compiled_json(parsed->text("EXPR"), link_type, *filter), *parsed);
    else
        print_compiled(link_type, *filter);
    return kExitDone;
}

int verb_filter_run(const Words& words) {
    Options options("filter run", "EXPR --pcap-in FILE",
                    "Tells which packets of a capture match an expression of pcap-filter(7), as "
                    "tcpdump would. Packets of any length and\n"
                    "link type; of one that a snap length has cut, the bytes at hand count, and "
                    "'len' is the length on the wire.");
    const Result<Parsed> parsed =
        options.positional("EXPR", true)
            .value("pcap-in", "FILE", "capture to read packets from (pcap or pcapng)")
            .required("pcap-in")
            .value("engine", "jit|interp", "what runs the program (default jit)")
            .with_json()
            .parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<std::optional<jit::Engine>> engine = engine_of(*parsed);
    if (!engine) return report(engine.error());
    Result<CaptureReader> capture = CaptureReader::open(parsed->text("pcap-in"));
    if (!capture) return report(capture.error());
    Result<vm::cbpf::ClassicProgram> classic =
        vm::cbpf::compile(parsed->text("EXPR"), capture->handle());
    if (!classic) return report(classic.error());
    Result<FilterProgram> filter =
        FilterProgram::make(std::move(*classic), vm::cbpf::LengthSource::Metadata, *engine);
    if (!filter) return report(filter.error());
    const Result<Matches> matches = match_all(*filter, *capture);
    if (!matches) return report(matches.error());
    if (parsed->json())
        print_json({{"matched", matches->packets},
                    {"count", matches->packets.size()},
                    {"packets", matches->seen}},
                   *parsed);
    else
        print_matches(*matches);
    return kExitDone;
}

}  // namespace weir::controlplane::cli
