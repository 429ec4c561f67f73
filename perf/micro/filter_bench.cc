// What a tcpdump expression costs per packet: libpcap's bpf_filter() over the classic program, ours
// over what vm/cbpf makes of it (machine code one packet at a time and over a burst, interpreter),
// and DPDK's rte_bpf over what rte_bpf_convert makes of it (interpreter, machine code). The table
// at the end gives ratios to bpf_filter, from medians of the same run. Packets lie in the
// first-level cache; an expression that DPDK does not convert has no times of it.

#include <benchmark/benchmark.h>
#include <pcap/pcap.h>
#include <rte_bpf.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_mbuf_core.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/micro/bench_frame.h"
#include "perf/micro/dpdk_start.h"
#include "perf/micro/ratio_table.h"
#include "vm/base/check.h"
#include "vm/cbpf/compile.h"
#include "vm/cbpf/convert.h"
#include "vm/cbpf/reference.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {
namespace {

constexpr size_t kPackets = 32;

enum class Way { kClassic, kSingle, kBurst, kInterp, kDpdk, kDpdkJit };
constexpr std::array<const char*, 6> kWayNames = {"bpf_filter", "jit",     "jit burst",
                                                  "interp",     "rte_bpf", "rte_bpf jit"};
constexpr std::array<Way, 6> kWays = {Way::kClassic, Way::kSingle, Way::kBurst,
                                      Way::kInterp,  Way::kDpdk,   Way::kDpdkJit};

/// Of the frames all, a quarter, a half and a quarter match.
constexpr std::array<const char*, 4> kExpressions = {
    "ip", "tcp dst port 8080", "src net 10.1.2.0/28 and not port 22",
    "arp or udp port 53 or (host 192.168.0.1 and tcp and (port 80 or port 443 or port 8080))"};

using DpdkProgram = std::unique_ptr<rte_bpf, void (*)(rte_bpf*)>;

/// nullptr where DPDK does not take it.
DpdkProgram load_dpdk(const vm::cbpf::ClassicProgram& program) {
    static_assert(sizeof(bpf_insn) == sizeof(vm::cbpf::ClassicInsn));
    std::vector<vm::cbpf::ClassicInsn> insns(program.insns().begin(), program.insns().end());
    const bpf_program classic{static_cast<u_int>(insns.size()),
                              reinterpret_cast<bpf_insn*>(insns.data())};
    const std::unique_ptr<rte_bpf_prm, void (*)(void*)> converted(rte_bpf_convert(&classic),
                                                                  rte_free);
    return {converted ? rte_bpf_load(converted.get()) : nullptr, rte_bpf_destroy};
}

/// Thirty-two frames, an expression in every form.
struct Bench {
    explicit Bench(const char* expression)
        : classic(vm::cbpf::compile(expression, DLT_EN10MB).value()), dpdk(load_dpdk(classic)) {
        const vm::ProgramSpec spec = vm::cbpf::convert(classic, "filter");
        const auto proof = vm::verify(spec);
        WEIR_CHECK(proof.has_value());
        const auto verified =
            std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, *proof).value());
        machine = jit::compile(verified, {}, maps::all_helpers(), jit::Engine::kJit).value();
        interp = jit::compile(verified, {}, maps::all_helpers(), jit::Engine::kInterp).value();
        if (dpdk) WEIR_CHECK(rte_bpf_get_jit(dpdk.get(), &dpdk_code) == 0);
        for (size_t i = 0; i < kPackets; ++i) {
            frames[i] = bench_frame(static_cast<uint32_t>(i));
            uint8_t* data = frames[i].data();
            contexts[i] = {data, data + frames[i].size(), data, data, data + frames[i].size(), 1, 0,
                           0};
            mbufs[i].buf_addr = data;
            mbufs[i].nb_segs = 1;
            mbufs[i].data_len = static_cast<uint16_t>(frames[i].size());
            mbufs[i].pkt_len = mbufs[i].buf_len = mbufs[i].data_len;
        }
    }

    bool has(Way way) const {
        if (way == Way::kDpdkJit) return dpdk_code.func != nullptr;
        return way != Way::kDpdk || dpdk != nullptr;
    }

    uint32_t run(Way way, size_t i) {
        switch (way) {
            case Way::kClassic:
                return vm::cbpf::run_reference(classic, frames[i],
                                               static_cast<uint32_t>(frames[i].size()));
            case Way::kSingle: return machine->run(contexts[i], env);
            case Way::kInterp: return interp->run(contexts[i], env);
            case Way::kDpdk: return static_cast<uint32_t>(rte_bpf_exec(dpdk.get(), &mbufs[i]));
            case Way::kDpdkJit: return static_cast<uint32_t>(dpdk_code.func(&mbufs[i]));
            case Way::kBurst: break;  // takes all of them
        }
        return 0;
    }
    void run_all(Way way) {
        if (way == Way::kBurst) {
            machine->run_burst(contexts, verdicts, redirects, env);
            return;
        }
        for (size_t i = 0; i < kPackets; ++i) verdicts[i] = run(way, i);
    }

    vm::cbpf::ClassicProgram classic;
    DpdkProgram dpdk;
    rte_bpf_jit dpdk_code{};
    std::unique_ptr<jit::CompiledProgram> machine, interp;
    std::array<BenchFrame, kPackets> frames;
    std::array<vm::XdpContext, kPackets> contexts;
    std::array<rte_mbuf, kPackets> mbufs{};
    std::array<uint32_t, kPackets> verdicts{}, redirects{};
    vm::RunEnv env;
};

void bench_way(benchmark::State& state, const char* expression, Way way) {
    Bench bench(expression);
    for (auto _ : state) {
        bench.run_all(way);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPackets));
}

/// No ratio of filters that answer differently.
void register_expression(const char* expression, const std::string& name) {
    Bench bench(expression);
    bench.run_all(Way::kClassic);
    const auto wanted = bench.verdicts;
    for (const Way way : kWays) {
        if (!bench.has(way)) continue;
        bench.run_all(way);
        WEIR_CHECK(bench.verdicts == wanted);
        benchmark::RegisterBenchmark(
            (name + "/" + kWayNames[static_cast<size_t>(way)]).c_str(),
            [expression, way](benchmark::State& state) { bench_way(state, expression, way); });
    }
}

}  // namespace
}  // namespace weir::perf

int main(int argc, char** argv) {
    using namespace weir::perf;
    initialize(argc, argv);
    if (!start_dpdk(argv[0])) return 1;
    register_expression(kExpressions[0], "ip");
    register_expression(kExpressions[1], "a port");
    register_expression(kExpressions[2], "a network, not a port");
    register_expression(kExpressions[3], "three alternatives");
    RatioTable table("ns per packet, median", kWayNames, kPackets);
    benchmark::RunSpecifiedBenchmarks(&table);
    rte_eal_cleanup();
    return 0;
}
