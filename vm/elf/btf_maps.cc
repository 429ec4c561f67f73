#include <elf.h>
#include <fmt/format.h>

#include "vm/elf/map_table.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

/// __uint(NAME, VALUE) is `int (*NAME)[VALUE]`: the number is the dimension of the array pointed
/// to.
Result<uint32_t> number_of(const BtfView& btf, const btf_member& member) {
    const btf_type* pointer = btf.type(btf.resolve(member.type));
    const btf_type* array =
        pointer != nullptr && btf_is_ptr(pointer) ? btf.type(btf.resolve(pointer->type)) : nullptr;
    if (array == nullptr || !btf_is_array(array)) return bad("expected __uint(NAME, VALUE)");
    return btf_array(array)->nelems;
}

/// __type(NAME, T) is `typeof(T) *NAME`.
Result<uint32_t> pointee_of(const BtfView& btf, const btf_member& member) {
    const btf_type* pointer = btf.type(btf.resolve(member.type));
    if (pointer == nullptr || !btf_is_ptr(pointer)) return bad("expected __type(NAME, TYPE)");
    return pointer->type;
}

/// Size and type of a key or value; both `key` and `key_size` may stand there if they agree.
struct Element {
    bool sized = false;
    uint32_t bytes = 0;
    TypeRef type;

    Result<void> set_bytes(uint32_t size) {
        if (sized && bytes != size)
            return bad(fmt::format("{} bytes, but {} bytes above", size, bytes));
        sized = true;
        bytes = size;
        return {};
    }
};

struct Definition {
    MapSpec map;
    Element key, value;
};

Result<void> set_element_type(const Object& object, const btf_member& member, Element& element) {
    const auto id = pointee_of(object.btf, member);
    if (!id) return std::unexpected(id.error());
    const auto size = object.btf.size_of(*id);
    if (!size) return std::unexpected(size.error());
    element.type = object.types.tree_of(*id);
    return element.set_bytes(*size);
}

Result<void> set_number(Definition& definition, std::string_view name, uint32_t value) {
    MapSpec& map = definition.map;
    if (name == "type")
        map.type = static_cast<MapType>(value);
    else if (name == "max_entries")
        map.entries_max = value;
    else if (name == "map_flags")
        map.flags = value;
    else if (name == "key_size")
        return definition.key.set_bytes(value);
    else if (name == "value_size")
        return definition.value.set_bytes(value);
    else if (name != "pinning" && name != "numa_node" && name != "map_extra")
        return bad("no such field of a map definition");
    return {};
}

Result<void> read_member(const Object& object, const btf_member& member, Definition& definition) {
    const std::string_view name = object.btf.text(member.name_off);
    if (name == "key") return set_element_type(object, member, definition.key);
    if (name == "value") return set_element_type(object, member, definition.value);
    // First contents, or the inner map: a file descriptor or a program stands in each slot, 4
    // bytes.
    if (name == "values") return definition.value.set_bytes(4);
    const auto number = number_of(object.btf, member);
    if (!number) return std::unexpected(number.error());
    return set_number(definition, name, *number);
}

Result<MapSpec> read_definition(const Object& object, std::string_view name,
                                const btf_type& shape) {
    Definition definition;
    definition.map.name = name;
    definition.map.type = MapType{0};
    for (uint32_t i = 0; i < btf_vlen(&shape); ++i) {
        const btf_member& member = btf_members(&shape)[i];
        if (const auto ok = read_member(object, member, definition); !ok)
            return fail_in(
                fmt::format("map \"{}\": field \"{}\"", name, object.btf.text(member.name_off)),
                ok.error());
    }
    if (definition.map.type == MapType{0}) return bad(fmt::format("map \"{}\": no type", name));
    definition.map.key_bytes = definition.key.bytes;
    definition.map.value_bytes = definition.value.bytes;
    definition.map.key_type = definition.key.type;
    definition.map.value_type = definition.value.type;
    return definition.map;
}

Result<void> read_map(const Object& object, const Section& section, const btf_var_secinfo& entry,
                      MapTable& table) {
    const btf_type* variable = object.btf.type(entry.type);
    if (variable == nullptr || !btf_is_var(variable))
        return bad(fmt::format("section \".maps\": BTF type {} is no variable", entry.type));
    const std::string_view name = object.btf.name(*variable);
    const btf_type* shape = object.btf.type(object.btf.resolve(variable->type));
    if (shape == nullptr || !btf_is_struct(shape))
        return bad(fmt::format("map \"{}\": its BTF type is no struct", name));
    const Symbol* symbol = find_variable(object.file, section.index, name);
    if (symbol == nullptr)
        return bad(fmt::format(
            "map \"{}\" is in BTF, but no symbol of section \".maps\" has that name", name));
    auto map = read_definition(object, name, *shape);
    if (!map) return std::unexpected(map.error());
    return table.add(std::move(*map), section.index, symbol->value);
}

}  // namespace

Result<void> read_btf_maps(const Object& object, MapTable& table) {
    const Section* section = object.file.section_named(".maps");
    if (section == nullptr) return {};
    const btf_type* variables = object.btf.data_section(".maps");
    if (variables == nullptr) return bad("section \".maps\" without its BTF: compile with -g");
    if (btf_vlen(variables) > kMapsPerObjectMax)
        return bad(fmt::format("{} maps, at most {}", btf_vlen(variables), kMapsPerObjectMax));
    for (uint32_t i = 0; i < btf_vlen(variables); ++i) {
        if (const auto ok = read_map(object, *section, btf_var_secinfos(variables)[i], table); !ok)
            return ok;
    }
    return {};
}

}  // namespace weir::vm::elf
