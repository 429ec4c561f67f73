#pragma once
// The checks, a file per class. Each looks at one instruction on one path, refuses it or changes
// the state as the instruction does.

#include <cstdint>
#include <optional>
#include <string>

#include "vm/verifier/step.h"

namespace weir::vm::verifier {

enum class Access : uint8_t { Read, Write, ReadWrite };

/// `size` bytes from pointer + offset on.
struct Region {
    const Reg& pointer;
    int64_t offset;
    uint32_t size;
};

// check_alu.cc, check_pointer_alu.cc
Checked check_alu(Step& step);
Checked check_load_imm64(Step& step);
/// dst = pointer +- number, or pointer - pointer.
Checked check_pointer_alu(Step& step, AluOp op, bool is_64, const Reg& right);

// check_branch.cc
struct Branch {
    bool taken_possible = true;
    bool fallthrough_possible = true;
};
/// When both ways are possible, `taken` becomes a copy of the state refined for the jump, and the
/// step's own state is refined for falling through; when one is, the step's own state is refined
/// for that.
std::expected<Branch, Fault> check_branch(Step& step, State& taken);

// check_memory.cc
Checked check_load(Step& step);
Checked check_store(Step& step);
Checked check_atomic(Step& step);
/// Bounds and permissions of any memory but the context. The stack's contents are check_stack's.
Checked check_region(Step& step, const Region& region, Access access);

// check_stack.cc: bounds first, then bytes
Checked check_stack_bounds(Step& step, const Region& region);
/// Loads and stores (not helpers) are aligned to their size, so that they stay within one slot.
Checked check_stack_alignment(const Region& region);
std::expected<Reg, Fault> load_stack(Step& step, const Region& region);
Checked store_stack(Step& step, const Region& region, const Reg& source);
/// Every byte must have been written, and none may be a pointer's.
Checked read_stack_bytes(Step& step, const Region& region);
/// The first `sure` bytes are certainly written with something unknown, the others maybe.
void overwrite_stack_bytes(Step& step, const Region& region, uint32_t sure);
/// The bytes, where all of them are constants.
std::optional<std::string> constant_stack_bytes(Step& step, const Region& region);

// check_packet.cc
Checked check_packet_bounds(const Step& step, const Region& region, Access access);

// check_map_value.cc
Checked check_map_value_bounds(const Step& step, const Region& region, Access access);
/// The bytes, where the map's contents never change and the place is constant.
std::optional<std::string> constant_map_bytes(const Step& step, const Region& region);

// check_context.cc
std::expected<Reg, Fault> load_context(Step& step, const Region& region);

// check_call.cc
Checked check_helper_call(Step& step);
/// Enters a subprogram: a new frame.
Checked check_local_call(Step& step);
/// Leaves a subprogram, or checks the program's result. True: the program ends here.
std::expected<bool, Fault> check_exit(Step& step);

// check_format.cc
/// trace_printk: which of its three values the format uses, and that those are numbers.
Checked check_printk(Step& step, const Region& format);

}  // namespace weir::vm::verifier
