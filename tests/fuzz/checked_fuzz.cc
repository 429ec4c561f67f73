// Bytes as a program with maps, functions and a packet, run by the instrumented interpreter with
// the real helpers: whatever it does ends in a verdict or a fault, and touches nothing that it was
// not given.

#include "maps/reclaim.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_world.h"
#include "vm/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir;
    const maps::ReaderScope reader;
    static fuzz::World world;
    if (size < 2) return 0;
    const auto program = vm::CheckedProgram::make(fuzz::spec_of(data, size, world), world.pointers,
                                                  maps::all_helpers());
    if (!program) {
        WEIR_CHECK(!program.error().message.empty());
        return 0;
    }
    static_cast<void>(fuzz::run(**program, world, 100));
    return 0;
}
