#pragma once
// The maps of an object, and where in the file each of them is: what relocations look up.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vm/elf/btf_view.h"
#include "vm/elf/elf.h"
#include "vm/elf/elf_file.h"
#include "vm/elf/functions.h"
#include "vm/elf/type_tree.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

constexpr size_t kMapsPerObjectMax = 1'024;

/// The slots of a map's definition in .maps, for relocations to fill.
struct SlotArea {
    uint64_t start = 0, end = 0;  ///< bytes in section .maps; 8 for each slot
    uint32_t map = 0;
};

/// iproute2's names of a map: for prog arrays that section names fill, and for its inner maps.
struct LegacyId {
    uint32_t id = 0;
    uint32_t map = 0;
};

struct MapTable {
    std::vector<MapSpec> maps;
    std::map<std::pair<uint32_t, uint64_t>, uint32_t>
        by_place;                                  ///< (section, offset) of a definition -> map
    std::map<uint32_t, uint32_t> by_data_section;  ///< section -> map that holds its bytes
    std::map<uint32_t, std::string> refused;       ///< map -> why no program may use it
    std::vector<SlotArea> slot_areas;
    std::vector<LegacyId> legacy_ids;

    Result<void> add(MapSpec map, uint32_t section, uint64_t offset);
    Result<void> add_data(MapSpec map, uint32_t section);
    Result<void> add_unplaced(MapSpec map);

private:
    Result<void> check_room(const std::string& name);
    std::unordered_set<std::string> names_;
};

/// What every stage of loading reads.
struct Object {
    const ElfFile& file;
    const BtfView& btf;
    TypeTrees& types;
    const LoadOptions& options;
};

/// `.maps`: variables of anonymous structs, defined by BTF (libbpf's bpf_helpers.h: __uint, __type,
/// __array, __ulong).
Result<void> read_btf_maps(const Object& object, MapTable& table);
/// Relocations in `.maps`: programs of prog arrays and inner maps of maps in maps that are filled
/// from the start. Needs all maps and functions.
Result<void> read_map_slots(const Object& object, const FunctionTable& functions, MapTable& table);
/// `maps` and `maps/NAME`: definitions as raw structs (legacy_maps.cc).
Result<void> read_legacy_maps(const Object& object, MapTable& table);
/// `.data*`, `.rodata*`, `.bss*`: one single-element array each, LoadOptions::globals applied.
Result<void> read_global_data(const Object& object, MapTable& table,
                              std::vector<std::string>& notices);
/// LoadOptions::map_entries_max and assume_entries_max; refuses names that no map has.
Result<void> apply_entries_max(const Object& object, MapTable& table,
                               std::vector<std::string>& notices);
/// Fills `refused`: kinds of maps and sizes that are not offered.
/// A kind that is offered in part is noticed.
void refuse_maps(MapTable& table, std::vector<std::string>& notices);

/// The data object called `name` in `section`, or nullptr.
const Symbol* find_variable(const ElfFile& file, uint32_t section, std::string_view name);

}  // namespace weir::vm::elf
