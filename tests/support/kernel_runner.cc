#include "tests/support/kernel_runner.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "tests/support/kernel_load.h"
#include "tests/support/kernel_maps.h"

namespace weir::tests {

namespace {

constexpr size_t kPacketBytesMax = size_t{1} << 16;
constexpr const char* kStarvedSection = ".data.starved";
constexpr size_t kStarvedRunsMax = 20;
constexpr uint32_t kDeviceBoundOnly = 1u << 6;  ///< BPF_F_XDP_DEV_BOUND_ONLY

/// Runs on one CPU while it lives, so that per-CPU maps are filled in one slot.
class PinnedToCpu {
public:
    PinnedToCpu() {
        sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(kKernelCpu, &one);
        sched_setaffinity(0, sizeof one, &one);
    }
    ~PinnedToCpu() { sched_setaffinity(0, sizeof before_, &before_); }
    PinnedToCpu(const PinnedToCpu&) = delete;
    PinnedToCpu& operator=(const PinnedToCpu&) = delete;

private:
    cpu_set_t before_{};
};

/// One packet through the program; `out` is scratch memory.
Result<PacketResult> run_packet(int program, const Bytes& packet, const RunSetup& setup,
                                Bytes& out) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    xdp_md context{};
    context.data_end = static_cast<uint32_t>(packet.size());
    context.ingress_ifindex = setup.ingress_ifindex;
    context.rx_queue_index = setup.rx_queue_index;
    if (setup.ingress_ifindex != 0) {
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
    }
    options.data_in = packet.data();
    options.data_size_in = static_cast<uint32_t>(packet.size());
    options.data_out = out.data();
    options.data_size_out = static_cast<uint32_t>(out.size());
    options.repeat = 1;
    if (const int error = bpf_prog_test_run_opts(program, &options); error != 0)
        return kernel_failure(fmt::format("test run of {} bytes", packet.size()), error);
    return PacketResult{options.retval, Bytes(out.begin(), out.begin() + options.data_size_out)};
}

Result<void> read_maps(const std::vector<LiveMap>& maps, RunResult& run) {
    for (const LiveMap& map : maps) {
        if (!has_contents(map.type)) continue;
        auto entries = read_entries(map, maps);
        if (!entries) return std::unexpected(entries.error());
        run.maps[map.name] = std::move(*entries);
    }
    return {};
}

/// True where the program has counted, in a section made for it, calls that found no memory. That
/// is chance and no answer: the kernel allocates in programs without waiting for locks.
bool was_starved(const RunResult& run) {
    const auto starved = run.maps.find(kStarvedSection);
    return starved != run.maps.end() && std::ranges::any_of(starved->second, [](const auto& entry) {
               return std::ranges::any_of(entry.second, [](uint8_t byte) { return byte != 0; });
           });
}

/// Waits for `is_done` until patience is over: then the comparison says what is missing. What was
/// read before is of several moments, and keys may have gone on the way, so that it is read again.
Result<void> read_done_maps(const std::vector<LiveMap>& maps, const IsDone& is_done,
                            RunResult& run) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (is_done && std::chrono::steady_clock::now() < end) {
        RunResult now;
        const auto read = read_maps(maps, now);
        if (read && (is_done(now.maps) || was_starved(now))) break;
        std::this_thread::sleep_for(kPause);
    }
    return read_maps(maps, run);
}

Result<RunResult> run_packets(int program, const std::vector<LiveMap>& maps,
                              std::span<const Bytes> packets, const RunSetup& setup) {
    const PinnedToCpu pinned;
    const auto filled = fill_maps(maps, setup.fills);
    if (!filled) return std::unexpected(filled.error());
    KernelEvents events;
    if (const auto opened = events.open(maps, setup.opens_perf_events); !opened)
        return std::unexpected(opened.error());
    RunResult run;
    Bytes out(kPacketBytesMax);
    for (const Bytes& packet : packets) {
        auto result = run_packet(program, packet, setup, out);
        if (!result)
            return fail(result.error().kind,
                        fmt::format("packet {}: {}", run.packets.size(), result.error().message));
        run.packets.push_back(std::move(*result));
    }
    if (const auto collected = events.collect(); !collected)
        return std::unexpected(collected.error());
    run.events = events.records();
    if (const auto read = read_done_maps(maps, setup.is_done, run); !read)
        return std::unexpected(read.error());
    return run;
}

// -- programs behind maps
// -----------------------------------------------------------------------------

struct RedirectToMap {
    FileDescriptor map, program;
};

