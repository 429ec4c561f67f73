#include "dataplane/eal.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "dataplane/eal_log.h"
#include "dataplane/text.h"
#include "vm/base/limits.h"

namespace weir::dataplane {
namespace {

constexpr uint64_t kMemoryBytesMin = 32u << 20;
constexpr uint64_t kMemoryBytesMax = 1ull << 40;
constexpr uint32_t kWorkersOfEalMax = RTE_MAX_LCORE - 1;  ///< one lcore is the control thread's

std::vector<uint32_t> allowed_cpus() {
    std::vector<uint32_t> cpus;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

/// "0-3,6" for people.
std::string cpu_ranges(const std::vector<uint32_t>& cpus) {
    std::string text;
    for (size_t i = 0; i < cpus.size();) {
        size_t end = i;
        while (end + 1 < cpus.size() && cpus[end + 1] == cpus[end] + 1) ++end;
        text += fmt::format("{}{}", text.empty() ? "" : ",", cpus[i]);
        if (end > i) text += fmt::format("-{}", cpus[end]);
        i = end + 1;
    }
    return text;
}

Result<std::string> lcore_map(const api::Configure& configure, const Machine& machine) {
    if (configure.lcores.empty())
        return fail(ErrorKind::kInvalid, "workers.lcores: empty, expected at least one CPU");
    if (configure.lcores.size() > std::min(kWorkersOfEalMax, kWorkersMax)) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("workers.lcores: {} workers, at most {} are possible",
                                configure.lcores.size(), std::min(kWorkersOfEalMax, kWorkersMax)));
    }
    std::string map;
    for (size_t i = 0; i < configure.lcores.size(); ++i) {
        const uint32_t cpu = configure.lcores[i];
        if (std::ranges::find(machine.cpus, cpu) == machine.cpus.end()) {
            return fail(
                ErrorKind::kInvalid,
                fmt::format("workers.lcores: CPU {} does not exist or is not open to this process; "
                            "it may use {}",
                            cpu, cpu_ranges(machine.cpus)));
        }
        map += fmt::format("{}@{},", i, cpu);
    }
    return map + fmt::format("{}@({})", configure.lcores.size(), join(machine.cpus, ","));
}

/// Hugepages or not. `auto` takes them when enough are free and says so when not.
Result<bool> choose_hugepages(const api::Configure& configure, const Machine& machine,
                              std::vector<std::string>& warnings) {
    if (configure.hugepages == api::HugepageMode::Off) return false;
    const uint64_t page_bytes = std::max<uint64_t>(machine.hugepage_bytes, 1);
    const uint64_t needed = (configure.memory_bytes + page_bytes - 1) / page_bytes;
    if (machine.hugepage_bytes != 0 && machine.hugepages_free >= needed) return true;
    const std::string what = fmt::format(
        "{} hugepages of {} KiB are free, memory.size asks for {}; `sysctl -w vm.nr_hugepages={}`",
        machine.hugepages_free, machine.hugepage_bytes >> 10, needed, needed);
    if (configure.hugepages == api::HugepageMode::Required) {
        return fail(ErrorKind::kResource, "memory.hugepages: required, but " + what);
    }
    warnings.push_back("running without hugepages, so slower: " + what);
    return false;
}

/// A memif device without copies shares all of the packet memory with its peer, by one descriptor.
bool shares_memory(const api::PortConfig& port) {
    return port.device.starts_with("net_memif") &&
           port.device.find("zero-copy=yes") != std::string::npos;
}

void remove_if_empty(const std::string& path) {
    rmdir(path.c_str());
}

}  // namespace

Machine read_machine() {
    Machine machine;
    machine.cpus = allowed_cpus();
    std::ifstream meminfo("/proc/meminfo");
    std::string key;
    uint64_t value = 0;
    while (meminfo >> key >> value) {
        if (key == "HugePages_Free:") machine.hugepages_free = value;
        if (key == "Hugepagesize:") machine.hugepage_bytes = value << 10;
        meminfo.ignore(64, '\n');
    }
    return machine;
}

