#include "jit/register_use.h"

#include "jit/insn_class.h"
#include "vm/isa/helper_info.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
using vm::Op;

constexpr uint8_t kPacketContext = 6;  ///< what legacy packet loads take the packet from

uint8_t written_by_atomic(const DecodedInsn& insn) {
    switch (atomic_code(insn.op)) {
        case AtomicCode::LoadAcquire: return insn.dst;
        case AtomicCode::FetchAdd:
        case AtomicCode::FetchOr:
        case AtomicCode::FetchAnd:
        case AtomicCode::FetchXor:
        case AtomicCode::Xchg: return insn.src;
        case AtomicCode::Add:
        case AtomicCode::Or:
        case AtomicCode::And:
        case AtomicCode::Xor:
        case AtomicCode::Cmpxchg:
        case AtomicCode::StoreRelease: return kNoRegister;
    }
    return kNoRegister;
}

RegisterUse atomic_use(const DecodedInsn& insn) {
    const AtomicCode code = atomic_code(insn.op);
    if (code == AtomicCode::LoadAcquire) return {set_of(insn.src), set_of(insn.dst)};
    RegisterUse use{static_cast<RegisterSet>(set_of(insn.dst) | set_of(insn.src)), 0};
    if (code == AtomicCode::Cmpxchg) {
        use.reads |= set_of(0);
        use.writes = set_of(0);
    } else if (const uint8_t written = written_by_atomic(insn); written != kNoRegister) {
        use.writes = set_of(written);
    }
    return use;
}

/// r1 up to the last argument that the prototype has.
RegisterSet arguments_of(const vm::HelperInfo* info) {
    if (info == nullptr) return kArgumentRegisters;
    RegisterSet read = 0;
    for (size_t i = 0; i < info->args.size(); ++i)
        if (info->args[i] != vm::ArgKind::None)
            read = static_cast<RegisterSet>(read | set_of(static_cast<uint8_t>(i + 1)));
    return read;
}

RegisterUse call_use(const DecodedInsn& insn, bool proven) {
    constexpr RegisterSet kLost = kArgumentRegisters | set_of(0);
    if (!proven || insn.op == Op::kCallLocal) return {kArgumentRegisters, kLost};
    const vm::HelperInfo* info =
        insn.op == Op::kCallKfunc ? vm::kfunc_info(insn.imm) : vm::helper_info(insn.imm);
    return {arguments_of(info), kLost};
}

bool is_move(const DecodedInsn& insn) {
    return alu_code(insn.op) == AluCode::Mov;
}

}  // namespace

bool only_computes(Op op) {
    switch (vm::op_info(op).format) {
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::LoadImm64: return true;
        case Format::Load:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Call:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic: return false;
    }
    return false;
}

bool only_loads(Op op) {
    return vm::op_info(op).format == Format::Load;
}

uint8_t written_register(const DecodedInsn& insn) {
    switch (vm::op_info(insn.op).format) {
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::LoadImm64:
        case Format::Load: return insn.dst;
        case Format::Atomic: return written_by_atomic(insn);
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Call:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::StoreImm:
        case Format::StoreReg: return kNoRegister;
    }
    return kNoRegister;
}

RegisterUse register_use(const DecodedInsn& insn, bool proven) {
    const RegisterSet dst = set_of(insn.dst), src = set_of(insn.src);
    const auto both = static_cast<RegisterSet>(dst | src);
    constexpr RegisterSet kLost = kArgumentRegisters | set_of(0);
    switch (vm::op_info(insn.op).format) {
        case Format::AluImm: return {is_move(insn) ? RegisterSet{0} : dst, dst};
        case Format::AluReg: return {is_move(insn) ? src : both, dst};
        case Format::AluUnary:
        case Format::ByteOrder: return {dst, dst};
        case Format::LoadImm64: return {0, dst};
        case Format::Load: return {src, dst};
        case Format::StoreImm:
        case Format::JumpImm: return {dst, 0};
        case Format::StoreReg:
        case Format::JumpReg: return {both, 0};
        case Format::Atomic: return atomic_use(insn);
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto: return {};
        case Format::Call: return call_use(insn, proven);
        case Format::CallReg: return {static_cast<RegisterSet>(dst | kArgumentRegisters), kLost};
        case Format::Exit: return {set_of(0), 0};
        case Format::LoadPacketAbs: return {set_of(kPacketContext), kLost};
        case Format::LoadPacketInd:
            return {static_cast<RegisterSet>(set_of(kPacketContext) | src), kLost};
    }
    return {};
}

}  // namespace weir::jit
