#pragma once
// Benchmarks that do the same in several ways, side by side: names are "<program>/<way>", and the
// table at the end gives medians, ranges and ratios to the first way, all of one run.

#include <benchmark/benchmark.h>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace weir::perf {

/// benchmark::Initialize with nine repetitions of 50 ms, unless the command line says otherwise.
void initialize(int argc, char** argv);

/// Holds nothing back: the table comes when all have run. A way that a program has not got is left
/// out of its row. Times are processor time, or what the benchmark measured itself (UseManualTime).
class RatioTable : public benchmark::ConsoleReporter {
public:
    /// Times are divided by `units`, which `title` names: "ns per packet".
    RatioTable(std::string title, std::span<const char* const> ways, double units)
        : title_(std::move(title)), ways_(ways.begin(), ways.end()), units_(units) {}

    /// One run that was measured elsewhere, in the same units before the division.
    void add(const std::string& program, const std::string& way, double time);
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override;

private:
    void print_row(const std::string& program, int width);

    std::string title_;
    std::vector<std::string> ways_;
    double units_;
    std::vector<std::string> errors_;    ///< of those that could not run
    std::vector<std::string> programs_;  ///< in the order in which they ran
    std::map<std::string, std::vector<double>> times_;
};

}  // namespace weir::perf