std::string eal_file_prefix(const std::string& run_dir) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : run_dir) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return fmt::format("weir_{:016x}", hash);
}

Result<EalPlan> eal_plan(const api::Configure& configure,
                         const std::vector<std::string>& pci_addresses,
                         const std::string& file_prefix, const Machine& machine) {
    const Result<std::string> lcores = lcore_map(configure, machine);
    if (!lcores) return std::unexpected(lcores.error());
    if (configure.memory_bytes < kMemoryBytesMin || configure.memory_bytes > kMemoryBytesMax) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("memory.size: {} bytes, expected {} MiB to {} MiB", configure.memory_bytes,
                        kMemoryBytesMin >> 20, kMemoryBytesMax >> 20));
    }
    EalPlan plan;
    const Result<bool> hugepages = choose_hugepages(configure, machine, plan.warnings);
    if (!hugepages) return std::unexpected(hugepages.error());
    plan.uses_hugepages = *hugepages;
    plan.arguments = {"weir-dataplane",
                      "--lcores",
                      *lcores,
                      "--main-lcore",
                      std::to_string(configure.lcores.size()),
                      "--file-prefix",
                      file_prefix,
                      "--no-telemetry"};
    const auto sharing = std::ranges::find_if(configure.ports, shares_memory);
    if (sharing != configure.ports.end()) {
        if (!plan.uses_hugepages)
            return fail(ErrorKind::kResource,
                        fmt::format("ports.{}: device '{}': zero-copy needs hugepages; reserve "
                                    "them, or leave zero-copy away",
                                    sharing->name, sharing->device));
        plan.arguments.emplace_back("--single-file-segments");
    }
    if (plan.uses_hugepages) {
        plan.arguments.emplace_back(
            "--in-memory");  // no file of it is ever seen, so none is left behind
    } else {
        plan.arguments.insert(plan.arguments.end(), {"--no-huge", "--no-shconf"});
    }
    plan.arguments.insert(plan.arguments.end(),
                          {"-m", std::to_string(configure.memory_bytes >> 20)});
    if (pci_addresses.empty()) plan.arguments.emplace_back("--no-pci");
    for (const std::string& address : pci_addresses)
        plan.arguments.insert(plan.arguments.end(), {"-a", address});
    return plan;
}

Eal::Eal(std::string runtime_dir) : runtime_dir_(std::move(runtime_dir)) {}

Result<std::unique_ptr<Eal>> Eal::start(const EalPlan& plan, const std::string& run_dir,
                                        const std::string& file_prefix) {
    static bool started = false;
    if (started) return fail(ErrorKind::kInvalid, "EAL was started before in this process");
    started = true;
    EalLog& log = EalLog::install();
    const size_t mark = log.mark();
    setenv("RUNTIME_DIRECTORY", run_dir.c_str(), 1);  // where EAL makes "dpdk/PREFIX"
    std::vector<std::string> texts = plan.arguments;
    std::vector<char*> arguments;
    for (std::string& text : texts) arguments.push_back(text.data());
    int parsed = 0;
    {
        const StderrCapture capture;
        parsed = rte_eal_init(static_cast<int>(arguments.size()), arguments.data());
    }
    if (parsed < 0) {
        const std::string cause = log.cause_since(mark);
        return fail(ErrorKind::kResource,
                    fmt::format("DPDK's EAL does not start ({}): {}", rte_strerror(rte_errno),
                                cause.empty() ? fmt::format("{}", join(texts, " ")) : cause));
    }
    return std::unique_ptr<Eal>(new Eal(run_dir + "/dpdk/" + file_prefix));
}

Eal::~Eal() {
    const StderrCapture capture;
    rte_eal_cleanup();
    remove_if_empty(runtime_dir_);
    remove_if_empty(runtime_dir_.substr(0, runtime_dir_.rfind('/')));
}

}  // namespace weir::dataplane
