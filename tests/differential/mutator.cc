#include "tests/differential/mutator.h"

#include <vector>

#include "tests/differential/trial_world.h"
#include "tests/support/insns.h"
#include "vm/isa/insn.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Insn;
using vm::Op;

constexpr uint32_t kTries = 8;

/// Instructions with the same fields.
std::vector<Op> siblings(const vm::OpInfo& row) {
    std::vector<Op> found;
    for (const vm::OpInfo& other : vm::kOps)
        if (other.format == row.format && row.format != Format::LoadImm64)
            found.push_back(other.op);
    return found;
}

/// First slots of instructions.
std::vector<size_t> places(const std::vector<Insn>& insns) {
    std::vector<size_t> found;
    for (size_t at = 0; at < insns.size();) {
        found.push_back(at);
        const auto insn = vm::decode(insns, at);
        at += insn ? insn->slots() : 1;
    }
    return found;
}

int32_t changed(int32_t number, Random& random) {
    switch (random.below(6)) {
        case 0: return number + 1;
        case 1: return number - 1;
        case 2: return number ^ static_cast<int32_t>(1u << random.below(32));
        case 3: return -number;
        case 4: return number + static_cast<int32_t>(random.below(17)) - 8;
        default: return static_cast<int32_t>(edge_number(random));
    }
}

void change_op(Insn& insn, const vm::OpInfo& row, Random& random) {
    const std::vector<Op> others = siblings(row);
    if (others.empty()) return;
    const Op op = others[random.below(static_cast<uint32_t>(others.size()))];
    insn = make_insn(op, insn.dst, insn.src, insn.off, insn.imm);
}

void change_register(Insn& insn, Random& random) {
    const auto reg = static_cast<uint8_t>(random.below(11) & 0xf);
    if (random.one_in(2))
        insn.dst = reg & 0xf;
    else
        insn.src = reg & 0xf;
}

void change_one(std::vector<Insn>& insns, Random& random) {
    const std::vector<size_t> at = places(insns);
    const size_t place = at[random.below(static_cast<uint32_t>(at.size()))];
    const auto decoded = vm::decode(insns, place);
    if (!decoded || decoded->slots() == 2) {
        if (decoded && decoded->op == Op::kLoadImm64)
            insns[place].imm = changed(insns[place].imm, random);
        return;
    }
    Insn& insn = insns[place];
    const vm::OpInfo& row = op_info(decoded->op);
    switch (random.below(8)) {
        case 0:
        case 1: return change_op(insn, row, random);
        case 2: return change_register(insn, random);
        case 3: insn = make_insn(Op::kGoto); return;  // as if it were not there
        case 4: {                                     // another instruction of this program
            const size_t other = at[random.below(static_cast<uint32_t>(at.size()))];
            const auto source = vm::decode(insns, other);
            if (source && source->slots() == 1) insn = insns[other];
            return;
        }
        case 5: {  // the next one comes first
            const auto next = vm::decode(insns, place + 1);
            if (place + 1 < insns.size() && next && next->slots() == 1)
                std::swap(insns[place], insns[place + 1]);
            return;
        }
        case 6:
            if (row.off == vm::kAnyField) {
                insn.off = static_cast<int16_t>(changed(insn.off, random));
                return;
            }
            [[fallthrough]];
        default:
            if (row.imm == vm::kAnyField) insn.imm = changed(insn.imm, random);
    }
}

/// A register or memory that is likely to hold something.
void put_random(std::vector<Insn>& insns, size_t slots, size_t maps, Random& random) {
    const vm::OpInfo& row = vm::kOps[random.below(vm::kOpCount)];
    const auto reg = [&] { return static_cast<uint8_t>(random.below(random.one_in(3) ? 11 : 4)); };
    const auto left = static_cast<uint32_t>(slots - insns.size());
    auto off = static_cast<int16_t>(-8 * static_cast<int16_t>(1 + random.below(4)));
    auto imm = static_cast<int32_t>(edge_number(random));
    uint8_t dst = reg(), src = reg();
    switch (row.format) {
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::MayGoto: off = static_cast<int16_t>(random.below(left)); break;
        case Format::GotoLong: imm = static_cast<int32_t>(random.below(left)); break;
        case Format::Call: imm = static_cast<int32_t>(1 + random.below(12)); break;
        case Format::LoadImm64:
            imm = static_cast<int32_t>(random.below(static_cast<uint32_t>(maps)));
            break;
        case Format::Load:
        case Format::Atomic:
            if (random.one_in(2)) src = 10;
            [[fallthrough]];
        case Format::StoreImm:
        case Format::StoreReg:
            if (random.one_in(2)) dst = row.format == Format::Load ? dst : uint8_t{10};
            if (row.format == Format::Load && src != 10)
                off = static_cast<int16_t>(random.below(20));
            break;
        default: break;
    }
    insns.push_back(make_insn(row.op, dst, src, off, imm));
    if (row.format == Format::LoadImm64) insns.push_back({});
}

}  // namespace

vm::ProgramSpec mutated(const vm::ProgramSpec& program, Random& random) {
    vm::ProgramSpec changed_program = program;
    const uint32_t changes = 1 + random.below(3);
    for (uint32_t i = 0, tries = 0; i < changes && tries < kTries; ++tries) {
        const std::vector<Insn> before = changed_program.insns;
        change_one(changed_program.insns, random);
        if (changed_program.insns != before) ++i;
    }
    return changed_program;
}

vm::ProgramSpec random_program(const std::vector<vm::MapSpec>& maps, Random& random) {
    vm::ProgramSpec program;
    program.name = "random";
    program.section = "xdp";
    program.maps = maps;
    program.subprograms = {{"random", 0}};
    InsnWriter w;
    for (uint8_t reg = 0; reg < 10; ++reg)  // something in most registers
        if (reg == 6)
            w.mov_reg(6, 1);
        else if (reg != 1 && !random.one_in(4))
            w.mov(reg, static_cast<int32_t>(edge_number(random)));
    for (int16_t at = -8; at >= -32; at = static_cast<int16_t>(at - 8))
        if (!random.one_in(4))
            w.put(Op::kStoreImm64, 10, 0, at, static_cast<int32_t>(edge_number(random)));
    if (random.one_in(2)) w.put(Op::kLoad32, 7, 6, 0).put(Op::kLoad32, 8, 6, 4);
    program.insns = w.insns();
    const size_t slots = program.insns.size() + 2 + random.below(14);
    while (program.insns.size() < slots) put_random(program.insns, slots, maps.size(), random);
    program.insns.push_back(make_insn(Op::kMov64Imm, 0, 0, 0, 1));
    program.insns.push_back(make_insn(Op::kExit));
    return program;
}

}  // namespace weir::tests
