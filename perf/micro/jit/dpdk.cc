#include "perf/micro/jit/dpdk.h"

#include <rte_bpf.h>

#include <algorithm>

#include "perf/micro/thread_cpu.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"

namespace weir::perf {
namespace {

constexpr std::array<const char*, 3> kRunnable = {"constant", "drop_port", "hash_checksum"};

class DpdkProgram {
public:
    explicit DpdkProgram(const vm::ProgramSpec& spec) {
        static_assert(sizeof(ebpf_insn) == sizeof(vm::Insn));
        rte_bpf_prm parameters{};
        parameters.ins = reinterpret_cast<const ebpf_insn*>(spec.insns.data());
        parameters.nb_ins = static_cast<uint32_t>(spec.insns.size());
        parameters.prog_arg.type = RTE_BPF_ARG_PTR;
        parameters.prog_arg.size = kFrameBytes;
        program_ = rte_bpf_load(&parameters);
        WEIR_CHECK(program_ != nullptr && rte_bpf_get_jit(program_, &code_) == 0);
    }
    ~DpdkProgram() { rte_bpf_destroy(program_); }
    DpdkProgram(const DpdkProgram&) = delete;
    DpdkProgram& operator=(const DpdkProgram&) = delete;

    uint32_t run(size_t frame) {
        return static_cast<uint32_t>(code_.func(frames_.contexts()[frame].data));
    }
    double time(uint32_t rounds) {
        const double start = thread_cpu_ns();
        for (uint32_t round = 0; round < rounds; ++round) {
            for (size_t i = 0; i < kFrameCount; ++i) verdicts_[i] = run(i);
            asm volatile("" ::: "memory");
        }
        return (thread_cpu_ns() - start) / rounds / kFrameCount;
    }

private:
    rte_bpf* program_;
    rte_bpf_jit code_{};
    FrameSet frames_;
    std::array<uint32_t, kFrameCount> verdicts_{};
};

}  // namespace

void add_dpdk(Lineup& lineup, const std::string& program) {
    if (std::ranges::find(kRunnable, program) == kRunnable.end()) return;
    static const vm::ObjectSpec object = vm::load_object_file(WEIR_JIT_DPDK_OBJECT, {}).value();
    const auto spec = std::ranges::find(object.programs, program, &vm::ProgramSpec::name);
    WEIR_CHECK(spec != object.programs.end());
    const auto loaded = std::make_shared<DpdkProgram>(*spec);
    for (size_t i = 0; i < kFrameCount; ++i) WEIR_CHECK(loaded->run(i) == lineup.verdicts[i]);
    lineup.contestants.push_back(
        {kDpdk, [loaded](uint32_t rounds) { return loaded->time(rounds); }});
}

}  // namespace weir::perf
