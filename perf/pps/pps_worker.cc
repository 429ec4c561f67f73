// Weir's packet side alone, for comparing: one port that passes to itself, one program on it.
//   pps_worker VDEV PROGRAM CPUS[/QUEUES] HUGEPAGES(0|1) RUN_DIR [PREFIXES]
// PROGRAM: pass, drop, or OBJECT:NAME. CPUS[/QUEUES]: one worker each, "0" or "0,1"; as many
// queues unless said.
// PREFIXES: a file of lines ADDRESS/BITS for the object's map `blocked`, IPv4.
// For every line on stdin there is an answer:
//   (empty)   "RX NANOSECONDS": packets received, time of the monotonic clock
//   swaps N   N - 1 swaps of the program for its twin, each a line of six numbers in ns: until the
//             last worker came over; the longest time between two polls of worker 0 meanwhile; how
//             long the kernel kept worker 0 from running meanwhile, and the thread that publishes;
//             the second and third of a window as long without a swap. Then "end".

#include <arpa/inet.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "dataplane/forwarding.h"
#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/pps/swap_watch.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint16_t kMtu = 1500;
const std::string kWorker = "rte-worker-0", kCaller = "pps_worker";  // threads
constexpr uint32_t kSettleUs = 200;  ///< some hundred rounds of a worker on an endless device

struct Loaded {
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::shared_ptr<const vm::VerifiedProgram> verified;
    std::shared_ptr<const jit::CompiledProgram> program;
};

vm::ProgramSpec returning(uint32_t verdict) {
    vm::ProgramSpec program;
    program.name = "constant";
    program.section = "xdp";
    program.subprograms = {{program.name, 0}};
    program.insns = {
        {.opcode = 0xb7, .dst = 0, .src = 0, .off = 0, .imm = static_cast<int32_t>(verdict)},
        {.opcode = 0x95}};
    return program;
}

Result<vm::ProgramSpec> find_program(const std::string& what) {
    if (what == "pass") return returning(vm::XDP_PASS);
    if (what == "drop") return returning(vm::XDP_DROP);
    const size_t colon = what.rfind(':');
    Result<vm::ObjectSpec> object = vm::load_object_file(what.substr(0, colon), {});
    if (!object) return std::unexpected(object.error());
    for (vm::ProgramSpec& program : object->programs)
        if (colon == std::string::npos || program.name == what.substr(colon + 1))
            return std::move(program);
    return fail(ErrorKind::kInvalid, what + ": no such program");
}

/// Of lines ADDRESS/BITS those of IPv4, as keys of a kernel lpm_trie.
Result<void> fill_prefixes(vm::Map& map, const char* path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const size_t slash = line.find('/');
        struct {
            uint32_t bits, address;
        } key{};
        if (slash == std::string::npos ||
            inet_pton(AF_INET, line.substr(0, slash).c_str(), &key.address) != 1)
            continue;
        key.bits = static_cast<uint32_t>(std::stoul(line.substr(slash + 1)));
        const uint32_t value = 1;
        if (map.update(reinterpret_cast<const uint8_t*>(&key),
                       reinterpret_cast<const uint8_t*>(&value), 0, 0) != 0)
            return fail(ErrorKind::kResource, "map blocked takes no " + line);
    }
    return {};
}

Result<Loaded> load(const std::string& what, uint32_t cpu_slots, const char* prefixes) {
    Result<vm::ProgramSpec> spec = find_program(what);
    if (!spec) return std::unexpected(spec.error());
    auto proof = vm::verify(*spec);
    if (!proof) return fail(ErrorKind::kRejected, proof.error().message);
    Result<vm::VerifiedProgram> verified = vm::accept(*spec, std::move(*proof));
    if (!verified) return std::unexpected(verified.error());
    Loaded loaded;
    std::vector<vm::Map*> maps;
    for (const vm::MapSpec& map : spec->maps) {
        Result<std::unique_ptr<vm::Map>> made = maps::create_map(map, cpu_slots);
        if (!made) return std::unexpected(made.error());
        maps.push_back(made->get());
        loaded.maps.push_back(std::move(*made));
        if (map.name == "blocked" && prefixes != nullptr)
            if (Result<void> filled = fill_prefixes(*maps.back(), prefixes); !filled)
                return std::unexpected(filled.error());
    }
    loaded.verified = std::make_shared<vm::VerifiedProgram>(std::move(*verified));
    auto compiled = jit::compile(loaded.verified, maps, maps::all_helpers(), jit::Engine::kJit);
    if (!compiled) return std::unexpected(compiled.error());
    loaded.program = std::move(*compiled);
    return loaded;
}

