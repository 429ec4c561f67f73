#include "vm/cbpf/compile.h"

#include <fmt/format.h>
#include <netdb.h>
#include <nss.h>
#include <pcap/pcap.h>

#include <memory>
#include <mutex>

namespace weir::vm::cbpf {
namespace {

/// libpcap asks the C library for names that it does not know as numbers. A name server that does
/// not answer would hold up the caller for many seconds.
void look_up_hosts_offline() {
    static std::once_flag once;
    std::call_once(once, [] { __nss_configure_lookup("hosts", "files"); });
}

struct Program {
    Program() = default;
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() { pcap_freecode(&code); }

    bpf_program code{};
};

std::unexpected<Error> invalid(const std::string& expression, const std::string& message) {
    constexpr size_t kShownMax = 200;
    const bool cut = expression.size() > kShownMax;
    return fail(
        ErrorKind::kInvalid,
        fmt::format("filter '{}{}': {}", expression.substr(0, kShownMax), cut ? "…" : "", message));
}

Result<void> compile_into(Program& program, const std::string& expression, pcap_t* handle,
                          bool optimise) {
    if (pcap_compile(handle, &program.code, expression.c_str(), optimise ? 1 : 0,
                     PCAP_NETMASK_UNKNOWN) == 0)
        return {};
    return invalid(expression, pcap_geterr(handle));
}

Result<ClassicProgram> compile_alone(const std::string& expression, pcap_t* handle) {
    Program plain, optimised;
    if (const auto compiled = compile_into(plain, expression, handle, false); !compiled)
        return std::unexpected(compiled.error());
    if (plain.code.bf_len > kUnoptimisedInsnsMax)
        return invalid(expression,
                       fmt::format("{} instructions of classic BPF before optimisation, expected "
                                   "at most {}; split it, or use a map",
                                   plain.code.bf_len, kUnoptimisedInsnsMax));
    if (const auto compiled = compile_into(optimised, expression, handle, true); !compiled)
        return std::unexpected(compiled.error());
    std::vector<ClassicInsn> insns;
    for (u_int i = 0; i < optimised.code.bf_len; ++i) {
        const bpf_insn& insn = optimised.code.bf_insns[i];
        insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
    }
    Result<ClassicProgram> checked = check(std::move(insns));
    if (checked) return checked;
    return std::unexpected(
        Error{checked.error().kind, invalid(expression, checked.error().message).error().message});
}

}  // namespace

Result<int> link_type_by_name(const std::string& name) {
    const int link_type = pcap_datalink_name_to_val(name.c_str());
    if (link_type >= 0) return link_type;
    return fail(ErrorKind::kInvalid,
                fmt::format("link type '{}', expected a name that libpcap knows, such as EN10MB "
                            "(Ethernet), RAW or LINUX_SLL2",
                            name));
}

std::string link_type_name(int link_type) {
    const char* name = pcap_datalink_val_to_name(link_type);
    return name == nullptr ? std::to_string(link_type) : name;
}

Result<ClassicProgram> compile(const std::string& expression, pcap_t* capture) {
    if (expression.size() > kExpressionBytesMax)
        return invalid(expression, fmt::format("{} bytes, expected at most {}", expression.size(),
                                               kExpressionBytesMax));
    if (expression.find('\0') != std::string::npos)
        return invalid(expression.substr(0, expression.find('\0')),
                       "a zero byte follows, expected text");
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    look_up_hosts_offline();
    return compile_alone(expression, capture);
}

Result<ClassicProgram> compile(const std::string& expression, int link_type) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> handle(
        pcap_open_dead(link_type, kSnapBytes), &pcap_close);
    if (handle == nullptr) return fail(ErrorKind::kResource, "no memory for libpcap's compiler");
    return compile(expression, handle.get());
}

}  // namespace weir::vm::cbpf
