// Any bytes as an object file: an error of one line, or programs that decode and whose specs are
// written and read again.

#include "tests/fuzz/fuzz.h"
#include "tests/support/kernel_facts.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir;
    // Neither the running kernel's types nor its configuration, so that every machine does the
    // same.
    static const vm::LoadOptions kOptions{
        .btf_path = WEIR_CORPUS_DIR "/loader/core_target.clang-14.v3.o",
        .kconfig_path = tests::kernel_facts_path(),
        .assume_entries_max = 64};
    const auto object = vm::load_object({data, size}, kOptions);
    if (!object) {
        WEIR_CHECK(!object.error().message.empty());
        WEIR_CHECK(object.error().message.find('\n') == std::string::npos);
        return 0;
    }
    WEIR_CHECK(!object->programs.empty() || !object->unsupported.empty());
    for (const vm::ProgramSpec& program : object->programs) {
        WEIR_CHECK(!program.subprograms.empty() && program.subprograms.front().insn == 0);
        for (const vm::Subprogram& sub : program.subprograms)
            WEIR_CHECK(sub.insn < program.insns.size());
        if (program.subprograms.size() > 1000) continue;
        ByteWriter writer;
        vm::write_program_spec(writer, program);
        ByteReader reader(writer.bytes());
        const auto again = vm::read_program_spec(reader);
        WEIR_CHECK(again.has_value() && reader.finished());
    }
    return 0;
}
