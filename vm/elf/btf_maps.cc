#include <elf.h>
#include <fmt/format.h>

#include "vm/base/printable.h"
#include "vm/elf/core_spec.h"
#include "vm/elf/map_table.h"
#include "vm/elf/special_fields.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

/// __uint(NAME, VALUE) is `int (*NAME)[VALUE]`: the number is the dimension of that array.
/// __ulong(NAME, VALUE) is an enum of one enumerator.
Result<uint64_t> number_of(const BtfView& btf, const btf_member& member) {
    const btf_type* type = btf.type(btf.resolve(member.type));
    if (type != nullptr && btf_is_any_enum(type) && btf_vlen(type) == 1)
        return enumerator_value(*type, 0);
    const btf_type* array =
        type != nullptr && btf_is_ptr(type) ? btf.type(btf.resolve(type->type)) : nullptr;
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
    uint32_t type = 0;  ///< BTF id; 0: none given

    Result<void> set_bytes(uint32_t size) {
        if (sized && bytes != size)
            return bad(fmt::format("{} bytes, but {} bytes above", size, bytes));
        sized = true;
        bytes = size;
        return {};
    }
};

/// One struct in .maps, or the one that says what inner maps are like.
class Definition {
public:
    Definition(const Object& object, std::string name, bool is_inner)
        : object_(object), name_(std::move(name)), is_inner_(is_inner) {}

    Result<MapSpec> read(const btf_type& shape) {
        for (uint32_t i = 0; i < btf_vlen(&shape); ++i) {
            const btf_member& member = btf_members(&shape)[i];
            const std::string_view field = object_.btf.text(member.name_off);
            if (field == "values") values_offset_ = btf_member_bit_offset(&shape, i) / 8;
            if (const auto ok = read_member(member, field); !ok)
                return fail_in(fmt::format("map \"{}\": field \"{}\"", name_, field), ok.error());
        }
        if (map_.type == MapType{0}) return bad(fmt::format("map \"{}\": no type", name_));
        map_.name = name_;
        map_.key_bytes = key_.bytes;
        map_.value_bytes = value_.bytes;
        map_.key_type = object_.types.tree_of(key_.type);
        map_.value_type = object_.types.tree_of(value_.type);
        return std::move(map_);
    }

    uint32_t values_offset() const { return values_offset_; }  ///< kNoOffset: no such member
    uint32_t value_type() const { return value_.type; }
    const std::string& inner_refused() const { return inner_refused_; }

private:
    Result<void> read_member(const btf_member& member, std::string_view field) {
        if (field == "key") return set_type(member, key_);
        if (field == "value") return set_type(member, value_);
        if (field == "values") return read_values(member);
        const auto number = number_of(object_.btf, member);
        if (!number) return std::unexpected(number.error());
        if (field == "map_extra") {
            map_.extra = *number;
            return {};
        }
        if (*number > UINT32_MAX) return bad(fmt::format("{} does not fit 32 bits", *number));
        return set_number(field, static_cast<uint32_t>(*number));
    }

    Result<void> set_type(const btf_member& member, Element& element) const {
        const auto id = pointee_of(object_.btf, member);
        if (!id) return std::unexpected(id.error());
        const auto size = object_.btf.size_of(*id);
        if (!size) return std::unexpected(size.error());
        element.type = *id;
        return element.set_bytes(*size);
    }

    Result<void> set_number(std::string_view field, uint32_t value) {
        if (field == "type")
            map_.type = static_cast<MapType>(value);
        else if (field == "max_entries")
            map_.entries_max = value;
        else if (field == "map_flags")
            map_.flags = value;
        else if (field == "key_size")
            return key_.set_bytes(value);
        else if (field == "value_size")
            return value_.set_bytes(value);
        else if (field == "pinning" && is_inner_)
            return bad("an inner map cannot be pinned");
        else if (field != "pinning" && field != "numa_node")
            return bad("no such field of a map definition");
        return {};
    }

