#pragma once
// What forms.cc and forms_memory.cc share.

#include "tests/differential/forms.h"
#include "tests/support/insns.h"

namespace weir::tests {

/// `dst` holds A, `src` B, everything else a filler.
Form make_form(InsnWriter w, uint8_t dst, uint8_t src);
/// The first register that is none of these.
uint8_t other_register(uint8_t a, uint8_t b, uint8_t c = 0xff);

// forms_memory.cc
std::vector<Form> load_forms(vm::Op op);
std::vector<Form> store_forms(vm::Op op);
std::vector<Form> atomic_forms(vm::Op op);
std::vector<Form> wide_forms(vm::Op op);

}  // namespace weir::tests
