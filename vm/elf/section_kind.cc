#include "vm/elf/section_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vm/elf/number.h"

namespace weir::vm::elf {

namespace {

struct Known {
    std::string_view prefix;
    std::string_view type;
};

// Longest spelling of one family first. A prefix counts where no letter follows it ("tc", "tc/x",
// "tc_ingress", not "tcp").
constexpr auto kKnown = std::to_array<Known>({
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

SectionKind unsupported(std::string_view type) {
    SectionKind kind{.unsupported_type = std::string(type)};
    kind.reason = fmt::format("programs of type {} are not offered: expected xdp or socket", type);
    // A component of libxdp's dispatcher replaces a function that gets the dispatcher's context.
    if (type == "ext") kind.reason += "; where it replaces an XDP program, say --type xdp";
    return kind;
}

std::string_view without_mark(std::string_view name) {
    return name.starts_with('?') ? name.substr(1) : name;
}

/// "WORD", "WORD/anything" or, before libbpf 1.0, "WORD_anything".
bool has_hook(std::string_view name, std::string_view word) {
    if (!name.starts_with(word)) return false;
    return name.size() == word.size() || name[word.size()] == '/' || name[word.size()] == '_';
}

SectionKind xdp_kind(std::string_view name) {
    SectionKind kind;
    kind.has_frags = has_hook(name, "xdp.frags");
    const std::string_view rest = name.substr(kind.has_frags ? 9 : 3);
    // "xdp/devmap" of libbpf 1.0 and "xdp_devmap/NAME" before it.
    const std::string_view hook = rest.substr(std::min<size_t>(rest.size(), 1));
    if (has_hook(hook, "devmap")) kind.hook = XdpHook::Devmap;
    if (has_hook(hook, "cpumap")) kind.hook = XdpHook::Cpumap;
    return kind;
}

SectionKind kind_of(std::string_view name) {
    if (has_word(name, "xdp")) return xdp_kind(name);
    // libbpf takes "socket" and all that starts so; the others are Suricata's.
    if (name.starts_with("socket") || name == "filter" || name == "loadbalancer")
        return {.type = ProgramType::SocketFilter};
    for (const Known& known : kKnown) {
        if (has_word(name, known.prefix)) return unsupported(known.type);
    }
    return {.assumed = true};
}

std::optional<uint32_t> parse_slot_number(std::string_view text) {
    const auto number = parse_number(text);
    if (!number || number->negative || number->magnitude > UINT32_MAX) return std::nullopt;
    return static_cast<uint32_t>(number->magnitude);
}

}  // namespace

SectionKind classify_section(std::string_view marked_name) {
    SectionKind kind = kind_of(without_mark(marked_name));
    kind.load_by_default = !marked_name.starts_with('?');
    return kind;
}

SectionKind forced_kind(ProgramType type, std::string_view section_name) {
    SectionKind kind{.type = type, .load_by_default = !section_name.starts_with('?')};
    const std::string_view name = without_mark(section_name);
    if (type != ProgramType::Xdp || !has_word(name, "xdp")) return kind;
    const SectionKind named = xdp_kind(name);
    kind.hook = named.hook;
    kind.has_frags = named.has_frags;
    return kind;
}

std::optional<TailSlot> tail_slot_of(std::string_view section_name) {
    const size_t slash = section_name.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto id = parse_slot_number(section_name.substr(0, slash));
    const auto index = parse_slot_number(section_name.substr(slash + 1));
    if (!id || !index) return std::nullopt;
    return TailSlot{*id, *index};
}

bool is_rodata_section(std::string_view name) {
    return is_family(name, ".rodata");
}

bool is_data_section(std::string_view name) {
    return is_family(name, ".data") || is_family(name, ".bss") || is_rodata_section(name);
}

}  // namespace weir::vm::elf
