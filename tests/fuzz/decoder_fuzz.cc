// Bytes as a program: decode, disassemble, assemble back, and run where it decodes.

#include <cstring>

#include "tests/fuzz/fuzz.h"
#include "vm/base/check.h"
#include "vm/interp/interp.h"
#include "vm/isa/assemble.h"
#include "vm/isa/disassemble.h"

namespace {

constexpr size_t kInsnsMax = 512;
constexpr uint64_t kStepsMax = 2'000;

uint64_t first_argument(uint64_t r1, uint64_t, uint64_t, uint64_t, uint64_t, weir::vm::RunEnv&) {
    return r1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir::vm;
    std::vector<Insn> insns(std::min(size / sizeof(Insn), kInsnsMax));
    if (!insns.empty())
        std::memcpy(static_cast<void*>(insns.data()), data, insns.size() * sizeof(Insn));
    const std::string listing = disassemble_program(insns);
    if (!decode_program(insns)) return 0;

    const auto again = assemble(listing);
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(*again == insns);

    HelperTable helpers;
    helpers.functions[5] = first_argument;
    std::array<uint8_t, 64> memory{};
    const auto result = interpret_unverified(insns, memory, helpers, kStepsMax);
    WEIR_CHECK(result.has_value() || !result.error().message.empty());
    return 0;
}
