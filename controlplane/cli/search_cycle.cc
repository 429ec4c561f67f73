// Brent's: one state is kept and compared with each that follows, and replaced after twice as many
// steps each time, so that a circle of any length is met. R. P. Brent, An improved Monte Carlo
// factorization algorithm, BIT 20 (1980), section 7.

#include "controlplane/cli/search_cycle.h"

#include <algorithm>

#include "vm/interp/memory_model.h"

namespace weir::controlplane::cli {
namespace {

using vm::Format;

uint64_t address_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

}  // namespace

/// Memory that nobody else changes while the program runs.
bool CycleWatch::is_private(const vm::RunStep& step, uint64_t address) const {
    const vm::XdpContext& packet = scene_->packet;
    const uint64_t context_bytes = scene_->bench.spec().type == vm::ProgramType::Xdp
                                       ? sizeof(vm::XdpContext)
                                       : sizeof(vm::SkbContext);
    return step.memory.on_stack(address, 1) || address - scene_->context < context_bytes ||
           (address >= address_of(packet.data_meta) && address < address_of(packet.data_end));
}

/// Writes into the packet do, too: it is no part of the state that is compared.
bool CycleWatch::asks_others(const vm::RunStep& step) const {
    if (&step.program != &scene_->bench.spec()) return true;
    const vm::DecodedInsn& insn = scene_->bench.code()[step.insn].insn;
    const auto offset = static_cast<uint64_t>(insn.off);
    switch (vm::op_info(insn.op).format) {
        case Format::Load: return !is_private(step, step.registers[insn.src] + offset);
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic: return !step.memory.on_stack(step.registers[insn.dst] + offset, 1);
        case Format::Call: return insn.op != vm::Op::kCallLocal;
        case Format::CallReg:
        case Format::MayGoto: return true;
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: break;
    }
    return false;
}

bool CycleWatch::is_kept(const vm::RunStep& step) const {
    return has_kept_ && step.insn == insn_ && step.depth == depth_ &&
           std::ranges::equal(step.registers, registers_) && std::ranges::equal(step.stack, stack_);
}

void CycleWatch::keep(const vm::RunStep& step) {
    std::ranges::copy(step.registers, registers_.begin());
    stack_.assign(step.stack.begin(), step.stack.end());
    insn_ = step.insn;
    depth_ = step.depth;
    has_kept_ = true;
}

void CycleWatch::step(const vm::RunStep& step) {
    if (found_) return;
    if (is_kept(step)) found_ = step.insn;
    if (++steps_ >= keep_at_) {
        keep_at_ = 2 * steps_;
        keep(step);
    }
    if (asks_others(step)) has_kept_ = false;
}

}  // namespace weir::controlplane::cli
