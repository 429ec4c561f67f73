// What machine code costs per packet beside native code of the same source, and beside others that
// run eBPF. Sides take turns in one process; tables give medians with quartiles.

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perf/micro/dpdk_start.h"
#include "perf/micro/jit/compile_table.h"
#include "perf/micro/jit/kernel.h"
#include "perf/micro/jit/plot.h"
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
    std::string markdown, svg;

    bool has(std::string_view part) const { return only.empty() || only == part; }
};

constexpr const char* kUsage =
    "usage: jit_bench [--once] [--only PART] [--rounds N] [--markdown FILE] [--svg FILE]\n"
    "  --once       each row once and short, with small tables, to see that it works\n"
    "  --only PART  programs, compiler or tables\n"
    "  --rounds N   turns of each side (25)\n"
    "  --markdown FILE, --svg FILE  tables and a plot into files\n";

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
        } else if (word == "--svg" && value != nullptr) {
            options.svg = argv[++i];
        } else {
            std::fputs(kUsage, stderr);
            std::exit(2);
        }
    }
    return options;
}

/// nullptr where none is wanted.
FILE* open_to_write(const std::string& path) {
    if (path.empty()) return nullptr;
    FILE* const file = std::fopen(path.c_str(), "we");
    if (file == nullptr) {
        std::perror(path.c_str());
        std::exit(2);
    }
    return file;
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

/// Tables go out as soon as they are there, the plot when all is.
class Output {
public:
    explicit Output(const Options& options)
        : markdown_(open_to_write(options.markdown)), svg_(open_to_write(options.svg)) {}
    ~Output() {
        if (svg_ != nullptr) {
            write_svg(svg_, panels_);
            std::fclose(svg_);
        }
        if (markdown_ != nullptr) std::fclose(markdown_);
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void add(const std::vector<Table>& tables) {
        for (const Table& table : tables) {
            write_markdown(stdout, table);
            if (markdown_ != nullptr) write_markdown(markdown_, table);
        }
    }
    void add(Panel panel) { panels_.push_back(std::move(panel)); }

private:
    FILE *markdown_, *svg_;
    std::vector<Panel> panels_;
};

void run(const Options& options, const char* program) {
    Output output(options);
    if (options.has("programs")) {
        const Measurements measured = measure_programs(options.pace);
        output.add(programs_tables(measured));
        output.add(programs_panel(measured));
    }
    if (options.has("compiler")) output.add(compiler_tables(measure_compiler(options.pace.rounds)));
    if (options.has("tables")) {
        const bool with_dpdk = start_dpdk_beside(program);
        const Measurements measured = measure_tables(options.pace, options.sizes, with_dpdk);
        output.add(tables_tables(measured));
        output.add(tables_panel(measured));
    }
    if (!kernel_missing().empty()) std::puts(kernel_missing().c_str());
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
    run(options, argv[0]);
    return 0;
}
