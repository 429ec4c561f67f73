// Proven programs: nothing is checked that the verifier has proven.

#include <utility>

#include "vm/base/check.h"
#include "vm/interp/code_address.h"
#include "vm/interp/interp.h"
#include "vm/interp/packet_load.h"
#include "vm/interp/step.h"

namespace weir::vm {
namespace {

struct Proven {
    using Program = ProvenCode;
    using M = Machine<Proven>;
    static constexpr bool kTranslatesContext = false;

    void* context;                    ///< what r1 is at the start
    const SkbContext* skb = nullptr;  ///< the same, of a socket filter
    bool is_verdict = false;          ///< what the program's own function returns

    [[noreturn]] static void fault(M&, const char*) {
        check_failed(__FILE__, __LINE__, "a proven program has no fault");
    }
    bool may_step(M&, Slot) { return true; }
    template <unsigned>
    uint8_t* reach(M&, uint64_t address, Touch) {
        return reinterpret_cast<uint8_t*>(address);
    }
    bool load_address(M& m, Slot at, uint64_t& value) {
        const DecodedInsn& insn = at->insn;
        if (insn.op == Op::kLoadCodeAddr) {
            value = code_address(static_cast<uint64_t>(at + 1 + insn.imm - m.program->code.data()));
            return true;
        }
        const auto index = static_cast<size_t>(insn.imm);
        WEIR_CHECK(index < m.program->maps.size());
        Map* const map = m.program->maps[index];
        value = insn.op == Op::kLoadMap ? reinterpret_cast<uint64_t>(map)
                                        : reinterpret_cast<uint64_t>(map->direct_value()) +
                                              static_cast<uint32_t>(insn.next_imm);
        return true;
    }
    PacketLoad packet_bytes(M&, int32_t offset, std::span<uint8_t> out) const {
        WEIR_CHECK(skb != nullptr);
        return load_packet_bytes(*skb, offset, out) ? PacketLoad::Done : PacketLoad::Outside;
    }
    bool call(M& m, Callee callee, int64_t id) {
        const HelperFn function = callee == Callee::Helper ? m.program->helpers->at(id)
                                                           : m.program->helpers->kfunc_at(id);
        if (function == nullptr) fault(m, "unknown helper");
        m.r[0] = function(m.r[1], m.r[2], m.r[3], m.r[4], m.r[5], m.env);
        return true;
    }
    /// A prog array that this engine's programs see holds this engine's programs alone.
    bool tail_target(M& m, const ProvenCode*& target) {
        const auto& map = *reinterpret_cast<const Map*>(m.r[2]);
        const auto index = static_cast<uint32_t>(m.r[3]);
        const Runnable* const found =
            index < map.spec().entries_max ? map.program_at(index) : nullptr;
        WEIR_CHECK(found == nullptr || found->tail_entry == nullptr);
        if (found != nullptr) target = &static_cast<const ProvenProgram*>(found)->bound();
        return true;
    }

    static bool entered(M&, Slot) { return true; }
    void exits(M& m, Slot at) const {
        if (is_verdict && m.depth == m.entry_depth && is_aborted(m.r[0]))
            note_abort(m.env.aborts, m.program->number,
                       static_cast<uint32_t>(at - m.program->code.data()));
    }
    void left(M&) {}
    void returned(M& m) { m.env.program = m.program->runnable; }
    void jumped(M& m) {
        m.r[1] = reinterpret_cast<uint64_t>(context);
        m.env.program = m.program->runnable;
    }
};

uint64_t call_proven(RunEnv& env, uint64_t function, const std::array<uint64_t, 5>& arguments) {
    auto& m = *static_cast<Machine<Proven>*>(env.engine);
    return call_back(m, m.program->code.data() + slot_of(function), arguments);
}

uint64_t run_proven(Machine<Proven>& m, Slot entry) {
    const RunScope scope(m.env, m.program->runnable, call_proven, nullptr, &m);
    run_from(m, entry);
    return m.r[0];
}

uint32_t run_packet(const ProvenCode& program, Proven access, RunEnv& env) {
    Machine<Proven> m(access, program, env);
    m.r[1] = reinterpret_cast<uint64_t>(access.context);
    return static_cast<uint32_t>(run_proven(m, program.code.data()));
}

}  // namespace

ProvenProgram::ProvenProgram(std::shared_ptr<const VerifiedProgram> program,
                             std::span<Map* const> maps, const HelperTable& helpers,
                             uint32_t number)
    : program_(std::move(program)),
      maps_(maps.begin(), maps.end()),
      bound_{program_->slots(), maps_, &helpers, this, &program_->spec(), number} {}

uint32_t ProvenProgram::run(XdpContext& context, RunEnv& env) const {
    return run_packet(bound_, {.context = &context, .is_verdict = true}, env);
}

uint64_t ProvenProgram::call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                             RunEnv& env) const {
    Proven access{.context = nullptr};
    Machine<Proven> m(access, bound_, env);
    for (size_t i = 0; i < arguments.size(); ++i) m.r[i + 1] = arguments[i];
    return run_proven(m, bound_.code.data() + slot_of(function));
}

uint64_t ProvenProgram::function_address(uint32_t insn) const {
    return code_address(insn);
}

uint32_t interpret(const VerifiedProgram& program, std::span<Map* const> maps,
                   const HelperTable& helpers, XdpContext& context, RunEnv& env) {
    WEIR_CHECK(program.spec().type == ProgramType::Xdp);
    return run_packet({program.slots(), maps, &helpers}, {.context = &context, .is_verdict = true},
                      env);
}

uint32_t interpret(const VerifiedProgram& program, std::span<Map* const> maps,
                   const HelperTable& helpers, SkbContext& context, RunEnv& env) {
    WEIR_CHECK(program.spec().type == ProgramType::SocketFilter);
    return run_packet({program.slots(), maps, &helpers}, {.context = &context, .skb = &context},
                      env);
}

}  // namespace weir::vm
