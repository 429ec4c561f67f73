#include "controlplane/cli/program_use.h"

#include <fmt/format.h>

#include <set>

#include "vm/isa/helper_info.h"
#include "vm/isa/insn.h"

namespace weir::controlplane::cli {
namespace {

std::string helper_text(int64_t id) {
    const std::string_view name = vm::helper_name(id);
    return name.empty() ? fmt::format("helper {}", id) : std::string(name);
}

std::string kfunc_text(int64_t number) {
    const vm::HelperInfo* info = vm::kfunc_info(number);
    return info == nullptr ? fmt::format("kfunc {}", number) : std::string(info->name);
}

}  // namespace

ProgramUse program_use(const vm::ProgramSpec& program, const vm::Proof* proof) {
    std::set<std::string> helpers, kfuncs;
    std::set<size_t> maps;
    for (size_t pc = 0; pc < program.insns.size();) {
        const Result<vm::DecodedInsn> insn = vm::decode(program.insns, pc);
        const size_t at = pc;
        pc += insn ? insn->slots() : 1;
        if (!insn || (proof != nullptr && !proof->facts[at].reachable)) continue;
        const auto map = static_cast<size_t>(static_cast<uint32_t>(insn->imm));
        if (insn->op == vm::Op::kCallHelper) helpers.insert(helper_text(insn->imm));
        if (insn->op == vm::Op::kCallKfunc) kfuncs.insert(kfunc_text(insn->imm));
        if ((insn->op == vm::Op::kLoadMap || insn->op == vm::Op::kLoadMapValue) &&
            map < program.maps.size())
            maps.insert(map);
    }
    ProgramUse use{{helpers.begin(), helpers.end()}, {kfuncs.begin(), kfuncs.end()}, {}};
    for (const size_t map : maps) use.maps.push_back(program.maps[map].name);
    return use;
}

}  // namespace weir::controlplane::cli
