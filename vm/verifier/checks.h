#pragma once
// The checks, a file per class. Each looks at one instruction on one path, refuses it or changes
// the state as the instruction does.

#include <cstdint>
#include <optional>
#include <string>

#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"
#include "vm/verifier/step.h"

namespace weir::vm::verifier {

enum class Access : uint8_t { Read, Write, ReadWrite };

/// `size` bytes from pointer + offset on.
struct Region {
    const Reg& pointer;
    int64_t offset;
    uint32_t size;
};

/// Another way on from the instruction, for later.
struct OtherWay {
    State state;
    uint32_t pc = 0;
    bool comes_back = false;  ///< to the call whose callback ends
};

/// Where a path is after an instruction.
struct Onward {
    enum class Where : uint8_t { Next, Jumped, Ended };
    Where where = Where::Next;
    std::optional<OtherWay> other;
};
using Walked = std::expected<Onward, Fault>;

// check_alu.cc, check_pointer_alu.cc
Checked check_alu(Step& step);
Checked check_load_imm64(Step& step);
/// What a 32-bit move leaves of a packet pointer.
Reg lower_half(const Reg& pointer);
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

// check_compare_pointers.cc: the same where a side is a pointer
/// The two sides of the comparison; an immediate is a side without a register.
struct Sides {
    CmpOp op;
    bool halves;
    Reg left, right;
    int left_register;
    int right_register;
};
std::expected<Branch, Fault> branch_on_pointers(Step& step, const Sides& sides, State& taken);
/// `pointer op end` holds, of the packet pointers with this id: bytes before `off` (and one more
/// for <) exist.
void learn_packet_range(State& state, RegKind kind, uint32_t id, int64_t off, CmpOp op);

// check_memory.cc
Checked check_load(Step& step);
Checked check_store(Step& step);
Checked check_atomic(Step& step);
/// Bounds and permissions of any memory but the context. The stack's contents are check_stack's.
Checked check_region(Step& step, const Region& region, Access access);
/// LD_ABS and LD_IND of socket filters.
Walked check_packet_load(Step& step);

// check_stack.cc: bounds first, then bytes
Checked check_stack_bounds(Step& step, const Region& region);
/// Loads and stores (not helpers) are aligned to their size, so that they stay within one slot.
Checked check_stack_alignment(const Region& region);
std::expected<Reg, Fault> load_stack(Step& step, const Region& region);
Checked store_stack(Step& step, const Region& region, const Reg& source);
/// Every byte must have been written, and none may be a pointer's.
Checked read_stack_bytes(Step& step, const Region& region);
/// The first `sure` bytes are certainly written with something unknown, the others maybe.
Checked overwrite_stack_bytes(Step& step, const Region& region, uint32_t sure);
/// The bytes, where all of them are constants; the path relies on them.
std::optional<std::string> constant_stack_bytes(Step& step, const Region& region);

// check_stack_object.cc: dynptrs and iterators
/// The place of an object of `slots` slots that this register points to.
struct ObjectPlace {
    uint8_t frame = 0;
    uint32_t slot = 0;  ///< of its first eight bytes; the next ones are slot - 1
};
constexpr uint32_t kDynptrSlots = 2, kIteratorSlots = 1;
std::expected<ObjectPlace, std::string> object_place(Step& step, const Reg& pointer,
                                                     uint32_t slots);
StackSlot& object_slot(Step& step, const ObjectPlace& place);
void put_object(Step& step, const ObjectPlace& place, uint32_t slots, const Reg& object);
void remove_object(Step& step, const ObjectPlace& place);
/// A write to this slot ends the dynptr in it; what is held there must be given back first.
Checked end_object(Step& step, uint8_t frame, uint32_t slot);
/// Objects in the innermost frame, which ends.
Checked end_frame_objects(Step& step);

// check_packet.cc
Checked check_packet_bounds(const Step& step, const Region& region, Access access);

// check_map_value.cc
Checked check_map_value_bounds(const Step& step, const Region& region, Access access);
Checked check_map_key_bounds(const Step& step, const Region& region, Access access);
/// The bytes, where the map's contents never change and the place is constant.
std::optional<std::string> constant_map_bytes(const Step& step, const Region& region);

// check_context.cc
std::expected<Reg, Fault> load_context(Step& step, const Region& region);
Checked store_context(Step& step, const Region& region, const Reg& source);

// check_call.cc
/// A helper or kfunc call while its arguments are checked from left to right.
struct Call {
    const HelperInfo& helper;
    bool is_kfunc = false;
    Reg map;                               ///< the map argument, Uninit where there is none
    Reg guarded;                           ///< the map value with the lock or timer
    Reg object;                            ///< the dynptr or iterator that is given
    Reg released;                          ///< what is given back
    Reg buffer;                            ///< that a slice may be copied into
    uint32_t function = 0;                 ///< the callback: its subprogram
    uint32_t result_bytes = 0;             ///< of the record or slice that is returned
    std::optional<uint64_t> constant_key;  ///< of an array: the element that is looked up

    bool is(HelperId id) const { return !is_kfunc && helper.id == number_of(id); }
    bool is(KfuncId id) const { return is_kfunc && helper.id == number_of(id); }
    std::string_view name() const { return helper.name; }
    bool has_map() const { return map.kind == RegKind::Map; }
};
Walked check_call(Step& step);
/// The call at this slot has callbacks that run any number of times: another one, or the end.
Walked check_round(Step& step);
/// Enters a subprogram, in a new frame, or does what its contract says.
Walked check_local_call(Step& step);
/// Leaves a subprogram or a callback, or checks the program's result.
Walked check_exit(Step& step);
/// What no path may still hold where the program may end.
Checked check_nothing_held(const Step& step, std::string_view where);

// check_contract.cc
/// Calls a global function that was proven by its contract, if what it is given fits. False: it is
/// to be walked from here.
bool call_by_contract(Step& step, uint32_t subprogram);
/// A function that is walked for all its calls ends.
Checked check_contract_end(const Step& step, const Reg& result);

// check_argument.cc
Checked check_argument(Step& step, Call& call, uint8_t index);

// check_result.cc
/// The packet may lie elsewhere now.
void move_packet(Step& step);
/// What registers, stack and references are after the call.
Walked set_results(Step& step, const Call& call);

// check_format.cc
/// trace_printk: the values that its format uses.
Checked check_printk(Step& step, const Call& call);
/// trace_vprintk, snprintf: `size` bytes of values on the stack.
Checked check_format_data(Step& step, const Call& call, const Reg& data, uint32_t size);

}  // namespace weir::vm::verifier
