// Loading an object of 20 maps and more than 4,000 instructions, without the verifier: what stands
// between a file and a ProgramSpec. The kernel's types, which CO-RE asks for, are parsed once for
// each process: the first load is a benchmark of its own.

#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>

#include "vm/base/check.h"
#include "vm/elf/elf.h"
#include "vm/elf/target_types.h"

namespace {

using namespace weir;

Bytes read_object() {
    std::ifstream file(WEIR_LOAD_OBJECT, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void load(benchmark::State& state) {
    const Bytes bytes = read_object();
    size_t insns = 0, maps = 0;
    for (auto _ : state) {
        const auto object = vm::load_object(bytes, {});
        WEIR_CHECK(object.has_value());
        insns = object->programs.front().insns.size();
        maps = object->maps.size();
    }
    WEIR_CHECK(insns >= 4'000 && maps >= 20);
    state.counters["insns"] = static_cast<double>(insns);
    state.counters["maps"] = static_cast<double>(maps);
}
BENCHMARK(load)->Unit(benchmark::kMillisecond);

/// What a target's types cost where they are not kept from the load before.
void parse_kernel_types(benchmark::State& state) {
    std::ifstream file(std::string(vm::elf::kKernelBtfPath), std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (bytes.empty()) {
        state.SkipWithError("this kernel does not show its types");
        return;
    }
    for (auto _ : state) {
        const auto types = vm::elf::TargetTypes::parse(bytes);
        WEIR_CHECK(types.has_value());
        benchmark::DoNotOptimize(types->btf().type_count());
    }
}
BENCHMARK(parse_kernel_types)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
