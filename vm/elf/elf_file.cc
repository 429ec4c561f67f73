// The section table is checked by hand before libelf sees the bytes: libelf trusts more of a
// hostile header than we do. Sections must not add up to more than the file, so that overlapping
// ones cannot multiply work later.
#include "vm/elf/elf_file.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>

#include "vm/base/limits.h"
#include "vm/elf/load_at.h"

namespace weir::vm::elf {

namespace {

struct ElfCloser {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

struct Named {
    uint32_t number;
    std::string_view name;
};

/// "62 (x86-64)", or the number alone.
std::string named(uint32_t number, std::initializer_list<Named> names) {
    const auto* const found = std::ranges::find(names, number, &Named::number);
    return found == names.end() ? std::to_string(number)
                                : fmt::format("{} ({})", number, found->name);
}

Result<void> check_identity(ByteSpan file) {
    if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0)
        return bad("not an ELF file: expected an object file that clang made with -target bpf");
    if (file.size() < sizeof(Elf64_Ehdr))
        return bad(fmt::format("truncated: {} bytes, an ELF header has {}", file.size(),
                               sizeof(Elf64_Ehdr)));
    const auto header = load_at<Elf64_Ehdr>(file, 0);
    if (header.e_ident[EI_CLASS] != ELFCLASS64)
        return bad(fmt::format("ELF class {}: expected 2 (64-bit)",
                               named(header.e_ident[EI_CLASS], {{ELFCLASS32, "32-bit"}})));
    if (header.e_ident[EI_DATA] != ELFDATA2LSB)
        return bad(fmt::format("ELF byte order {}: expected 1 (little-endian, -target bpfel)",
                               named(header.e_ident[EI_DATA], {{ELFDATA2MSB, "big-endian"}})));
    // Compilers before BPF had a number wrote 0.
    if (header.e_machine != EM_BPF && header.e_machine != EM_NONE)
        return bad(fmt::format("ELF machine {}: expected {} (BPF)",
                               named(header.e_machine, {{EM_X86_64, "x86-64"},
                                                        {EM_AARCH64, "AArch64"},
                                                        {EM_386, "i386"},
                                                        {EM_RISCV, "RISC-V"}}),
                               EM_BPF));
    if (header.e_type != ET_REL)
        return bad(fmt::format(
            "ELF type {}: expected {} (relocatable object file)",
            named(header.e_type,
                  {{ET_EXEC, "executable"}, {ET_DYN, "shared object"}, {ET_CORE, "core file"}}),
            ET_REL));
    return {};
}

Result<void> check_section_table(ByteSpan file) {
    const auto header = load_at<Elf64_Ehdr>(file, 0);
    if (header.e_shentsize != sizeof(Elf64_Shdr))
        return bad(fmt::format("section header size {}: expected {}", header.e_shentsize,
                               sizeof(Elf64_Shdr)));
    if (header.e_shnum == 0) return bad("no section headers");
    const uint64_t table_bytes = uint64_t{header.e_shnum} * sizeof(Elf64_Shdr);
    if (header.e_shoff > file.size() || table_bytes > file.size() - header.e_shoff)
        return bad(
            fmt::format("truncated: {} section headers at offset {:#x} leave the file of {} bytes",
                        header.e_shnum, header.e_shoff, file.size()));
    if (header.e_shstrndx >= header.e_shnum)
        return bad(fmt::format("section name table is section {} of {}", header.e_shstrndx,
                               header.e_shnum));
    uint64_t total = 0;
    for (uint32_t i = 0; i < header.e_shnum; ++i) {
        const auto section = load_at<Elf64_Shdr>(file, header.e_shoff + i * sizeof(Elf64_Shdr));
        if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) continue;
        if (section.sh_offset > file.size() || section.sh_size > file.size() - section.sh_offset)
            return bad(fmt::format(
                "truncated: section {} at offset {:#x} with {} bytes leaves the file of {} bytes",
                i, section.sh_offset, section.sh_size, file.size()));
        total += section.sh_size;
    }
    if (total > file.size())
        return bad(fmt::format("sections overlap: they add up to {} bytes in a file of {}", total,
                               file.size()));
    return {};
}

Result<void> check_entries(const Section& table, size_t entry_bytes) {
    if (table.size_bytes % entry_bytes != 0)
        return bad(fmt::format("section {} \"{}\": size {} is no multiple of its entries' {}",
                               table.index, table.name, table.size_bytes, entry_bytes));
    return {};
}

}  // namespace

bool Section::is_code() const {
    return type == SHT_PROGBITS && (flags & SHF_EXECINSTR) != 0 && !bytes.empty();
}

