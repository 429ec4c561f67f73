#include "tests/support/trace_needs.h"

#include <cstring>

#include "vm/interp/holdings.h"
#include "vm/interp/loaded_program.h"
#include "vm/isa/helper_ids.h"

namespace weir::tests {
namespace {

using vm::ArgKind;
using vm::Format;

constexpr uint16_t kCalleeSaved = 0x3c0, kClobbered = 0x3f, kArguments = 0x3e, kR0 = 1;

uint16_t without(uint16_t set, uint16_t gone) {
    return static_cast<uint16_t>(set & ~gone);
}
uint16_t with(uint16_t set, uint16_t more) {
    return static_cast<uint16_t>(set | more);
}
uint16_t bit(unsigned reg) {
    return static_cast<uint16_t>(1u << reg);
}

const vm::HelperInfo* callee(const vm::DecodedInsn& insn) {
    return insn.op == vm::Op::kCallKfunc ? vm::kfunc_info(insn.imm) : vm::helper_info(insn.imm);
}

uint64_t fixed_bytes(ArgKind kind) {
    switch (kind) {
        case ArgKind::U16Out: return 2;
        case ArgKind::U32Out:
        case ArgKind::U32InOut: return 4;
        case ArgKind::U64Out: return 8;
        case ArgKind::Ipv4Header:
        case ArgKind::TcpHeader: return 20;
        case ArgKind::Ipv6Header: return 40;
        case ArgKind::DynptrOut: return vm::kDynptrStackBytes;
        case ArgKind::IteratorOut: return vm::kIteratorStackBytes;
        default: return 0;
    }
}

/// How many bytes the call goes over at this argument. The run has checked the map.
uint64_t argument_bytes(const vm::HelperInfo& info, const TraceStep& step, size_t index) {
    const ArgKind kind = info.args[index];
    if (const uint64_t bytes = fixed_bytes(kind); bytes != 0) return bytes;
    const vm::MapSpec* map = nullptr;
    for (size_t i = 0; i < index; ++i)
        if (info.args[i] == ArgKind::Map)
            map = &reinterpret_cast<const vm::Map*>(step.registers[i + 1])->spec();
    switch (kind) {
        case ArgKind::MapKey: return map == nullptr ? 0 : map->key_bytes;
        case ArgKind::MapValue:
        case ArgKind::MapValueOut: return map == nullptr ? 0 : map->value_bytes;
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull:
        case ArgKind::MemWrite:
        case ArgKind::MemReadWrite: return step.registers[index + 2];
        default: return 0;
    }
}

/// Whatever the register holds.
bool is_always_zero(const vm::DecodedInsn& insn) {
    const vm::OpInfo& row = op_info(insn.op);
    return row.format == Format::AluReg && insn.dst == insn.src &&
           (row.spelling == "^=" || row.spelling == "-=");
}

bool writes_all(ArgKind kind) {
    return kind == ArgKind::MemWrite || kind == ArgKind::U16Out || kind == ArgKind::U32Out ||
           kind == ArgKind::U64Out || kind == ArgKind::MapValueOut || kind == ArgKind::DynptrOut ||
           kind == ArgKind::IteratorOut;
}

}  // namespace

StackBytes NeedsWalk::bytes_at(uint64_t address, uint64_t count) const {
    const uint64_t low = trace_.frame_top - needs_.size() * kStackBytes;
    if (address < low || address >= trace_.frame_top || count > trace_.frame_top - address)
        return {};
    const auto depth = static_cast<uint32_t>((trace_.frame_top - 1 - address) / kStackBytes);
    const uint64_t first = address - (trace_.frame_pointer(depth) - kStackBytes);
    if (first + count > kStackBytes) return {};
    return {depth, static_cast<uint32_t>(first), static_cast<uint32_t>(count)};
}

void NeedsWalk::read_bytes(const StackBytes& bytes, bool vital) {
    for (uint32_t i = 0; i < bytes.count; ++i) {
        needs_[bytes.depth].live_bytes.set(bytes.first + i);
        if (vital) needs_[bytes.depth].vital_bytes.set(bytes.first + i);
    }
}

void NeedsWalk::write_bytes(const StackBytes& bytes) {
    for (uint32_t i = 0; i < bytes.count; ++i) {
        needs_[bytes.depth].live_bytes.reset(bytes.first + i);
        needs_[bytes.depth].vital_bytes.reset(bytes.first + i);
    }
}

bool NeedsWalk::any_vital(const StackBytes& bytes) const {
    for (uint32_t i = 0; i < bytes.count; ++i)
        if (needs_[bytes.depth].vital_bytes.test(bytes.first + i)) return true;
    return false;
}

void NeedsWalk::undo_stack(size_t step) {
    const size_t from = at(step).undo_end;
    for (size_t i = at(step + 1).undo_end; i-- > from;)
        std::memcpy(stack_.data() + size_t{trace_.undo[i].word} * 8, &trace_.undo[i].before, 8);
}

void NeedsWalk::run(const Visit& visit) {
    const size_t steps = trace_.steps.size();
    for (size_t step = steps; step-- > 0;) {
        if (step + 1 < steps) undo_stack(step);
        before(step);
        if (!visit({step, needs_, stack_})) return;
    }
}

void NeedsWalk::before(size_t step) {
    const vm::DecodedInsn& insn = code_[at(step).insn].insn;
    const size_t frames = trace_.depth_at(step) + size_t{1};
    const Format format = op_info(insn.op).format;
    if (format == Format::Exit) return before_exit(step);
    // A load of LD_ABS past the packet ends its function, too.
    if (needs_.size() < frames) needs_.resize(frames);
    if (insn.op == vm::Op::kCallLocal) return before_local_call();
    needs_.resize(frames);
    if (format == Format::Call || format == Format::CallReg) return before_outside_call(step, insn);
    if (format == Format::Load || format == Format::StoreImm || format == Format::StoreReg ||
        format == Format::Atomic)
        return before_memory(step, insn);
    before_plain(step, insn);
}

void NeedsWalk::before_exit(size_t step) {
    const TraceFrame& frame = trace_.frames[at(step).frame];
    const bool by_helper =
        frame.depth > 0 && code_[at(frame.call_step).insn].insn.op != vm::Op::kCallLocal;
    // A function that nobody asks for a result may end without one.
    bool live = by_helper || frame.depth == 0 || needs_.size() != frame.depth;
    bool vital = by_helper;
    needs_.resize(frame.depth);  // what a helper's next callback needs comes from the helper
    if (frame.depth > 0) {
        FrameNeeds& caller = needs_.back();
        live = live || (caller.live & kR0) != 0;
        vital = vital || (caller.vital & kR0) != 0;
        caller.live = without(caller.live, kClobbered);
        caller.vital = without(caller.vital, kClobbered);
    }
    needs_.push_back({.live = live ? kR0 : uint16_t{0},
                      .vital = vital ? kR0 : uint16_t{0},
                      .live_bytes = {},
                      .vital_bytes = {}});
}

void NeedsWalk::before_local_call() {
    if (needs_.size() < 2) return;  // the trace ends here
    const FrameNeeds entered = needs_.back();
    needs_.pop_back();
    top().live = with(top().live, entered.live & kArguments);
    top().vital = with(top().vital, entered.vital & kArguments);
}

void NeedsWalk::take_argument(size_t step, const vm::DecodedInsn& insn, size_t index) {
    const vm::HelperInfo& info = *callee(insn);
    const ArgKind kind = info.args[index];
    if (kind == ArgKind::None || kind == ArgKind::Unchecked) return;
    top().live = with(top().live, bit(static_cast<unsigned>(index) + 1));
    if (kind == ArgKind::Scalar) return;
    top().vital = with(top().vital, bit(static_cast<unsigned>(index) + 1));
    const uint64_t bytes = argument_bytes(info, at(step), index);
    if (bytes != 0 && !writes_all(kind))
        read_bytes(bytes_at(at(step).registers[index + 1], bytes), false);
}

void NeedsWalk::before_outside_call(size_t step, const vm::DecodedInsn& insn) {
    top().live = without(top().live, kClobbered);
    top().vital = without(top().vital, kClobbered);
    const vm::HelperInfo* const info = callee(insn);
    if (info == nullptr) return;
    const auto& given = at(step).registers;
    for (size_t i = 0; i < info->args.size(); ++i) {
        if (writes_all(info->args[i]))
            write_bytes(bytes_at(given[i + 1], argument_bytes(*info, at(step), i)));
        // A slice that lies in pieces is copied into the buffer, which is the result.
        const bool is_result = info->args[i] == ArgKind::MemWriteOrNull &&
                               step + 1 < trace_.steps.size() &&
                               at(step + 1).registers[0] == given[i + 1];
        if (is_result) write_bytes(bytes_at(given[i + 1], given[i + 2]));
    }
    for (size_t i = 0; i < info->args.size(); ++i) take_argument(step, insn, i);
}

void NeedsWalk::before_plain(size_t step, const vm::DecodedInsn& insn) {
    const vm::RegisterUse use = vm::register_use(insn);
    const Format format = op_info(insn.op).format;
    bool vital = (top().vital & use.writes) != 0 && !is_always_zero(insn);
    if (format == Format::JumpImm || format == Format::JumpReg) vital = reliance_.is_decided(step);
    if (format == Format::LoadPacketAbs || format == Format::LoadPacketInd) {
        vital = false;
        top().live = without(top().live, kClobbered);
        top().vital = without(top().vital, kClobbered);
    }
    top().live = with(without(top().live, use.writes), use.reads);
    top().vital = with(without(top().vital, use.writes), vital ? use.reads : uint16_t{0});
}

void NeedsWalk::before_memory(size_t step, const vm::DecodedInsn& insn) {
    const vm::OpInfo& row = op_info(insn.op);
    const vm::RegisterUse use = vm::register_use(insn);
    const bool loads = row.format == Format::Load || row.spelling == "load_acquire";
    const bool stores = row.format == Format::StoreImm || row.format == Format::StoreReg ||
                        row.spelling == "store_release";
    const uint8_t base = loads ? insn.src : insn.dst;
    const StackBytes bytes =
        bytes_at(at(step).registers[base] + static_cast<uint64_t>(int64_t{insn.off}), row.bits / 8);
    const bool wants_loaded = loads && (top().vital & bit(insn.dst)) != 0;
    const bool wants_stored = stores && any_vital(bytes);
    top().live = with(without(top().live, use.writes), use.reads);
    top().vital = with(without(top().vital, use.writes), bit(base));
    if (stores) write_bytes(bytes);
    if (wants_stored && row.format != Format::StoreImm)
        top().vital = with(top().vital, bit(insn.src));
    if (stores || bytes.count == 0) return;
    read_bytes(bytes, wants_loaded && reliance_.knows_loaded(step, bytes));
}

}  // namespace weir::tests
