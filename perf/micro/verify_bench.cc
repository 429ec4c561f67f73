// The verifier against the live kernel's, on the same objects in one run: the corpus' large
// programs, those others of it that have more than 200 instructions, or the objects named as
// arguments. Two tables: times with ratios to what the kernel's verifier says it took, and what
// either had to walk and to keep. Each program is verified until --runs runs are done, of slow ones
// at least three. Times are the thread's on the processor, so that a busy machine does not count.
// Ours is vm::verify alone; linking is load_bench's subject. Where the kernel gives up at its limit
// of a million instructions, its time is that of giving up.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perf/micro/counted_heap.h"
#include "perf/micro/kernel_verifier.h"
#include "perf/micro/ratio_table.h"
#include "perf/micro/thread_cpu.h"
#include "tests/support/corpus_cases.h"
#include "tests/support/kernel_runner.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

using namespace weir;

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRunsDefault = 9, kRunsMin = 3;
constexpr double kSecondsMax = 0.5;    ///< of one program, once it has run kRunsMin times
constexpr size_t kSmallInsns = 200;    ///< of the rest of the corpus only what is larger
constexpr size_t kLargeInsns = 1'000;  ///< what the summary judges
constexpr double kNsPerUs = 1'000;
constexpr double kKiB = 1'024;

struct Arguments {
    size_t runs = kRunsDefault;
    std::vector<std::string> objects;
};

struct Row {
    std::string name;
    size_t insns = 0;
    bool accepted = false;
    std::string reason;
    uint64_t visited_insns = 0, bytes_peak = 0;
    std::vector<double> verify_ns;
    std::optional<perf::KernelVerification> kernel;
};

std::optional<Arguments> parse_arguments(int argc, char** argv) {
    Arguments arguments;
    for (int at = 1; at < argc; ++at) {
        const std::string_view word = argv[at];
        if (!word.starts_with("--")) {
            arguments.objects.emplace_back(word);
            continue;
        }
        if (word != "--runs" || ++at == argc) return std::nullopt;
        const std::string_view number = argv[at];
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), arguments.runs);
        if (error != std::errc() || end != number.data() + number.size() || arguments.runs == 0)
            return std::nullopt;
    }
    return arguments;
}

Bytes read_bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The corpus by one compiler: the verdict does not depend on it, nor does the time by much.
std::vector<std::string> corpus_paths() {
    const std::string folder = WEIR_CORPUS_DIR, level = "clang-19.v3";
    std::vector<std::string> paths;
    for (const tests::CorpusObject& object : tests::corpus_objects(folder + "/large"))
        if (object.level == level) paths.push_back(object.path);
    for (const tests::CorpusObject& object : tests::all_corpus_objects(folder))
        if (object.level == level) paths.push_back(object.path);
    return paths;
}

/// "balancer-80.clang-19.v3/balancer"
std::string row_name(const std::string& path, const std::string& program) {
    const std::string file = path.substr(path.rfind('/') + 1);
    return file.substr(0, file.rfind(".o")) + "/" + program;
}

Row verify_ours(const vm::ProgramSpec& program, size_t runs) {
    Row row;
    row.insns = program.insns.size();
    const auto keep = [&row](const std::expected<vm::Proof, vm::Rejection>& proof) {
        row.accepted = proof.has_value();
        if (proof)
            row.visited_insns = proof->visited_insns;
        else
            row.reason = fmt::format("{}: {}", proof.error().rule, proof.error().message);
    };
    {
        const perf::HeapPeak heap;
        keep(vm::verify(program));
        row.bytes_peak = heap.bytes();
    }
    const Clock::time_point first = Clock::now();
    for (size_t run = 0; run < runs; ++run) {
        const std::chrono::duration<double> spent = Clock::now() - first;
        if (run >= kRunsMin && spent.count() > kSecondsMax) break;
        const double start = perf::thread_cpu_ns();
        const auto proof = vm::verify(program);
        row.verify_ns.push_back(perf::thread_cpu_ns() - start);
        keep(proof);
    }
    return row;
}

