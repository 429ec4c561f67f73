// weir prog disasm, asm, dump, show: what is in an object, in words.

#include <fmt/core.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "controlplane/cli/node_client.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/cli/program_bench.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/config/document.h"
#include "controlplane/deploy/sha256.h"
#include "vm/base/limits.h"
#include "vm/isa/assemble.h"
#include "vm/isa/disassemble.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kAssemblyBytesMax = 64u << 20;

void print_listing(const vm::ProgramSpec& program) {
    vm::ListingNotes notes;
    notes.before = [&](size_t slot) {
        std::string lines;
        for (const vm::Subprogram& subprogram : program.subprograms)
            if (subprogram.insn == slot) lines += fmt::format("{}:\n", subprogram.name);
        for (const vm::LineInfo& line : program.lines)
            if (line.insn == slot)
                lines += fmt::format("; {}:{}: {}\n", line.file, line.line, line.text);
        return lines;
    };
    notes.after = [&](size_t slot) -> std::string {
        const vm::Insn& insn = program.insns[slot];
        constexpr uint8_t kLoadImm64 = 0x18;
        if (insn.opcode != kLoadImm64 || insn.src == 0 || insn.imm < 0) return {};
        const size_t map = static_cast<size_t>(insn.imm);
        return map < program.maps.size() ? "map " + program.maps[map].name : std::string();
    };
    fmt::print("{}", vm::disassemble_program(program.insns, notes));
}

Json map_spec_json(const vm::MapSpec& map) {
    return {{"name", map.name},
            {"type", vm::map_type_name(map.type)},
            {"key_bytes", map.key_bytes},
            {"value_bytes", map.value_bytes},
            {"max_entries", map.entries_max},
            {"flags", map.flags},
            {"frozen", map.frozen}};
}

Json program_spec_json(const vm::ProgramSpec& program) {
    Json maps = Json::array();
    for (const vm::MapSpec& map : program.maps) maps.push_back(map.name);
    Json functions = Json::array();
    for (const vm::Subprogram& subprogram : program.subprograms)
        functions.push_back(subprogram.name);
    return {{"name", program.name},
            {"section", program.section},
            {"type", vm::program_type_name(program.type)},
            {"insns", program.insns.size()},
            {"functions", std::move(functions)},
            {"maps", std::move(maps)}};
}

Json object_json(const vm::ObjectSpec& object) {
    Json programs = Json::array();
    for (const vm::ProgramSpec& program : object.programs)
        programs.push_back(program_spec_json(program));
    Json unsupported = Json::array();
    for (const vm::UnsupportedProgram& program : object.unsupported)
        unsupported.push_back(
            {{"name", program.name}, {"section", program.section}, {"reason", program.reason}});
    Json maps = Json::array();
    for (const vm::MapSpec& map : object.maps) maps.push_back(map_spec_json(map));
    return {{"license", object.license},
            {"programs", std::move(programs)},
            {"unsupported", std::move(unsupported)},
            {"maps", std::move(maps)}};
}

void print_object(const vm::ObjectSpec& object) {
    fmt::print("license {}\n", object.license.empty() ? "(none)" : object.license);
    for (const vm::ProgramSpec& program : object.programs) {
        fmt::print("program {}: {}, section {}, {} instructions", program.name,
                   vm::program_type_name(program.type), program.section, program.insns.size());
        for (size_t i = 0; i < program.maps.size(); ++i)
            fmt::print("{}{}", i == 0 ? ", maps " : ", ", program.maps[i].name);
        fmt::print("\n");
    }
    for (const vm::UnsupportedProgram& program : object.unsupported)
        fmt::print("program {}: section {}, not offered: {}\n", program.name, program.section,
                   program.reason);
    for (const vm::MapSpec& map : object.maps)
        fmt::print("map {}: {}, key {} bytes, value {} bytes, at most {} elements{}\n", map.name,
                   vm::map_type_name(map.type), map.key_bytes, map.value_bytes, map.entries_max,
                   map.frozen ? ", frozen" : "");
}

