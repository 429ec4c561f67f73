// Tail calls and callbacks.

#include "tests/differential/generated_generator.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr int32_t kTailCall = 12, kForEach = 164, kLoop = 181;  // helpers.def

}  // namespace

/// Depends on a number. Slot 0 holds the program, slot 1 nothing, the others do not exist.
void Generator::tail_call() {
    const uint8_t decides = some_scalar();
    const size_t over = w_.size();
    w_.put(Op::kJset64Imm, decides, 0, 0, static_cast<int32_t>(1u << random_.below(4)));
    w_.mov_reg(1, kContextReg).load_map(2, kSelfMap);
    w_.mov(3, random_.one_in(4) ? static_cast<int32_t>(random_.below(4)) : 0).call(kTailCall);
    w_.at(over).off = static_cast<int16_t>(w_.size() - over - 1);
    w_.mov(0, 5);
    after_call();
}

/// The callback changes eight bytes of this frame.
void Generator::loop_by_callback() {
    w_.store64(10, kValueSlot, some_scalar()).mov(1, static_cast<int32_t>(random_.below(9)));
    loop_callbacks_.push_back(w_.size());
    w_.load_code(2).mov_reg(3, 10).add(3, kValueSlot).mov(4, 0).call(kLoop);
    after_call();
    w_.load64(1, 10, kValueSlot);
    now_scalar(1);
}

void Generator::each_by_callback() {
    w_.store64(10, kValueSlot, some_scalar());
    put_map(1, kArrayMap);
    each_callbacks_.push_back(w_.size());
    w_.load_code(2).mov_reg(3, 10).add(3, kValueSlot).mov(4, 0).call(kForEach);
    after_call();
    w_.load64(1, 10, kValueSlot);
    now_scalar(1);
}

void Generator::put_callbacks(vm::ProgramSpec& spec) {
    const auto begin = [&](const std::vector<size_t>& names, const char* name) {
        const size_t entry = w_.size();
        spec.subprograms.push_back({name, static_cast<uint32_t>(entry)});
        for (const size_t slot : names) w_.at(slot).imm = static_cast<int32_t>(entry - slot - 1);
    };
    if (!loop_callbacks_.empty()) {  // index, the frame's bytes; ends the loop at some numbers
        begin(loop_callbacks_, "in_loop");
        w_.load64(3, 2, 0).put(Op::kMul64Imm, 3, 0, 0, 31).put(Op::kAdd64Reg, 3, 1);
        w_.store64(2, 0, 3).mov_reg(0, 3).put(Op::kRsh64Imm, 0, 0, 0, 2);
        w_.put(Op::kAnd64Imm, 0, 0, 0, 1).exit();
    }
    if (!each_callbacks_.empty()) {  // map, key, value, the frame's bytes
        begin(each_callbacks_, "for_each");
        w_.load64(5, 3, 0).put(Op::kLoad32, 0, 2, 0).put(Op::kXor64Reg, 5, 0).store64(3, 8, 5);
        w_.load64(0, 4, 0).put(Op::kMul64Imm, 0, 0, 0, 31).put(Op::kAdd64Reg, 0, 5);
        w_.store64(4, 0, 0).mov(0, 0).exit();
    }
}

}  // namespace weir::tests
