// What machine code costs per packet beside native code of the same source, and beside others that
// run eBPF. Sides take turns in one process; tables give medians with quartiles.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "perf/micro/jit/kernel.h"
#include "perf/micro/jit/programs_table.h"

namespace weir::perf {
namespace {

constexpr Pace kUsual = {.rounds = 25, .turn_ns = 2e6};
constexpr Pace kOnce = {.rounds = 1, .turn_ns = 1e5};

struct Options {
    Pace pace = kUsual;
    std::string markdown;
};

constexpr const char* kUsage =
    "usage: jit_bench [--once] [--rounds N] [--markdown FILE]\n"
    "  --once       each row once and short, to see that it works\n"
    "  --rounds N   turns of each side (25)\n";

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (word == "--once") {
            options.pace = kOnce;
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
    const Measurements programs = measure_programs(options.pace);
    for (const Table& table : programs_tables(programs)) {
        write_markdown(stdout, table);
        if (file != nullptr) write_markdown(file, table);
    }
    if (!kernel_missing().empty()) std::puts(kernel_missing().c_str());
    if (file != nullptr) std::fclose(file);
    return 0;
}
