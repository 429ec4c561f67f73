#include "jit/gdb_object.h"

#include <elf.h>

#include <cstring>
#include <string>

#include "jit/dwarf.h"
#include "vm/base/check.h"

namespace weir::jit {
namespace {

/// Header and contents; the names go into .shstrtab as they come.
struct Section {
    Elf64_Shdr header{};
    std::vector<uint8_t> contents;
};

class ObjectWriter {
public:
    ObjectWriter() { sections_.emplace_back(); }

    uint32_t add(const std::string& name, uint32_t type, std::vector<uint8_t> contents) {
        Section& section = sections_.emplace_back();
        section.header.sh_name = static_cast<uint32_t>(names_.size());
        section.header.sh_type = type;
        section.header.sh_addralign = 8;
        section.header.sh_size = contents.size();
        section.contents = std::move(contents);
        names_.append(name).push_back('\0');
        return static_cast<uint32_t>(sections_.size() - 1);
    }
    Elf64_Shdr& header(uint32_t section) { return sections_[section].header; }

    std::vector<uint8_t> write() && {
        const uint32_t names = add(".shstrtab", SHT_STRTAB, {});
        sections_[names].contents.assign(names_.begin(), names_.end());
        sections_[names].header.sh_size = names_.size();
        Elf64_Ehdr file{};
        std::memcpy(file.e_ident, ELFMAG, SELFMAG);
        file.e_ident[EI_CLASS] = ELFCLASS64;
        file.e_ident[EI_DATA] = ELFDATA2LSB;
        file.e_ident[EI_VERSION] = EV_CURRENT;
        file.e_type = ET_REL;
        file.e_machine = EM_X86_64;
        file.e_version = EV_CURRENT;
        file.e_ehsize = sizeof(Elf64_Ehdr);
        file.e_shentsize = sizeof(Elf64_Shdr);
        file.e_shnum = static_cast<uint16_t>(sections_.size());
        file.e_shstrndx = static_cast<uint16_t>(names);
        file.e_shoff = sizeof(Elf64_Ehdr);
        uint64_t offset = sizeof(Elf64_Ehdr) + sections_.size() * sizeof(Elf64_Shdr);
        for (size_t i = 1; i < sections_.size(); ++i) {
            sections_[i].header.sh_offset = offset;
            offset += (sections_[i].contents.size() + 7) / 8 * 8;
        }
        std::vector<uint8_t> bytes(offset);
        std::memcpy(bytes.data(), &file, sizeof file);
        uint8_t* header_at = bytes.data() + file.e_shoff;
        for (const Section& section : sections_) {
            std::memcpy(header_at, &section.header, sizeof section.header);
            header_at += sizeof section.header;
            if (!section.contents.empty())
                std::memcpy(bytes.data() + section.header.sh_offset, section.contents.data(),
                            section.contents.size());
        }
        return bytes;
    }

private:
    std::vector<Section> sections_;
    std::string names_ = std::string(1, '\0');
};

template <typename T>
void append(std::vector<uint8_t>& bytes, const T& value) {
    const auto* raw = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof value);
}

/// Values are distances from .text, as in every relocatable object.
void add_symbols(ObjectWriter& object, std::span<const CodeSymbol> symbols, uint32_t text,
                 uint64_t address) {
    std::vector<uint8_t> table, names(1);
    append(table, Elf64_Sym{});
    for (const CodeSymbol& symbol : symbols) {
        Elf64_Sym entry{};
        entry.st_name = static_cast<uint32_t>(names.size());
        entry.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
        entry.st_shndx = static_cast<uint16_t>(text);
        entry.st_value = symbol.address - address;
        entry.st_size = symbol.bytes;
        append(table, entry);
        names.insert(names.end(), symbol.name.begin(), symbol.name.end());
        names.push_back(0);
    }
    const uint32_t names_section = object.add(".strtab", SHT_STRTAB, std::move(names));
    Elf64_Shdr& header = object.header(object.add(".symtab", SHT_SYMTAB, std::move(table)));
    header.sh_link = names_section;
    header.sh_info = 1;  // the first that is not local
    header.sh_entsize = sizeof(Elf64_Sym);
}

}  // namespace

std::vector<uint8_t> gdb_object(const vm::ProgramSpec& spec, const CodeMap& map,
                                std::span<const CodeSymbol> symbols, uint64_t address,
                                uint64_t code_bytes) {
    WEIR_CHECK(symbols.size() == map.functions.size());
    ObjectWriter object;
    const uint32_t text = object.add(".text", SHT_NOBITS, {});
    object.header(text).sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    object.header(text).sh_addr = address;
    object.header(text).sh_size = code_bytes;
    object.header(object.add(".eh_frame", SHT_PROGBITS, eh_frame(map, address).data())).sh_flags =
        SHF_ALLOC;
    add_symbols(object, symbols, text, address);
    if (!spec.lines.empty()) {
        object.add(".debug_abbrev", SHT_PROGBITS, debug_abbrev().data());
        object.add(".debug_info", SHT_PROGBITS,
                   debug_info(symbols, spec.lines.front().file, address, code_bytes).data());
        object.add(".debug_line", SHT_PROGBITS, debug_line(spec, map, address).data());
    }
    return std::move(object).write();
}

}  // namespace weir::jit