/// A program that sends every packet to slot 0 of a map, where `target` stands.
Result<RedirectToMap> make_redirect(bool to_cpu, const std::array<uint32_t, 2>& target) {
    RedirectToMap redirect;
    redirect.map =
        FileDescriptor(bpf_map_create(to_cpu ? BPF_MAP_TYPE_CPUMAP : BPF_MAP_TYPE_DEVMAP,
                                      "weir_test", sizeof(uint32_t), sizeof target, 1, nullptr));
    if (redirect.map.get() < 0) return kernel_failure("map of targets", errno);
    const uint32_t slot = 0;
    if (bpf_map_update_elem(redirect.map.get(), &slot, target.data(), BPF_ANY) != 0)
        return kernel_failure("target", errno);
    const std::array<vm::Insn, 6> insns = {
        vm::Insn{.opcode = 0x18, .dst = 1, .src = BPF_PSEUDO_MAP_FD, .imm = redirect.map.get()},
        vm::Insn{},
        vm::Insn{.opcode = 0xb7, .dst = 2, .imm = 0},
        vm::Insn{.opcode = 0xb7, .dst = 3, .imm = 0},
        vm::Insn{.opcode = 0x85, .imm = BPF_FUNC_redirect_map},
        vm::Insn{.opcode = 0x95}};
    redirect.program = FileDescriptor(bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_test", "Dual BSD/GPL",
                                                    reinterpret_cast<const bpf_insn*>(insns.data()),
                                                    insns.size(), nullptr));
    if (redirect.program.get() < 0) return kernel_failure("redirect", errno);
    return redirect;
}

/// As a packet of its own, which goes where the program says.
Result<void> send_live(int program, const Bytes& packet) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<uint32_t>(packet.size());
    options.repeat = 1;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    if (const int error = bpf_prog_test_run_opts(program, &options); error != 0)
        return kernel_failure(fmt::format("live packet of {} bytes", packet.size()), error);
    return {};
}

std::unexpected<Error> refused(const std::string& program, const KernelVerdict& verdict) {
    return fail(ErrorKind::kRejected,
                fmt::format("the kernel refuses {}: {}", program, verdict.log));
}

}  // namespace

std::optional<std::string> kernel_missing() {
    if (geteuid() != 0) return "needs root, for the kernel's bpf()";
    const std::array<vm::Insn, 2> pass = {vm::Insn{.opcode = 0xb7, .imm = 2},
                                          vm::Insn{.opcode = 0x95}};
    const FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_probe", "Dual BSD/GPL",
                                               reinterpret_cast<const bpf_insn*>(pass.data()),
                                               pass.size(), nullptr));
    if (program.get() >= 0) return std::nullopt;
    return fmt::format("needs the kernel's bpf(): it loads no XDP program: {}",
                       std::strerror(errno));
}

Result<KernelVerdict> kernel_verdict(const std::string& object, const std::string& program) {
    const WithoutPerfmon strict;
    auto loaded = load_object(object, program);
    if (!loaded) return std::unexpected(loaded.error());
    return loaded->verdict;
}

Result<RunResult> run_in_kernel(const std::string& object, const std::string& program,
                                std::span<const Bytes> packets, const RunSetup& setup) {
    for (size_t run = 0; run < kStarvedRunsMax; ++run) {
        const auto loaded = load_object(object, program);
        if (!loaded) return std::unexpected(loaded.error());
        if (!loaded->verdict.accepted) return refused(program, loaded->verdict);
        auto result =
            run_packets(bpf_program__fd(loaded->program), maps_of(*loaded), packets, setup);
        if (!result || !was_starved(*result)) return result;
    }
    return fail(ErrorKind::kResource,
                fmt::format("{}: short of the kernel's memory in each of {} runs", program,
                            kStarvedRunsMax));
}

Result<RunResult> run_in_kernel(const vm::ProgramSpec& program, std::span<const Bytes> packets,
                                const RunSetup& setup) {
    const auto loaded = load_insns(program);
    if (!loaded) return std::unexpected(loaded.error());
    if (!loaded->verdict.accepted) return refused(program.name, loaded->verdict);
    return run_packets(loaded->program.get(), loaded->maps, packets, setup);
}

Result<KernelVerdict> load_in_kernel(const std::string& object, const std::string& program,
                                     uint32_t ifindex) {
    auto loaded = open_object(object, program);
    if (!loaded) return std::unexpected(loaded.error());
    bpf_program__set_ifindex(loaded->program, ifindex);
    bpf_program__set_flags(loaded->program, bpf_program__flags(loaded->program) | kDeviceBoundOnly);
    if (const auto judged = load_opened(*loaded); !judged) return std::unexpected(judged.error());
    return loaded->verdict;
}

Result<RunResult> run_redirected_in_kernel(const std::string& object, const std::string& program,
                                           std::span<const Bytes> packets, const RunSetup& setup) {
    constexpr uint32_t kQueueFrames = 2048;
    const auto loaded = load_object(object, program);
    if (!loaded) return std::unexpected(loaded.error());
    if (!loaded->verdict.accepted) return refused(program, loaded->verdict);
    const bool to_cpu = bpf_program__expected_attach_type(loaded->program) == BPF_XDP_CPUMAP;
    const std::array<uint32_t, 2> target = {
        to_cpu ? kQueueFrames : setup.egress_ifindex,
        static_cast<uint32_t>(bpf_program__fd(loaded->program))};
    const auto redirect = make_redirect(to_cpu, target);
    if (!redirect) return std::unexpected(redirect.error());
    for (const Bytes& packet : packets)
        if (const auto sent = send_live(redirect->program.get(), packet); !sent)
            return std::unexpected(sent.error());
    RunResult run;
    if (const auto read = read_done_maps(maps_of(*loaded), setup.is_done, run); !read)
        return std::unexpected(read.error());
    return run;
}

}  // namespace weir::tests
