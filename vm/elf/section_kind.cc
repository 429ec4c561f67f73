#include "vm/elf/section_kind.h"

#include <fmt/format.h>

#include <array>

namespace weir::vm::elf {

namespace {

struct Known {
    std::string_view prefix;
    std::string_view type;
};

// Longest spelling of one family first. A prefix counts where no letter follows it ("tc", "tc/x",
// "tc_ingress", not "tcp").
constexpr auto kKnown = std::to_array<Known>({
    {"socket", "socket"},
    {"sk_reuseport", "sk_reuseport"},
    {"sk_lookup", "sk_lookup"},
    {"sk_skb", "sk_skb"},
    {"sk_msg", "sk_msg"},
    {"sockops", "sockops"},
    {"sockmap", "sk_skb"},
    {"tcx", "tc"},
    {"tc", "tc"},
    {"netkit", "tc"},
    {"classifier", "tc"},
    {"action", "tc"},
    {"cls", "tc"},
    {"act", "tc"},
    {"ingress", "tc"},
    {"egress", "tc"},
    {"kprobe.multi", "kprobe"},
    {"kretprobe.multi", "kprobe"},
    {"kprobe", "kprobe"},
    {"kretprobe", "kprobe"},
    {"ksyscall", "kprobe"},
    {"kretsyscall", "kprobe"},
    {"uprobe", "uprobe"},
    {"uretprobe", "uprobe"},
    {"usdt", "uprobe"},
    {"tracepoint", "tracepoint"},
    {"tp_btf", "tracing"},
    {"tp", "tracepoint"},
    {"raw_tracepoint", "raw_tracepoint"},
    {"raw_tp", "raw_tracepoint"},
    {"fentry", "tracing"},
    {"fmod_ret", "tracing"},
    {"fexit", "tracing"},
    {"fsession", "tracing"},
    {"iter", "tracing"},
    {"freplace", "ext"},
    {"lsm_cgroup", "lsm"},
    {"lsm", "lsm"},
    {"syscall", "syscall"},
    {"perf_event", "perf_event"},
    {"lwt_in", "lwt"},
    {"lwt_out", "lwt"},
    {"lwt_xmit", "lwt"},
    {"lwt_seg6local", "lwt"},
    {"cgroup_skb", "cgroup_skb"},
    {"cgroup", "cgroup"},
    {"lirc_mode", "lirc_mode2"},
    {"flow_dissector", "flow_dissector"},
    {"struct_ops", "struct_ops"},
    {"netfilter", "netfilter"},
});

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool has_word(std::string_view name, std::string_view word) {
    return name.starts_with(word) && (name.size() == word.size() || !is_letter(name[word.size()]));
}

/// "NAME" or "NAME.anything", the way libbpf recognizes data sections.
bool is_family(std::string_view name, std::string_view family) {
    return name.starts_with(family) && (name.size() == family.size() || name[family.size()] == '.');
}

SectionKind unsupported(std::string_view type, ProgramType program_type = ProgramType::Xdp) {
    SectionKind kind{.type = program_type, .unsupported_type = std::string(type)};
    kind.reason =
        type == "socket"
            ? "socket filters are not offered yet"
            : fmt::format("programs of type {} are not offered: expected section xdp", type);
    return kind;
}

std::string_view without_mark(std::string_view name) {
    return name.starts_with('?') ? name.substr(1) : name;
}

bool names_frags(std::string_view name) {
    return name == "xdp.frags" || name.starts_with("xdp.frags/") || name.starts_with("xdp.frags_");
}

}  // namespace

SectionKind classify_section(std::string_view marked_name) {
    const std::string_view name = without_mark(marked_name);
    if (names_frags(name)) return {.has_frags = true};
    if (has_word(name, "xdp")) return {};
    for (const Known& known : kKnown) {
        if (!has_word(name, known.prefix)) continue;
        return unsupported(known.type,
                           known.type == "socket" ? ProgramType::SocketFilter : ProgramType::Xdp);
    }
    return {.assumed = true};
}

SectionKind forced_kind(ProgramType type, std::string_view section_name) {
    if (type == ProgramType::SocketFilter) return unsupported("socket", type);
    return {.type = type, .has_frags = names_frags(without_mark(section_name))};
}

bool is_rodata_section(std::string_view name) {
    return is_family(name, ".rodata");
}

bool is_data_section(std::string_view name) {
    return is_family(name, ".data") || is_family(name, ".bss") || is_rodata_section(name);
}

}  // namespace weir::vm::elf
