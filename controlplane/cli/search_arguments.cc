#include "controlplane/cli/search_arguments.h"

#include "vm/interp/holdings.h"
#include "vm/interp/memory_model.h"

namespace weir::controlplane::cli {
namespace {

using vm::ArgKind;

enum Direction : uint8_t { kNone = 0, kReads = 1, kWrites = 2 };

uint64_t size_behind(const vm::HelperInfo& helper, size_t index, const Registers& registers) {
    if (index + 1 >= helper.args.size() || !is_size(helper.args[index + 1])) return 0;
    return registers[index + 2].number;
}

struct Memory {
    uint64_t bytes = 0;
    uint8_t directions = kNone;
};

Memory memory_of(const vm::HelperInfo& helper, size_t index, const Registers& registers,
                 const vm::RunStep& step) {
    constexpr uint64_t kIpv4HeaderBytes = 20, kIpv6HeaderBytes = 40, kTcpHeaderBytes = 20;
    const vm::Map* const map = step.memory.map_at(registers[1].number);
    const uint64_t size = size_behind(helper, index, registers);
    switch (helper.args[index]) {
        case ArgKind::MapKey: return {map == nullptr ? 0 : map->spec().key_bytes, kReads};
        case ArgKind::MapValue: return {map == nullptr ? 0 : map->spec().value_bytes, kReads};
        case ArgKind::MapValueOut: return {map == nullptr ? 0 : map->spec().value_bytes, kWrites};
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull: return {size, kReads};
        case ArgKind::MemWrite:
        case ArgKind::MemWriteOrNull: return {size, kWrites};
        case ArgKind::MemReadWrite: return {size, kReads | kWrites};
        case ArgKind::U16Out: return {2, kWrites};
        case ArgKind::U32Out: return {4, kWrites};
        case ArgKind::U64Out: return {8, kWrites};
        case ArgKind::U32InOut: return {4, kReads | kWrites};
        case ArgKind::Ipv4Header: return {kIpv4HeaderBytes, kReads};
        case ArgKind::Ipv6Header: return {kIpv6HeaderBytes, kReads};
        case ArgKind::TcpHeader: return {kTcpHeaderBytes, kReads};
        case ArgKind::DynptrOut: return {vm::kDynptrStackBytes, kWrites};
        case ArgKind::IteratorOut: return {vm::kIteratorStackBytes, kWrites};
        case ArgKind::None:
        case ArgKind::Scalar:
        case ArgKind::Map:
        case ArgKind::Context:
        case ArgKind::Size:
        case ArgKind::SizeOrZero:
        case ArgKind::Unchecked:
        case ArgKind::ConstString:
        case ArgKind::Callback:
        case ArgKind::CallbackContext:
        case ArgKind::SpinLock:
        case ArgKind::Timer:
        case ArgKind::Dynptr:
        case ArgKind::Iterator:
        case ArgKind::RecordSize:
        case ArgKind::SliceSize:
        case ArgKind::Record:
        case ArgKind::Socket:
        case ArgKind::Connection: break;
    }
    return {};
}

}  // namespace

const vm::HelperInfo* helper_of(const vm::DecodedInsn& insn) {
    if (insn.op == vm::Op::kCallHelper) return vm::helper_info(insn.imm);
    return insn.op == vm::Op::kCallKfunc ? vm::kfunc_info(insn.imm) : nullptr;
}

bool is_size(ArgKind kind) {
    return kind == ArgKind::Size || kind == ArgKind::SizeOrZero;
}

uint64_t read_bytes(const vm::HelperInfo& helper, size_t index, const Registers& registers,
                    const vm::RunStep& step) {
    const Memory memory = memory_of(helper, index, registers, step);
    return (memory.directions & kReads) != 0 ? memory.bytes : 0;
}

uint64_t written_bytes(const vm::HelperInfo& helper, size_t index, const Registers& registers,
                       const vm::RunStep& step) {
    const Memory memory = memory_of(helper, index, registers, step);
    return (memory.directions & kWrites) != 0 ? memory.bytes : 0;
}

}  // namespace weir::controlplane::cli
