#include "perf/micro/jit/own_program.h"

#include <cstdio>

#include "vm/base/check.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {

std::shared_ptr<const vm::VerifiedProgram> proven(const vm::ProgramSpec& spec) {
    const auto proof = vm::verify(spec);
    if (!proof) std::fprintf(stderr, "%s: %s\n", spec.name.c_str(), proof.error().message.c_str());
    WEIR_CHECK(proof.has_value());
    return std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, *proof).value());
}

}  // namespace weir::perf
