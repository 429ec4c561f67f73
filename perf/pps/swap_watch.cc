#include "perf/pps/swap_watch.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir::perf {

uint64_t thread_wait_ns(const std::string& name) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string comm;
        std::getline(std::ifstream(task.path() / "comm"), comm);
        if (comm != name) continue;
        uint64_t ran_ns = 0, waited_ns = 0;
        std::ifstream(task.path() / "schedstat") >> ran_ns >> waited_ns;
        return waited_ns;
    }
    fmt::print(stderr, "pps_worker: this process has no thread '{}'\n", name);
    std::exit(EXIT_FAILURE);
}

}  // namespace weir::perf
