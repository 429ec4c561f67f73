// A definition's `values` is an array of pointers at its end: a relocation there names the map or
// the program that the slot starts with.
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "vm/base/printable.h"
#include "vm/elf/map_table.h"

namespace weir::vm::elf {

namespace {

constexpr uint32_t kSlotBytes = 8;  ///< a pointer to a map or a program

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

/// What stands in a slot: a map of .maps where `area` belongs to a map in map, else a program.
Result<std::string> slot_target(const Object& object, const FunctionTable& functions,
                                const MapTable& table, const SlotArea& area, const Symbol& symbol) {
    if (table.maps[area.map].type != MapType::ProgArray) {
        const auto place = table.by_place.find({symbol.section, symbol.value});
        if (place == table.by_place.end()) return bad(fmt::format("\"{}\" is no map", symbol.name));
        return table.maps[place->second].name;
    }
    const int64_t function =
        symbol.section < object.file.sections().size() && symbol.value % sizeof(Insn) == 0 &&
                symbol.value <= INT64_MAX
            ? functions.starting_at(symbol.section,
                                    static_cast<int64_t>(symbol.value / sizeof(Insn)))
            : -1;
    if (function < 0 || !functions.all()[static_cast<size_t>(function)].is_program)
        return bad(fmt::format("\"{}\" is no program", symbol.name));
    return printable(functions.all()[static_cast<size_t>(function)].name);
}

Result<void> fill_slot(const Object& object, const FunctionTable& functions,
                       const Relocation& relocation, MapTable& table) {
    const Symbol& symbol = object.file.symbols()[relocation.symbol];
    const auto area = std::ranges::find_if(table.slot_areas, [&](const SlotArea& candidate) {
        return relocation.offset >= candidate.start &&
               relocation.offset + kSlotBytes <= candidate.end;
    });
    const auto refuse = [&](std::string_view why) {
        return bad(
            fmt::format("section \".maps\": relocation at {:#x}: {}", relocation.offset, why));
    };
    if (area == table.slot_areas.end()) return refuse("no slot of a map's values is there");
    const uint64_t distance = relocation.offset - area->start;
    if (distance % kSlotBytes != 0) return refuse("not at the start of a slot");
    auto target = slot_target(object, functions, table, *area, symbol);
    if (!target) return refuse(target.error().message);
    table.maps[area->map].slots.push_back(
        {static_cast<uint32_t>(distance / kSlotBytes), std::move(*target)});
    return {};
}

}  // namespace

Result<void> read_map_slots(const Object& object, const FunctionTable& functions, MapTable& table) {
    const Section* section = object.file.section_named(".maps");
    if (section == nullptr) return {};
    for (const Relocation& relocation : object.file.relocations_of(section->index)) {
        if (relocation.type == R_BPF_NONE) continue;
        if (const auto ok = fill_slot(object, functions, relocation, table); !ok) return ok;
    }
    return {};
}

}  // namespace weir::vm::elf
