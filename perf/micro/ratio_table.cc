#include "perf/micro/ratio_table.h"

#include <algorithm>
#include <cstdio>

namespace weir::perf {

void initialize(int argc, char** argv) {
    static std::string min_time = "--benchmark_min_time=0.05";
    static std::string repetitions = "--benchmark_repetitions=9";
    std::vector<char*> arguments = {argv[0], min_time.data(), repetitions.data()};
    arguments.insert(arguments.end(), argv + 1, argv + argc);  // the last of two options holds
    auto count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
}

void RatioTable::add(const std::string& program, const std::string& way, double time) {
    if (std::ranges::find(programs_, program) == programs_.end()) programs_.push_back(program);
    times_[program + "/" + way].push_back(time / units_);
}

void RatioTable::ReportRuns(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.error_occurred) errors_.push_back(run.benchmark_name() + ": " + run.error_message);
        if (run.run_type == Run::RT_Aggregate || run.iterations == 0) continue;
        const std::string& name = run.run_name.function_name;
        const size_t slash = name.rfind('/');
        const bool by_hand = run.run_name.time_type == "manual_time";
        add(name.substr(0, slash), name.substr(slash + 1),
            by_hand ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime());
    }
}

void RatioTable::Finalize() {
    size_t longest = 28;
    for (const std::string& program : programs_) longest = std::max(longest, program.size());
    const auto width = static_cast<int>(longest);
    std::printf("%-*s", width, title_.c_str());
    for (const std::string& way : ways_) std::printf("  %35s", way.c_str());
    std::printf("\n");
    for (const std::string& program : programs_) print_row(program, width);
    for (const std::string& error : errors_) std::printf("%s\n", error.c_str());
}

void RatioTable::print_row(const std::string& program, int width) {
    std::printf("%-*s", width, program.c_str());
    double first = 0;
    for (const std::string& way : ways_) {
        std::vector<double>& times = times_[program + "/" + way];
        if (times.empty()) {
            std::printf("  %35s", "-");
            continue;
        }
        std::ranges::sort(times);
        const double middle = times[times.size() / 2];
        if (first == 0) first = middle;
        std::printf("  %9.2f [%8.2f-%8.2f] %5.2fx", middle, times.front(), times.back(),
                    middle / first);
    }
    std::printf("\n");
}

}  // namespace weir::perf
