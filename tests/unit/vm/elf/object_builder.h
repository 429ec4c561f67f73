#pragma once
// Object files as no compiler writes them any more, or ever did: sections, symbols and relocations
// put together by hand. No BTF.

#include <elf.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/isa/insn.h"

namespace weir::vm::tests {

class ObjectBuilder {
public:
    ObjectBuilder() {
        add({}, SHT_NULL, 0, {});
        add_symbol("", SHN_UNDEF, 0, 0, STT_NOTYPE, STB_LOCAL);
    }

    /// Indices of what was added.
    uint32_t add_code(const std::string& name, const std::vector<Insn>& insns) {
        const auto* raw = reinterpret_cast<const uint8_t*>(insns.data());
        return add(name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
                   Bytes(raw, raw + insns.size() * sizeof(Insn)));
    }
    uint32_t add_words(const std::string& name, const std::vector<uint32_t>& words) {
        const auto* raw = reinterpret_cast<const uint8_t*>(words.data());
        return add(name, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, Bytes(raw, raw + words.size() * 4));
    }
    uint32_t add_symbol(const std::string& name, uint32_t section, uint64_t value, uint64_t size,
                        uint8_t type, uint8_t binding) {
        Elf64_Sym symbol{};
        symbol.st_name = add_name(names_, name);
        symbol.st_info = static_cast<uint8_t>(ELF64_ST_INFO(binding, type));
        symbol.st_shndx = static_cast<uint16_t>(section);
        symbol.st_value = value;
        symbol.st_size = size;
        append(symbols_, symbol);
        return symbol_count_++;
    }
    void add_relocation(uint32_t section, uint64_t offset, uint32_t symbol, uint32_t type) {
        Elf64_Rel relocation{offset, ELF64_R_INFO(uint64_t{symbol}, type)};
        for (auto& [target, bytes] : relocations_) {
            if (target != section) continue;
            append(bytes, relocation);
            return;
        }
        append(relocations_.emplace_back(section, Bytes{}).second, relocation);
    }
    /// Of the kind that has addends, which BPF objects never have for code.
    void add_relocations_with_addends(uint32_t section, const std::vector<Elf64_Rela>& entries) {
        Bytes bytes;
        for (const Elf64_Rela& entry : entries) append(bytes, entry);
        const uint32_t index = add(".rela" + std::to_string(section), SHT_RELA, 0, bytes);
        sections_[index].header.sh_info = section;
    }

    Bytes build(uint16_t machine = EM_BPF) {
        const uint32_t strings = add(".strtab", SHT_STRTAB, 0, names_);
        const uint32_t table = add(".symtab", SHT_SYMTAB, 0, symbols_);
        sections_[table].header.sh_link = strings;
        for (const auto& [target, bytes] : relocations_) {
            const uint32_t index = add(".rel" + std::to_string(target), SHT_REL, 0, bytes);
            sections_[index].header.sh_link = table;
            sections_[index].header.sh_info = target;
        }
        const uint32_t section_names = add(".shstrtab", SHT_STRTAB, 0, {});
        sections_[section_names].bytes = section_names_;
        return assemble(machine, section_names);
    }

private:
    struct Section {
        Elf64_Shdr header{};
        Bytes bytes;
    };

    template <typename T>
    static void append(Bytes& bytes, const T& value) {
        const auto* raw = reinterpret_cast<const uint8_t*>(&value);
        bytes.insert(bytes.end(), raw, raw + sizeof value);
    }
    static uint32_t add_name(Bytes& table, const std::string& name) {
        if (table.empty()) table.push_back(0);
        if (name.empty()) return 0;
        const auto at = static_cast<uint32_t>(table.size());
        table.insert(table.end(), name.c_str(), name.c_str() + name.size() + 1);
        return at;
    }
    uint32_t add(const std::string& name, uint32_t type, uint64_t flags, Bytes bytes) {
        Section section;
        section.header.sh_name = add_name(section_names_, name);
        section.header.sh_type = type;
        section.header.sh_flags = flags;
        section.bytes = std::move(bytes);
        sections_.push_back(std::move(section));
        return static_cast<uint32_t>(sections_.size() - 1);
    }
    Bytes assemble(uint16_t machine, uint32_t section_names) const {
        Elf64_Ehdr header{};
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_REL;
        header.e_machine = machine;
        header.e_version = EV_CURRENT;
        header.e_ehsize = sizeof header;
        header.e_shentsize = sizeof(Elf64_Shdr);
        header.e_shnum = static_cast<uint16_t>(sections_.size());
        header.e_shstrndx = static_cast<uint16_t>(section_names);
        Bytes contents, table;
        for (const Section& section : sections_) {
            Elf64_Shdr entry = section.header;
            entry.sh_offset = sizeof header + contents.size();
            entry.sh_size = section.bytes.size();
            if (entry.sh_type == SHT_SYMTAB) entry.sh_entsize = sizeof(Elf64_Sym);
            if (entry.sh_type == SHT_REL) entry.sh_entsize = sizeof(Elf64_Rel);
            if (entry.sh_type == SHT_RELA) entry.sh_entsize = sizeof(Elf64_Rela);
            append(table, entry);
            contents.insert(contents.end(), section.bytes.begin(), section.bytes.end());
            contents.resize((contents.size() + 7) / 8 * 8);
        }
        header.e_shoff = sizeof header + contents.size();
        Bytes file;
        append(file, header);
        file.insert(file.end(), contents.begin(), contents.end());
        file.insert(file.end(), table.begin(), table.end());
        return file;
    }

    std::vector<Section> sections_;
    std::vector<std::pair<uint32_t, Bytes>> relocations_;
    Bytes names_, section_names_, symbols_;
    uint32_t symbol_count_ = 0;
};

/// Return 2.
inline std::vector<Insn> pass() {
    return {{.opcode = 0xb7, .imm = 2}, {.opcode = 0x95}};
}

}  // namespace weir::vm::tests
