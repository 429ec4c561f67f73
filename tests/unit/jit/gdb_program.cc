// What gdb is let loose on: a program whose function `inner` calls a helper, on which gdb stops.

#include <cstdio>

#include "jit/jit.h"
#include "maps/maps.h"
#include "tests/support/insns.h"
#include "vm/verifier/verifier.h"

// gdb's breakpoint.
extern "C" [[gnu::noinline, gnu::used]] uint64_t stop_here(uint64_t, uint64_t, uint64_t, uint64_t,
                                                           uint64_t, weir::vm::RunEnv&) {
    asm volatile("" ::: "memory");
    return 2;
}

namespace weir::tests {
namespace {

/// outer: r6 = 7; r0 = inner(); exit.   inner: *(r10 - 8) = 1; r0 = ktime_get_ns(); exit
vm::ProgramSpec program_with_lines() {
    vm::ProgramSpec spec;
    spec.name = "outer";
    spec.section = "xdp";
    InsnWriter w;
    w.mov(6, 7).put(vm::Op::kCallLocal, 0, 0, 0, 1).exit();
    w.put(vm::Op::kStoreImm64, 10, 0, -8, 1).call(5).mov(0, 2).exit();
    spec.insns = w.insns();
    spec.subprograms = {{"outer", 0}, {"inner", 3}};
    spec.lines = {{0, 10, "stop.bpf.c", "int six = 7;"},
                  {1, 11, "stop.bpf.c", "return inner();"},
                  {3, 4, "stop.bpf.c", "long one = 1;"},
                  {4, 5, "stop.bpf.c", "bpf_ktime_get_ns();"}};
    return spec;
}

int run() {
    const vm::ProgramSpec spec = program_with_lines();
    const auto proof = vm::verify(spec);
    if (!proof) return 1;
    const auto program = std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *proof));
    vm::HelperTable helpers;
    helpers.functions[5] = stop_here;
    jit::CompileOptions options;
    options.gdb_symbols = true;
    options.name = "stop";
    const auto compiled = jit::compile(program, {}, helpers, jit::Engine::kJit, options);
    if (!compiled || (*compiled)->engine() != jit::Engine::kJit) return 1;
    uint8_t bytes[64] = {};
    vm::XdpContext context{bytes, bytes + 64, bytes, bytes, bytes + 64, 1, 0, 0};
    vm::RunEnv env;
    uint32_t verdict = (*compiled)->run(context, env), redirect = 0;
    (*compiled)->run_burst({&context, 1}, {&verdict, 1}, {&redirect, 1}, env);
    return verdict == 2 ? 0 : 1;
}

}  // namespace
}  // namespace weir::tests

int main() {
    return weir::tests::run();
}
