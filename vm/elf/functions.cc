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

Result<Function> read_function(const Section& section, const Symbol& symbol) {
    const std::string place =
        fmt::format("section \"{}\": function \"{}\" at {:#x} with {} bytes", section.name,
                    symbol.name, symbol.value, symbol.size_bytes);
    if (symbol.name.empty() || symbol.name.size() > kNameBytesMax)
        return bad(fmt::format("{}: its name has {} bytes, expected 1 to {}", place,
                               symbol.name.size(), kNameBytesMax));
    if (symbol.value % sizeof(Insn) != 0 || symbol.size_bytes % sizeof(Insn) != 0 ||
        symbol.size_bytes == 0)
        return bad(
            fmt::format("{}: no whole number of instructions of {} bytes", place, sizeof(Insn)));
    if (symbol.value > section.bytes.size() ||
        symbol.size_bytes > section.bytes.size() - symbol.value)
        return bad(fmt::format("{}: outside the section of {} bytes", place, section.bytes.size()));
    if (symbol.size_bytes / sizeof(Insn) > kProgramInsnsMax)
        return bad(fmt::format("{}: {} instructions, at most {}", place,
                               symbol.size_bytes / sizeof(Insn), kProgramInsnsMax));
    return Function{.name = symbol.name,
                    .section = section.index,
                    .first_insn = static_cast<uint32_t>(symbol.value / sizeof(Insn)),
                    .insn_count = static_cast<uint32_t>(symbol.size_bytes / sizeof(Insn)),
                    .is_program = section.name != ".text"};
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

/// libbpf: the only function of an object that has nothing but .text is its program.
void promote_lone_function(std::vector<Function>& functions) {
    if (functions.size() == 1) functions.front().is_program = true;
}

}  // namespace

Result<FunctionTable> FunctionTable::read(const ElfFile& file) {
    FunctionTable table;
    for (const Symbol& symbol : file.symbols()) {
        if (symbol.type != STT_FUNC || symbol.section >= file.sections().size()) continue;
        const Section& section = file.sections()[symbol.section];
        if (!section.is_code()) continue;
        auto function = read_function(section, symbol);
        if (!function) return std::unexpected(function.error());
        if (table.functions_.size() >= kFunctionsMax)
            return bad(fmt::format("more than {} functions", kFunctionsMax));
        table.functions_.push_back(*function);
    }
    std::ranges::stable_sort(table.functions_, {}, place_of);
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