int show_node_program(const Parsed& parsed) {
    const Result<Json> programs = ask_node(parsed, "GET", "/programs");
    if (!programs) return report(programs.error());
    const std::string name = parsed.text("OBJ");
    for (const Json& program : *programs) {
        if (program.value("name", "") != name) continue;
        if (parsed.json())
            print_json(program, parsed);
        else
            for (const auto& [key, value] : program.items())
                fmt::print("{}: {}\n", key,
                           value.is_string() ? value.get<std::string>() : value.dump());
        return kExitDone;
    }
    return report({ErrorKind::kNotFound,
                   fmt::format("'{}' is neither a file nor a program of the running node", name)});
}

}  // namespace

int verb_prog_show(const Words& words) {
    Options options(
        "prog show", "OBJ|NAME",
        "What is in an object file; or, if there is no such file, a program of the running node.");
    add_object_options(options);
    const Result<Parsed> parsed = options.with_json().with_run_dir().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    std::error_code problem;
    const std::string name = parsed->text("OBJ");
    const bool looks_like_path = name.find('/') != std::string::npos || name.ends_with(".o");
    if (!std::filesystem::exists(name, problem) && !looks_like_path)
        return show_node_program(*parsed);
    const Result<vm::ObjectSpec> object = load_object_of(*parsed);
    if (!object) return report(object.error());
    if (parsed->json())
        print_json(object_json(*object), *parsed);
    else
        print_object(*object);
    return kExitDone;
}

int verb_prog_disasm(const Words& words) {
    Options options("prog disasm", "OBJ",
                    "Lists the instructions of a program, or of all programs of an object, with "
                    "source lines and maps.");
    add_object_options(options);
    const Result<Parsed> parsed = options.parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<vm::ObjectSpec> object = load_object_of(*parsed);
    if (!object) return report(object.error());
    if (parsed->has("prog") || object->programs.empty()) {
        const Result<vm::ProgramSpec> program = pick_program(*object, *parsed);
        if (!program) return report(program.error());
        print_listing(*program);
        return kExitDone;
    }
    for (const vm::ProgramSpec& program : object->programs) {
        fmt::print("; program {}, section {}\n", program.name, program.section);
        print_listing(program);
    }
    return kExitDone;
}

int verb_prog_asm(const Words& words) {
    Options options("prog asm", "FILE",
                    "Turns text, as 'weir prog disasm' writes it, into instructions: one line of 8 "
                    "spaced hex bytes per slot.");
    options.positional("FILE", true)
        .value("output,o", "FILE", "write the raw bytes to this file instead");
    const Result<Parsed> parsed = options.parse(words);
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
        FILE* stream = std::fopen(parsed->text("output").c_str(), "wbe");
        const bool written =
            stream != nullptr &&
            (bytes.empty() || std::fwrite(bytes.data(), bytes.size(), 1, stream) == 1);
        const bool closed = stream != nullptr && std::fclose(stream) == 0;
        if (!written || !closed)
            return report(
                {ErrorKind::kInvalid, fmt::format("{}: cannot write: {}", parsed->text("output"),
                                                  std::strerror(errno))});
        return kExitDone;
    }
    for (size_t i = 0; i < bytes.size(); ++i)
        fmt::print("{:02x}{}", bytes[i], i % 8 == 7 ? "\n" : " ");
    return kExitDone;
}

int verb_prog_dump(const Words& words) {
    Options options("prog dump", "jited OBJ",
                    "The machine code of a program as hex bytes, 16 a line.");
    options.positional("WHAT", true);
    add_object_options(options);
    const Result<Parsed> parsed = options.parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    if (parsed->text("WHAT") != "jited")
        return report({ErrorKind::kInvalid, fmt::format("prog dump: value '{}', expected 'jited'",
                                                        parsed->text("WHAT"))});
    const Result<std::unique_ptr<ProgramBench>> bench = ProgramBench::make(*parsed);
    if (!bench) return report(bench.error());
    const std::span<const uint8_t> code = (*bench)->program().code();
    for (size_t i = 0; i < code.size(); ++i) {
        if (i % 16 == 0) fmt::print("{:6x}:", i);
        fmt::print(" {:02x}{}", code[i], i % 16 == 15 || i + 1 == code.size() ? "\n" : "");
    }
    return kExitDone;
}

}  // namespace weir::controlplane::cli
