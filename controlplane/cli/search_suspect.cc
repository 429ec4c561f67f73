#include "controlplane/cli/search_suspect.h"

#include <algorithm>

#include "controlplane/cli/search_leak.h"
#include "vm/interp/memory_model.h"

namespace weir::controlplane::cli {
namespace {

using vm::ArgKind;
using vm::Format;
using vm::Op;

constexpr uint32_t kVisitsMax = 6;  ///< of a loop; what goes wrong does so in the first rounds

uint64_t address_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

}  // namespace

void Suspect::add_goal(const Visit& visit, Op op, Value a, Value b) {
    const Condition condition{op, true, a, b};
    if (!condition.is_constant()) goals_.push_back({visit.branches, condition});
}

/// The memory that this address lies in, as far as this run has seen it.
std::optional<Suspect::Bounds> Suspect::bounds_of(const Visit& visit, uint64_t address) const {
    const vm::MemoryModel& memory = visit.step.memory;
    if (memory.on_stack(address, 0)) {
        const auto stack = visit.step.stack;
        return Bounds{{address_of(stack.data())}, {address_of(stack.data() + stack.size())}};
    }
    const vm::XdpContext& packet = scene_->packet;
    const uint64_t end = address_of(packet.data_end);
    if (address >= address_of(packet.data_meta) && address <= end) {
        const uint64_t length = scene_->input.packet.size();
        const Value bytes = visit.terms.unknown({UnknownKind::PacketLength}, length);
        const Value moves = visit.terms.apply(Op::kAdd64Imm, bytes, {end - length});
        return Bounds{{address_of(packet.data_meta)}, moves};
    }
    const vm::Region* const region = memory.find(address);
    if (region == nullptr) return std::nullopt;
    return Bounds{{region->base}, {region->base + region->bytes}};
}

void Suspect::add_bounds(const Visit& visit, Value address, Value bytes) {
    const auto bounds = bounds_of(visit, address.number);
    if (!bounds) return;
    add_goal(visit, Op::kJgt64Reg, visit.terms.apply(Op::kAdd64Reg, address, bytes), bounds->high);
    add_goal(visit, Op::kJlt64Reg, address, bounds->low);
}

bool Suspect::is_written(const Visit& visit, uint64_t address) const {
    const auto stack = visit.step.stack;
    const uint64_t below = address_of(stack.data() + stack.size()) - 1 - address;
    const size_t frame = below / kStackBytes;
    return frame < written_.size() && written_[frame][kStackBytes - 1 - below % kStackBytes];
}

/// Where the place varies, the unwritten bytes nearest to it are where it should go.
void Suspect::look_for_unwritten(const Visit& visit, Value address, uint64_t bytes) {
    constexpr uint64_t kNear = 64, kGoalsMax = 4;
    if (unwritten_stack_ || bytes == 0 || !visit.step.memory.on_stack(address.number, bytes))
        return;
    for (uint64_t at = address.number; at < address.number + bytes; ++at) {
        if (is_written(visit, at)) continue;
        unwritten_stack_ = static_cast<int64_t>(at - visit.registers[10].number);
        return;
    }
    uint64_t goals = 0;
    for (uint64_t away = 1; !address.is_constant() && away < kNear && goals < kGoalsMax; ++away)
        for (const uint64_t at : {address.number + away, address.number - away}) {
            if (!visit.step.memory.on_stack(at, bytes) || is_written(visit, at)) continue;
            add_goal(visit, Op::kJeq64Reg, address, {at});
            ++goals;
        }
}

void Suspect::look_at_access(const Visit& visit, const vm::DecodedInsn& insn) {
    const vm::OpInfo& row = vm::op_info(insn.op);
    const bool reads = row.format == Format::Load || row.spelling == "load_acquire";
    const Value base = visit.registers[reads ? insn.src : insn.dst];
    const Value address = visit.terms.apply(Op::kAdd64Imm, base, {static_cast<uint64_t>(insn.off)});
    const uint64_t bytes = row.bits / 8;
    add_goal(visit, Op::kJeq64Imm, base, {0});
    add_bounds(visit, address, {bytes});
    const bool writes_only = row.format == Format::StoreImm || row.format == Format::StoreReg;
    if (!writes_only) look_for_unwritten(visit, address, bytes);
}

void Suspect::look_at_call(const Visit& visit, const vm::DecodedInsn& insn) {
    const vm::HelperInfo* const helper = helper_of(insn);
    if (helper == nullptr) return;
    for (size_t index = 0; index < helper->args.size(); ++index) {
        const Value value = visit.registers[index + 1];
        const ArgKind kind = helper->args[index];
        if (kind == ArgKind::None || kind == ArgKind::Scalar) continue;
        const uint64_t reads = read_bytes(*helper, index, visit.registers, visit.step);
        const uint64_t writes = written_bytes(*helper, index, visit.registers, visit.step);
        look_for_unwritten(visit, value, reads);
        add_goal(visit, Op::kJeq64Imm, value, {0});
        if (reads + writes != 0) add_bounds(visit, value, {std::max(reads, writes)});
        if (!is_size(kind)) continue;
        add_goal(visit, Op::kJslt64Imm, value, {0});
        if (index > 0) add_bounds(visit, visit.registers[index], value);
    }
}

/// A pointer moved too far, backwards or forwards: what goes through it then goes wrong.
void Suspect::look_at_sum(const Visit& visit, const vm::DecodedInsn& insn) {
    constexpr uint64_t kFar = 0xffff;
    for (const uint8_t index : {insn.src, insn.dst}) {
        const Value number = visit.registers[index];
        add_goal(visit, Op::kJslt64Imm, number, {0});
        add_goal(visit, Op::kJsgt64Imm, number, {kFar});
    }
}

/// What moved since the last visit should not have.
void Suspect::look_for_circle(const Visit& visit) {
    constexpr size_t kFramePointer = 10;
    if (visit_before_)
        for (size_t i = 0; i < kFramePointer; ++i)
            if (visit.registers[i].number != (*visit_before_)[i].number)
                add_goal(visit, Op::kJeq64Reg, visit.registers[i], (*visit_before_)[i]);
    visit_before_ = visit.registers;
}

void Suspect::look(const vm::RunStep& step, const Registers& registers, Terms& terms,
                   size_t branches) {
    if (step.insn != insn_ || &step.program != &scene_->bench.spec()) return;
    if (++visits_ > kVisitsMax) return;
    const vm::DecodedInsn& insn = scene_->bench.code()[step.insn].insn;
    hands_out_address_ =
        hands_out_address_ || cli::hands_out_address(*scene_, step, registers, insn);
    const Visit visit{step, registers, terms, branches};
    if (is_loop_) look_for_circle(visit);
    switch (vm::op_info(insn.op).format) {
        case Format::Load:
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic: look_at_access(visit, insn); return;
        case Format::Call: look_at_call(visit, insn); return;
        case Format::AluReg: look_at_sum(visit, insn); return;
        case Format::AluImm:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return;
    }
}

void Suspect::enter_frame(uint32_t depth) {
    written_.resize(std::max<size_t>(written_.size(), depth + 1));
    written_[depth].reset();
}

void Suspect::note_write(const vm::RunStep& step, uint64_t address, uint64_t bytes) {
    if (!step.memory.on_stack(address, bytes)) return;
    const uint64_t top = address_of(step.stack.data() + step.stack.size());
    for (uint64_t at = address; at < address + bytes; ++at) {
        const uint64_t below = top - 1 - at;
        const size_t frame = below / kStackBytes;
        if (frame < written_.size()) written_[frame].set(kStackBytes - 1 - below % kStackBytes);
    }
}

}  // namespace weir::controlplane::cli