/// Empty where our loader does not take the object; it says why.
std::vector<Row> measure_object(const std::string& path, const Arguments& arguments,
                                bool with_kernel) {
    std::vector<Row> rows;
    const auto object = vm::load_object(read_bytes(path), {.assume_entries_max = 1});
    if (!object) {
        fmt::print("{}: {}\n", path, object.error().message);
        return rows;
    }
    const bool named = !arguments.objects.empty() || path.find("/large/") != std::string::npos;
    for (const vm::ProgramSpec& program : object->programs) {
        if (!named && program.insns.size() <= kSmallInsns) continue;
        rows.push_back(verify_ours(program, arguments.runs));
        rows.back().name = row_name(path, program.name);
    }
    if (!with_kernel || rows.empty()) return rows;
    const auto theirs = perf::verify_in_kernel(path, arguments.runs, kSecondsMax);
    if (!theirs) return rows;
    for (Row& row : rows)
        for (const perf::KernelVerification& one : *theirs)
            if (row.name == row_name(path, one.program)) row.kernel = one;
    return rows;
}

double median(std::vector<double> times) {
    std::ranges::sort(times);
    return times[times.size() / 2];
}

void print_times(const std::vector<Row>& rows) {
    constexpr std::array<const char*, 3> kWays = {"kernel's verifier", "kernel's load", "weir"};
    perf::RatioTable table("us, median", kWays, kNsPerUs);
    for (const Row& row : rows) {
        if (row.kernel) {
            for (const double time : row.kernel->verify_ns) table.add(row.name, kWays[0], time);
            for (const double time : row.kernel->load_ns) table.add(row.name, kWays[1], time);
        }
        for (const double time : row.verify_ns) table.add(row.name, kWays[2], time);
    }
    table.Finalize();
}

void print_costs(const std::vector<Row>& rows) {
    size_t width = 28;
    for (const Row& row : rows) width = std::max(width, row.name.size());
    fmt::print("\n{:<{}} {:>6}  {:>10} {:>10} {:>8}  {:>10} {:>10} {:>9}\n", "verdicts", width,
               "insns", "kernel", "processed", "states", "weir", "visited", "KiB peak");
    for (const Row& row : rows) {
        const auto& kernel = row.kernel;
        fmt::print("{:<{}} {:>6}  {:>10} {:>10} {:>8}  {:>10} {:>10} {:>9.0f}{}\n", row.name, width,
                   row.insns,
                   !kernel            ? "-"
                   : kernel->accepted ? "accepted"
                                      : "rejected",
                   kernel ? kernel->processed_insns : 0, kernel ? kernel->states_peak : 0,
                   row.accepted ? "accepted" : "rejected", row.visited_insns,
                   static_cast<double>(row.bytes_peak) / kKiB,
                   row.accepted ? "" : "  " + row.reason);
    }
}

/// What the project promises: at most a third of the kernel's time above a thousand instructions.
void print_summary(const std::vector<Row>& rows) {
    size_t ours = 0, theirs = 0, theirs_alone = 0, slow = 0;
    std::vector<double> ratios;
    uint64_t bytes_peak = 0;
    for (const Row& row : rows) {
        ours += row.accepted;
        bytes_peak = std::max(bytes_peak, row.bytes_peak);
        if (!row.kernel) continue;
        theirs += row.kernel->accepted;
        theirs_alone += row.kernel->accepted && !row.accepted;
        if (row.insns <= kLargeInsns || !row.accepted || !row.kernel->accepted) continue;
        ratios.push_back(median(row.verify_ns) / median(row.kernel->verify_ns));
        slow += ratios.back() > 1.0 / 3;
    }
    fmt::print(
        "\n{} of {} programs accepted, {} by the kernel, {} by the kernel alone; {:.1f} MiB "
        "at most\n",
        ours, rows.size(), theirs, theirs_alone, static_cast<double>(bytes_peak) / kKiB / kKiB);
    if (ratios.empty()) return;
    fmt::print(
        "above {} instructions and accepted by both: {} programs, weir / kernel's verifier "
        "{:.2f} in the median, {:.2f} at worst, {} over a third\n",
        kLargeInsns, ratios.size(), median(ratios), *std::ranges::max_element(ratios), slow);
}

}  // namespace

int main(int argc, char** argv) {
    const auto arguments = parse_arguments(argc, argv);
    if (!arguments) {
        fmt::print(stderr, "usage: verify_bench [--runs N] [OBJ...]\n");
        return 2;
    }
    const auto missing = tests::kernel_missing();
    if (missing) fmt::print("without the kernel's times: {}\n", *missing);
    std::vector<Row> rows;
    for (const std::string& path : arguments->objects.empty() ? corpus_paths() : arguments->objects)
        std::ranges::move(measure_object(path, *arguments, !missing), std::back_inserter(rows));
    if (rows.empty()) {
        fmt::print(stderr, "no program was verified\n");
        return 1;
    }
    print_times(rows);
    print_costs(rows);
    print_summary(rows);
    return 0;
}