Result<std::string_view> string_at(ByteSpan table, uint64_t offset) {
    if (offset >= table.size())
        return bad(fmt::format("name at {:#x} is outside its string table of {} bytes", offset,
                               table.size()));
    const ByteSpan rest =
        table.subspan(offset, std::min(table.size() - offset, kSymbolNameBytesMax + 1));
    const void* end = std::memchr(rest.data(), 0, rest.size());
    if (end == nullptr)
        return bad(fmt::format("name at {:#x} does not end within {} bytes", offset, rest.size()));
    const auto length = static_cast<size_t>(static_cast<const uint8_t*>(end) - rest.data());
    return std::string_view(reinterpret_cast<const char*>(rest.data()), length);
}

Result<void> ElfFile::read_sections(ByteSpan file) {
    elf_version(EV_CURRENT);
    // libelf reads through this pointer only: elf_memory opens the image for reading.
    const ElfHandle elf(
        elf_memory(const_cast<char*>(reinterpret_cast<const char*>(file.data())), file.size()));
    size_t count = 0, names_index = 0;
    if (!elf || elf_getshdrnum(elf.get(), &count) != 0 ||
        elf_getshdrstrndx(elf.get(), &names_index) != 0)
        return bad(fmt::format("libelf: {}", elf_errmsg(-1)));
    std::vector<uint64_t> name_offsets;
    for (size_t i = 0; i < count; ++i) {
        GElf_Shdr header;
        if (gelf_getshdr(elf_getscn(elf.get(), i), &header) == nullptr)
            return bad(fmt::format("section {}: libelf: {}", i, elf_errmsg(-1)));
        Section section{.index = static_cast<uint32_t>(i),
                        .type = header.sh_type,
                        .flags = header.sh_flags,
                        .size_bytes = header.sh_size,
                        .link = header.sh_link,
                        .info = header.sh_info};
        if (header.sh_type != SHT_NOBITS && header.sh_type != SHT_NULL) {
            if (header.sh_offset > file.size() || header.sh_size > file.size() - header.sh_offset)
                return bad(fmt::format("section {} leaves the file", i));
            section.bytes = file.subspan(header.sh_offset, header.sh_size);
        }
        sections_.push_back(section);
        name_offsets.push_back(header.sh_name);
    }
    if (names_index >= count)
        return bad(fmt::format("section name table is section {} of {}", names_index, count));
    for (size_t i = 1; i < count; ++i) {
        const auto name = string_at(sections_[names_index].bytes, name_offsets[i]);
        if (!name) return fail_in(fmt::format("section {}", i), name.error());
        sections_[i].name = *name;
    }
    return {};
}

Result<void> ElfFile::read_symbols(const Section& table) {
    if (const auto ok = check_entries(table, sizeof(Elf64_Sym)); !ok) return ok;
    const size_t count = table.size_bytes / sizeof(Elf64_Sym);
    if (count > kSymbolsMax) return bad(fmt::format("{} symbols, at most {}", count, kSymbolsMax));
    if (table.link >= sections_.size())
        return bad(fmt::format("section {} \"{}\": string table is section {} of {}", table.index,
                               table.name, table.link, sections_.size()));
    const ByteSpan names = sections_[table.link].bytes;
    symbols_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        const auto raw = load_at<Elf64_Sym>(table.bytes, i * sizeof(Elf64_Sym));
        const bool special = raw.st_shndx == SHN_ABS || raw.st_shndx == SHN_COMMON;
        if (!special && raw.st_shndx >= sections_.size())
            return bad(
                fmt::format("symbol {}: section {} of {}", i, raw.st_shndx, sections_.size()));
        Symbol symbol{.section = raw.st_shndx,
                      .value = raw.st_value,
                      .size_bytes = raw.st_size,
                      .type = static_cast<uint8_t>(ELF64_ST_TYPE(raw.st_info)),
                      .binding = static_cast<uint8_t>(ELF64_ST_BIND(raw.st_info)),
                      .visibility = static_cast<uint8_t>(ELF64_ST_VISIBILITY(raw.st_other))};
        if (raw.st_name != 0) {
            const auto name = string_at(names, raw.st_name);
            if (!name) return fail_in(fmt::format("symbol {}", i), name.error());
            symbol.name = *name;
        }
        symbols_.push_back(symbol);
    }
    return {};
}

Result<void> ElfFile::read_all_symbols() {
    for (const Section& section : sections_) {
        if (section.type != SHT_SYMTAB) continue;
        if (symbol_table_ != 0)
            return bad(fmt::format("sections {} and {} are both symbol tables", symbol_table_,
                                   section.index));
        symbol_table_ = section.index;
        if (const auto ok = read_symbols(section); !ok) return ok;
    }
    sort_symbols();
    return {};
}

