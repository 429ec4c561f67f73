// interpret_unverified: the conformance suites' programs, which know one memory and a stack.

#include <fmt/format.h>

#include "vm/interp/interp.h"
#include "vm/interp/step.h"

namespace weir::vm {
namespace {

struct BareProgram {
    std::span<const DecodedSlot> code;
};

struct OneMemory {
    using Program = BareProgram;
    using M = Machine<OneMemory>;
    static constexpr bool kTranslatesContext = false;

    std::span<uint8_t> memory;
    const HelperTable& helpers;
    uint64_t steps_left;
    std::string error = {};
    Slot now = nullptr;

    bool fault(M& m, std::string_view what) {
        if (error.empty())
            error = fmt::format("insn {} ({}): {}", now - m.program->code.data(),
                                op_info(now->insn.op).name, what);
        return false;
    }
    bool may_step(M& m, Slot at) {
        now = at;
        const std::span<const DecodedSlot> code = m.program->code;
        if (at == code.data() + code.size())
            error = "runs past the end of the program";
        else if (steps_left-- == 0)
            error = fmt::format("insn {}: step limit reached", at - code.data());
        return error.empty();
    }

    static bool inside(uint64_t address, uint64_t bytes, uint64_t low, uint64_t high) {
        return address >= low && address <= high && bytes <= high - address;
    }
    template <unsigned bits>
    uint8_t* reach(M& m, uint64_t address, Touch touch) {
        const auto low = reinterpret_cast<uint64_t>(memory.data());
        const bool is_inside =
            inside(address, bits / 8, low, low + memory.size()) ||
            inside(address, bits / 8, reinterpret_cast<uint64_t>(m.bottom()), m.top());
        const bool atomic = is_atomic(touch);
        if (is_inside && !(atomic && address % (bits / 8) != 0))
            return reinterpret_cast<uint8_t*>(address);
        fault(m, atomic                 ? "atomic access outside memory and stack, or not aligned"
                 : touch == Touch::Load ? "load outside memory and stack"
                                        : "store outside memory and stack");
        return nullptr;
    }
    bool load_address(M& m, Slot, uint64_t&) {
        return fault(m, "loads an address that this program has not");
    }
    PacketLoad packet_bytes(M&, int32_t offset, std::span<uint8_t> out) const {
        if (offset < 0 || memory.size() < out.size() ||
            static_cast<size_t>(offset) > memory.size() - out.size())
            return PacketLoad::Outside;
        std::memcpy(out.data(), memory.data() + offset, out.size());
        return PacketLoad::Done;
    }
    bool call(M& m, Callee callee, int64_t id) {
        if (callee == Callee::Kfunc) return fault(m, "kernel functions cannot be called");
        const HelperFn function = helpers.at(id);
        if (function == nullptr) return fault(m, "call of a helper that does not exist");
        m.r[0] = function(m.r[1], m.r[2], m.r[3], m.r[4], m.r[5], m.env);
        return true;
    }
    bool tail_target(M& m, const BareProgram*&) { return fault(m, "there is no program to go to"); }

    static bool entered(M&, Slot) { return true; }
    void exits(M&, Slot) {}
    void left(M&) {}
    void returned(M&) {}
    void jumped(M&) {}
};

}  // namespace

Result<uint64_t> interpret_unverified(std::span<const Insn> insns, std::span<uint8_t> memory,
                                      const HelperTable& helpers, uint64_t insns_max) {
    const Result<std::vector<DecodedSlot>> slots = decode_program(insns);
    if (!slots) return std::unexpected(slots.error());
    RunEnv env;
    const BareProgram program{*slots};
    OneMemory access{.memory = memory, .helpers = helpers, .steps_left = insns_max};
    Machine<OneMemory> machine(access, program, env);
    machine.stack.fill(0);
    machine.r[1] = reinterpret_cast<uint64_t>(memory.data());
    machine.r[2] = memory.size();
    run_from(machine, program.code.data());
    if (!access.error.empty()) return fail(ErrorKind::kInvalid, access.error);
    return machine.r[0];
}

}  // namespace weir::vm
