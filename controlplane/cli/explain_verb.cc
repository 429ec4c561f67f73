// weir explain: the way of one packet through the chains, by the code of the dataplane.

#include <fmt/core.h>

#include <charconv>
#include <filesystem>

#include "controlplane/cli/explain_world.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/packet_text.h"
#include "controlplane/cli/pcap_file.h"
#include "controlplane/cli/trace_report.h"
#include "controlplane/cli/verbs.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kExplainPacketsMax = 1000;

/// FILE, or FILE:N for its packet N, from 0 on.
Result<std::vector<Bytes>> packets_of_file(const std::string& argument) {
    std::string path = argument;
    std::optional<size_t> wanted;
    const size_t colon = argument.rfind(':');
    if (colon != std::string::npos && !std::filesystem::exists(argument)) {
        size_t number = 0;
        const char* const end = argument.data() + argument.size();
        const auto parsed = std::from_chars(argument.data() + colon + 1, end, number);
        if (parsed.ec == std::errc() && parsed.ptr == end) {
            path = argument.substr(0, colon);
            wanted = number;
        }
    }
    Result<std::vector<CapturedPacket>> captured = read_capture(path);
    if (!captured) return std::unexpected(captured.error());
    if (wanted && *wanted >= captured->size())
        return fail(ErrorKind::kInvalid, fmt::format("{}: packet {}, expected 0 to {}", path,
                                                     *wanted, captured->size() - 1));
    std::vector<Bytes> packets;
    for (size_t i = 0; i < captured->size(); ++i) {
        CapturedPacket& packet = (*captured)[i];
        if (wanted && i != *wanted) continue;
        if (packet.bytes.empty() || packet.bytes.size() > kFrameBytesMax)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: packet {} has {} bytes, expected 1 to {}", path, i,
                                    packet.bytes.size(), kFrameBytesMax));
        packets.push_back(std::move(packet.bytes));
    }
    if (packets.empty() || packets.size() > kExplainPacketsMax)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: {} packets, expected 1 to {}; FILE:N is packet N alone", path,
                                packets.size(), kExplainPacketsMax));
    return packets;
}

/// A text has blanks, a file's name had better not.
Result<std::vector<Bytes>> packets_of(const std::string& argument) {
    const bool is_text =
        argument.find_first_of(" \t") != std::string::npos && !std::filesystem::exists(argument);
    if (!is_text) return packets_of_file(argument);
    Result<Bytes> packet = packet_from_text(argument);
    if (!packet) return std::unexpected(packet.error());
    return std::vector<Bytes>{std::move(*packet)};
}

Result<const ExplainPort*> port_of(const Parsed& parsed, const ExplainWorld& world) {
    if (world.ports().empty())
        return fail(ErrorKind::kInvalid,
                    "there are no ports, expected one that the packet comes in by");
    if (!parsed.has("port")) return &world.ports().front();
    if (const ExplainPort* port = world.port(parsed.text("port"))) return port;
    std::string names;
    for (const ExplainPort& port : world.ports()) names += (names.empty() ? "" : ", ") + port.name;
    return fail(ErrorKind::kInvalid,
                fmt::format("--port: value '{}', expected one of {}", parsed.text("port"), names));
}

Result<int> explain(const Parsed& parsed) {
    const Result<std::vector<Bytes>> packets = packets_of(parsed.text("packet"));
    if (!packets) return std::unexpected(packets.error());
    const Result<std::unique_ptr<ExplainWorld>> world = parsed.has("config")
                                                            ? world_of_config(parsed.text("config"))
                                                            : world_of_node(run_dir_of(parsed));
    if (!world) return std::unexpected(world.error());
    const Result<const ExplainPort*> port = port_of(parsed, **world);
    if (!port) return std::unexpected(port.error());
    const bool every_insn = parsed.has("verbose");
    Json list = Json::array();
    for (size_t i = 0; i < packets->size(); ++i) {
        const Result<TracedStory> story = (*world)->explain(**port, (*packets)[i]);
        if (!story) return std::unexpected(story.error());
        if (parsed.json())
            list.push_back(trace_json(*story, every_insn));
        else
            fmt::print("{}{}", i == 0 ? "" : "\n", trace_text(*story, every_insn));
    }
    if (parsed.json()) print_json({{"packets", std::move(list)}}, parsed);
    return kExitDone;
}

}  // namespace

int verb_explain(const Words& words) {
    Options options(
        "explain", "--packet PACKET",
        "Says which way a packet goes, by the code of the dataplane: the chains it meets, every "
        "branch with the values compared, what the maps said, the verdict, and what that means at "
        "the port.\n"
        "Without --config it asks the running node for its programs and for the elements that the "
        "packet touches; nothing there changes.\n"
        "PACKET is FILE.pcap, FILE.pcap:N or a text: 'tcp 192.0.2.1:40000 -> 198.51.100.2:443 "
        "flags=S vlan 100', 'udp [2001:db8::1]:53 -> [2001:db8::2]:53 len 200', 'icmp A -> B', "
        "'arp A -> B', 'ip proto 47 A -> B ttl 3', 'udp A -> B frag 1480+'.");
    options.value("packet", "PACKET", "a capture, or the packet in words")
        .required("packet")
        .value("config", "FILE", "explain by this configuration, without a node")
        .value("port", "NAME", "where it arrives; the first port unless said")
        .flag("verbose,v", "every instruction with its result")
        .with_run_dir();
    const Result<Parsed> parsed = options.with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<int> done = explain(*parsed);
    return done ? *done : report(done.error());
}

}  // namespace weir::controlplane::cli
