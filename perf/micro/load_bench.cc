// Opening an object of 20 maps and more than 4,000 instructions. Ours is all that stands between a
// file and a linked ProgramSpec: sections, maps, BTF, relocations, CO-RE; no verifier. libbpf's
// bpf_object__open_mem does less: it collects relocations and CO-RE records and applies them only
// when it loads into the kernel, so that this ratio is in its favour. The kernel's types, which
// CO-RE asks for, are parsed once for each process: that is a row of its own, beside libbpf's
// btf__new over the same bytes.

#include <benchmark/benchmark.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>

#include "perf/micro/ratio_table.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"
#include "vm/elf/target_types.h"

using namespace weir;

namespace {

Bytes read_object() {
    std::ifstream file(WEIR_LOAD_OBJECT, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Bytes read_kernel_types() {
    std::ifstream file(std::string(vm::elf::kKernelBtfPath), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void open_ours(benchmark::State& state) {
    const Bytes bytes = read_object();
    size_t insns = 0, maps = 0;
    for (auto _ : state) {
        const auto object = vm::load_object(bytes, {});
        WEIR_CHECK(object.has_value());
        insns = object->programs.front().insns.size();
        maps = object->maps.size();
    }
    WEIR_CHECK(insns >= 4'000 && maps >= 20);
}

void open_libbpf(benchmark::State& state) {
    const Bytes bytes = read_object();
    LIBBPF_OPTS(bpf_object_open_opts, options);
    options.object_name = "bench";
    for (auto _ : state) {
        bpf_object* const object = bpf_object__open_mem(bytes.data(), bytes.size(), &options);
        WEIR_CHECK(object != nullptr);
        const bpf_program* const program = bpf_object__next_program(object, nullptr);
        WEIR_CHECK(bpf_program__insn_cnt(program) > 0);
        bpf_object__close(object);
    }
}

void parse_ours(benchmark::State& state) {
    const Bytes bytes = read_kernel_types();
    for (auto _ : state) {
        const auto types = vm::elf::TargetTypes::parse(bytes);
        WEIR_CHECK(types.has_value());
        benchmark::DoNotOptimize(types->btf().type_count());
    }
}

void parse_libbpf(benchmark::State& state) {
    const Bytes bytes = read_kernel_types();
    for (auto _ : state) {
        btf* const types = btf__new(bytes.data(), static_cast<uint32_t>(bytes.size()));
        WEIR_CHECK(types != nullptr);
        benchmark::DoNotOptimize(btf__type_cnt(types));
        btf__free(types);
    }
}

}  // namespace

int main(int argc, char** argv) {
    constexpr std::array<const char*, 2> kWays = {"libbpf", "weir"};
    constexpr double kNsPerUs = 1'000;
    perf::initialize(argc, argv);
    libbpf_set_print(nullptr);
    benchmark::RegisterBenchmark("open an object/libbpf", open_libbpf);
    benchmark::RegisterBenchmark("open an object/weir", open_ours);
    if (!read_kernel_types().empty()) {  // else this kernel does not show its types
        benchmark::RegisterBenchmark("parse a kernel's types/libbpf", parse_libbpf);
        benchmark::RegisterBenchmark("parse a kernel's types/weir", parse_ours);
    }
    perf::RatioTable table("us, median", kWays, kNsPerUs);
    benchmark::RunSpecifiedBenchmarks(&table);
    return 0;
}
