// What machine code costs per packet beside native code of the same source, and beside others that
// run eBPF. Sides take turns in one process; tables give medians with quartiles.

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "perf/micro/dpdk_start.h"
#include "perf/micro/jit/compile_table.h"
#include "perf/micro/jit/kernel.h"
#include "perf/micro/jit/programs_table.h"
#include "perf/micro/jit/tables_table.h"

namespace weir::perf {
namespace {

constexpr Pace kUsual = {.rounds = 25, .turn_ns = 2e6};
constexpr Pace kOnce = {.rounds = 1, .turn_ns = 1e5};

struct Options {
    Pace pace = kUsual;
    TableSizes sizes = TableSizes::Large;
    std::string only;  ///< empty: all parts
    std::string markdown;

    bool has(std::string_view part) const { return only.empty() || only == part; }
};

constexpr const char* kUsage =
    "usage: jit_bench [--once] [--only PART] [--rounds N] [--markdown FILE]\n"
    "  --once       each row once and short, with small tables, to see that it works\n"
    "  --only PART  programs, compiler or tables\n"
    "  --rounds N   turns of each side (25)\n";

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (word == "--once") {
            options.pace = kOnce;
            options.sizes = TableSizes::Small;
        } else if (word == "--only" && value != nullptr) {
            options.only = argv[++i];
        } else if (word == "--rounds" && value != nullptr) {
            options.pace.rounds = static_cast<uint32_t>(std::max(std::atoi(argv[++i]), 1));
        } else if (word == "--markdown" && value != nullptr) {
            options.markdown = argv[++i];
        } else {
            std::fputs(kUsage, stderr);
            std::exit(2);
        }
    }
    return options;
}

void write(FILE* file, const std::vector<Table>& tables) {
    for (const Table& table : tables) {
        write_markdown(stdout, table);
        if (file != nullptr) write_markdown(file, table);
    }
}

/// DPDK binds the thread that starts it to a core: here it is a guest only.
bool start_dpdk_beside(const char* program) {
    cpu_set_t before;
    const bool known = ::sched_getaffinity(0, sizeof before, &before) == 0;
    const bool started = start_dpdk(program);
    if (known) ::sched_setaffinity(0, sizeof before, &before);
    if (!started) std::puts("DPDK: it does not start here");
    return started;
}

}  // namespace
}  // namespace weir::perf

int main(int argc, char** argv) {
    using namespace weir::perf;
    const Options options = parse(argc, argv);
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2")) {
        std::puts("the native side is compiled for x86-64-v3, which this processor is not");
        return 0;
    }
    FILE* const file =
        options.markdown.empty() ? nullptr : std::fopen(options.markdown.c_str(), "we");
    if (options.has("programs")) write(file, programs_tables(measure_programs(options.pace)));
    if (options.has("compiler"))
        write(file, compiler_tables(measure_compiler(options.pace.rounds)));
    if (options.has("tables")) {
        const bool with_dpdk = start_dpdk_beside(argv[0]);
        write(file, tables_tables(measure_tables(options.pace, options.sizes, with_dpdk)));
    }
    if (!kernel_missing().empty()) std::puts(kernel_missing().c_str());
    if (file != nullptr) std::fclose(file);
    return 0;
}
