// What a program costs per packet: C++ compiled with it (native), machine code one packet at a
// time, over a burst, and the interpreter. Rows of one program stand beside each other; the table
// at the end gives ratios to native, from medians of the same run. Packets lie in the first-level
// cache.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/micro/jit_programs.h"
#include "perf/micro/ratio_table.h"
#include "vm/base/check.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {
namespace {

constexpr size_t kBurstPackets = 32;

enum class Way { kNative, kSingle, kBurst, kInterp };
constexpr std::array<const char*, 4> kWayNames = {"native", "jit", "jit burst", "interp"};

/// Thirty-two frames, a program compiled both ways, and its maps.
struct Bench {
    explicit Bench(const BenchProgram& program) : native(program.native) {
        for (const vm::MapSpec& map : program.spec.maps)
            maps.push_back(maps::create_map(map, 1).value());
        for (const auto& map : maps) pointers.push_back(map.get());
        program.fill(pointers);
        const auto proof = vm::verify(program.spec);
        if (!proof) std::fprintf(stderr, "%s: %s\n", program.name, proof.error().message.c_str());
        WEIR_CHECK(proof.has_value());
        const auto verified =
            std::make_shared<const vm::VerifiedProgram>(vm::accept(program.spec, *proof).value());
        machine = jit::compile(verified, pointers, maps::all_helpers(), jit::Engine::kJit).value();
        interp =
            jit::compile(verified, pointers, maps::all_helpers(), jit::Engine::kInterp).value();
        for (size_t i = 0; i < kBurstPackets; ++i) {
            frames[i] = bench_frame(static_cast<uint32_t>(i));
            uint8_t* data = frames[i].data();
            contexts[i] = {data, data + frames[i].size(), data, data, data + frames[i].size(), 1, 0,
                           0};
        }
    }

    void run(Way way) {
        switch (way) {
            case Way::kBurst: machine->run_burst(contexts, verdicts, redirects, env); return;
            case Way::kNative:
                for (size_t i = 0; i < kBurstPackets; ++i)
                    verdicts[i] = native(contexts[i], pointers.data(), env);
                return;
            case Way::kSingle:
                for (size_t i = 0; i < kBurstPackets; ++i)
                    verdicts[i] = machine->run(contexts[i], env);
                return;
            case Way::kInterp:
                for (size_t i = 0; i < kBurstPackets; ++i)
                    verdicts[i] = interp->run(contexts[i], env);
                return;
        }
    }

    NativeProgram native;
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::vector<vm::Map*> pointers;
    std::unique_ptr<jit::CompiledProgram> machine, interp;
    std::array<BenchFrame, kBurstPackets> frames;
    std::array<vm::XdpContext, kBurstPackets> contexts;
    std::array<uint32_t, kBurstPackets> verdicts{}, redirects{};
    vm::RunEnv env;
};

/// No ratio of programs that do different things.
void check_same_verdicts(const BenchProgram& program) {
    Bench bench(program);
    bench.run(Way::kNative);
    const auto wanted = bench.verdicts;
    for (const Way way : {Way::kSingle, Way::kBurst, Way::kInterp}) {
        bench.run(way);
        WEIR_CHECK(bench.verdicts == wanted);
    }
}

void bench_way(benchmark::State& state, const BenchProgram& program, Way way) {
    Bench bench(program);
    for (auto _ : state) {
        bench.run(way);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurstPackets));
}

void register_all() {
    for (const BenchProgram& program : bench_programs()) {
        check_same_verdicts(program);
        for (const Way way : {Way::kNative, Way::kSingle, Way::kBurst, Way::kInterp}) {
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
                                 weir::perf::kBurstPackets);
    benchmark::RunSpecifiedBenchmarks(&table);
    return 0;
}
