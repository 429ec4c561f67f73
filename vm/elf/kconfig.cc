#include "vm/elf/kconfig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>

#include "vm/base/limits.h"
#include "vm/base/printable.h"
#include "vm/elf/number.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

bool is_tristate(const TypeInfo& type) {
    return type.kind == TypeKind::Enum && type.size_bytes == 4 && type.name == "libbpf_tristate";
}

bool is_number(const TypeInfo& type) {
    const bool is_integer = type.kind == TypeKind::Int || type.kind == TypeKind::Char ||
                            (type.kind == TypeKind::Bool && type.size_bytes == 1);
    const uint32_t bytes = type.size_bytes;
    return is_integer && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
}

/// An array of integers of one byte, at least one. The sizes that hostile types claim for an array
/// and for its element need not agree.
bool is_text(const TypeInfo& type) {
    return type.kind == TypeKind::Array && type.element_count > 0 &&
           type.size_bytes == type.element_count && type.element->size_bytes == 1 &&
           is_number(*type.element) && type.element->kind != TypeKind::Bool;
}

uint32_t alignment_of(const TypeInfo& type) {
    return is_text(type) ? 1 : type.size_bytes;
}

Bytes number_bytes(uint64_t number, uint32_t bytes) {
    Bytes raw(bytes);
    std::memcpy(raw.data(), &number, bytes);
    return raw;
}

/// y, m and n.
Result<Bytes> tristate_value(const TypeInfo& type, char value) {
    if (is_tristate(type)) return number_bytes(value == 'y' ? 1 : value == 'm' ? 2 : 0, 4);
    if (type.kind == TypeKind::Bool && type.size_bytes == 1) {
        if (value == 'm')
            return bad("is m: expected a variable of type enum libbpf_tristate or char");
        return number_bytes(value == 'y' ? 1 : 0, 1);
    }
    if (is_number(type) && type.size_bytes == 1)
        return number_bytes(static_cast<uint8_t>(value), 1);
    return bad(fmt::format("is {}: expected a variable of type bool, enum libbpf_tristate or char",
                           value));
}

/// "text": cut where the array is too short, always ended by a zero.
Result<Bytes> text_value(const TypeInfo& type, std::string_view value) {
    if (!is_text(type)) return bad(fmt::format("is {}: expected an array of char", value));
    if (value.size() < 2 || !value.ends_with('"'))
        return bad(fmt::format("is {}: the closing quote is missing", value));
    const std::string_view text = value.substr(1, value.size() - 2);
    Bytes raw(type.size_bytes);
    std::memcpy(raw.data(), text.data(), std::min<size_t>(text.size(), raw.size() - 1));
    return raw;
}

bool fits(uint64_t number, uint32_t bytes, bool is_signed) {
    if (bytes == 8) return true;
    const uint32_t bits = bytes * 8;
    if (!is_signed) return number >> bits == 0;
    return number + (uint64_t{1} << (bits - 1)) < uint64_t{1} << bits;
}

Result<Bytes> number_value(const TypeInfo& type, uint64_t number) {
    if (!is_number(type) || (type.kind == TypeKind::Bool && number > 1))
        return bad(fmt::format("is {}: expected a variable of an integer type", number));
    if (!fits(number, type.size_bytes, type.is_signed))
        return bad(fmt::format("is {}: does not fit {} bytes", number, type.size_bytes));
    return number_bytes(number, type.size_bytes);
}

constexpr uint32_t version_number(uint32_t major, uint32_t minor) {
    return (major << 16) + (minor << 8);
}

/// What libbpf finds out by asking the kernel.
std::optional<uint64_t> virtual_value(std::string_view name) {
    const uint32_t version = running_kernel_version();
    if (name == "LINUX_KERNEL_VERSION") return version;
    if (name == "LINUX_HAS_BPF_COOKIE") return version >= version_number(5, 15) ? 1 : 0;
    if (name == "LINUX_HAS_SYSCALL_WRAPPER") return version >= version_number(4, 17) ? 1 : 0;
    return std::nullopt;
}

/// Where values come from; the configuration is read when the first variable asks.
class Source {
public:
    explicit Source(const std::string& path) : path_(path) {}

