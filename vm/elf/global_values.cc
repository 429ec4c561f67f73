#include "vm/elf/global_values.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include "vm/elf/number.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

Result<Number> number_of(std::string_view text) {
    const auto number = parse_number(text);
    if (!number) return bad(fmt::format("\"{}\" is no number of at most 64 bits", text));
    return *number;
}

/// Hex may spell all bits of a signed type; decimal has to be in its range.
Result<uint64_t> fit(const Number& number, std::string_view text, uint32_t bytes, bool is_signed) {
    const uint32_t bits = bytes * 8;
    const uint64_t all = bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
    const uint64_t half = uint64_t{1} << (bits - 1);
    const bool fits = number.negative
                          ? is_signed && number.magnitude <= half
                          : number.magnitude <= (is_signed && !number.is_hex ? half - 1 : all);
    if (!fits)
        return bad(fmt::format("{} does not fit {} {} bits", text,
                               is_signed ? "signed" : "unsigned", bits));
    return number.wrapped() & all;
}

Result<uint64_t> parse_enum(const TypeInfo& type, std::string_view text) {
    const auto named = std::ranges::find(
        type.values, text, [](const auto& pair) { return std::string_view(pair.first); });
    if (named != type.values.end()) return static_cast<uint64_t>(named->second);
    const auto number = parse_number(text);
    if (!number)
        return bad(
            fmt::format("\"{}\" is neither an enumerator of {} nor a number", text, type.name));
    return fit(*number, text, type.size_bytes, type.is_signed);
}

std::string_view kind_name(TypeKind kind) {
    switch (kind) {
        case TypeKind::Int: return "integer";
        case TypeKind::Bool: return "bool";
        case TypeKind::Char: return "char";
        case TypeKind::Enum: return "enum";
        case TypeKind::Float: return "floating-point number";
        case TypeKind::Pointer: return "pointer";
        case TypeKind::Array: return "array";
        case TypeKind::Struct: return "struct";
        case TypeKind::Union: return "union";
        case TypeKind::Opaque: break;
    }
    return "unknown type";
}

Result<uint64_t> parse_scalar(const TypeInfo& type, std::string_view text) {
    if (type.kind == TypeKind::Enum) return parse_enum(type, text);
    if (type.kind == TypeKind::Bool) {
        if (text == "true" || text == "1") return 1;
        if (text == "false" || text == "0") return 0;
        return bad(fmt::format("\"{}\" is no bool: expected true or false", text));
    }
    if (text.size() == 3 && text.front() == '\'' && text.back() == '\'')
        return static_cast<uint8_t>(text[1]);
    const auto number = number_of(text);
    if (!number) return std::unexpected(number.error());
    return fit(*number, text, type.size_bytes, type.is_signed);
}

bool is_scalar(const TypeInfo& type) {
    const bool is_number = type.kind == TypeKind::Int || type.kind == TypeKind::Bool ||
                           type.kind == TypeKind::Char || type.kind == TypeKind::Enum;
    const uint32_t bytes = type.size_bytes;
    return is_number && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
}

/// "text" without escapes, followed by zeroes.
Result<Bytes> parse_text(const TypeInfo& type, std::string_view quoted) {
    const std::string_view text = quoted.substr(1, quoted.size() - 2);
    if (text.size() >= type.size_bytes)
        return bad(fmt::format("{} has {} characters, an array of {} takes at most {}", quoted,
                               text.size(), type.size_bytes, type.size_bytes - 1));
    Bytes bytes(type.size_bytes);
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
}

/// 0x and two digits for each byte, in memory order, as many as the type has.
Result<Bytes> parse_hex_bytes(const TypeInfo& type, std::string_view text) {
    const std::string_view digits = text.substr(2);
    if (digits.size() != size_t{type.size_bytes} * 2)
        return bad(fmt::format("{} has {} hex digits, {} of {} bytes needs {}", text, digits.size(),
                               kind_name(type.kind), type.size_bytes, type.size_bytes * 2));
    Bytes bytes(type.size_bytes);
    for (size_t i = 0; i < bytes.size(); ++i) {
        const char* at = digits.data() + i * 2;
        const auto [end, error] = std::from_chars(at, at + 2, bytes[i], 16);
        if (error != std::errc{} || end != at + 2)
            return bad(fmt::format("\"{}\" is no hex number", text));
    }
    return bytes;
}

bool is_char_array(const TypeInfo& type) {
    return type.kind == TypeKind::Array && type.element && type.element->kind == TypeKind::Char;
}

std::unexpected<Error> cannot_be_set(const TypeInfo& type, std::string_view text) {
    const bool has_bytes = type.kind == TypeKind::Array || type.kind == TypeKind::Struct ||
                           type.kind == TypeKind::Union;
    const std::string_view expected =
        is_char_array(type) ? "\"text\" or its bytes in hex after 0x"
        : has_bytes ? "its bytes in hex after 0x, or one of its parts (NAME.MEMBER, NAME[0])"
                    : "an integer, bool, char, enum, array or struct";
    return bad(fmt::format("{} \"{}\" of {} bytes cannot be set to {}: expected {}",
                           kind_name(type.kind), type.name, type.size_bytes, text, expected));
}

/// Where NAME.MEMBER[3] lies in a variable.
struct Spot {
    TypeRef type;
    uint64_t offset = 0;    ///< bytes
    uint32_t bit_size = 0;  ///< not 0: a bit field
};

