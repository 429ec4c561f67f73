// What a program costs per packet in interpreters: C++ compiled with it (native), ours on proven
// programs, ours with every access checked, and DPDK's rte_bpf. The table at the end gives ratios
// to native, from medians of the same run. Packets lie in the first-level cache.

#include <benchmark/benchmark.h>
#include <rte_bpf.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "perf/micro/bench_frame.h"
#include "perf/micro/interp_programs.h"
#include "perf/micro/ratio_table.h"
#include "vm/base/check.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {
namespace {

constexpr size_t kPackets = 32;

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

void register_all() {
    for (const InterpProgram& program : interp_programs()) {
        check_same_verdicts(program);
        for (const Way way : {Way::kNative, Way::kProven, Way::kChecked, Way::kDpdk}) {
            const std::string name =
                std::string(program.name) + "/" + kWayNames[static_cast<size_t>(way)];
            benchmark::RegisterBenchmark(name.c_str(), [&program, way](benchmark::State& state) {
                bench_way(state, program, way);
            });
        }
    }
}

}  // namespace
}  // namespace weir::perf

int main(int argc, char** argv) {
    weir::perf::initialize(argc, argv);
    weir::perf::register_all();
    weir::perf::RatioTable table("ns per packet, median", weir::perf::kWayNames,
                                 weir::perf::kPackets);
    benchmark::RunSpecifiedBenchmarks(&table);
    return 0;
}
