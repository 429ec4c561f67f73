#include "vm/elf/global_values.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

struct Number {
    bool negative = false;
    uint64_t magnitude = 0;
};

Result<Number> parse_number(std::string_view text) {
    Number number;
    std::string_view digits = text;
    if (digits.starts_with('-')) {
        number.negative = true;
        digits.remove_prefix(1);
    }
    const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
    if (hex) digits.remove_prefix(2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(),
                                              number.magnitude, hex ? 16 : 10);
    if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty())
        return bad(fmt::format("\"{}\" is no number of at most 64 bits", text));
    return number;
}

/// Hex may spell all bits of a signed type; decimal has to be in its range.
Result<uint64_t> fit(const Number& number, std::string_view text, uint32_t bytes, bool is_signed) {
    const uint32_t bits = bytes * 8;
    const uint64_t all = bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
    const uint64_t half = uint64_t{1} << (bits - 1);
    const bool hex =
        text.find('x') != std::string_view::npos || text.find('X') != std::string_view::npos;
    const bool fits = number.negative ? is_signed && number.magnitude <= half
                                      : number.magnitude <= (is_signed && !hex ? half - 1 : all);
    if (!fits)
        return bad(fmt::format("{} does not fit {} {} bits", text,
                               is_signed ? "signed" : "unsigned", bits));
    return (number.negative ? ~number.magnitude + 1 : number.magnitude) & all;
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

}  // namespace

Result<uint64_t> parse_value(const TypeInfo& type, std::string_view text) {
    const uint32_t bytes = type.size_bytes;
    const bool is_scalar = type.kind == TypeKind::Int || type.kind == TypeKind::Bool ||
                           type.kind == TypeKind::Char || type.kind == TypeKind::Enum;
    if (!is_scalar || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8))
        return bad(
            fmt::format("a variable of type \"{}\" ({} bytes) cannot be set: expected an integer, "
                        "bool, char or enum",
                        type.name, bytes));
    if (type.kind == TypeKind::Enum) return parse_enum(type, text);
    if (type.kind == TypeKind::Bool) {
        if (text == "true" || text == "1") return 1;
        if (text == "false" || text == "0") return 0;
        return bad(fmt::format("\"{}\" is no bool: expected true or false", text));
    }
    if (text.size() == 3 && text.front() == '\'' && text.back() == '\'')
        return static_cast<uint8_t>(text[1]);
    const auto number = parse_number(text);
    if (!number) return std::unexpected(number.error());
    return fit(*number, text, bytes, type.is_signed);
}

std::vector<Variable> variables_of(const Object& object, const Section& section) {
    std::vector<Variable> variables;
    const btf_type* declared = object.btf.data_section(section.name);
    if (declared == nullptr) return variables;
    std::unordered_map<std::string_view, const Symbol*> symbols;
    for (const Symbol& symbol : object.file.symbols()) {
        if (symbol.section == section.index && symbol.type == STT_OBJECT)
            symbols.emplace(symbol.name, &symbol);
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
    for (const Variable& variable : variables_of(object, section)) {
        const auto wanted = object.options.globals.find(std::string(variable.name));
        if (wanted == object.options.globals.end()) continue;
        const TypeRef type = object.types.tree_of(variable.type);
        if (!type) continue;
        const auto value = parse_value(*type, wanted->second);
        if (!value) return fail_in(fmt::format("global \"{}\"", variable.name), value.error());
        map.contents.resize(map.value_bytes);
        std::memcpy(map.contents.data() + variable.offset, &*value, variable.bytes);
        ++set_count[wanted->first];
    }
    return {};
}

}  // namespace weir::vm::elf
