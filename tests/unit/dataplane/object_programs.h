#pragma once
// Programs of object files as a worker runs them, with maps of their own.

#include <memory>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::dataplane::testing {

struct ObjectProgram {
    std::string name;
    bool takes_segments = false;
    std::vector<std::shared_ptr<vm::Map>> maps;  ///< must outlive `program`
    std::shared_ptr<const jit::CompiledProgram> program;
};

/// Every xdp program of the object that the verifier accepts; none where it needs slots filled.
Result<std::vector<ObjectProgram>> programs_of(const std::string& path, uint32_t cpu_slots);

}  // namespace weir::dataplane::testing
