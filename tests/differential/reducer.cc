#include "tests/differential/reducer.h"

#include <vector>

#include "tests/support/insns.h"
#include "vm/isa/insn.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Insn;
using vm::Op;

const Insn kNothing = make_insn(Op::kGoto);

/// The distance to another slot as the instruction carries it, or nullptr.
bool has_target(const vm::DecodedInsn& insn) {
    return insn.op == Op::kLoadCodeAddr || vm::jump_target(insn, 0).exists;
}

bool is_in_imm(Op op) {
    return op == Op::kGotoLong || op == Op::kCallLocal || op == Op::kLoadCodeAddr;
}

/// Replaces as many instructions in a row as it can.
bool blank(vm::ProgramSpec& program, size_t length,
           const std::function<bool(const vm::ProgramSpec&)>& is_bad) {
    bool any = false;
    for (size_t at = 0; at < program.insns.size(); at += length) {
        vm::ProgramSpec tried = program;
        const size_t end = std::min(at + length, program.insns.size());
        for (size_t i = at; i < end; ++i) tried.insns[i] = kNothing;
        if (tried.insns == program.insns || !is_bad(tried)) continue;
        program = std::move(tried);
        any = true;
    }
    return any;
}

}  // namespace

vm::ProgramSpec closed_up(const vm::ProgramSpec& program) {
    const size_t count = program.insns.size();
    std::vector<uint32_t> places(count + 1);
    std::vector<size_t> kept;
    for (size_t at = 0; at < count;) {
        const auto insn = vm::decode(program.insns, at);
        const size_t slots = insn ? insn->slots() : 1;
        for (size_t i = 0; i < slots; ++i) places[at + i] = static_cast<uint32_t>(kept.size() + i);
        if (program.insns[at] != kNothing)
            for (size_t i = 0; i < slots; ++i) kept.push_back(at + i);
        at += slots;
    }
    places[count] = static_cast<uint32_t>(kept.size());
    vm::ProgramSpec result = program;
    result.insns.clear();
    for (size_t i = 0; i < kept.size(); ++i) {
        Insn insn = program.insns[kept[i]];
        const auto decoded = vm::decode(program.insns, kept[i]);
        const bool is_first = i == 0 || kept[i - 1] + 1 != kept[i] ||
                              !vm::decode(program.insns, kept[i - 1]) ||
                              vm::decode(program.insns, kept[i - 1])->slots() == 1;
        if (is_first && decoded && has_target(*decoded)) {
            const bool by_imm = is_in_imm(decoded->op);
            const int64_t target =
                static_cast<int64_t>(kept[i]) + 1 + (by_imm ? insn.imm : insn.off);
            if (target < 0 || target > static_cast<int64_t>(count)) return program;
            const auto distance = static_cast<int32_t>(places[static_cast<size_t>(target)]) -
                                  static_cast<int32_t>(i) - 1;
            if (by_imm)
                insn.imm = distance;
            else
                insn.off = static_cast<int16_t>(distance);
        }
        result.insns.push_back(insn);
    }
    for (vm::Subprogram& each : result.subprograms) each.insn = places[each.insn];
    return result;
}

vm::ProgramSpec reduced(const vm::ProgramSpec& program,
                        const std::function<bool(const vm::ProgramSpec&)>& is_bad) {
    vm::ProgramSpec best = program;
    for (bool any = true; any;) {
        any = false;
        for (size_t length = 16; length > 0; length /= 2) any = blank(best, length, is_bad) || any;
        const vm::ProgramSpec closed = closed_up(best);
        if (closed.insns.size() < best.insns.size() && is_bad(closed)) {
            best = closed;
            any = true;
        }
    }
    return best;
}

}  // namespace weir::tests