    /// First contents, or the inner map: a map or a program stands in each slot. As the definition
    /// goes, `type` comes before it.
    Result<void> read_values(const btf_member& member) {
        const bool is_outer = is_map_in_map(map_.type);
        if (is_inner_) return bad("an inner map has no inner maps");
        if (!is_outer && map_.type != MapType::ProgArray)
            return bad(fmt::format("a map of type {} has no such field", map_type_name(map_.type)));
        if (const auto ok = value_.set_bytes(4); !ok) return ok;
        const btf_type* array = object_.btf.type(object_.btf.resolve(member.type));
        const btf_type* pointer =
            array != nullptr && btf_is_array(array)
                ? object_.btf.type(object_.btf.resolve(btf_array(array)->type))
                : nullptr;
        if (pointer == nullptr || !btf_is_ptr(pointer))
            return bad("expected __array(values, TYPE)");
        return is_outer ? read_inner(pointer->type) : Result<void>{};
    }

    Result<void> read_inner(uint32_t id) {
        const btf_type* shape = object_.btf.type(object_.btf.resolve(id));
        if (shape == nullptr || !btf_is_struct(shape))
            return bad("expected the struct of an inner map");
        Definition definition(object_, name_ + ".inner", true);
        auto inner = definition.read(*shape);
        if (!inner) return std::unexpected(inner.error());
        const auto fields = find_special_fields(object_.btf, definition.value_type(), 0, *inner);
        if (!fields) inner_refused_ = fields.error().message;
        map_.inner = std::make_shared<const MapSpec>(std::move(*inner));
        return {};
    }

    const Object& object_;
    std::string name_;
    bool is_inner_;
    MapSpec map_{.type = MapType{0}};
    Element key_, value_;
    uint32_t values_offset_ = kNoOffset;
    std::string inner_refused_;
};

Result<void> add_map(const Object& object, const Symbol& symbol, uint32_t section,
                     const btf_type& variable, MapTable& table) {
    const std::string_view name = object.btf.name(variable);
    const btf_type* shape = object.btf.type(object.btf.resolve(variable.type));
    if (shape == nullptr || !btf_is_struct(shape))
        return bad(fmt::format("map \"{}\": its BTF type is no struct", name));
    Definition definition(object, printable(name), false);
    auto map = definition.read(*shape);
    if (!map) return std::unexpected(map.error());
    const auto index = static_cast<uint32_t>(table.maps.size());
    const auto fields = find_special_fields(object.btf, definition.value_type(), 0, *map);
    if (!fields) table.refused.emplace(index, fields.error().message);
    if (!definition.inner_refused().empty())
        table.refused.emplace(index, definition.inner_refused());
    if (definition.values_offset() != kNoOffset) {
        const uint64_t start = symbol.value + definition.values_offset();
        const uint64_t end = symbol.value + symbol.size_bytes;
        if (start < end) table.slot_areas.push_back({start, end, index});
    }
    return table.add(std::move(*map), section, symbol.value);
}

Result<void> read_map(const Object& object, const Section& section, const btf_var_secinfo& entry,
                      MapTable& table) {
    const btf_type* variable = object.btf.type(entry.type);
    if (variable == nullptr || !btf_is_var(variable))
        return bad(fmt::format("section \".maps\": BTF type {} is no variable", entry.type));
    const std::string_view name = object.btf.name(*variable);
    const Symbol* symbol = find_variable(object.file, section.index, name);
    if (symbol == nullptr)
        return bad(fmt::format(
            "map \"{}\" is in BTF, but no symbol of section \".maps\" has that name", name));
    if (symbol->value > section.size_bytes ||
        symbol->size_bytes > section.size_bytes - symbol->value)
        return bad(fmt::format("map \"{}\" at {:#x} with {} bytes is outside section \".maps\"",
                               name, symbol->value, symbol->size_bytes));
    return add_map(object, *symbol, section.index, *variable, table);
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
