// How much stack functions use, read off their instructions.

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/interp/loaded_program.h"

namespace weir::vm {
namespace {

constexpr uint8_t kFramePointer = 10;

/// r10 + n for what holds such an address, along instructions that follow each other.
class Offsets {
public:
    /// Where paths meet, and where a function begins.
    void forget() {
        known_.fill(std::nullopt);
        known_[kFramePointer] = 0;
    }
    std::optional<int64_t> at(uint8_t reg) const { return known_[reg]; }

    void follow(const DecodedInsn& insn, const RegisterUse& use) {
        const std::optional<int64_t> before =
            insn.op == Op::kMov64Reg ? known_[insn.src] : known_[insn.dst];
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((use.writes >> reg & 1) != 0) known_[reg].reset();
        if (op_info(insn.op).format == Format::Call || op_info(insn.op).format == Format::CallReg)
            std::fill_n(known_.begin(), 6, std::nullopt);
        if (insn.dst == kFramePointer || !before) return;
        if (insn.op == Op::kMov64Reg) known_[insn.dst] = before;
        if (insn.op == Op::kAdd64Imm) known_[insn.dst] = *before + insn.imm;
    }

private:
    std::array<std::optional<int64_t>, kRegisterCount> known_;
};

/// The lowest of the addresses that an instruction goes to or hands on; 0: none.
int64_t lowest_address(const DecodedInsn& insn, const Offsets& offsets) {
    const auto access = [&](uint8_t base) {
        return std::min<int64_t>(0, offsets.at(base).value_or(0) + insn.off);
    };
    switch (op_info(insn.op).format) {
        case Format::Load: return offsets.at(insn.src) ? access(insn.src) : 0;
        case Format::StoreImm:
        case Format::StoreReg: return offsets.at(insn.dst) ? access(insn.dst) : 0;
        case Format::Atomic: {
            const bool by_source = op_info(insn.op).spelling == "load_acquire";
            const uint8_t base = by_source ? insn.src : insn.dst;
            return offsets.at(base) ? access(base) : 0;
        }
        case Format::Call:
        case Format::CallReg: {
            int64_t lowest = 0;
            for (uint8_t reg = 1; reg <= 5; ++reg)
                lowest = std::min(lowest, offsets.at(reg).value_or(0));
            return lowest;
        }
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return 0;
    }
    return 0;
}

struct Places {
    std::vector<uint32_t> functions;  ///< where they begin, ascending
    std::vector<bool> meets;          ///< by slot
};

Places places_of(std::span<const DecodedSlot> code, std::span<const Subprogram> names) {
    Places places{{0}, std::vector<bool>(code.size())};
    for (const Subprogram& name : names)
        if (name.insn < code.size()) places.functions.push_back(name.insn);
    for (uint32_t slot = 0; slot < code.size(); ++slot) {
        const DecodedInsn& insn = code[slot].insn;
        if (code[slot].second_slot) continue;
        if (insn.op == Op::kLoadCodeAddr) {
            places.functions.push_back(static_cast<uint32_t>(int64_t{slot} + 1 + insn.imm));
            continue;
        }
        const JumpTarget target = jump_target(insn, slot);
        if (!target.exists) continue;
        if (insn.op == Op::kCallLocal)
            places.functions.push_back(static_cast<uint32_t>(target.slot));
        else
            places.meets[static_cast<size_t>(target.slot)] = true;
    }
    std::ranges::sort(places.functions);
    const auto twice = std::ranges::unique(places.functions);
    places.functions.erase(twice.begin(), twice.end());
    return places;
}

std::string name_at(std::span<const Subprogram> names, uint32_t slot) {
    const auto found = std::ranges::find(names, slot, &Subprogram::insn);
    return found == names.end() ? fmt::format("insn {}", slot) : found->name;
}

}  // namespace

std::vector<StackUse> stack_uses(std::span<const DecodedSlot> code,
                                 std::span<const RegisterUse> uses,
                                 std::span<const Subprogram> names) {
    const Places places = places_of(code, names);
    std::vector<StackUse> functions;
    Offsets offsets;
    for (uint32_t slot = 0; slot < code.size(); ++slot) {
        const size_t begun = functions.size();
        const bool begins = begun < places.functions.size() && places.functions[begun] == slot;
        if (begins) functions.push_back({slot, 0, name_at(names, slot)});
        if (begins || places.meets[slot]) offsets.forget();
        if (code[slot].second_slot) continue;
        const int64_t depth = -lowest_address(code[slot].insn, offsets);
        uint32_t& most = functions.back().stack_bytes;
        most = static_cast<uint32_t>(std::clamp<int64_t>(depth, most, kStackBytes));
        offsets.follow(code[slot].insn, uses[slot]);
    }
    return functions;
}

}  // namespace weir::vm
