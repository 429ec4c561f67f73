#pragma once
// Programs written in C++: one instruction from its name, fields checked against insn.def.

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/isa/insn.h"

namespace weir::tests {

/// Fields that insn.def fixes come from there; the others from the arguments.
inline vm::Insn make_insn(vm::Op op, uint8_t dst = 0, uint8_t src = 0, int16_t off = 0,
                          int32_t imm = 0) {
    const vm::OpInfo& info = vm::op_info(op);
    vm::Insn insn;
    insn.opcode = info.opcode;
    insn.dst = static_cast<uint8_t>(dst & 0xf);
    insn.src = static_cast<uint8_t>((info.src == vm::kAnyField ? src : info.src) & 0xf);
    insn.off = info.off == vm::kAnyField ? off : static_cast<int16_t>(info.off);
    insn.imm = info.imm == vm::kAnyField ? imm : static_cast<int32_t>(info.imm);
    return insn;
}

/// A program under construction.
class InsnWriter {
public:
    /// Any one-slot instruction.
    InsnWriter& put(vm::Op op, uint8_t dst = 0, uint8_t src = 0, int16_t off = 0, int32_t imm = 0) {
        WEIR_CHECK(vm::op_info(op).format != vm::Format::LoadImm64);
        insns_.push_back(make_insn(op, dst, src, off, imm));
        return *this;
    }
    InsnWriter& mov(uint8_t dst, int32_t imm) { return put(vm::Op::kMov64Imm, dst, 0, 0, imm); }
    InsnWriter& mov_reg(uint8_t dst, uint8_t src) { return put(vm::Op::kMov64Reg, dst, src); }
    InsnWriter& add(uint8_t dst, int32_t imm) { return put(vm::Op::kAdd64Imm, dst, 0, 0, imm); }
    InsnWriter& load64(uint8_t dst, uint8_t base, int16_t off) {
        return put(vm::Op::kLoad64, dst, base, off);
    }
    InsnWriter& store64(uint8_t base, int16_t off, uint8_t src) {
        return put(vm::Op::kStoreReg64, base, src, off);
    }
    InsnWriter& call(int32_t helper) { return put(vm::Op::kCallHelper, 0, 0, 0, helper); }
    InsnWriter& exit() { return put(vm::Op::kExit); }
    InsnWriter& load_imm64(uint8_t dst, uint64_t value) {
        return put_wide(vm::Op::kLoadImm64, dst, static_cast<int32_t>(value),
                        static_cast<int32_t>(value >> 32));
    }
    /// `map` is an index into ProgramSpec::maps.
    InsnWriter& load_map(uint8_t dst, int32_t map) {
        return put_wide(vm::Op::kLoadMap, dst, map, 0);
    }
    InsnWriter& load_map_value(uint8_t dst, int32_t map, int32_t off) {
        return put_wide(vm::Op::kLoadMapValue, dst, map, off);
    }
    /// Of a function; imm counts slots from the next one on, as a local call's does.
    InsnWriter& load_code(uint8_t dst, int32_t distance = 0) {
        return put_wide(vm::Op::kLoadCodeAddr, dst, distance, 0);
    }
    InsnWriter& append(const std::vector<vm::Insn>& insns) {
        insns_.insert(insns_.end(), insns.begin(), insns.end());
        return *this;
    }

    size_t size() const { return insns_.size(); }
    vm::Insn& at(size_t slot) { return insns_.at(slot); }
    const std::vector<vm::Insn>& insns() const { return insns_; }

private:
    InsnWriter& put_wide(vm::Op op, uint8_t dst, int32_t low, int32_t high) {
        insns_.push_back(make_insn(op, dst, 0, 0, low));
        vm::Insn second;
        second.imm = high;
        insns_.push_back(second);
        return *this;
    }

    std::vector<vm::Insn> insns_;
};

/// For failure messages, one line per slot, until a disassembler says it better.
inline std::string raw_listing(const std::vector<vm::Insn>& insns) {
    std::string text;
    for (size_t pc = 0; pc < insns.size();) {
        const Result<vm::DecodedInsn> insn = vm::decode(insns, pc);
        if (!insn) return text + insn.error().message + "\n";
        text += fmt::format("{:4}: {} dst=r{} src=r{} off={} imm={}\n", pc,
                            vm::op_info(insn->op).name, insn->dst, insn->src, insn->off, insn->imm);
        pc += insn->slots();
    }
    return text;
}

}  // namespace weir::tests
