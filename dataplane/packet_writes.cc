#include "dataplane/packet_writes.h"

#include <algorithm>

#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"

namespace weir::dataplane {
namespace {

bool writes_memory(vm::ArgKind kind) {
    switch (kind) {
        case vm::ArgKind::MapValueOut:
        case vm::ArgKind::MemWrite:
        case vm::ArgKind::MemWriteOrNull:
        case vm::ArgKind::MemReadWrite:
        case vm::ArgKind::U16Out:
        case vm::ArgKind::U32Out:
        case vm::ArgKind::U64Out:
        case vm::ArgKind::U32InOut:
        case vm::ArgKind::Dynptr: return true;
        case vm::ArgKind::None:
        case vm::ArgKind::Scalar:
        case vm::ArgKind::Map:
        case vm::ArgKind::MapKey:
        case vm::ArgKind::MapValue:
        case vm::ArgKind::Context:
        case vm::ArgKind::MemRead:
        case vm::ArgKind::MemReadOrNull:
        case vm::ArgKind::Size:
        case vm::ArgKind::SizeOrZero:
        case vm::ArgKind::Unchecked:
        case vm::ArgKind::Ipv4Header:
        case vm::ArgKind::Ipv6Header:
        case vm::ArgKind::TcpHeader:
        case vm::ArgKind::ConstString:
        case vm::ArgKind::Callback:
        case vm::ArgKind::CallbackContext:
        case vm::ArgKind::SpinLock:
        case vm::ArgKind::Timer:
        case vm::ArgKind::DynptrOut:
        case vm::ArgKind::Iterator:
        case vm::ArgKind::IteratorOut:
        case vm::ArgKind::RecordSize:
        case vm::ArgKind::SliceSize:
        case vm::ArgKind::Record:
        case vm::ArgKind::Socket:
        case vm::ArgKind::Connection: return false;
    }
    return true;
}

bool call_may_write(const vm::DecodedInsn& insn) {
    if (insn.op == vm::Op::kCallLocal) return false;  // its instructions are looked at, too
    if (insn.op != vm::Op::kCallHelper || insn.imm == vm::number_of(vm::HelperId::tail_call))
        return true;
    const vm::HelperInfo* const helper = vm::helper_info(insn.imm);
    return helper == nullptr || helper->changes_packet() ||
           std::ranges::any_of(helper->args, writes_memory);
}

bool store_may_reach_packet(vm::PointerKind access) {
    switch (access) {
        case vm::PointerKind::Stack:
        case vm::PointerKind::Context:
        case vm::PointerKind::MapValue: return false;
        case vm::PointerKind::None:
        case vm::PointerKind::Packet:
        case vm::PointerKind::PacketMeta: return true;
    }
    return true;
}

}  // namespace

bool may_write_packets(const vm::VerifiedProgram& program) {
    for (size_t slot = 0; slot < program.slots().size(); ++slot) {
        const vm::InsnFact& fact = program.proof().facts[slot];
        if (program.slots()[slot].second_slot || !fact.reachable) continue;
        const vm::DecodedInsn& insn = program.slots()[slot].insn;
        const vm::Format format = vm::op_info(insn.op).format;
        const bool stores = format == vm::Format::StoreImm || format == vm::Format::StoreReg ||
                            format == vm::Format::Atomic;
        const bool calls = format == vm::Format::Call || format == vm::Format::CallReg;
        if ((stores && store_may_reach_packet(fact.access)) || (calls && call_may_write(insn)))
            return true;
    }
    return false;
}

}  // namespace weir::dataplane