dataplane::api::Configure configure(const std::string& device, const std::string& cpus,
                                    bool hugepages) {
    dataplane::api::Configure made;
    const size_t slash = std::min(cpus.find('/'), cpus.size());
    std::istringstream list(cpus.substr(0, slash));
    for (std::string cpu; std::getline(list, cpu, ',');)
        made.lcores.push_back(static_cast<uint32_t>(std::stoul(cpu)));
    made.idle = dataplane::api::IdleMode::Poll;
    made.hugepages =
        hugepages ? dataplane::api::HugepageMode::Required : dataplane::api::HugepageMode::Off;
    made.memory_bytes = 256u << 20;
    made.ports.resize(1);
    made.ports[0].name = "p0";
    made.ports[0].device = device;
    made.ports[0].pass = dataplane::api::PassKind::Port;
    made.ports[0].pass_port = "p0";
    made.ports[0].ifindex = 1;
    // The peers' buffers hold 2 KiB; a port on a capture would otherwise have room for its longest
    // frame ever.
    if (device.starts_with("net_pcap")) made.ports[0].mtu = kMtu;
    made.ports[0].queues = static_cast<uint16_t>(
        slash == cpus.size() ? made.lcores.size() : std::stoul(cpus.substr(slash + 1)));
    return made;
}

class Measured {
public:
    Measured(dataplane::Forwarding& forwarding, Loaded& loaded)
        : forwarding_(forwarding), loaded_(loaded) {}

    Result<uint64_t> publish(std::shared_ptr<const jit::CompiledProgram> program) {
        auto generation = std::make_unique<dataplane::Generation>();
        generation->number = ++number_;
        generation->ports.resize(1);
        generation->ports[0].ingress.push_back(
            dataplane::make_entry(std::move(program), 0, *loaded_.verified));
        const auto start = Clock::now();
        const auto published = forwarding_.publish(std::move(generation));
        if (!published) return std::unexpected(published.error());
        return static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count());
    }

    Result<void> swaps(uint32_t count) {
        for (uint32_t i = 0; i < count; ++i) {
            const Window quiet = watch([] { return Result<uint64_t>(0); });
            const Window swap = watch([this] {
                return publish(std::make_shared<WatchedProgram>(loaded_.program, gap_));
            });
            if (!swap.latency_ns) return std::unexpected(swap.latency_ns.error());
            if (i == 0) continue;  // before it nobody watched
            fmt::print("{} {:.0f} {} {} {:.0f} {}\n", *swap.latency_ns, swap.gap_ns,
                       swap.worker_waited_ns, swap.caller_waited_ns, quiet.gap_ns,
                       quiet.worker_waited_ns);
        }
        fmt::print("end\n");
        // The watch must not outlive its run: its cost is no part of a rate.
        const Result<uint64_t> back = publish(loaded_.program);
        if (!back) return std::unexpected(back.error());
        return {};
    }

private:
    struct Window {
        Result<uint64_t> latency_ns = 0;
        double gap_ns = 0;
        uint64_t worker_waited_ns = 0, caller_waited_ns = 0;
    };
    /// What `act` returns, and what happened around it.
    template <typename Act>
    Window watch(Act act) {
        usleep(kSettleUs);
        const uint64_t worker_before = thread_wait_ns(kWorker),
                       caller_before = thread_wait_ns(kCaller);
        gap_.worst.exchange(0, std::memory_order_relaxed);
        Window window{.latency_ns = act()};
        window.caller_waited_ns = thread_wait_ns(kCaller) - caller_before;
        usleep(kSettleUs);
        window.gap_ns = static_cast<double>(gap_.worst.exchange(0, std::memory_order_relaxed)) *
                        1e9 / static_cast<double>(rte_get_tsc_hz());
        window.worker_waited_ns = thread_wait_ns(kWorker) - worker_before;
        return window;
    }

    dataplane::Forwarding& forwarding_;
    Loaded& loaded_;
    Gap gap_;
    uint64_t number_ = 0;
};

Result<void> run(int argc, char** argv) {
    auto forwarding = dataplane::Forwarding::start(
        configure(argv[1], argv[3], argv[4] == std::string("1")), argv[5]);
    if (!forwarding) return std::unexpected(forwarding.error());
    Result<Loaded> loaded = load(argv[2], (*forwarding)->cpu_slots(), argc > 6 ? argv[6] : nullptr);
    if (!loaded) return std::unexpected(loaded.error());
    Measured measured(**forwarding, *loaded);
    if (const auto published = measured.publish(loaded->program); !published)
        return std::unexpected(published.error());
    for (std::string line; std::getline(std::cin, line);) {
        if (line.starts_with("swaps ")) {
            const auto count = static_cast<uint32_t>(std::stoul(line.substr(6)));
            if (Result<void> done = measured.swaps(count); !done) return done;
        } else {
            const dataplane::api::Stats stats = (*forwarding)->read_stats();
            fmt::print("{} {}\n", stats.total.rx, stats.time_ns);
        }
        std::fflush(stdout);
    }
    forwarding->reset();
    return {};
}

}  // namespace
}  // namespace weir::perf

int main(int argc, char** argv) {
    spdlog::set_default_logger(spdlog::stderr_color_mt("pps_worker"));  // stdout is for rates
    if (argc < 6 || argc > 7) {
        fmt::print(stderr,
                   "usage: pps_worker VDEV pass|drop|OBJECT[:PROGRAM] CPUS[/QUEUES] HUGEPAGES(0|1) "
                   "RUN_DIR "
                   "[PREFIXES]\n");
        return 2;
    }
    const weir::Result<void> done = weir::perf::run(argc, argv);
    if (done) return 0;
    fmt::print(stderr, "pps_worker: {}\n", done.error().message);
    return weir::exit_status(done.error().kind);
}
