// Checks of the machine itself.

#include <fmt/core.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "controlplane/cli/child.h"
#include "controlplane/cli/doctor_checks.h"
#include "controlplane/config/parse.h"
#include "controlplane/config/units.h"

namespace weir::controlplane::cli {
namespace {

namespace fs = std::filesystem;

// linux/capability.h
constexpr int kCapNetAdmin = 12, kCapNetRaw = 13, kCapIpcLock = 14, kCapSysAdmin = 21;

/// The number behind "KEY:" in a file of /proc.
uint64_t number_in(const char* path, std::string_view key, int base) {
    std::ifstream stream(path);
    for (std::string line; std::getline(stream, line);)
        if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, base);
    return 0;
}

bool has_capability(int number) {
    return ((number_in("/proc/self/status", "CapEff:", 16) >> number) & 1) != 0;
}

}  // namespace

bool uses_driver(const Config& config, std::string_view driver) {
    return std::any_of(config.ports.begin(), config.ports.end(), [&](const PortConfig& port) {
        return port.device.value.starts_with(driver);
    });
}

bool uses_pci(const Config& config) {
    return std::any_of(config.ports.begin(), config.ports.end(), [](const PortConfig& port) {
        return !port.device.value.starts_with("net_");
    });
}

Finding check_cpu() {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2"))
        return {"cpu", Health::Good,
                fmt::format("x86-64 with SSE4.2, {} cores online", sysconf(_SC_NPROCESSORS_ONLN)),
                ""};
    return {"cpu", Health::Wrong, "no SSE4.2, which DPDK needs",
            "use another CPU model; in a virtual machine, pass the host's CPU through"};
}

Finding check_lcores(const Config& config) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    std::string missing, all;
    for (const uint32_t lcore : config.workers.lcores.value) {
        std::string& list = lcore < CPU_SETSIZE && CPU_ISSET(lcore, &allowed) ? all : missing;
        list += (list.empty() ? "" : ",") + std::to_string(lcore);
    }
    if (missing.empty()) return {"lcores", Health::Good, "workers on " + all, ""};
    std::string usable;
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed)) usable += (usable.empty() ? "" : ",") + std::to_string(cpu);
    return {"lcores", Health::Wrong,
            fmt::format("workers.lcores names {}, which this process may not run on", missing),
            fmt::format("use some of {}, or widen the CPU set (taskset, cgroup)", usable)};
}

Finding check_hugepages(const Config* config) {
    const uint64_t free_pages = number_in("/proc/meminfo", "HugePages_Free:", 10);
    const uint64_t page_kib = number_in("/proc/meminfo", "Hugepagesize:", 10);
    const uint64_t free_mib = free_pages * page_kib / 1024;
    const uint64_t wanted_mib = config == nullptr ? 512 : config->memory.size_bytes >> 20;
    const uint64_t wanted_pages = page_kib == 0 ? 0 : (wanted_mib * 1024 + page_kib - 1) / page_kib;
    const std::string message = fmt::format("{} MiB free, {} MiB wanted", free_mib, wanted_mib);
    const auto mode =
        config == nullptr ? dataplane::api::HugepageMode::Auto : config->memory.hugepages;
    if (mode == dataplane::api::HugepageMode::Off)
        return {"hugepages", Health::Good, "not wanted (memory.hugepages: off)", ""};
    if (free_mib >= wanted_mib) return {"hugepages", Health::Good, message, ""};
    const std::string remedy = fmt::format("echo {} > /proc/sys/vm/nr_hugepages", wanted_pages);
    if (mode == dataplane::api::HugepageMode::Required)
        return {"hugepages", Health::Wrong, message + " (required)", remedy};
    return {"hugepages", Health::Note, message + ": it runs on ordinary pages, slower", remedy};
}

