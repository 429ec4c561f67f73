#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "vm/base/limits.h"
#include "vm/base/printable.h"
#include "vm/elf/global_values.h"
#include "vm/elf/map_table.h"
#include "vm/elf/section_kind.h"
#include "vm/elf/special_fields.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

bool is_data(const Section& section) {
    const bool has_bytes = section.type == SHT_PROGBITS || section.type == SHT_NOBITS;
    return has_bytes && section.size_bytes != 0 && !section.is_code() &&
           is_data_section(section.name);
}

Result<MapSpec> make_data_map(const Section& section, uint64_t& total) {
    if (section.size_bytes > kGlobalDataBytesMax - total)
        return bad(
            fmt::format("section \"{}\": {} bytes after {} of other sections, global data has "
                        "at most {} in all",
                        section.name, section.size_bytes, total, kGlobalDataBytesMax));
    total += section.size_bytes;
    MapSpec map;
    map.name = printable(section.name);
    map.type = MapType::Array;
    map.key_bytes = 4;
    map.value_bytes = static_cast<uint32_t>(section.size_bytes);
    map.entries_max = 1;
    map.is_global_data = true;
    map.contents.assign(section.bytes.begin(), section.bytes.end());
    if (is_rodata_section(section.name)) {
        map.frozen = true;
        map.flags = kMapRdonlyProg;
    }
    return map;
}

/// The variables of a section as the members of a struct, so that the map prints by name; and the
/// locks and timers among them.
Result<void> read_variables(const Object& object, const Section& section, MapSpec& map) {
    const std::vector<Variable> variables = variables_of(object, section);
    if (variables.empty()) return {};
    auto info = std::make_shared<TypeInfo>();
    info->kind = TypeKind::Struct;
    info->name = map.name;
    info->size_bytes = static_cast<uint32_t>(section.size_bytes);
    Result<void> fields;
    for (const Variable& variable : variables) {
        info->members.push_back({.name = printable(variable.name),
                                 .bit_offset = variable.offset * 8,
                                 .bit_size = 0,
                                 .type = object.types.tree_of(variable.type)});
        if (fields) fields = find_special_fields(object.btf, variable.type, variable.offset, map);
    }
    map.value_type = std::move(info);
    return fields;
}

/// libbpf leaves such places as they are; so do we, but not in silence.
void note_relocations(const Object& object, const Section& section,
                      std::vector<std::string>& notices) {
    const size_t count = object.file.data_relocations_of(section.index);
    if (count == 0) return;
    notices.push_back(
        fmt::format("section \"{}\": {} addresses in data are not relocated and read as they stand "
                    "in the file",
                    section.name, count));
}

}  // namespace

Result<void> read_global_data(const Object& object, MapTable& table,
                              std::vector<std::string>& notices) {
    uint64_t total = 0;
    std::map<std::string, uint32_t> set_count;
    for (const Section& section : object.file.sections()) {
        if (!is_data(section)) continue;
        auto map = make_data_map(section, total);
        if (!map) return std::unexpected(map.error());
        if (const auto ok = read_variables(object, section, *map); !ok)
            table.refused.emplace(static_cast<uint32_t>(table.maps.size()), ok.error().message);
        if (const auto ok = apply_globals(object, section, *map, set_count); !ok) return ok;
        note_relocations(object, section, notices);
        if (const auto ok = table.add_data(std::move(*map), section.index); !ok) return ok;
    }
    for (const auto& [name, value] : object.options.globals) {
        const uint32_t count = set_count[name];
        if (count == 0)
            return fail(
                ErrorKind::kInvalid,
                fmt::format("global \"{}\": the object has no such variable in its BTF", name));
        if (count > 1)
            return bad(fmt::format("global \"{}\": {} variables of the object have that name", name,
                                   count));
    }
    return {};
}

}  // namespace weir::vm::elf
