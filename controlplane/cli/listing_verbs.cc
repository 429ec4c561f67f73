// weir prog disasm, asm: instructions as text and as bytes.

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "controlplane/cli/object_options.h"
#include "controlplane/cli/program_listing.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/config/document.h"
#include "controlplane/deploy/sha256.h"
#include "vm/base/limits.h"
#include "vm/isa/assemble.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kAssemblyBytesMax = 64u << 20;

Json listing_json(const vm::ProgramSpec& program) {
    Json insns = Json::array();
    for (const ListedInsn& insn : list_program(program)) {
        Json entry = {{"insn", insn.slot}, {"bytes", insn.bytes}, {"text", insn.text}};
        if (!insn.label.empty()) entry["label"] = insn.label;
        if (!insn.target.empty()) entry["target"] = insn.target;
        if (!insn.remark.empty()) entry["remark"] = insn.remark;
        if (insn.line != nullptr)
            entry["line"] =
                fmt::format("{}:{}: {}", insn.line->file, insn.line->line, insn.line->text);
        insns.push_back(std::move(entry));
    }
    return {{"name", program.name}, {"section", program.section}, {"insns", std::move(insns)}};
}

/// The chosen program, or all.
Result<std::vector<vm::ProgramSpec>> pick_programs(const Parsed& parsed) {
    Result<vm::ObjectSpec> object = load_object_of(parsed);
    if (!object) return std::unexpected(object.error());
    if (!parsed.has("prog") && !object->programs.empty()) return std::move(object->programs);
    Result<vm::ProgramSpec> program = pick_program(*object, parsed);
    if (!program) return std::unexpected(program.error());
    return std::vector<vm::ProgramSpec>{std::move(*program)};
}

Result<void> write_file(const std::string& path, ByteSpan bytes) {
    FILE* stream = std::fopen(path.c_str(), "wbe");
    const bool written = stream != nullptr &&
                         (bytes.empty() || std::fwrite(bytes.data(), bytes.size(), 1, stream) == 1);
    const bool closed = stream != nullptr && std::fclose(stream) == 0;
    if (written && closed) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: cannot write: {}", path, std::strerror(errno)));
}

}  // namespace

int verb_prog_disasm(const Words& words) {
    Options options("prog disasm", "OBJ",
                    "Lists the instructions of a program, or of all programs of an object, with "
                    "source lines and maps.");
    add_object_options(options);
    const Result<Parsed> parsed = options.with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<std::vector<vm::ProgramSpec>> programs = pick_programs(*parsed);
    if (!programs) return report(programs.error());
    if (parsed->json()) {
        Json entries = Json::array();
        for (const vm::ProgramSpec& program : *programs) entries.push_back(listing_json(program));
        print_json({{"programs", std::move(entries)}}, *parsed);
        return kExitDone;
    }
    for (const vm::ProgramSpec& program : *programs)
        fmt::print("; program {}, section {}\n{}", program.name, program.section,
                   listing_text(program));
    return kExitDone;
}

int verb_prog_asm(const Words& words) {
    Options options("prog asm", "FILE",
                    "Turns text, as 'weir prog disasm' writes it, into instructions: one line of 8 "
                    "spaced hex bytes per slot.");
    options.positional("FILE", true)
        .value("output,o", "FILE", "write the raw bytes to this file instead");
    const Result<Parsed> parsed = options.with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<std::string> text = read_file(parsed->text("FILE"), kAssemblyBytesMax);
    if (!text) return report(text.error());
    const Result<std::vector<vm::Insn>> insns = vm::assemble(*text);
    if (!insns)
        return report({insns.error().kind, parsed->text("FILE") + ": " + insns.error().message});
    const ByteSpan bytes(reinterpret_cast<const uint8_t*>(insns->data()),
                         insns->size() * sizeof(vm::Insn));
    if (parsed->has("output")) {
        const Result<void> written = write_file(parsed->text("output"), bytes);
        return written ? kExitDone : report(written.error());
    }
    if (parsed->json()) {
        print_json({{"insns", insns->size()}, {"bytes", to_hex(bytes)}}, *parsed);
        return kExitDone;
    }
    for (size_t i = 0; i < bytes.size(); ++i)
        fmt::print("{:02x}{}", bytes[i], i % 8 == 7 ? "\n" : " ");
    return kExitDone;
}

}  // namespace weir::controlplane::cli