Finding check_privileges(const Config* config) {
    const bool needs = config == nullptr || uses_pci(*config) || uses_driver(*config, "net_af_") ||
                       uses_driver(*config, "net_tap");
    if (geteuid() == 0 && has_capability(kCapNetAdmin))
        return {"privileges", Health::Good, "root", ""};
    std::string missing;
    for (const auto& [number, name] :
         {std::pair{kCapNetAdmin, "CAP_NET_ADMIN"}, std::pair{kCapNetRaw, "CAP_NET_RAW"},
          std::pair{kCapIpcLock, "CAP_IPC_LOCK"}, std::pair{kCapSysAdmin, "CAP_SYS_ADMIN"}})
        if (!has_capability(number)) missing += (missing.empty() ? "" : ", ") + std::string(name);
    if (missing.empty())
        return {"privileges", Health::Good, "the capabilities that devices need", ""};
    if (!needs)
        return {"privileges", Health::Good, "none, and the ports of this configuration need none",
                ""};
    return {"privileges", config == nullptr ? Health::Note : Health::Wrong, "missing " + missing,
            "run as root, or give weir-dataplane these capabilities (setcap); net_pcap and "
            "net_null ports need none"};
}

Finding check_af_xdp(const Config* config) {
    constexpr int kAfXdp = 44;
    const bool needed = config != nullptr && uses_driver(*config, "net_af_xdp");
    const int fd = socket(kAfXdp, SOCK_RAW | SOCK_CLOEXEC, 0);
    const int error = errno;
    if (fd >= 0) {
        close(fd);
        return {"af_xdp", Health::Good, "the kernel offers AF_XDP sockets", ""};
    }
    if (error == EPERM || error == EACCES)
        return {"af_xdp", needed ? Health::Wrong : Health::Note, "AF_XDP sockets need privileges",
                "run as root or with CAP_NET_RAW"};
    return {"af_xdp", needed ? Health::Wrong : Health::Note,
            fmt::format("no AF_XDP sockets: {}", std::strerror(error)),
            "use a kernel with CONFIG_XDP_SOCKETS (4.18 or later), or net_af_packet ports"};
}

Finding check_drivers(const Config* config) {
    std::vector<std::string> wanted = {"net_af_xdp", "net_af_packet", "net_pcap", "net_null"};
    if (config != nullptr) {
        wanted.clear();
        for (const PortConfig& port : config->ports) {
            const std::string& device = port.device.value;
            if (device.starts_with("net_"))
                wanted.push_back(device.substr(0, device.find_first_of("0123456789,")));
        }
    }
    std::string missing, library_folder;
    std::error_code problem;
    for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/local/lib/x86_64-linux-gnu",
                               "/usr/lib64", "/usr/local/lib64"})
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem))
            if (entry.path().filename().string().starts_with("librte_eal.so"))
                library_folder = folder;
    if (library_folder.empty())
        return {"drivers", Health::Note,
                "DPDK's shared libraries were not found; a static build needs none", ""};
    for (const std::string& driver : wanted) {
        const bool found = std::any_of(
            fs::directory_iterator(library_folder, problem), fs::directory_iterator(),
            [&](const fs::directory_entry& entry) {
                return entry.path().filename().string().starts_with("librte_" + driver + ".so");
            });
        if (!found) missing += (missing.empty() ? "" : ", ") + driver;
    }
    if (missing.empty())
        return {"drivers", Health::Good, "DPDK's drivers are in " + library_folder, ""};
    return {"drivers", config == nullptr ? Health::Note : Health::Wrong,
            "no DPDK driver for " + missing,
            "install the package of DPDK's drivers (Debian: librte-net-…), or correct the device's "
            "name"};
}

Finding check_binaries() {
    std::string missing;
    for (const auto& [name, folder] :
         {std::pair{"weir-dataplane", "dataplane"}, std::pair{"weir-controlplane", "controlplane"}})
        if (find_beside(name, folder).empty())
            missing += (missing.empty() ? "" : ", ") + std::string(name);
    if (missing.empty())
        return {"binaries", Health::Good,
                "weir-dataplane and weir-controlplane are beside this program", ""};
    return {"binaries", Health::Wrong, missing + " is not beside this program",
            "build or install all of them in one place"};
}

}  // namespace weir::controlplane::cli