/// The member of that name, also inside members without one.
Result<Spot> find_member(const TypeInfo& type, std::string_view name, uint32_t depth) {
    for (const TypeMember& member : type.members) {
        const Spot spot{member.type, member.bit_offset / 8, member.bit_size};
        if (member.name == name && !name.empty() && member.type) return spot;
        if (!member.name.empty() || !member.type || depth >= kTypeDepthMax) continue;
        const auto inner = find_member(*member.type, name, depth + 1);
        if (inner) return Spot{inner->type, spot.offset + inner->offset, inner->bit_size};
    }
    return bad(
        fmt::format("{} \"{}\" has no member \"{}\"", kind_name(type.kind), type.name, name));
}

/// Cuts the first ".NAME" or "[N]" off `path` and steps there.
Result<Spot> step(const TypeInfo& type, std::string_view& path) {
    if (path.starts_with('.')) {
        const std::string_view rest = path.substr(1);
        const size_t end = std::min(rest.find_first_of(".["), rest.size());
        path = rest.substr(end);
        return find_member(type, rest.substr(0, end), 0);
    }
    const size_t close = path.find(']');
    if (!path.starts_with('[') || close == std::string_view::npos)
        return bad(fmt::format("\"{}\" is neither .MEMBER nor [INDEX]", path));
    const auto index = number_of(path.substr(1, close - 1));
    path = path.substr(close + 1);
    if (!index) return std::unexpected(index.error());
    if (type.kind != TypeKind::Array || !type.element)
        return bad(fmt::format("{} \"{}\" has no elements", kind_name(type.kind), type.name));
    if (index->negative || index->magnitude >= type.element_count)
        return bad(
            fmt::format("element {} of an array of {}", index->magnitude, type.element_count));
    return Spot{type.element, index->magnitude * type.element->size_bytes, 0};
}

/// What `path` leads to, which is what follows the name.
Result<Spot> find_spot(const TypeRef& type, std::string_view path) {
    Spot spot{type, 0, 0};
    while (!path.empty()) {
        const auto next = step(*spot.type, path);
        if (!next) return next;
        spot = {next->type, spot.offset + next->offset, next->bit_size};
        if (!spot.type) return bad("a part without a type");
        if (spot.offset > UINT32_MAX) return bad("a part that lies outside its variable");
    }
    if (spot.bit_size != 0) return bad("a bit field cannot be set: set the bytes around it");
    return spot;
}

/// `text` as the bytes of this type, in memory order (see LoadOptions::globals).
Result<Bytes> parse_value(const TypeInfo& type, std::string_view text) {
    if (is_scalar(type)) {
        const auto value = parse_scalar(type, text);
        if (!value) return std::unexpected(value.error());
        Bytes bytes(type.size_bytes);
        std::memcpy(bytes.data(), &*value, bytes.size());
        return bytes;
    }
    const bool has_bytes = type.kind == TypeKind::Array || type.kind == TypeKind::Struct ||
                           type.kind == TypeKind::Union;
    const bool is_quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
    if (is_quoted && is_char_array(type)) return parse_text(type, text);
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    if (has_bytes && is_hex) return parse_hex_bytes(type, text);
    return cannot_be_set(type, text);
}

Result<void> set_global(const Object& object, const Variable& variable, std::string_view path,
                        std::string_view text, MapSpec& map) {
    const TypeRef type = object.types.tree_of(variable.type);
    if (!type) return bad("a variable without a type");
    const auto spot = find_spot(type, path);
    if (!spot) return std::unexpected(spot.error());
    if (spot->offset + spot->type->size_bytes > variable.bytes)
        return bad("a part that lies outside its variable");
    const auto bytes = parse_value(*spot->type, text);
    if (!bytes) return std::unexpected(bytes.error());
    map.contents.resize(map.value_bytes);
    std::ranges::copy(
        *bytes, map.contents.begin() + static_cast<ptrdiff_t>(variable.offset + spot->offset));
    return {};
}

}  // namespace

std::vector<Variable> variables_of(const Object& object, const Section& section) {
    std::vector<Variable> variables;
    const btf_type* declared = object.btf.data_section(section.name);
    if (declared == nullptr) return variables;
    std::unordered_map<std::string_view, const Symbol*> symbols;
    for (const uint32_t index : object.file.symbols_of(section.index)) {
        const Symbol& symbol = object.file.symbols()[index];
        if (symbol.type == STT_OBJECT) symbols.emplace(symbol.name, &symbol);
    }
    for (uint32_t i = 0; i < btf_vlen(declared); ++i) {
        const btf_type* entry = object.btf.type(btf_var_secinfos(declared)[i].type);
        if (entry == nullptr || !btf_is_var(entry)) continue;
        const auto symbol = symbols.find(object.btf.name(*entry));
        const auto bytes = object.btf.size_of(entry->type);
        if (symbol == symbols.end() || !bytes) continue;
        const uint64_t offset = symbol->second->value;
        if (offset > section.size_bytes || *bytes > section.size_bytes - offset) continue;
        variables.push_back({symbol->first, static_cast<uint32_t>(offset), *bytes, entry->type});
    }
    std::ranges::stable_sort(variables, {}, &Variable::offset);
    return variables;
}

Result<void> apply_globals(const Object& object, const Section& section, MapSpec& map,
                           std::map<std::string, uint32_t>& set_count) {
    if (object.options.globals.empty()) return {};
    const std::vector<Variable> variables = variables_of(object, section);
    for (const auto& [name, text] : object.options.globals) {
        const std::string_view whole = name;
        const size_t end = std::min(whole.find_first_of(".["), whole.size());
        for (const Variable& variable : variables) {
            if (variable.name != whole.substr(0, end)) continue;
            const auto ok = set_global(object, variable, whole.substr(end), text, map);
            if (!ok) return fail_in(fmt::format("global \"{}\"", name), ok.error());
            ++set_count[name];
        }
    }
    return {};
}

}  // namespace weir::vm::elf
