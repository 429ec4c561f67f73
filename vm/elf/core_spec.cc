#include "vm/elf/core_spec.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace weir::vm::elf {

namespace {

constexpr std::array<std::string_view, kCoreKindMax + 1> kKindNames = {
    "byte_off",       "byte_sz",       "field_exists",   "signed",      "lshift_u64",
    "rshift_u64",     "local_type_id", "target_type_id", "type_exists", "type_size",
    "enumval_exists", "enumval_value", "type_matches"};

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

Result<std::vector<uint32_t>> parse_path(std::string_view text) {
    std::vector<uint32_t> path;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    while (true) {
        uint32_t index = 0;
        const auto [after, error] = std::from_chars(at, end, index);
        if (error != std::errc{} || index > INT32_MAX)
            return bad(fmt::format("access path \"{}\" is no list of numbers", text));
        if (path.size() == kCorePathMax)
            return bad(fmt::format("access path of more than {} levels", kCorePathMax));
        path.push_back(index);
        if (after == end) return path;
        if (*after != ':')
            return bad(fmt::format("access path \"{}\" is no list of numbers", text));
        at = after + 1;
    }
}

Result<void> start_enumval(const BtfView& btf, CoreSpec& spec, uint32_t id) {
    const btf_type* type = btf.type(id);
    if (type == nullptr || !btf_is_any_enum(type))
        return bad(fmt::format("BTF type {} is no enum", id));
    const uint32_t index = spec.path.front();
    if (spec.path.size() != 1 || index >= btf_vlen(type))
        return bad(fmt::format("enumerator {} of {}", index, btf_vlen(type)));
    spec.steps.push_back({id, index, enumerator_name(btf, *type, index)});
    return {};
}

/// Steps into the member `index` of struct `id`; `id` becomes the member's type.
Result<void> step_member(const BtfView& btf, CoreSpec& spec, uint32_t& id, uint32_t index) {
    const btf_type* type = btf.type(id);
    if (index >= btf_vlen(type))
        return bad(fmt::format("member {} of \"{}\", which has {}", index, btf.name(*type),
                               btf_vlen(type)));
    const btf_member& member = btf_members(type)[index];
    spec.bit_offset += btf_member_bit_offset(type, index);
    if (const std::string_view name = btf.text(member.name_off); !name.empty())
        spec.steps.push_back({id, index, name});
    id = member.type;
    return {};
}

Result<void> step_element(const BtfView& btf, CoreSpec& spec, uint32_t& id, uint32_t index) {
    const struct btf_array& array = *btf_array(btf.type(id));
    const auto element = btf.strip(array.type);
    if (!element) return bad(fmt::format("array of BTF type {}, which is none", array.type));
    if (!is_flexible_array(btf, spec.steps.back(), array) && index >= array.nelems)
        return bad(fmt::format("element {} of an array of {}", index, array.nelems));
    id = *element;
    return add_element(btf, spec, id, index);
}

Result<void> walk(const BtfView& btf, CoreSpec& spec, uint32_t id) {
    if (const auto ok = add_element(btf, spec, id, spec.path.front()); !ok) return ok;
    for (size_t i = 1; i < spec.path.size(); ++i) {
        const uint32_t plain = btf.resolve(id);
        const btf_type* type = btf.type(plain);
        if (type == nullptr || !(btf_is_composite(type) || btf_is_array(type)))
            return bad(
                fmt::format("level {} of the access path is in BTF type {}, which has no "
                            "members",
                            i, id));
        id = plain;
        const auto ok = btf_is_array(type) ? step_element(btf, spec, id, spec.path[i])
                                           : step_member(btf, spec, id, spec.path[i]);
        if (!ok) return ok;
    }
    return {};
}

std::string_view kind_word(const BtfView& btf, uint32_t id) {
    switch (btf.kind(id)) {
        case BTF_KIND_STRUCT: return "struct ";
        case BTF_KIND_UNION: return "union ";
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64: return "enum ";
        default: return "";
    }
}

}  // namespace

bool is_type_kind(CoreKind kind) {
    return (kind >= CoreKind::TypeIdLocal && kind <= CoreKind::TypeSize) ||
           kind == CoreKind::TypeMatches;
}
bool is_enumval_kind(CoreKind kind) {
    return kind == CoreKind::EnumvalExists || kind == CoreKind::EnumvalValue;
}

