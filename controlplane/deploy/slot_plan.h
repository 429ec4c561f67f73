#pragma once
// What a program brings along: the first contents of prog arrays and maps in maps (`.values` of
// their definitions) name programs and maps of the same object, and these may name more. With
// devmaps and cpumaps whose entries may have programs come those of the object that are made for
// them.

#include <cstddef>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::controlplane {

struct PlannedSlot {
    Bytes key;
    size_t target = 0;  ///< into the programs for a prog array, else into the maps
};

/// Specs of the object and the program that it was made of, which outlive it.
struct SlotPlan {
    std::vector<const vm::ProgramSpec*> programs;  ///< the program itself first, each once
    std::vector<const vm::MapSpec*> maps;          ///< what they use or a slot names, each once
    std::vector<std::vector<PlannedSlot>> slots;   ///< per map

    /// Place of a map that is in the plan.
    size_t index_of(std::string_view map) const;
};

/// kInvalid where a slot names a program of another type or for other frames than `program`.
Result<SlotPlan> plan_slots(const vm::ObjectSpec& object, const vm::ProgramSpec& program);

}  // namespace weir::controlplane
