// What a program costs per packet in interpreters: C++ compiled with it (native), ours on proven
// programs, ours with every access checked, and DPDK's rte_bpf. The table at the end gives ratios
// to native, from medians of the same run. Packets lie in the first-level cache.

#include <benchmark/benchmark.h>
#include <rte_bpf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "perf/micro/interp_programs.h"
#include "perf/micro/jit_programs.h"
#include "vm/base/check.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {
namespace {

constexpr size_t kPackets = 32;
constexpr int kRepetitions = 9;

enum class Way { kNative, kProven, kChecked, kDpdk };
constexpr std::array<const char*, 4> kWayNames = {"native", "interp", "checked", "rte_bpf"};

vm::ProgramSpec spec_of(const InterpProgram& program) {
    return {.name = "bench",
            .section = "xdp",
            .insns = program.insns(PacketIn::XdpMd),
            .subprograms = {{"bench", 0}}};
}

rte_bpf* load_dpdk(const InterpProgram& program) {
    static_assert(sizeof(ebpf_insn) == sizeof(vm::Insn));
    const std::vector<vm::Insn> insns = program.insns(PacketIn::R1);
    rte_bpf_prm parameters{};
    parameters.ins = reinterpret_cast<const ebpf_insn*>(insns.data());
    parameters.nb_ins = static_cast<uint32_t>(insns.size());
    parameters.prog_arg.type = RTE_BPF_ARG_PTR;
    parameters.prog_arg.size = sizeof(BenchFrame);
    return rte_bpf_load(&parameters);
}

struct Bench {
    explicit Bench(const InterpProgram& program)
        : native(program.native), dpdk(load_dpdk(program), rte_bpf_destroy) {
        const auto proof = vm::verify(spec_of(program));
        WEIR_CHECK(proof.has_value() && dpdk != nullptr);
        proven =
            std::make_unique<vm::VerifiedProgram>(vm::accept(spec_of(program), *proof).value());
        checked = vm::CheckedProgram::make(spec_of(program), {}, helpers).value();
        for (size_t i = 0; i < kPackets; ++i) {
            frames[i] = bench_frame(static_cast<uint32_t>(i));
            uint8_t* data = frames[i].data();
            contexts[i] = {data, data + frames[i].size(), data, data, data + frames[i].size(), 1, 0,
                           0};
        }
    }

    uint32_t run(Way way, size_t i) {
        switch (way) {
            case Way::kNative: return native(contexts[i].data, contexts[i].data_end);
            case Way::kProven: return vm::interpret(*proven, {}, helpers, contexts[i], env);
            case Way::kChecked: return vm::run_checked(*checked, contexts[i], env).retval;
            case Way::kDpdk:
                return static_cast<uint32_t>(rte_bpf_exec(dpdk.get(), frames[i].data()));
        }
        return 0;
    }
    void run_all(Way way) {
        for (size_t i = 0; i < kPackets; ++i) verdicts[i] = run(way, i);
    }

    uint32_t (*native)(const uint8_t* data, const uint8_t* end);
    std::unique_ptr<rte_bpf, void (*)(rte_bpf*)> dpdk;
    vm::HelperTable helpers;
    std::unique_ptr<vm::VerifiedProgram> proven;
    std::unique_ptr<vm::CheckedProgram> checked;
    std::array<BenchFrame, kPackets> frames;
    std::array<vm::XdpContext, kPackets> contexts;
    std::array<uint32_t, kPackets> verdicts{};
    vm::RunEnv env;
};

/// No ratio of programs that do different things.
void check_same_verdicts(const InterpProgram& program) {
    Bench bench(program);
    bench.run_all(Way::kNative);
    const auto wanted = bench.verdicts;
    for (const Way way : {Way::kProven, Way::kChecked, Way::kDpdk}) {
        bench.run_all(way);
        WEIR_CHECK(bench.verdicts == wanted);
    }
}

void bench_way(benchmark::State& state, const InterpProgram& program, Way way) {
    Bench bench(program);
    for (auto _ : state) {
        bench.run_all(way);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPackets));
}

/// Shows every row as it comes, then the table.
class RatioReporter : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            if (run.run_type == Run::RT_Aggregate || run.iterations == 0) continue;
            times_[run.run_name.function_name].push_back(run.GetAdjustedCPUTime() /
                                                         static_cast<double>(kPackets));
        }
    }
    void Finalize() override {
        std::printf("%-24s %26s %26s %26s %26s\n", "ns per packet, median", kWayNames[0],
                    kWayNames[1], kWayNames[2], kWayNames[3]);
        for (const InterpProgram& program : interp_programs()) print_row(program.name);
    }

private:
    void print_row(const std::string& name) {
        const double native = median(name + "/" + kWayNames[0]);
        std::printf("%-24s", name.c_str());
        for (const char* way : kWayNames) {
            const double middle = median(name + "/" + way);  // sorts
            const std::vector<double>& times = times_[name + "/" + way];
            if (times.empty()) continue;
            std::printf("  %6.2f [%6.2f-%6.2f] %5.2fx", middle, times.front(), times.back(),
                        middle / native);
        }
        std::printf("\n");
    }
    double median(const std::string& name) {
        std::vector<double>& times = times_[name];
        if (times.empty()) return 0;
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    }

    std::map<std::string, std::vector<double>> times_;
};

void register_all() {
    for (const InterpProgram& program : interp_programs()) {
        check_same_verdicts(program);
        for (const Way way : {Way::kNative, Way::kProven, Way::kChecked, Way::kDpdk}) {
            const std::string name =
                std::string(program.name) + "/" + kWayNames[static_cast<size_t>(way)];
            benchmark::RegisterBenchmark(
                name.c_str(),
                [&program, way](benchmark::State& state) { bench_way(state, program, way); })
                ->Repetitions(kRepetitions)
                ->MinTime(0.05);
        }
    }
}

}  // namespace
}  // namespace weir::perf

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    weir::perf::register_all();
    weir::perf::RatioReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    return 0;
}