    Result<std::optional<Bytes>> value_of(const TypeInfo& type, std::string_view name) {
        if (!name.starts_with("CONFIG_")) {
            const auto number = virtual_value(name);
            if (!number) return std::optional<Bytes>{};
            return wrap(number_value(type, *number));
        }
        if (!config_) config_ = read_kernel_config(path_);
        if (!*config_) return std::unexpected(config_->error());
        const auto found = (*config_)->find(name);
        if (found == (*config_)->end()) return std::optional<Bytes>{};
        return wrap(kconfig_value(type, found->second));
    }

private:
    static Result<std::optional<Bytes>> wrap(Result<Bytes> value) {
        if (!value) return std::unexpected(value.error());
        return std::optional<Bytes>(std::move(*value));
    }

    const std::string& path_;
    std::optional<Result<KernelConfig>> config_;
};

/// Large alignments first, then small sizes, then by name: libbpf's order. Bytes of the whole.
uint64_t lay_out(const Object& object, std::vector<KconfigVariable>& variables) {
    const auto order = [&](const KconfigVariable& variable) {
        const TypeRef type = object.types.tree_of(variable.type);
        return std::tuple(-static_cast<int64_t>(alignment_of(*type)), type->size_bytes,
                          variable.name);
    };
    std::ranges::sort(variables, {}, order);
    uint64_t end = 0;
    for (KconfigVariable& variable : variables) {
        const TypeRef type = object.types.tree_of(variable.type);
        const uint64_t alignment = alignment_of(*type);
        const uint64_t start = (end + alignment - 1) / alignment * alignment;
        variable.offset = static_cast<uint32_t>(start);
        end = start + type->size_bytes;
    }
    return end;
}

void set_values(const Object& object, std::vector<KconfigVariable>& variables, MapSpec& map) {
    auto shape = std::make_shared<TypeInfo>(
        TypeInfo{.kind = TypeKind::Struct, .name = map.name, .size_bytes = map.value_bytes});
    Source source(object.options.kconfig_path);
    for (KconfigVariable& variable : variables) {
        const TypeRef type = object.types.tree_of(variable.type);
        const auto value = source.value_of(*type, variable.name);
        if (!value)
            variable.missing = value.error().message;
        else if (*value)
            std::ranges::copy(**value, map.contents.begin() + variable.offset);
        else if (!variable.is_weak)
            variable.missing = "the kernel's configuration does not have it";
        shape->members.push_back(
            {.name = printable(variable.name), .bit_offset = variable.offset * 8, .type = type});
    }
    map.value_type = std::move(shape);
}

bool can_hold(const TypeInfo& type) {
    return type.size_bytes <= kMapValueBytesMax &&
           (is_text(type) || is_number(type) || is_tristate(type));
}

}  // namespace

Result<Bytes> kconfig_value(const TypeInfo& type, std::string_view value) {
    if (value == "y" || value == "m" || value == "n") return tristate_value(type, value.front());
    if (value.starts_with('"')) return text_value(type, value);
    const auto number = parse_number(value);
    if (!number) return bad(fmt::format("is {}: no number of at most 64 bits", value));
    if (type.kind == TypeKind::Bool)
        return bad(fmt::format("is {}: expected a variable of an integer type", value));
    return number_value(type, number->wrapped());
}

Result<MapSpec> make_kconfig_map(const Object& object, std::vector<KconfigVariable>& variables) {
    const auto misfits = std::ranges::stable_partition(variables, [&](const auto& variable) {
        const TypeRef type = object.types.tree_of(variable.type);
        return type && can_hold(*type);
    });
    std::vector<KconfigVariable> rest(misfits.begin(), misfits.end());
    variables.erase(misfits.begin(), misfits.end());
    const uint64_t bytes = lay_out(object, variables);
    if (bytes > kMapValueBytesMax)
        return bad(fmt::format(".kconfig: {} bytes, at most {}", bytes, kMapValueBytesMax));
    MapSpec map{.name = ".kconfig",
                .type = MapType::Array,
                .key_bytes = 4,
                .value_bytes = static_cast<uint32_t>(std::max<uint64_t>(bytes, 1)),
                .entries_max = 1,
                .flags = kMapRdonlyProg,
                .frozen = true,
                .is_global_data = true};
    map.contents.resize(map.value_bytes);
    set_values(object, variables, map);
    for (KconfigVariable& variable : rest) {
        variable.missing = "its type can hold no configuration value";
        variables.push_back(std::move(variable));
    }
    return map;
}

}  // namespace weir::vm::elf
