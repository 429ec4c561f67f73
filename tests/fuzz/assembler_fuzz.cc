// Any text: either a program that decodes and reads the same once more, or an error that names the
// line.

#include "tests/fuzz/fuzz.h"
#include "vm/base/check.h"
#include "vm/isa/assemble.h"
#include "vm/isa/disassemble.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir::vm;
    const auto insns = assemble({reinterpret_cast<const char*>(data), size});
    if (!insns) {
        WEIR_CHECK(insns.error().message.starts_with("line "));
        return 0;
    }
    for (size_t pc = 0; pc < insns->size();) {
        const auto insn = decode(*insns, pc);
        WEIR_CHECK(insn.has_value());
        pc += insn->slots();
    }
    const auto again = assemble(disassemble_program(*insns));
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(*again == *insns);
    return 0;
}
