#include "tests/differential/generated_generator.h"

#include <array>

namespace weir::tests {

using vm::Op;

namespace {

constexpr uint32_t kBlockStatementsMax = 12, kBranchDepthMax = 3, kLoopStepsMax = 8;
constexpr uint32_t kFunctionArgumentsMax = 3;

constexpr std::array kConditionsReg = {
    Op::kJeq64Reg,  Op::kJne64Reg,  Op::kJgt64Reg,  Op::kJge64Reg,  Op::kJlt64Reg,  Op::kJle64Reg,
    Op::kJsgt64Reg, Op::kJsge64Reg, Op::kJslt64Reg, Op::kJsle64Reg, Op::kJset64Reg, Op::kJeq32Reg,
    Op::kJne32Reg,  Op::kJgt32Reg,  Op::kJge32Reg,  Op::kJlt32Reg,  Op::kJle32Reg,  Op::kJsgt32Reg,
    Op::kJsge32Reg, Op::kJslt32Reg, Op::kJsle32Reg, Op::kJset32Reg};
constexpr std::array kConditionsImm = {
    Op::kJeq64Imm,  Op::kJne64Imm,  Op::kJgt64Imm,  Op::kJge64Imm,  Op::kJlt64Imm,  Op::kJle64Imm,
    Op::kJsgt64Imm, Op::kJsge64Imm, Op::kJslt64Imm, Op::kJsle64Imm, Op::kJset64Imm, Op::kJeq32Imm,
    Op::kJne32Imm,  Op::kJgt32Imm,  Op::kJge32Imm,  Op::kJlt32Imm,  Op::kJle32Imm,  Op::kJsgt32Imm,
    Op::kJsge32Imm, Op::kJslt32Imm, Op::kJsle32Imm, Op::kJset32Imm};

vm::MapSpec map_spec(const char* name, vm::MapType type, uint32_t key, uint32_t value,
                     uint32_t entries) {
    vm::MapSpec spec;
    spec.name = name;
    spec.type = type;
    spec.key_bytes = key;
    spec.value_bytes = value;
    spec.entries_max = entries;
    return spec;
}

std::vector<vm::MapSpec> map_specs() {
    std::vector<vm::MapSpec> maps(kGeneratedMaps);
    maps[kArrayMap] = map_spec("array", vm::MapType::Array, 4, kMapValueBytes, 5);
    maps[kHashMap] = map_spec("hash", vm::MapType::Hash, 8, kMapValueBytes, 8);
    maps[kPercpuArrayMap] = map_spec("pc_array", vm::MapType::PercpuArray, 4, kMapValueBytes, 3);
    maps[kPercpuHashMap] = map_spec("pc_hash", vm::MapType::PercpuHash, 8, kMapValueBytes, 8);
    maps[kGlobalsMap] = map_spec(".bss", vm::MapType::Array, 4, kMapValueBytes, 1);
    maps[kGlobalsMap].is_global_data = true;
    return maps;
}

int16_t distance(size_t from, size_t to) {
    return static_cast<int16_t>(to - from - 1);
}

}  // namespace

void Generator::after_call() {
    known_.scalars = static_cast<uint16_t>((known_.scalars & ~0x3eu) | 1u);
}

Generator::Generator(uint64_t seed, Calls calls) : random_(seed) {
    if (calls == Calls::Plain) return;
    calls_itself_ = random_.one_in(6);
    has_callbacks_ = calls == Calls::TailAndCallback && random_.one_in(4);
}

void Generator::statement(uint32_t depth) {
    const bool is_plain = in_loop_ || in_function_;
    if (!is_plain && calls_itself_ && random_.one_in(10)) return tail_call();
    if (!is_plain && has_callbacks_ && random_.one_in(8))
        return random_.one_in(2) ? loop_by_callback() : each_by_callback();
    const uint32_t kind = random_.below(in_loop_ || in_function_ ? 14 : 24);
    if (kind < 7) return alu();
    if (kind < 8) return load_constant();
    if (kind < 10) return stack_store();
    if (kind < 12) return stack_load();
    if (kind < 13) return stack_atomic();
    if (kind < 14) return in_function_ ? alu() : packet_access();
    if (kind < 15) return packet_access();
    if (kind < 21) return map_statement();
    if (kind < 22 && depth < kBranchDepthMax && branches_left_ > 0) return branch(depth);
    if (random_.one_in(2)) return loop();
    local_call();
}

void Generator::block(uint32_t statements, uint32_t depth) {
    for (uint32_t i = 0; i < statements; ++i) statement(depth);
}

/// if (condition) { then } else { otherwise }; known afterwards is what both sides know.
void Generator::branch(uint32_t depth) {
    --branches_left_;
    const uint8_t dst = some_scalar(), src = some_scalar();
    const size_t jump = w_.size();
    if (random_.one_in(2))
        w_.put(kConditionsReg[random_.below(kConditionsReg.size())], dst, src);
    else
        w_.put(kConditionsImm[random_.below(kConditionsImm.size())], dst, 0, 0, some_immediate());
    const Known before = known_;
    block(1 + random_.below(kBlockStatementsMax / 2), depth + 1);
    const Known after_then = known_;
    known_ = before;
    const size_t over = w_.size();
    w_.put(random_.one_in(4) ? Op::kGotoLong : Op::kGoto);
    w_.at(jump).off = distance(jump, w_.size());
    if (!random_.one_in(3)) block(1 + random_.below(kBlockStatementsMax / 2), depth + 1);
    if (w_.at(over).opcode == vm::op_info(Op::kGoto).opcode)
        w_.at(over).off = distance(over, w_.size());
    else
        w_.at(over).imm = distance(over, w_.size());
    known_.scalars &= after_then.scalars;
    known_.slots &= after_then.slots;
}

/// Counts down; straight code inside, so that a verifier that walks every round stays within its
/// budget.
void Generator::loop() {
    if (in_loop_) return alu();
    constexpr uint16_t kCounter = 1u << kLoopReg;
    w_.mov(kLoopReg, static_cast<int32_t>(1 + random_.below(kLoopStepsMax)));
    known_.scalars = static_cast<uint16_t>(known_.scalars & ~kCounter);
    locked_ = kCounter;
    in_loop_ = true;
    const size_t top = w_.size();
    block(1 + random_.below(4), kBranchDepthMax);
    w_.add(kLoopReg, -1);
    w_.put(Op::kJne64Imm, kLoopReg, 0, distance(w_.size(), top), 0);
    in_loop_ = false;
    locked_ = 0;
    now_scalar(kLoopReg);
}

void Generator::local_call() {
    for (uint8_t i = 1; i <= kFunctionArgumentsMax; ++i) {
        const uint8_t value = some_scalar();
        w_.mov_reg(i, value);
        now_scalar(i);
    }
    calls_.push_back(w_.size());
    w_.put(Op::kCallLocal);
    after_call();
}

/// Every number that is known goes into r0, so that no result is lost.
void Generator::fold_into_r0() {
    if (!is_scalar(0)) w_.mov(0, 0);
    for (uint8_t i = 1; i < 10; ++i) {
        if (!is_scalar(i)) continue;
        w_.put(Op::kMul64Imm, 0, 0, 0, 31)
            .put(random_.one_in(2) ? Op::kXor64Reg : Op::kAdd64Reg, 0, i);
    }
    for (uint32_t slot = 0; slot < kStackSlots; ++slot) {
        if ((known_.slots & (1u << slot)) == 0) continue;
        w_.load64(1, 10, static_cast<int16_t>(-8 * static_cast<int>(slot + 1)));
        w_.put(Op::kMul64Imm, 0, 0, 0, 33).put(Op::kXor64Reg, 0, 1);
    }
}

void Generator::program_body() {
    packet_bytes_ = 14 + random_.below(51);
    w_.mov_reg(kContextReg, 1).put(Op::kLoad32, kPacketReg, 1, 0).put(Op::kLoad32, 3, 1, 4);
    w_.mov_reg(2, kPacketReg).add(2, static_cast<int32_t>(packet_bytes_));
    const size_t check = w_.size();
    w_.put(Op::kJgt64Reg, 2, 3);
    for (uint8_t i = 0; i < 4; ++i) w_.put(Op::kLoad8, i, kPacketReg, i);
    w_.put(Op::kLoad64, 8, kPacketReg, 6);
    known_.scalars = 0x10f;
    block(4 + random_.below(2 * kBlockStatementsMax), 0);
    fold_into_r0();
    w_.put(Op::kStoreReg64, kPacketReg, 0, 0);  // all 64 bits of the result become visible
    w_.exit();
    w_.at(check).off = distance(check, w_.size());
    w_.mov(0, static_cast<int32_t>(random_.below(5))).exit();
}

void Generator::function_body(uint32_t arguments) {
    known_ = {};
    in_function_ = true;
    for (uint8_t i = 1; i <= arguments; ++i) now_scalar(i);
    block(2 + random_.below(kBlockStatementsMax / 2), kBranchDepthMax);
    fold_into_r0();
    w_.exit();
}

vm::ProgramSpec Generator::generate() {
    vm::ProgramSpec spec;
    spec.name = "generated";
    spec.section = "xdp";
    spec.maps = map_specs();
    if (calls_itself_) spec.maps.push_back(map_spec("self", vm::MapType::ProgArray, 4, 4, 2));
    spec.subprograms.push_back({"generated", 0});
    program_body();
    if (!calls_.empty()) {
        const uint32_t functions = 1 + random_.below(2);
        std::vector<uint32_t> entries;
        for (uint32_t i = 0; i < functions && i < calls_.size(); ++i) {
            entries.push_back(static_cast<uint32_t>(w_.size()));
            spec.subprograms.push_back({"function_" + std::to_string(i), entries.back()});
            function_body(kFunctionArgumentsMax);
        }
        for (size_t i = 0; i < calls_.size(); ++i)
            w_.at(calls_[i]).imm = static_cast<int32_t>(entries[i % entries.size()]) -
                                   static_cast<int32_t>(calls_[i]) - 1;
    }
    put_callbacks(spec);
    spec.insns = w_.insns();
    return spec;
}

vm::ProgramSpec generate_program(uint64_t seed, Calls calls) {
    return Generator(seed, calls).generate();
}

}  // namespace weir::tests