void ElfFile::sort_symbols() {
    section_starts_.assign(sections_.size() + 1, 0);
    const auto in_section = [this](const Symbol& symbol) {
        return symbol.section < sections_.size();
    };
    for (const Symbol& symbol : symbols_)
        if (in_section(symbol)) ++section_starts_[symbol.section + 1];
    for (size_t i = 1; i < section_starts_.size(); ++i)
        section_starts_[i] += section_starts_[i - 1];
    by_section_.resize(section_starts_.back());
    std::vector<uint32_t> next(section_starts_.begin(), section_starts_.end() - 1);
    for (size_t i = 0; i < symbols_.size(); ++i)
        if (in_section(symbols_[i]))
            by_section_[next[symbols_[i].section]++] = static_cast<uint32_t>(i);
}

std::span<const uint32_t> ElfFile::symbols_of(uint32_t section) const {
    const uint32_t start = section_starts_[section];
    return std::span(by_section_).subspan(start, section_starts_[section + 1] - start);
}

Result<void> ElfFile::read_relocations(const Section& table) {
    const std::string place = fmt::format("section {} \"{}\"", table.index, table.name);
    const size_t entry_bytes = table.type == SHT_RELA ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
    if (const auto ok = check_entries(table, entry_bytes); !ok) return ok;
    if (table.info == 0 || table.info >= sections_.size())
        return bad(
            fmt::format("{}: relocates section {} of {}", place, table.info, sections_.size()));
    if (!sections_[table.info].is_code() && sections_[table.info].name != ".maps") {
        data_relocations_[table.info] += table.size_bytes / entry_bytes;
        return {};
    }
    if (table.type == SHT_RELA)
        return bad(
            fmt::format("{}: relocations with addends, which BPF objects never have", place));
    if (symbol_table_ == 0 || table.link != symbol_table_)
        return bad(fmt::format("{}: its symbols are in section {}, expected the symbol table {}",
                               place, table.link, symbol_table_));
    const size_t count = table.size_bytes / sizeof(Elf64_Rel);
    relocation_count_ += count;
    if (relocation_count_ > kRelocationsMax)
        return bad(fmt::format("{} relocations, at most {}", relocation_count_, kRelocationsMax));
    std::vector<Relocation>& list = relocations_[table.info];
    for (size_t i = 0; i < count; ++i) {
        const auto raw = load_at<Elf64_Rel>(table.bytes, i * sizeof(Elf64_Rel));
        const auto symbol = static_cast<uint32_t>(ELF64_R_SYM(raw.r_info));
        if (symbol >= symbols_.size())
            return bad(fmt::format("{}: relocation {} names symbol {} of {}", place, i, symbol,
                                   symbols_.size()));
        if (raw.r_offset >= sections_[table.info].size_bytes)
            return bad(fmt::format("{}: relocation {} at {:#x} is outside \"{}\" of {} bytes",
                                   place, i, raw.r_offset, sections_[table.info].name,
                                   sections_[table.info].size_bytes));
        list.push_back({raw.r_offset, symbol, static_cast<uint32_t>(ELF64_R_TYPE(raw.r_info))});
    }
    return {};
}

Result<void> ElfFile::read_all_relocations() {
    relocations_.resize(sections_.size());
    data_relocations_.resize(sections_.size());
    for (const Section& section : sections_) {
        if (section.type != SHT_REL && section.type != SHT_RELA) continue;
        if (const auto ok = read_relocations(section); !ok) return ok;
    }
    return {};
}

Result<void> ElfFile::sort_relocations() {
    for (size_t i = 0; i < relocations_.size(); ++i) {
        auto& list = relocations_[i];
        std::ranges::stable_sort(list, {}, &Relocation::offset);
        const auto twice = std::ranges::adjacent_find(list, {}, &Relocation::offset);
        if (twice != list.end())
            return bad(fmt::format("section {} \"{}\": two relocations at {:#x}", i,
                                   sections_[i].name, twice->offset));
    }
    return {};
}

Result<ElfFile> ElfFile::parse(ByteSpan bytes) {
    if (bytes.size() > kObjectBytesMax)
        return bad(
            fmt::format("{} bytes, an object file has at most {}", bytes.size(), kObjectBytesMax));
    if (const auto ok = check_identity(bytes); !ok) return std::unexpected(ok.error());
    if (const auto ok = check_section_table(bytes); !ok) return std::unexpected(ok.error());
    ElfFile file;
    if (const auto ok = file.read_sections(bytes); !ok) return std::unexpected(ok.error());
    if (const auto ok = file.read_all_symbols(); !ok) return std::unexpected(ok.error());
    if (const auto ok = file.read_all_relocations(); !ok) return std::unexpected(ok.error());
    if (const auto ok = file.sort_relocations(); !ok) return std::unexpected(ok.error());
    return file;
}

const Section* ElfFile::section_named(std::string_view name) const {
    const auto found = std::ranges::find(sections_, name, &Section::name);
    return found == sections_.end() ? nullptr : &*found;
}

}  // namespace weir::vm::elf
