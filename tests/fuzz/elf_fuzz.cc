// Any bytes as an object file: an error of one line, or programs and maps whose names are fit for a
// terminal and whose specs are written and read again. Instructions are decoded, with or without
// success.

#include "tests/fuzz/fuzz.h"
#include "tests/support/kernel_facts.h"
#include "vm/base/check.h"
#include "vm/base/printable.h"
#include "vm/elf/elf.h"

namespace {

using namespace weir;

void check_text(const std::string& text) {
    WEIR_CHECK(text == printable(text));
}

void check_names(const vm::ObjectSpec& object) {
    check_text(object.license);
    for (const vm::MapSpec& map : object.maps) check_text(map.name);
    for (const std::string& notice : object.notices) check_text(notice);
    for (const vm::UnsupportedProgram& program : object.unsupported) {
        check_text(program.name);
        check_text(program.section);
        check_text(program.reason);
    }
}

void check_program(const vm::ProgramSpec& program) {
    WEIR_CHECK(!program.subprograms.empty() && program.subprograms.front().insn == 0);
    check_text(program.section);
    for (const vm::Subprogram& sub : program.subprograms) {
        WEIR_CHECK(sub.insn < program.insns.size());
        check_text(sub.name);
    }
    for (const vm::LineInfo& line : program.lines) {
        check_text(line.file);
        check_text(line.text);
    }
    const auto decoded = vm::decode_program(program.insns);
    WEIR_CHECK(decoded || !decoded.error().message.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    // Neither the running kernel's types nor its configuration, so that every machine does the
    // same.
    static const vm::LoadOptions kOptions{
        .btf_path = WEIR_CORPUS_DIR "/loader/core_target.clang-14.v3.o",
        .kconfig_path = tests::kernel_facts_path(),
        .assume_entries_max = 64};
    const auto object = vm::load_object({data, size}, kOptions);
    if (!object) {
        WEIR_CHECK(!object.error().message.empty());
        check_text(object.error().message);
        return 0;
    }
    WEIR_CHECK(!object->programs.empty() || !object->unsupported.empty());
    check_names(*object);
    for (const vm::ProgramSpec& program : object->programs) {
        check_program(program);
        if (program.subprograms.size() > 1000) continue;
        ByteWriter writer;
        vm::write_program_spec(writer, program);
        ByteReader reader(writer.bytes());
        const auto again = vm::read_program_spec(reader);
        WEIR_CHECK(again.has_value() && reader.finished());
    }
    return 0;
}
