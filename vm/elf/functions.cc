#include "vm/elf/functions.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "vm/base/limits.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

std::unexpected<Error> bad_function(const Section& section, const Symbol& symbol,
                                    std::string_view why) {
    return bad(fmt::format("section \"{}\": function \"{}\" at {:#x} with {} bytes: {}",
                           section.name, symbol.name, symbol.value, symbol.size_bytes, why));
}

Result<Function> read_function(const Section& section, const Symbol& symbol) {
    if (symbol.name.empty() || symbol.name.size() > kNameBytesMax)
        return bad_function(section, symbol,
                            fmt::format("its name has {} bytes, expected 1 to {}",
                                        symbol.name.size(), kNameBytesMax));
    if (symbol.value % sizeof(Insn) != 0 || symbol.size_bytes % sizeof(Insn) != 0 ||
        symbol.size_bytes == 0)
        return bad_function(
            section, symbol,
            fmt::format("no whole number of instructions of {} bytes", sizeof(Insn)));
    if (symbol.value > section.bytes.size() ||
        symbol.size_bytes > section.bytes.size() - symbol.value)
        return bad_function(section, symbol,
                            fmt::format("outside the section of {} bytes", section.bytes.size()));
    if (symbol.size_bytes / sizeof(Insn) > kProgramInsnsMax)
        return bad_function(section, symbol,
                            fmt::format("{} instructions, at most {}",
                                        symbol.size_bytes / sizeof(Insn), kProgramInsnsMax));
    return Function{.name = symbol.name,
                    .section = section.index,
                    .first_insn = static_cast<uint32_t>(symbol.value / sizeof(Insn)),
                    .insn_count = static_cast<uint32_t>(symbol.size_bytes / sizeof(Insn)),
                    .is_global = symbol.binding != STB_LOCAL && symbol.visibility != STV_HIDDEN};
}

/// The symbols that name functions of a section: of type FUNC, and where there is none, global ones
/// of no type (local ones are labels).
std::vector<Symbol> function_symbols(const ElfFile& file, const Section& section) {
    std::vector<Symbol> functions, untyped;
    for (const uint32_t index : file.symbols_of(section.index)) {
        const Symbol& symbol = file.symbols()[index];
        if (symbol.type == STT_FUNC) functions.push_back(symbol);
        if (symbol.type == STT_NOTYPE && symbol.binding != STB_LOCAL && !symbol.name.empty())
            untyped.push_back(symbol);
    }
    std::vector<Symbol>& symbols = functions.empty() ? untyped : functions;
    std::ranges::stable_sort(symbols, {}, &Symbol::value);
    return std::move(symbols);
}

/// A symbol without a size ends where the next one starts.
void give_sizes(std::vector<Symbol>& symbols, const Section& section) {
    for (size_t i = 0; i < symbols.size(); ++i) {
        if (symbols[i].size_bytes != 0) continue;
        const auto after = std::ranges::upper_bound(symbols, symbols[i].value, {}, &Symbol::value);
        const uint64_t end = after == symbols.end() ? section.bytes.size() : after->value;
        symbols[i].size_bytes = end - std::min(end, symbols[i].value);
    }
}

std::tuple<uint32_t, uint32_t> place_of(const Function& function) {
    return {function.section, function.first_insn};
}

/// Two names for one function (an alias) are two programs; anything else that overlaps is nonsense.
Result<void> check_overlap(const std::vector<Function>& functions) {
    for (size_t i = 1; i < functions.size(); ++i) {
        const Function& before = functions[i - 1];
        const Function& here = functions[i];
        const bool same =
            place_of(before) == place_of(here) && before.insn_count == here.insn_count;
        if (before.section != here.section || same ||
            before.first_insn + before.insn_count <= here.first_insn)
            continue;
        return bad(fmt::format("functions \"{}\" and \"{}\" overlap at instruction {}", before.name,
                               here.name, here.first_insn));
    }
    return {};
}

/// Adds the functions of one section of code, in the order of their slots.
Result<void> add_section(const ElfFile& file, const Section& section,
                         std::vector<Function>& functions) {
    std::vector<Symbol> symbols = function_symbols(file, section);
    if (symbols.empty() && section.name != ".text")
        symbols.push_back({.name = section.name, .section = section.index, .binding = STB_GLOBAL});
    give_sizes(symbols, section);
    if (functions.size() + symbols.size() > kFunctionsMax)
        return bad(fmt::format("more than {} functions", kFunctionsMax));
    const bool has_global = std::ranges::any_of(
        symbols, [](const Symbol& symbol) { return symbol.binding != STB_LOCAL; });
    for (const Symbol& symbol : symbols) {
        auto function = read_function(section, symbol);
        if (!function) return std::unexpected(function.error());
        function->is_program =
            section.name != ".text" && (symbol.binding != STB_LOCAL || !has_global);
        functions.push_back(*function);
    }
    return {};
}

/// libbpf: the only function of an object that has nothing but .text is its program.
void promote_lone_function(std::vector<Function>& functions) {
    if (functions.size() == 1) functions.front().is_program = true;
}

}  // namespace

Result<FunctionTable> FunctionTable::read(const ElfFile& file) {
    FunctionTable table;
    for (const Section& section : file.sections()) {
        if (!section.is_code()) continue;
        if (const auto ok = add_section(file, section, table.functions_); !ok)
            return std::unexpected(ok.error());
    }
    if (const auto ok = check_overlap(table.functions_); !ok) return std::unexpected(ok.error());
    promote_lone_function(table.functions_);
    return table;
}

int64_t FunctionTable::starting_at(uint32_t section, int64_t insn) const {
    if (insn < 0 || insn > UINT32_MAX) return -1;
    const std::tuple<uint32_t, uint32_t> place{section, static_cast<uint32_t>(insn)};
    const auto found = std::ranges::lower_bound(functions_, place, {}, place_of);
    if (found == functions_.end() || place_of(*found) != place) return -1;
    return found - functions_.begin();
}

std::vector<Insn> copy_insns(const ElfFile& file, const Function& function) {
    std::vector<Insn> insns(function.insn_count);
    const ByteSpan bytes = file.sections()[function.section].bytes;
    std::memcpy(insns.data(), bytes.data() + size_t{function.first_insn} * sizeof(Insn),
                insns.size() * sizeof(Insn));
    return insns;
}

}  // namespace weir::vm::elf
