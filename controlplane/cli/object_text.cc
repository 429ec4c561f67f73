#include "controlplane/cli/object_text.h"

#include <fmt/format.h>

#include <map>

#include "vm/interp/context_use.h"
#include "vm/isa/helper_info.h"
#include "vm/program/definition.h"
#include "vm/program/map_use.h"

namespace weir::controlplane::cli {
namespace {

std::string_view hook_word(const vm::ProgramSpec& program) {
    switch (program.hook) {
        case vm::XdpHook::Device: return "device";
        case vm::XdpHook::Devmap: return "devmap";
        case vm::XdpHook::Cpumap: return "cpumap";
    }
    return "";
}

/// A function outside of the program that it calls, by name, and why a load would be refused.
struct UsedHelper {
    int64_t id = 0;
    bool is_kfunc = false;
    std::string name;
    std::string refusal;
};

UsedHelper used_helper(const vm::ProgramSpec& program, int64_t id) {
    const std::string_view name = vm::helper_name(id);
    UsedHelper used{
        .id = id,
        .name = name.empty() ? fmt::format("helper {}", id) : fmt::format("bpf_{}", name)};
    const vm::HelperInfo* const row = vm::helper_info(id);
    if (row == nullptr)
        used.refusal = vm::helper_refusal(id);
    else if (!vm::helper_serves(*row, program.type))
        used.refusal = fmt::format("not for programs of type {}, as in the kernel",
                                   vm::program_type_name(program.type));
    return used;
}

/// Each once, helpers by id, then kernel functions.
std::vector<UsedHelper> helpers_of(const vm::ProgramSpec& program) {
    std::map<std::pair<bool, int64_t>, UsedHelper> used;
    for (size_t pc = 0; pc < program.insns.size();) {
        const Result<vm::DecodedInsn> insn = vm::decode(program.insns, pc);
        pc += insn ? insn->slots() : 1;
        if (!insn) continue;
        if (insn->op == vm::Op::kCallHelper)
            used[{false, insn->imm}] = used_helper(program, insn->imm);
        const vm::HelperInfo* const kfunc =
            insn->op == vm::Op::kCallKfunc ? vm::kfunc_info(insn->imm) : nullptr;
        if (kfunc != nullptr)
            used[{true, insn->imm}] = {insn->imm, true, std::string(kfunc->name), ""};
    }
    std::vector<UsedHelper> list;
    for (auto& [key, helper] : used) list.push_back(std::move(helper));
    return list;
}

/// A variable of the object's global data.
struct Global {
    std::string name, section;
    vm::TypeRef type;
    Json value;
};

std::vector<Global> globals_of(const vm::ObjectSpec& object) {
    std::vector<Global> globals;
    for (const vm::MapSpec& map : object.maps) {
        if (!map.is_global_data || map.value_type == nullptr) continue;
        Bytes contents = map.contents;
        contents.resize(map.value_bytes);
        for (const vm::TypeMember& member : map.value_type->members) {
            const size_t offset = member.bit_offset / 8;
            const size_t bytes = member.type == nullptr ? 0 : member.type->size_bytes;
            if (offset + bytes > contents.size()) continue;
            globals.push_back({member.name, map.name, member.type,
                               to_json(member.type, ByteSpan(contents).subspan(offset, bytes))});
        }
    }
    return globals;
}

/// Of the context what cannot be given; empty: nothing that is reached.
std::string context_refusal(const vm::ProgramSpec& program) {
    const auto code = vm::decode_program(program.insns);
    if (!code) return code.error().message;
    const auto given = vm::check_context_use(program, *code);
    return given ? "" : given.error().message;
}

Json program_json(const vm::ProgramSpec& program) {
    Json maps = Json::array(), functions = Json::array(), helpers = Json::array();
    for (const vm::MapSpec& map : program.maps) maps.push_back(map.name);
    for (const vm::Subprogram& function : program.subprograms) functions.push_back(function.name);
    for (const UsedHelper& used : helpers_of(program)) {
        Json entry = {{"name", used.name}};
        if (!used.is_kfunc) entry["id"] = used.id;
        if (!used.refusal.empty()) entry["refusal"] = used.refusal;
        helpers.push_back(std::move(entry));
    }
    Json entry = {{"name", program.name},
                  {"section", program.section},
                  {"type", vm::program_type_name(program.type)}};
    if (program.type == vm::ProgramType::Xdp) {
        entry["hook"] = hook_word(program);
        entry["frags"] = program.has_frags;
    }
    entry["load_by_default"] = program.load_by_default;
    entry["insns"] = program.insns.size();
    entry["functions"] = std::move(functions);
    entry["maps"] = std::move(maps);
    entry["helpers"] = std::move(helpers);
    if (std::string refusal = context_refusal(program); !refusal.empty())
        entry["refusal"] = std::move(refusal);
    return entry;
}

/// A type by its name; of a struct or union also its members.
Json type_json(const vm::TypeRef& type) {
    if (type == nullptr) return nullptr;
    Json entry = {{"type", type_text(type)}, {"bytes", type->size_bytes}};
    if (type->members.empty()) return entry;
    Json& members = entry["members"] = Json::array();
    for (const vm::TypeMember& member : type->members) {
        Json& listed = members.emplace_back(Json{{"name", member.name},
                                                 {"type", type_text(member.type)},
                                                 {"offset_bits", member.bit_offset}});
        if (member.bit_size != 0) listed["bits"] = member.bit_size;
    }
    return entry;
}

Json map_json(const vm::MapSpec& map) {
    Json entry = {{"name", map.name},
                  {"type", vm::map_type_name(map.type)},
                  {"key_bytes", map.key_bytes},
                  {"value_bytes", map.value_bytes},
                  {"max_entries", map.entries_max},
                  {"flags", map.flags},
                  {"flag_names", vm::map_flag_names(map.flags)},
                  {"frozen", map.frozen},
                  {"key", type_json(map.key_type)},
                  {"value", type_json(map.value_type)}};
    if (std::string refusal = vm::map_type_refusal(map.type); !refusal.empty())
        entry["refusal"] = std::move(refusal);
    if (map.extra != 0) entry["extra"] = map.extra;
    if (map.spin_lock_offset != vm::kNoOffset) entry["spin_lock_offset"] = map.spin_lock_offset;
    if (map.timer_offset != vm::kNoOffset) entry["timer_offset"] = map.timer_offset;
    if (map.inner != nullptr) entry["inner"] = map_json(*map.inner);
    if (map.slots.empty()) return entry;
    Json& slots = entry["slots"] = Json::array();
    for (const vm::InitialSlot& slot : map.slots)
        slots.push_back({{"index", slot.index}, {"target", slot.target}});
    return entry;
}

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

void print_program(const vm::ProgramSpec& program) {
    fmt::print(
        "program {}: {}{}{}, section {}, {} instructions{}\n", program.name,
        vm::program_type_name(program.type),
        program.hook == vm::XdpHook::Device ? "" : fmt::format(" in a {}", hook_word(program)),
        program.has_frags ? " with frags" : "", program.section, program.insns.size(),
        program.load_by_default ? "" : ", not loaded by default");
    std::vector<std::string> words;
    for (const vm::Subprogram& function : program.subprograms) words.push_back(function.name);
    if (words.size() > 1) fmt::print("  functions {}\n", listed(words));
    words.clear();
    for (const vm::MapSpec& map : program.maps) words.push_back(map.name);
    if (!words.empty()) fmt::print("  maps {}\n", listed(words));
    words.clear();
    const std::vector<UsedHelper> helpers = helpers_of(program);
    for (const UsedHelper& used : helpers) words.push_back(used.name);
    if (!words.empty()) fmt::print("  calls {}\n", listed(words));
    for (const UsedHelper& used : helpers)
        if (!used.refusal.empty()) fmt::print("  refused: {}\n", used.refusal);
    if (const std::string refusal = context_refusal(program); !refusal.empty())
        fmt::print("  refused: {}\n", refusal);
}

/// "key struct flow (16 bytes)"
std::string side_text(const char* side, const vm::TypeRef& type, uint32_t bytes) {
    const std::string text = type_text(type);
    return fmt::format(", {} {}{} bytes{}", side, text.empty() ? "" : text + " (", bytes,
                       text.empty() ? "" : ")");
}

void print_map(const vm::MapSpec& map, const std::string& head) {
    fmt::print("{}: {}", head, vm::map_type_name(map.type));
    if (map.key_bytes != 0) fmt::print("{}", side_text("key", map.key_type, map.key_bytes));
    if (map.value_bytes != 0) fmt::print("{}", side_text("value", map.value_type, map.value_bytes));
    fmt::print(", max_entries {}", map.entries_max);
    for (const std::string& word : vm::map_flag_names(map.flags)) fmt::print(", {}", word);
    if (map.frozen) fmt::print(", frozen");
    if (map.spin_lock_offset != vm::kNoOffset)
        fmt::print(", spin lock at {}", map.spin_lock_offset);
    if (map.timer_offset != vm::kNoOffset) fmt::print(", timer at {}", map.timer_offset);
    fmt::print("\n");
    if (const std::string refusal = vm::map_type_refusal(map.type); !refusal.empty())
        fmt::print("  refused: {}\n", refusal);
    if (map.inner != nullptr) print_map(*map.inner, "  its maps");
    for (const vm::InitialSlot& slot : map.slots)
        fmt::print("  slot {}: {}\n", slot.index, slot.target);
}

}  // namespace

std::string type_text(const vm::TypeRef& type) {
    if (type == nullptr) return {};
    const std::string name = type->name;
    switch (type->kind) {
        case vm::TypeKind::Array:
            return fmt::format("{}[{}]", type_text(type->element), type->element_count);
        case vm::TypeKind::Pointer: return name.empty() ? "void *" : name;
        case vm::TypeKind::Struct: return name.empty() ? "struct" : name;
        case vm::TypeKind::Union: return name.empty() ? "union" : name;
        case vm::TypeKind::Enum: return name.empty() ? "enum" : name;
        case vm::TypeKind::Int:
        case vm::TypeKind::Bool:
        case vm::TypeKind::Char:
        case vm::TypeKind::Float:
        case vm::TypeKind::Opaque: break;
    }
    return name;
}

Json object_json(const vm::ObjectSpec& object) {
    Json programs = Json::array(), unsupported = Json::array(), maps = Json::array(),
         globals = Json::array();
    for (const vm::ProgramSpec& program : object.programs)
        programs.push_back(program_json(program));
    for (const vm::UnsupportedProgram& program : object.unsupported)
        unsupported.push_back({{"name", program.name},
                               {"section", program.section},
                               {"type", program.type},
                               {"insns", program.insn_count},
                               {"reason", program.reason}});
    for (const vm::MapSpec& map : object.maps) maps.push_back(map_json(map));
    for (const Global& global : globals_of(object))
        globals.push_back({{"name", global.name},
                           {"section", global.section},
                           {"type", type_text(global.type)},
                           {"value", global.value}});
    return {{"license", object.license},
            {"programs", std::move(programs)},
            {"unsupported", std::move(unsupported)},
            {"maps", std::move(maps)},
            {"globals", std::move(globals)},
            {"notices", object.notices}};
}

void print_object(const vm::ObjectSpec& object) {
    fmt::print("license {}\n", object.license.empty() ? "(none)" : object.license);
    for (const vm::ProgramSpec& program : object.programs) print_program(program);
    for (const vm::UnsupportedProgram& program : object.unsupported)
        fmt::print("program {}: section {}, {} instructions, not offered: {}\n", program.name,
                   program.section, program.insn_count, program.reason);
    for (const vm::MapSpec& map : object.maps) print_map(map, "map " + map.name);
    for (const Global& global : globals_of(object))
        fmt::print("global {}: {} in {}, {}\n", global.name, type_text(global.type), global.section,
                   global.value.dump());
}

}  // namespace weir::controlplane::cli
