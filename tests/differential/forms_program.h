#pragma once
// Forms as XDP programs: each packet brings operands, each form's registers go into a map.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/differential/forms.h"
#include "vm/base/bytes.h"
#include "vm/program/spec.h"

namespace weir::tests {

constexpr uint32_t kFormsPerProgramMax = 400;
constexpr uint32_t kFormPackets = 32;  ///< whose results lie beside each other
constexpr uint32_t kFormResultBytes = 8 * kFormRegisters;

/// Holds `forms`, at most kFormsPerProgramMax.
vm::ProgramSpec forms_program(std::span<const Form> forms);

/// Operands of packets.
struct FormOperands {
    uint64_t a = 0, b = 0, c = 0;
};
/// All pairs of form_values(), or about every `step`th.
std::vector<FormOperands> form_operands(size_t step);
/// The packet whose results go to `index`.
Bytes form_packet(uint32_t index, const FormOperands& operands);

/// What the memory map holds at first.
Bytes form_memory();

/// The place where results of kFormPackets packets differ first, with the code there; empty where
/// they do not.
std::string form_difference(std::span<const Form> forms, ByteSpan wanted, ByteSpan got,
                            std::span<const FormOperands> operands);

}  // namespace weir::tests
