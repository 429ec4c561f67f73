// weir prog dump jited: the machine code of a program.

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/jited_listing.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/cli/offline_set.h"
#include "controlplane/cli/verbs.h"
#include "dataplane/api/codec.h"
#include "maps/maps.h"

namespace weir::controlplane::cli {
namespace {

int print_listing(const Parsed& parsed, const JitedProgram& program) {
    const JitedOptions options{.opcodes = parsed.has("opcodes"), .insns = parsed.has("insns")};
    if (parsed.json())
        print_json(jited_json(program), parsed);
    else
        fmt::print("{}", jited_text(program, options));
    return kExitDone;
}

/// The code of the object's program, compiled here over maps of its own.
int dump_object(const Parsed& parsed) {
    const Result<std::unique_ptr<OfflineSet>> set = make_offline(parsed);
    if (!set) return report(set.error());
    const jit::CompiledProgram& compiled = *(*set)->compiled();
    if (compiled.code_map() == nullptr)
        return report({ErrorKind::kUnsupported,
                       fmt::format("{}: program {} has no machine code here, the interpreter runs "
                                   "it",
                                   parsed.text("OBJ"), (*set)->spec().name)});
    const Result<std::vector<vm::Map*>> maps = (*set)->maps().of((*set)->spec());
    if (!maps) return report(maps.error());
    const JitedProgram program{(*set)->spec(), *compiled.code_map(), compiled.code(),
                               reinterpret_cast<uint64_t>(compiled.code().data()),
                               jit::code_names((*set)->spec(), *maps, maps::all_helpers())};
    return print_listing(parsed, program);
}

jit::CodeEntry entry_of(dataplane::api::CodeEntry entry) {
    switch (entry) {
        case dataplane::api::CodeEntry::Single: return jit::CodeEntry::kSingle;
        case dataplane::api::CodeEntry::Burst: return jit::CodeEntry::kBurst;
        case dataplane::api::CodeEntry::Subprogram: return jit::CodeEntry::kSubprogram;
        case dataplane::api::CodeEntry::Advance: return jit::CodeEntry::kAdvance;
        case dataplane::api::CodeEntry::Complete: return jit::CodeEntry::kComplete;
        case dataplane::api::CodeEntry::Callback: return jit::CodeEntry::kCallback;
    }
    return jit::CodeEntry::kSingle;
}

/// What a node said must hold together as what this process compiles does.
Result<jit::CodeMap> map_of(const dataplane::api::ProgramCode& code) {
    jit::CodeMap map;
    uint32_t end = 0;
    for (const dataplane::api::CodeFunction& function : code.functions) {
        if (function.begin < end || function.end < function.begin ||
            function.end > code.code.size() || function.subprogram >= code.spec.subprograms.size())
            return fail(ErrorKind::kResource,
                        fmt::format("the node's answer: function at {} to {} in {} bytes",
                                    function.begin, function.end, code.code.size()));
        end = function.end;
        map.functions.push_back(
            {entry_of(function.entry), function.subprogram, function.begin, function.end, {}, {}});
    }
    for (const dataplane::api::CodePlace& place : code.places) {
        if (!map.places.empty() && place.offset < map.places.back().offset)
            return fail(ErrorKind::kResource,
                        fmt::format("the node's answer: place {} behind place {}", place.offset,
                                    map.places.back().offset));
        map.places.push_back({place.offset, place.slot});
    }
    return map;
}

/// The code of a program of the running node, as it lies there.
int dump_node_program(const Parsed& parsed) {
    const std::string target = fmt::format("/programs/{}/code", escape_url(parsed.text("OBJ")));
    const Result<std::string> answer = ask_node_bytes(parsed, "GET", target, "", "");
    if (!answer) return report(answer.error());
    const auto code = dataplane::api::decode<dataplane::api::ProgramCode>(
        {reinterpret_cast<const uint8_t*>(answer->data()), answer->size()});
    if (!code) return report(code.error());
    const Result<jit::CodeMap> map = map_of(*code);
    if (!map) return report(map.error());
    JitedProgram program{code->spec, *map, code->code, code->address, {}};
    for (const dataplane::api::CodeName& name : code->names)
        program.names.push_back({name.address, name.bytes, name.name});
    std::ranges::sort(program.names, {}, &jit::CodeName::address);
    return print_listing(parsed, program);
}

}  // namespace

int verb_prog_dump(const Words& words) {
    Options options(
        "prog dump", "jited OBJ|NAME",
        "The machine code of a program, function by function, with its source lines: of "
        "an object file, compiled\n"
        "here, or, if there is no such file, of the running node, as it lies there.");
    options.positional("WHAT", true);
    add_object_options(options);
    add_jit_options(options);
    options.flag("opcodes", "show the bytes of each instruction, too")
        .flag("insns", "show the eBPF instructions in between");
    const Result<Parsed> parsed = options.with_json().with_run_dir().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    if (parsed->text("WHAT") != "jited")
        return report({ErrorKind::kInvalid, fmt::format("prog dump: value '{}', expected 'jited'",
                                                        parsed->text("WHAT"))});
    return names_object(*parsed) ? dump_object(*parsed) : dump_node_program(*parsed);
}

}  // namespace weir::controlplane::cli
