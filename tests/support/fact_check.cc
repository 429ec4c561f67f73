#include "tests/support/fact_check.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "vm/isa/disassemble.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::PointerKind;

bool accesses_memory(Format format) {
    return format == Format::Load || format == Format::StoreImm || format == Format::StoreReg ||
           format == Format::Atomic;
}

class FactChecker {
public:
    FactChecker(const StateCheckSetup& setup, const vm::Proof& proof, const RunTrace& trace)
        : setup_(setup), proof_(proof), trace_(trace) {}

    std::optional<std::string> run() const {
        for (size_t i = 0; i < trace_.steps.size(); ++i) {
            const std::string what = check(i);
            if (what.empty()) continue;
            const uint32_t pc = trace_.steps[i].insn;
            return fmt::format("step {}, insn {}: {}: {}", i, pc,
                               vm::disassemble(setup_.code[pc].insn), what);
        }
        return std::nullopt;
    }

private:
    std::string check(size_t index) const {
        const TraceStep& step = trace_.steps[index];
        const vm::InsnFact& fact = proof_.facts[step.insn];
        const vm::DecodedInsn& insn = setup_.code[step.insn].insn;
        const vm::OpInfo& row = op_info(insn.op);
        if (!fact.reachable) return "is not reached, says the proof";
        if (std::string what = check_ranges(step, insn, fact); !what.empty()) return what;
        if (row.format == Format::Call) return check_map(step, fact);
        if (row.format == Format::JumpImm || row.format == Format::JumpReg)
            return check_jump(index, insn, fact);
        if (!accesses_memory(row.format)) return {};
        const bool loads = row.format == Format::Load || row.spelling == "load_acquire";
        const uint64_t address =
            step.registers[loads ? insn.src : insn.dst] + static_cast<uint64_t>(int64_t{insn.off});
        if (on_stack(address)) {
            if (std::string what = check_stack(step, address); !what.empty()) return what;
        }
        return check_access(step, address, fact.access);
    }

    static std::string check_ranges(const TraceStep& step, const vm::DecodedInsn& insn,
                                    const vm::InsnFact& fact) {
        for (const auto& [range, reg] : {std::pair(fact.dst, insn.dst), {fact.src, insn.src}})
            if (const uint64_t value = step.registers[reg];
                value < range.least || value > range.most)
                return fmt::format("r{} is {:#x}, the proof says {:#x} to {:#x}", reg, value,
                                   range.least, range.most);
        return {};
    }

    std::string check_map(const TraceStep& step, const vm::InsnFact& fact) const {
        if (fact.map == vm::InsnFact::kUnknownMap) return {};
        if (fact.key_bytes != setup_.program.maps[fact.map].key_bytes)
            return fmt::format("takes keys of {} bytes, says the proof", fact.key_bytes);
        const auto address = reinterpret_cast<uint64_t>(setup_.maps[fact.map]);
        for (size_t reg = 1; reg <= 5; ++reg)
            if (step.registers[reg] == address) return {};
        return fmt::format("is not given map {}", setup_.program.maps[fact.map].name);
    }

    std::string check_jump(size_t index, const vm::DecodedInsn& insn,
                           const vm::InsnFact& fact) const {
        if (insn.off == 0 || index + 1 == trace_.steps.size()) return {};
        const uint32_t pc = trace_.steps[index].insn;
        const bool jumped = trace_.steps[index + 1].insn != pc + 1;
        if (jumped && !fact.jumps) return "jumps, which the proof excludes";
        if (!jumped && !fact.falls_through) return "does not jump, which the proof excludes";
        return {};
    }

    bool on_stack(uint64_t address) const {
        return address < trace_.frame_top && address >= trace_.frame_top - trace_.stack.size();
    }

    /// The access may go into the frame of a caller.
    std::string check_stack(const TraceStep& step, uint64_t address) const {
        const auto depth = static_cast<uint32_t>((trace_.frame_top - 1 - address) / kStackBytes);
        uint32_t frame = step.frame;
        while (trace_.frames[frame].depth > depth) frame = trace_.frames[frame].parent;
        const auto& functions = setup_.program.subprograms;
        const auto found =
            std::ranges::find(functions, trace_.frames[frame].entry, &vm::Subprogram::insn);
        const uint64_t used = trace_.frame_pointer(depth) - address;
        const uint32_t known = proof_.stack_bytes[static_cast<size_t>(found - functions.begin())];
        if (used <= known) return {};
        return fmt::format("uses {} bytes of stack, the proof says {}", used, known);
    }

    std::string check_access(const TraceStep& step, uint64_t address, PointerKind kind) const {
        const bool fits = [&] {
            switch (kind) {
                case PointerKind::None: return true;
                case PointerKind::Stack: return on_stack(address);
                case PointerKind::Context: return address - setup_.context < vm::kSkbBytes;
                case PointerKind::Packet: return address >= step.data && address < step.data_end;
                case PointerKind::PacketMeta:
                    return address >= step.data_meta && address < step.data;
                case PointerKind::MapValue: return in_map_value(address);
            }
            return false;
        }();
        return fits ? ""
                    : fmt::format("goes to other memory than the proof says ({})",
                                  static_cast<int>(kind));
    }

    bool in_map_value(uint64_t address) const {
        return std::ranges::any_of(
            trace_.regions, [address](const auto& each) { return each.second.covers(address, 1); });
    }

    const StateCheckSetup& setup_;
    const vm::Proof& proof_;
    const RunTrace& trace_;
};

}  // namespace

std::optional<std::string> against_facts(const StateCheckSetup& setup, const vm::Proof& proof,
                                         const RunTrace& trace) {
    return FactChecker(setup, proof, trace).run();
}

}  // namespace weir::tests
