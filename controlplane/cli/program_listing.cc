#include "controlplane/cli/program_listing.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "vm/isa/disassemble.h"
#include "vm/isa/helper_info.h"

namespace weir::controlplane::cli {
namespace {

/// Labels by slot: functions by their names, what jumps go to as L7.
std::map<int64_t, std::string> labels_of(const vm::ProgramSpec& program) {
    std::map<int64_t, std::string> labels;
    for (size_t pc = 0; pc < program.insns.size();) {
        const Result<vm::DecodedInsn> insn = vm::decode(program.insns, pc);
        const vm::JumpTarget target = insn ? vm::jump_target(*insn, pc) : vm::JumpTarget{};
        if (target.exists) labels[target.slot] = fmt::format("L{}", target.slot);
        pc += insn ? insn->slots() : 1;
    }
    std::set<std::string> names;
    for (const vm::Subprogram& function : program.subprograms)
        labels[function.insn] = names.insert(function.name).second
                                    ? function.name
                                    : fmt::format("{}.{}", function.name, function.insn);
    return labels;
}

/// "map .bss: seen" where a variable begins at the offset, else "map .bss + 0x8".
std::string variable_remark(const vm::MapSpec& map, uint32_t offset) {
    if (map.value_type != nullptr && map.is_global_data)
        for (const vm::TypeMember& member : map.value_type->members)
            if (member.bit_offset == offset * 8)
                return fmt::format("map {}: {}", map.name, member.name);
    return fmt::format("map {} + {:#x}", map.name, offset);
}

std::string remark_of(const vm::ProgramSpec& program, const vm::DecodedInsn& insn, size_t pc) {
    const auto map = static_cast<size_t>(static_cast<uint32_t>(insn.imm));
    switch (insn.op) {
        case vm::Op::kLoadMap:
            return map < program.maps.size() ? "map " + program.maps[map].name : "";
        case vm::Op::kLoadMapValue:
            return map < program.maps.size()
                       ? variable_remark(program.maps[map], static_cast<uint32_t>(insn.next_imm))
                       : "";
        case vm::Op::kLoadCodeAddr: {
            const auto target = static_cast<int64_t>(pc) + 1 + static_cast<int32_t>(insn.imm);
            for (const vm::Subprogram& function : program.subprograms)
                if (function.insn == target) return "function " + function.name;
            return "";
        }
        case vm::Op::kCallHelper: {
            const std::string_view name = vm::helper_name(insn.imm);
            const bool is_offered = vm::helper_info(insn.imm) != nullptr;
            if (name.empty()) return vm::helper_refusal(insn.imm);
            return fmt::format("bpf_{}{}", name, is_offered ? "" : ", not offered");
        }
        case vm::Op::kCallKfunc: {
            const vm::HelperInfo* const kfunc = vm::kfunc_info(insn.imm);
            return kfunc == nullptr ? "" : std::string(kfunc->name);
        }
        default: return "";
    }
}

std::string bytes_of(const vm::ProgramSpec& program, size_t pc, uint32_t slots) {
    const auto* raw = reinterpret_cast<const uint8_t*>(program.insns.data() + pc);
    std::string text;
    for (size_t i = 0; i < slots * sizeof(vm::Insn); ++i)
        text += fmt::format("{}{:02x}", i == 0 ? "" : " ", raw[i]);
    return text;
}

}  // namespace

std::vector<ListedInsn> list_program(const vm::ProgramSpec& program) {
    const std::map<int64_t, std::string> labels = labels_of(program);
    std::vector<ListedInsn> listed;
    size_t line = 0;
    for (size_t pc = 0; pc < program.insns.size();) {
        const Result<vm::DecodedInsn> insn = vm::decode(program.insns, pc);
        const uint32_t slots = insn ? insn->slots() : 1;
        ListedInsn& entry = listed.emplace_back();
        entry.slot = static_cast<uint32_t>(pc);
        entry.bytes = bytes_of(program, pc, slots);
        entry.text = insn ? vm::disassemble(*insn) : "<unknown> " + entry.bytes;
        if (const auto label = labels.find(static_cast<int64_t>(pc)); label != labels.end())
            entry.label = label->second;
        const vm::JumpTarget target = insn ? vm::jump_target(*insn, pc) : vm::JumpTarget{};
        if (target.exists) entry.target = labels.at(target.slot);
        if (insn) entry.remark = remark_of(program, *insn, pc);
        while (line < program.lines.size() && program.lines[line].insn < pc) ++line;
        if (line < program.lines.size() && program.lines[line].insn == pc)
            entry.line = &program.lines[line];
        pc += slots;
    }
    return listed;
}

std::string listing_text(const vm::ProgramSpec& program) {
    std::string text;
    for (const ListedInsn& insn : list_program(program)) {
        if (!insn.label.empty()) text += insn.label + ":\n";
        if (insn.line != nullptr)
            text += fmt::format("; {}:{}: {}\n", insn.line->file, insn.line->line, insn.line->text);
        text += fmt::format("{:>8}:\t{}", insn.slot, insn.text);
        if (!insn.target.empty()) text += fmt::format(" <{}>", insn.target);
        if (!insn.remark.empty()) text += " ; " + insn.remark;
        text += '\n';
    }
    return text;
}

}  // namespace weir::controlplane::cli
