#include "controlplane/cli/search_leak.h"

#include <algorithm>
#include <cstring>

#include "vm/interp/code_address.h"
#include "vm/interp/memory_model.h"

namespace weir::controlplane::cli {
namespace {

using vm::ArgKind;
using vm::Format;

/// What a run looks like from the instruction that it comes to.
struct View {
    const SearchScene& scene;
    const vm::RunStep& step;
    const Registers& registers;

    bool is_in_frame(uint64_t number, uint64_t mask) const {
        const auto low = reinterpret_cast<uint64_t>(scene.packet.frame_start) & mask;
        const auto high = reinterpret_cast<uint64_t>(scene.packet.frame_limit) & mask;
        return number >= low && number <= high;
    }

    /// A packet's lower half counts too: the context gives no more of it in one load.
    bool is_address(uint64_t number) const {
        const uint64_t context_bytes = scene.bench.spec().type == vm::ProgramType::Xdp
                                           ? sizeof(vm::XdpContext)
                                           : sizeof(vm::SkbContext);
        const vm::MemoryModel& memory = step.memory;
        return memory.on_stack(number, 0) || is_in_frame(number, ~uint64_t{0}) ||
               is_in_frame(number, UINT32_MAX) || number - scene.context < context_bytes ||
               memory.find(number) != nullptr || memory.map_at(number) != nullptr ||
               vm::is_code_address(number);
    }

    /// Spilled addresses lie at multiples of 8.
    bool has_address(uint64_t start, uint64_t bytes) const {
        constexpr uint64_t kWord = sizeof(uint64_t);
        if (!step.memory.on_stack(start, bytes)) return false;
        for (uint64_t at = start / kWord * kWord; at < start + bytes; at += kWord) {
            uint64_t word = 0;
            if (!step.memory.on_stack(at, kWord)) continue;
            std::memcpy(&word, reinterpret_cast<const void*>(at), kWord);
            if (is_address(word)) return true;
        }
        return false;
    }
};

bool store_hands_out(const View& view, const vm::DecodedInsn& insn) {
    const uint64_t target = view.registers[insn.dst].number + static_cast<uint64_t>(insn.off);
    return !view.step.memory.on_stack(target, 0) &&
           view.is_address(view.registers[insn.src].number);
}

bool call_hands_out(const View& view, const vm::DecodedInsn& insn) {
    const vm::HelperInfo* const helper = helper_of(insn);
    if (helper == nullptr) return false;
    for (size_t index = 0; index < helper->args.size(); ++index) {
        const uint64_t number = view.registers[index + 1].number;
        const ArgKind kind = helper->args[index];
        if ((kind == ArgKind::Scalar || kind == ArgKind::Unchecked) && view.is_address(number))
            return true;
        if (view.has_address(number, read_bytes(*helper, index, view.registers, view.step)))
            return true;
    }
    return false;
}

}  // namespace

bool hands_out_address(const SearchScene& scene, const vm::RunStep& step,
                       const Registers& registers, const vm::DecodedInsn& insn) {
    const View view{scene, step, registers};
    switch (vm::op_info(insn.op).format) {
        case Format::StoreReg:
        case Format::Atomic: return store_hands_out(view, insn);
        case Format::Call: return call_hands_out(view, insn);
        case Format::Exit: return step.depth == 0 && view.is_address(registers[0].number);
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::CallReg:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::Load:
        case Format::StoreImm: break;
    }
    return false;
}

}  // namespace weir::controlplane::cli
