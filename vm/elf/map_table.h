#pragma once
// The maps of an object, and where in the file each of them is: what relocations look up.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vm/elf/btf_view.h"
#include "vm/elf/elf.h"
#include "vm/elf/elf_file.h"
#include "vm/elf/type_tree.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

constexpr size_t kMapsPerObjectMax = 1'024;
constexpr size_t kGlobalDataBytesMax = 32u << 20;  ///< all data sections of one object together

struct MapTable {
    std::vector<MapSpec> maps;
    std::map<std::pair<uint32_t, uint64_t>, uint32_t>
        by_place;                                  ///< (section, offset) of a definition -> map
    std::map<uint32_t, uint32_t> by_data_section;  ///< section -> map that holds its bytes

    Result<void> add(MapSpec map, uint32_t section, uint64_t offset);
    Result<void> add_data(MapSpec map, uint32_t section);

private:
    Result<void> check_room(const std::string& name) const;
};

/// What every stage of loading reads.
struct Object {
    const ElfFile& file;
    const BtfView& btf;
    TypeTrees& types;
    const LoadOptions& options;
};

/// `.maps`: variables of anonymous structs, defined by BTF (libbpf's bpf_helpers.h, __uint and
/// __type).
Result<void> read_btf_maps(const Object& object, MapTable& table);
/// `maps`: struct bpf_map_def of type, key_size, value_size, max_entries, map_flags.
Result<void> read_legacy_maps(const Object& object, MapTable& table);
/// `.data*`, `.rodata*`, `.bss*`: one single-element array each, LoadOptions::globals applied.
Result<void> read_global_data(const Object& object, MapTable& table,
                              std::vector<std::string>& notices);
/// LoadOptions::map_entries_max and assume_entries_max; refuses names that no map has.
Result<void> apply_entries_max(const Object& object, MapTable& table,
                               std::vector<std::string>& notices);

/// The data object called `name` in `section`, or nullptr.
const Symbol* find_variable(const ElfFile& file, uint32_t section, std::string_view name);

}  // namespace weir::vm::elf
