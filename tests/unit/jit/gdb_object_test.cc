// The object for gdb, read by libelf; and what gdb finds in the list. gdb_test.py asks gdb itself.

#include "jit/gdb_object.h"

#include <gelf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "jit/gdb_registration.h"
#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

struct ReadSection {
    GElf_Shdr header;
    std::string contents;
};

std::map<std::string, ReadSection> sections_of(std::vector<uint8_t> object) {
    std::map<std::string, ReadSection> sections;
    elf_version(EV_CURRENT);
    Elf* elf = elf_memory(reinterpret_cast<char*>(object.data()), object.size());
    size_t names = 0;
    EXPECT_EQ(elf_getshdrstrndx(elf, &names), 0) << elf_errmsg(-1);
    for (Elf_Scn* scn = elf_nextscn(elf, nullptr); scn != nullptr; scn = elf_nextscn(elf, scn)) {
        ReadSection section{};
        gelf_getshdr(scn, &section.header);
        const Elf_Data* data = elf_getdata(scn, nullptr);
        if (data != nullptr && data->d_buf != nullptr)
            section.contents.assign(static_cast<const char*>(data->d_buf), data->d_size);
        sections.emplace(elf_strptr(elf, names, section.header.sh_name), section);
    }
    elf_end(elf);
    return sections;
}

std::unique_ptr<jit::CompiledProgram> compile_for_gdb(const Proven& proven) {
    jit::CompileOptions options;
    options.gdb_symbols = true;
    options.name = "firewall";
    return jit::compile(proven.program, proven.pointers, maps::all_helpers(), jit::Engine::kJit,
                        options)
        .value();
}

Proven returning_two() {
    return Proven(InsnWriter().mov(0, 2).exit().insns(), {});
}

TEST(GdbObject, IsKnownForAsLongAsItsCodeLives) {
    const size_t before = jit::registered_gdb_objects().size();
    auto first = compile_for_gdb(returning_two());
    auto second = compile_for_gdb(returning_two());
    EXPECT_EQ(jit::registered_gdb_objects().size(), before + 2);
    first.reset();  // the older one, from the middle of the list
    EXPECT_EQ(jit::registered_gdb_objects().size(), before + 1);
    second.reset();
    EXPECT_EQ(jit::registered_gdb_objects().size(), before);
}

TEST(GdbObject, IsMadeOnRequestOnly) {
    const auto program = returning_two().compile(jit::Engine::kJit);
    EXPECT_TRUE(jit::registered_gdb_objects().empty());
}

TEST(GdbObject, HasASymbolPerFunctionAtItsAddress) {
    const auto program = compile_for_gdb(returning_two());
    const auto sections = sections_of(jit::registered_gdb_objects().at(0));
    const auto address = reinterpret_cast<uint64_t>(program->code().data());
    EXPECT_EQ(sections.at(".text").header.sh_addr, address);
    EXPECT_EQ(sections.at(".text").header.sh_size, program->code().size());
    const std::string& table = sections.at(".symtab").contents;
    const std::string& names = sections.at(".strtab").contents;
    ASSERT_EQ(table.size(), 3 * sizeof(Elf64_Sym));
    const char* const wanted[] = {"weir:firewall:main", "weir:firewall:main.burst"};
    for (size_t i = 0; i < 2; ++i) {
        Elf64_Sym symbol;
        std::memcpy(&symbol, table.data() + (i + 1) * sizeof symbol, sizeof symbol);
        const jit::CodeFunction& function = program->code_map()->functions[i];
        EXPECT_STREQ(names.c_str() + symbol.st_name, wanted[i]);
        EXPECT_EQ(symbol.st_value, function.begin);
        EXPECT_EQ(symbol.st_size, function.end - function.begin);
        EXPECT_EQ(ELF64_ST_TYPE(symbol.st_info), STT_FUNC);
    }
}

TEST(GdbObject, HasLinesOnlyWhereTheProgramHasSome) {
    const auto program = compile_for_gdb(returning_two());
    const auto without = sections_of(jit::registered_gdb_objects().at(0));
    EXPECT_EQ(without.count(".debug_line"), 0u);
    EXPECT_EQ(without.count(".eh_frame"), 1u);
    vm::ProgramSpec spec = returning_two().program->spec();
    spec.lines = {{0, 7, "fw.c", "return XDP_PASS;"}};
    const auto symbols = jit::code_symbols("fw", spec, *program->code_map(), 0x1000);
    const auto with = sections_of(
        jit::gdb_object(spec, *program->code_map(), symbols, 0x1000, program->code().size()));
    EXPECT_NE(with.at(".debug_line").contents.find("fw.c"), std::string::npos);
    EXPECT_NE(with.at(".debug_info").contents.find("weir:fw:main.burst"), std::string::npos);
}

TEST(GdbObject, FramesAreWholeWords) {
    const auto program = compile_for_gdb(returning_two());
    const std::string frames =
        sections_of(jit::registered_gdb_objects().at(0)).at(".eh_frame").contents;
    size_t at = 0, entries = 0;
    for (;; ++entries) {
        uint32_t length = 0;
        ASSERT_LE(at + sizeof length, frames.size());
        std::memcpy(&length, frames.data() + at, sizeof length);
        if (length == 0) break;
        EXPECT_EQ((length + sizeof length) % 8, 0u);
        at += sizeof length + length;
    }
    EXPECT_EQ(at + sizeof(uint32_t), frames.size());
    EXPECT_EQ(entries, 1 + program->code_map()->functions.size());
}

}  // namespace
}  // namespace weir::tests
