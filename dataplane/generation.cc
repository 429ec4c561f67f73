#include "dataplane/generation.h"

#include <algorithm>

#include "dataplane/packet_writes.h"
#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"

namespace weir::dataplane {
namespace {

/// A tail call leads to code that stands elsewhere and may do anything, and so does a redirect by a
/// map, whose entries may have programs.
bool may_change_frame(const vm::DecodedSlot& slot) {
    const vm::DecodedInsn& insn = slot.insn;
    if (slot.second_slot || insn.op == vm::Op::kCallLocal) return false;
    switch (vm::op_info(insn.op).format) {
        case vm::Format::Call: break;
        case vm::Format::CallReg: return true;
        default: return false;
    }
    if (insn.op == vm::Op::kCallHelper && (insn.imm == vm::number_of(vm::HelperId::tail_call) ||
                                           insn.imm == vm::number_of(vm::HelperId::redirect_map)))
        return true;
    const vm::HelperInfo* called =
        insn.op == vm::Op::kCallKfunc ? vm::kfunc_info(insn.imm) : vm::helper_info(insn.imm);
    return called == nullptr || called->changes_packet();
}

/// A tail call leads to code that may ask for anything.
bool may_read_metadata(const vm::DecodedSlot& slot) {
    if (slot.second_slot) return false;
    const vm::DecodedInsn& insn = slot.insn;
    if (insn.op == vm::Op::kCallHelper) return insn.imm == vm::number_of(vm::HelperId::tail_call);
    return insn.op == vm::Op::kCallReg ||
           (insn.op == vm::Op::kCallKfunc &&
            (insn.imm == vm::number_of(vm::KfuncId::bpf_xdp_metadata_rx_timestamp) ||
             insn.imm == vm::number_of(vm::KfuncId::bpf_xdp_metadata_rx_hash) ||
             insn.imm == vm::number_of(vm::KfuncId::bpf_xdp_metadata_rx_vlan_tag)));
}

}  // namespace

ChainEntry make_entry(std::shared_ptr<const jit::CompiledProgram> program, uint32_t slot,
                      const vm::VerifiedProgram& verified) {
    return {.program = std::move(program),
            .slot = slot,
            .takes_segments = verified.spec().has_frags,
            .keeps_frames = std::ranges::none_of(verified.slots(), may_change_frame),
            .reads_metadata = std::ranges::any_of(verified.slots(), may_read_metadata),
            .writes_packets = may_write_packets(verified)};
}

}  // namespace weir::dataplane
