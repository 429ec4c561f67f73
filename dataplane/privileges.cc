#include "dataplane/privileges.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "dataplane/links_thread.h"

namespace weir::dataplane {
namespace {

using Clock = std::chrono::steady_clock;
using Capabilities = __user_cap_data_struct[_LINUX_CAPABILITY_U32S_3];

constexpr auto kPatience = std::chrono::seconds(2);  ///< a thread that gets a CPU answers at once

int signal_number() {
    return SIGRTMIN + 5;
}

constexpr uint64_t bit(int capability) {
    return uint64_t{1} << capability;
}

bool set_capabilities(uint64_t effective, uint64_t permitted) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Capabilities data{};
    for (int half = 0; half < 2; ++half) {
        data[half].effective = static_cast<uint32_t>(effective >> (32 * half));
        data[half].permitted = static_cast<uint32_t>(permitted >> (32 * half));
    }
    return ::syscall(SYS_capset, &header, data) == 0;
}

uint64_t permitted_now() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Capabilities data{};
    if (::syscall(SYS_capget, &header, data) != 0) return 0;
    return uint64_t{data[1].permitted} << 32 | data[0].permitted;
}

/// On each thread, so system calls alone.
void give_up_all(int) {
    const int error = errno;
    const bool sets_links = ::syscall(SYS_gettid) == links_thread.load(std::memory_order_relaxed);
    const uint64_t kept = sets_links ? bit(CAP_NET_ADMIN) & permitted_now() : 0;
    ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    set_capabilities(kept, kept);
    errno = error;
}

struct Thread {
    pid_t id = 0;
    std::string name;
};

std::string status_field(const std::string& status_file, const std::string& field) {
    std::ifstream status(status_file);
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(field + ":\t")) return line.substr(field.size() + 2);
    return "";  // the thread has ended
}

/// May the thread do more than it should, by its CapPrm in hex?
bool has_too_much(pid_t id, const std::string& permitted) {
    const uint64_t held = std::strtoull(permitted.c_str(), nullptr, 16);
    const bool sets_links = id == links_thread.load(std::memory_order_relaxed);
    return (held & ~(sets_links ? bit(CAP_NET_ADMIN) : 0)) != 0;
}

/// Threads besides the caller that may do more than nothing, and the one that sets links than that.
std::vector<Thread> privileged_threads() {
    std::vector<Thread> found;
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", problem)) {
        const pid_t id = std::atoi(entry.path().filename().c_str());
        if (id == ::syscall(SYS_gettid)) continue;
        const std::string status = entry.path() / "status";
        const std::string permitted = status_field(status, "CapPrm");
        if (has_too_much(id, permitted)) found.push_back({id, status_field(status, "Name")});
    }
    return found;
}

Result<void> make_others_give_up() {
    struct sigaction action{};
    action.sa_handler = give_up_all;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    ::sigaction(signal_number(), &action, nullptr);
    const Clock::time_point deadline = Clock::now() + kPatience;
    std::vector<Thread> left = privileged_threads();
    for (; !left.empty() && Clock::now() < deadline; left = privileged_threads()) {
        for (const Thread& thread : left)
            ::syscall(SYS_tgkill, ::getpid(), thread.id, signal_number());
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (left.empty()) return {};
    std::string names;
    for (const Thread& thread : left) names += (names.empty() ? "" : ", ") + thread.name;
    return fail(ErrorKind::kResource, "threads that keep their privileges: " + names);
}

}  // namespace

Result<void> give_up_privileges(const PrivilegeNeeds& needs) {
    uint64_t effective = bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW);
    if (needs.foreign_run_dir) effective |= bit(CAP_DAC_OVERRIDE);
    uint64_t permitted = effective;
    if (needs.has_xdp)
        permitted |= bit(CAP_SYS_ADMIN) | bit(CAP_BPF) | bit(CAP_IPC_LOCK) | bit(CAP_SYS_RESOURCE);
    const uint64_t had = permitted_now();
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!set_capabilities(effective & had, permitted & had))
        return fail(ErrorKind::kResource, fmt::format("capset: {}", std::strerror(errno)));
    return make_others_give_up();
}

void raise_privileges() {
    const uint64_t permitted = permitted_now();
    set_capabilities(permitted, permitted);
}

}  // namespace weir::dataplane
