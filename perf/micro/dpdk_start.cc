#include "perf/micro/dpdk_start.h"

#include <rte_eal.h>

#include <cstdio>
#include <string>
#include <vector>

namespace weir::perf {
namespace {

constexpr unsigned long kHugePages = 128;

bool has_huge_pages = false;

/// EAL can be started once only, so the huge pages are looked up first.
bool huge_pages_are_free() {
    FILE* file = std::fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
    unsigned long pages = 0;
    if (file == nullptr) return false;
    const bool read = std::fscanf(file, "%lu", &pages) == 1;
    std::fclose(file);
    return read && pages >= kHugePages;
}

}  // namespace

bool start_dpdk(const char* program) {
    std::vector<std::string> words = {program,          "-l",          "0", "--no-pci",
                                      "--no-telemetry", "--log-level", "4"};
    has_huge_pages = huge_pages_are_free();
    // DPDK 22.11 refuses --no-huge with --in-memory.
    if (has_huge_pages) {
        words.emplace_back("--in-memory");
    } else {
        words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", "512"});
    }
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) >= 0;
}

bool dpdk_has_huge_pages() {
    return has_huge_pages;
}

}  // namespace weir::perf