std::string_view essential_name(std::string_view name) {
    constexpr std::string_view kSeparator = "___";
    // The last place where three underscores stand between two characters that are none.
    size_t at = name.rfind(kSeparator);
    while (at != std::string_view::npos && at > 0) {
        const size_t after = at + kSeparator.size();
        if (after < name.size() && name[at - 1] != '_' && name[after] != '_')
            return name.substr(0, at);
        at = name.rfind(kSeparator, at - 1);
    }
    return name;
}

bool is_flexible_array(const BtfView& btf, const CoreStep& owner, const struct btf_array& array) {
    if (owner.name.empty() || array.nelems > 0) return false;
    const btf_type* type = btf.type(owner.type);
    return type != nullptr && owner.index + 1 == btf_vlen(type);
}

Result<void> add_element(const BtfView& btf, CoreSpec& spec, uint32_t element, uint32_t index) {
    const auto size = btf.size_of(element);
    if (!size) return std::unexpected(size.error());
    const uint64_t offset = uint64_t{index} * *size;
    if (offset > UINT32_MAX / 8)
        return bad(fmt::format("element {} of {} bytes is beyond 512 MiB", index, *size));
    spec.steps.push_back({element, index, {}});
    spec.bit_offset += offset * 8;
    return {};
}

std::string_view enumerator_name(const BtfView& btf, const btf_type& type, uint32_t index) {
    return btf.text(btf_is_enum(&type) ? btf_enum(&type)[index].name_off
                                       : btf_enum64(&type)[index].name_off);
}

uint64_t enumerator_value(const btf_type& type, uint32_t index) {
    if (btf_is_enum(&type)) {
        const int64_t value = btf_enum(&type)[index].val;
        return static_cast<uint64_t>(value);
    }
    return btf_enum64_value(&btf_enum64(&type)[index]);
}

Result<CoreSpec> parse_core_spec(const BtfView& btf, const CoreRecord& record) {
    if (record.kind > kCoreKindMax)
        return bad(fmt::format("CO-RE relocation of kind {}, the last one known is {}", record.kind,
                               kCoreKindMax));
    CoreSpec spec{.kind = static_cast<CoreKind>(record.kind), .root = record.type};
    const std::string_view text = btf.text(record.path_offset);
    if (btf.type(record.type) == nullptr)
        return bad(
            fmt::format("CO-RE relocation of BTF type {}, which does not exist", record.type));
    if (is_type_kind(spec.kind)) {
        if (text != "0") return bad(fmt::format("access path \"{}\" of a type, expected 0", text));
        return spec;
    }
    auto path = parse_path(text);
    if (!path) return std::unexpected(path.error());
    spec.path = std::move(*path);
    const uint32_t id = btf.resolve(record.type);
    const auto ok = is_enumval_kind(spec.kind) ? start_enumval(btf, spec, id) : walk(btf, spec, id);
    if (!ok) return std::unexpected(ok.error());
    return spec;
}

std::string describe(const BtfView& btf, const CoreSpec& spec) {
    const btf_type* root = btf.type(spec.root);
    const std::string_view name = root == nullptr ? "" : btf.name(*root);
    std::string text = fmt::format("{} {}{}", kKindNames[static_cast<size_t>(spec.kind)],
                                   kind_word(btf, spec.root), name.empty() ? "(anonymous)" : name);
    if (is_type_kind(spec.kind)) return text;
    if (is_enumval_kind(spec.kind)) return text + "::" + std::string(spec.steps.front().name);
    for (size_t i = 0; i < spec.steps.size(); ++i) {
        const CoreStep& step = spec.steps[i];
        if (!step.name.empty())
            text += fmt::format(".{}", step.name);
        else if (i > 0 || step.index > 0)
            text += fmt::format("[{}]", step.index);
    }
    text += " (";
    for (size_t i = 0; i < spec.path.size(); ++i)
        text += fmt::format("{}{}", i == 0 ? "" : ":", spec.path[i]);
    return fmt::format("{} @ {})", text, spec.bit_offset / 8);
}

}  // namespace weir::vm::elf
