#include "tests/golden/turned_program.h"

#include <map>

namespace weir::tests {
namespace {

using vm::DecodedSlot;
using vm::Format;
using vm::Insn;

/// The opcode of the opposite; nullopt for a test of bits, which has none.
std::optional<uint8_t> opposite(uint8_t opcode) {
    static const std::map<int, int> kOpposites = {{0x1, 0x5}, {0x5, 0x1}, {0x2, 0xb}, {0xb, 0x2},
                                                  {0x3, 0xa}, {0xa, 0x3}, {0x6, 0xd}, {0xd, 0x6},
                                                  {0x7, 0xc}, {0xc, 0x7}};
    const auto found = kOpposites.find(opcode >> 4);
    if (found == kOpposites.end()) return std::nullopt;
    return static_cast<uint8_t>(found->second << 4 | (opcode & 0xf));
}

bool is_turned(Turn turn, size_t index) {
    return turn == Turn::All || (turn != Turn::None && (index % 2 == 0) == (turn == Turn::Even));
}

/// A state is stored some instructions and jumps behind the one before (explore.cc).
constexpr size_t kRoom = 8;
constexpr uint8_t kGoto = 0x05, kFromRegister = 0x08;
constexpr uint8_t kEqual = 0x10, kAbove = 0x20, kUnequal = 0x50, kBelow = 0xa0;

class Turner {
public:
    Turner(const vm::ProgramSpec& program, std::vector<DecodedSlot> slots, Turn turn)
        : program_(program), slots_(std::move(slots)), shapes_(slots_.size()) {
        size_t branches = 0;
        for (size_t pc = 0; pc < slots_.size(); ++pc) {
            const Format format = vm::op_info(slots_[pc].insn.op).format;
            if (slots_[pc].second_slot || (format != Format::JumpImm && format != Format::JumpReg))
                continue;
            const bool turns = is_turned(turn, branches++) && opposite(program.insns[pc].opcode);
            shapes_[pc] = turns ? Shape::Turned : Shape::Branch;
        }
        for (size_t pc = 0, at = 0; pc < slots_.size(); ++pc) {
            place_.push_back(at);
            at += length(shapes_[pc]);
        }
        place_.push_back(place_.back() + length(shapes_.back()));
    }

    std::optional<vm::ProgramSpec> run() const {
        vm::ProgramSpec result = program_;
        result.insns.clear();
        for (size_t pc = 0; pc < slots_.size(); ++pc) add(result.insns, pc);
        for (vm::Subprogram& each : result.subprograms)
            each.insn = static_cast<uint32_t>(place_[each.insn]);
        if (result.insns.size() == program_.insns.size()) return std::nullopt;
        return result;
    }

private:
    enum class Shape : uint8_t { Plain, Branch, Turned };

    /// Two jumps, room, a jump, room.
    static size_t length(Shape shape) { return shape == Shape::Plain ? 1 : 3 + 2 * kRoom; }

    static void add_room(std::vector<Insn>& insns, size_t size) {
        for (size_t i = 0; i < size; ++i) insns.push_back({.opcode = kGoto});
    }

    /// Jumps to the second room.
    void add_comparison(std::vector<Insn>& insns, size_t pc) const {
        Insn insn = program_.insns[pc];
        const auto operation = static_cast<uint8_t>(insn.opcode & 0xf0);
        const bool compares = operation == kEqual || operation == kUnequal;
        // Addresses can be compared with 0 for equality only.
        const bool is_number = (insn.opcode & kFromRegister) == 0 && insn.imm != 0;
        insn.off = kRoom + 2;
        if (shapes_[pc] == Shape::Turned && compares && is_number) {
            const auto width = static_cast<uint8_t>(insn.opcode & 0xf);
            insn.opcode = width | kAbove;
            insns.push_back(insn);
            insn.opcode = width | kBelow;
            --insn.off;
            insns.push_back(insn);
            return;
        }
        if (shapes_[pc] == Shape::Turned) insn.opcode = *opposite(insn.opcode);
        insns.push_back(insn);
        add_room(insns, 1);
    }

    /// Whether what leads to the second room is that the branch is not taken.
    bool goes_ahead_behind(size_t pc) const {
        const Insn& insn = program_.insns[pc];
        const bool stays =
            (insn.opcode & 0xf0) == kUnequal && (insn.opcode & kFromRegister) == 0 && insn.imm != 0;
        return shapes_[pc] == Shape::Turned && !stays;
    }

    void add_branch(std::vector<Insn>& insns, size_t pc) const {
        const int64_t behind = distance(pc) - static_cast<int64_t>(length(Shape::Branch)) + 1;
        const auto there = [&](size_t left) {
            const auto off = static_cast<int16_t>(behind + static_cast<int64_t>(left));
            return Insn{.opcode = kGoto, .off = off};
        };
        add_comparison(insns, pc);
        add_room(insns, kRoom);
        if (goes_ahead_behind(pc)) {
            insns.push_back(there(kRoom));
            add_room(insns, kRoom);
        } else {
            insns.push_back({.opcode = kGoto, .off = kRoom});
            add_room(insns, kRoom - 1);
            insns.push_back(there(0));
        }
    }

    void add(std::vector<Insn>& insns, size_t pc) const {
        Insn insn = program_.insns[pc];
        const vm::DecodedInsn& decoded = slots_[pc].insn;
        const bool is_long = vm::op_info(decoded.op).format == Format::GotoLong ||
                             decoded.op == vm::Op::kCallLocal ||
                             decoded.op == vm::Op::kLoadCodeAddr;
        if (shapes_[pc] != Shape::Plain) return add_branch(insns, pc);
        if (slots_[pc].second_slot)
            ;  // goes nowhere
        else if (is_long)
            insn.imm = static_cast<int32_t>(distance(pc));
        else if (vm::jump_target(decoded, pc).exists)
            insn.off = static_cast<int16_t>(distance(pc));
        insns.push_back(insn);
    }

    /// From behind the instruction to where it leads.
    int64_t distance(size_t pc) const {
        const vm::DecodedInsn& insn = slots_[pc].insn;
        const vm::JumpTarget target = vm::jump_target(insn, pc);
        const int64_t slot = target.exists ? target.slot : static_cast<int64_t>(pc) + 1 + insn.imm;
        const bool is_inside = slot >= 0 && slot < static_cast<int64_t>(place_.size());
        const auto there = is_inside ? static_cast<int64_t>(place_[static_cast<size_t>(slot)])
                                     : slot + static_cast<int64_t>(place_.back());
        return there - static_cast<int64_t>(place_[pc]) - 1;
    }

    const vm::ProgramSpec& program_;
    std::vector<DecodedSlot> slots_;
    std::vector<Shape> shapes_;
    std::vector<size_t> place_;
};

}  // namespace

std::optional<vm::ProgramSpec> turned_program(const vm::ProgramSpec& program, Turn turn) {
    auto slots = vm::decode_program(program.insns);
    if (!slots || slots->empty()) return std::nullopt;
    for (const vm::Subprogram& each : program.subprograms)
        if (each.insn >= slots->size()) return std::nullopt;
    return Turner(program, std::move(*slots), turn).run();
}

}  // namespace weir::tests
