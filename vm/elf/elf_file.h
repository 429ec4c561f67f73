#pragma once
// First stage: bytes -> sections, symbols and relocations of a BPF object file, every offset
// checked.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::vm::elf {

constexpr size_t kSymbolsMax = 500'000;        ///< per object; keeps the tables below 64 MiB
constexpr size_t kRelocationsMax = 2'000'000;  ///< per object
constexpr size_t kSymbolNameBytesMax =
    1024;  ///< bounds the work on names that share one huge string

struct Section {
    uint32_t index = 0;
    std::string_view name;
    uint32_t type = 0;   ///< SHT_*
    uint64_t flags = 0;  ///< SHF_*
    uint64_t size_bytes = 0;
    uint32_t link = 0, info = 0;
    ByteSpan bytes;  ///< empty for SHT_NOBITS

    bool is_code() const;  ///< executable, with bytes
};

struct Symbol {
    std::string_view name;
    uint32_t section = 0;  ///< index below the number of sections, or SHN_UNDEF/ABS/COMMON
    uint64_t value = 0;    ///< offset in its section
    uint64_t size_bytes = 0;
    uint8_t type = 0;        ///< STT_*
    uint8_t binding = 0;     ///< STB_*
    uint8_t visibility = 0;  ///< STV_*
};

struct Relocation {
    uint64_t offset = 0;  ///< in the section that it changes
    uint32_t symbol = 0;  ///< index into symbols(), checked
    uint32_t type = 0;    ///< R_BPF_*
};

/// Views into the bytes it was parsed from, which must outlive it.
class ElfFile {
public:
    /// Refuses what is not a 64-bit little-endian relocatable file for BPF, and whatever points
    /// outside the file. Relocations are read of code and of map definitions; those of debug
    /// information and data say nothing that is used here.
    static Result<ElfFile> parse(ByteSpan bytes);

    const std::vector<Section>& sections() const { return sections_; }
    const std::vector<Symbol>& symbols() const { return symbols_; }
    /// Indices of the symbols of a section, in the order of the table.
    std::span<const uint32_t> symbols_of(uint32_t section) const;
    /// Sorted by offset, no two at one place.
    const std::vector<Relocation>& relocations_of(uint32_t section) const {
        return relocations_[section];
    }
    /// How many addresses in a data section its relocations would change.
    size_t data_relocations_of(uint32_t section) const { return data_relocations_[section]; }
    /// First section of that name, or nullptr.
    const Section* section_named(std::string_view name) const;

private:
    ElfFile() = default;
    Result<void> read_sections(ByteSpan file);
    Result<void> read_symbols(const Section& table);
    Result<void> read_all_symbols();
    void sort_symbols();
    Result<void> read_relocations(const Section& table);
    Result<void> read_all_relocations();
    Result<void> sort_relocations();

    std::vector<Section> sections_;
    std::vector<Symbol> symbols_;
    std::vector<uint32_t> by_section_;                  ///< symbols, by their section
    std::vector<uint32_t> section_starts_;              ///< in by_section_, one more than sections
    std::vector<std::vector<Relocation>> relocations_;  ///< by section index
    std::vector<size_t> data_relocations_;              ///< likewise
    uint32_t symbol_table_ = 0;                         ///< index of its section
    size_t relocation_count_ = 0;
};

/// The text at `offset` of a string table, at most kSymbolNameBytesMax bytes before its NUL.
Result<std::string_view> string_at(ByteSpan table, uint64_t offset);

}  // namespace weir::vm::elf
