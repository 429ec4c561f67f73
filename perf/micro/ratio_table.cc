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

void RatioTable::ReportRuns(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.run_type == Run::RT_Aggregate || run.iterations == 0) continue;
        const std::string& name = run.run_name.function_name;
        const std::string program = name.substr(0, name.rfind('/'));
        if (std::ranges::find(programs_, program) == programs_.end()) programs_.push_back(program);
        times_[name].push_back(run.GetAdjustedCPUTime() / units_);
    }
}

void RatioTable::Finalize() {
    std::printf("%-28s", title_.c_str());
    for (const std::string& way : ways_) std::printf("  %29s", way.c_str());
    std::printf("\n");
    for (const std::string& program : programs_) print_row(program);
}

void RatioTable::print_row(const std::string& program) {
    std::printf("%-28s", program.c_str());
    double first = 0;
    for (const std::string& way : ways_) {
        std::vector<double>& times = times_[program + "/" + way];
        if (times.empty()) {
            std::printf("  %29s", "-");
            continue;
        }
        std::ranges::sort(times);
        const double middle = times[times.size() / 2];
        if (first == 0) first = middle;
        std::printf("  %7.2f [%6.2f-%6.2f] %5.2fx", middle, times.front(), times.back(),
                    middle / first);
    }
    std::printf("\n");
}

}  // namespace weir::perf
