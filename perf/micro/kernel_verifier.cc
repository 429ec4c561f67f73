#include "perf/micro/kernel_verifier.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "perf/micro/thread_cpu.h"
#include "tests/support/kernel_load.h"
#include "vm/base/check.h"

namespace weir::perf {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLogBytes = size_t{1} << 20;
constexpr uint32_t kLogStatistics = 4;  ///< BPF_LOG_STATS
constexpr size_t kRunsMin = 3;
constexpr double kNsPerUs = 1'000;

/// libbpf hands its handlers a number; one object is measured at a time.
struct Measurement {
    size_t runs = 0;
    double seconds_max = 0;
    std::vector<KernelVerification> done;
} measurement;

/// The number behind `key` in the log's closing lines ("processed 68 insns ...").
uint64_t number_behind(std::string_view log, std::string_view key) {
    const size_t at = log.rfind(key);
    if (at == std::string_view::npos) return 0;
    return std::strtoull(log.data() + at + key.size(), nullptr, 10);
}

std::string reason_in(std::string_view log) {
    constexpr std::string_view kStatistics = "verification time";
    std::string_view before = log.substr(0, log.rfind(kStatistics));
    while (before.ends_with('\n')) before.remove_suffix(1);
    return std::string(before.substr(before.rfind('\n') + 1));
}

/// One load. False where the verifier was not asked at all.
bool run_once(const bpf_program* program, const bpf_prog_load_opts& wanted, std::vector<char>& log,
              KernelVerification& result) {
    bpf_prog_load_opts options = wanted;
    options.log_buf = log.data();
    options.log_size = static_cast<uint32_t>(log.size());
    options.log_level = kLogStatistics;
    log[0] = '\0';
    const double start = thread_cpu_ns();
    const int fd =
        bpf_prog_load(bpf_program__type(program), "weir_bench", "Dual BSD/GPL",
                      bpf_program__insns(program), bpf_program__insn_cnt(program), &options);
    const double spent = thread_cpu_ns() - start;
    if (fd >= 0) ::close(fd);
    const std::string_view text(log.data());
    if (text.find("processed ") == std::string_view::npos) return false;
    result.accepted = fd >= 0;
    result.reason = result.accepted ? "" : reason_in(text);
    result.processed_insns = number_behind(text, "processed ");
    result.states_peak = number_behind(text, "peak_states ");
    const double verify_ns =
        static_cast<double>(number_behind(text, "verification time ")) * kNsPerUs;
    result.verify_ns.push_back(std::min(verify_ns, spent));
    result.load_ns.push_back(spent);
    return true;
}

/// Called by libbpf when a program is linked, just before it would load it. The error makes libbpf
/// leave it at that.
int measure_linked(bpf_program* program, bpf_prog_load_opts* options, long) {
    std::vector<char> log(kLogBytes);
    KernelVerification result;
    result.program = bpf_program__name(program);
    const Clock::time_point start = Clock::now();
    for (size_t run = 0; run < measurement.runs; ++run) {
        const std::chrono::duration<double> spent = Clock::now() - start;
        if (run >= kRunsMin && spent.count() > measurement.seconds_max) break;
        if (!run_once(program, *options, log, result)) return -ECANCELED;
    }
    measurement.done.push_back(std::move(result));
    return -ECANCELED;
}

void register_handlers() {
    static bool registered = false;
    if (registered) return;
    registered = true;
    libbpf_set_print(nullptr);
    LIBBPF_OPTS(libbpf_prog_handler_opts, options);
    options.prog_prepare_load_fn = measure_linked;
    const auto add = [&](const char* section, bpf_prog_type type, bpf_attach_type attach) {
        WEIR_CHECK(libbpf_register_prog_handler(section, type, attach, &options) >= 0);
    };
    add("xdp/devmap", BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP);
    add("xdp/cpumap", BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP);
    add("xdp+", BPF_PROG_TYPE_XDP, BPF_XDP);
    add("socket+", BPF_PROG_TYPE_SOCKET_FILTER, bpf_attach_type{});
}

/// Only program `wanted` of the object; an object that loaded or failed cannot be loaded again.
Result<bool> measure_program(const std::string& path, size_t wanted) {
    const tests::ObjectHandle object(bpf_object__open(path.c_str()));
    if (!object)
        return fail(ErrorKind::kInvalid, fmt::format("{}: {}", path, std::strerror(errno)));
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object.get()) bpf_map__set_pin_path(map, nullptr);
    size_t count = 0;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
        bpf_program__set_autoload(program, count++ == wanted);
    }
    if (wanted >= count) return false;
    // The handler's error comes back from here, and what libbpf cannot link is not measured.
    static_cast<void>(bpf_object__load(object.get()));
    return true;
}

}  // namespace

Result<std::vector<KernelVerification>> verify_in_kernel(const std::string& object, size_t runs,
                                                         double seconds_max) {
    register_handlers();
    measurement = {runs, seconds_max, {}};
    for (size_t program = 0;; ++program) {
        const Result<bool> measured = measure_program(object, program);
        if (!measured) return std::unexpected(measured.error());
        if (!*measured) return std::move(measurement.done);
    }
}

}  // namespace weir::perf
