// Calls: helpers and kfuncs against their prototypes (helpers.def, kfuncs.def), subprograms as new
// frames, callbacks as loops, and the way back.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "vm/program/map_use.h"
#include "vm/verifier/checks.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

/// A spin lock is held for a few instructions, in which nobody else is called.
Checked check_lock_allows(const Step& step, std::string_view callee, bool is_unlock) {
    const HeldLock& lock = step.state().lock;
    if (!lock.is_held || is_unlock) return {};
    return fault("lock", fmt::format("{} may not be called while the bpf_spin_lock taken at insn "
                                     "{} is held; unlock first",
                                     callee, lock.insn));
}

std::expected<const HelperInfo*, Fault> callee_of(const Step& step) {
    const bool is_kfunc = step.insn.op == Op::kCallKfunc;
    const HelperInfo* const info =
        is_kfunc ? kfunc_info(step.insn.imm) : helper_info(step.insn.imm);
    if (is_kfunc && step.insn.off != 0)
        return fault("kfunc", fmt::format("kfunc {} of module {}: there are no modules",
                                          step.insn.imm, step.insn.off));
    if (info == nullptr && is_kfunc)
        return fault("kfunc", fmt::format("there is no kfunc {}", step.insn.imm));
    if (info == nullptr) return fault("unknown-helper", helper_refusal(step.insn.imm));
    if (!helper_serves(*info, step.env.program.type))
        return fault(
            is_kfunc ? "kfunc" : "unknown-helper",
            fmt::format("{} {} ({}) is not for {} programs", is_kfunc ? "kfunc" : "helper",
                        step.insn.imm, info->name, program_type_name(step.env.program.type)));
    return info;
}

Checked check_special(Step& step, const Call& call) {
    if (call.is(HelperId::trace_printk)) return check_printk(step, call);
    if (call.is(HelperId::tail_call)) {
        for (const Frame& frame : step.state().frames)
            if (frame.caller != Caller::Program)
                return fault("tail-call",
                             "a callback makes a tail call, which would not come back "
                             "to the helper that called it");
        step.env.tail_calls[step.frame().subprogram] = 1;
        return check_nothing_held(step, "a tail call, which leaves the program,");
    }
    if (call.helper.returns == ReturnKind::MapValueOrNull && !call.has_map())
        return fault("helper-argument", fmt::format("{} needs a map for its result", call.name()));
    return {};
}

/// The rounds of a callback are over.
void end_rounds(State& state) {
    Frame& frame = state.top();
    for (uint8_t i = 0; i <= 5; ++i) frame.regs[i] = Reg{};
    frame.regs[0] = Reg::scalar(Scalar::below_bits(64));
    frame.rounds = 0;
    frame.round = {};
}

/// Arguments of a round: its number and the context; or a sample's dynptr and the context; or map,
/// key, value and the context.
void give_arguments(Step& step, const Frame& caller, Frame& callee) {
    if (callee.caller == Caller::Loop) {
        Range<64> index;
        const uint64_t most = caller.regs[1].value.full.umax;
        index.limit_unsigned(0, most == 0 ? 0 : most - 1);
        callee.regs[1] = Reg::scalar(Scalar::from_full(index), caller.regs[1].node);
        callee.regs[2] = caller.regs[3];
        return;
    }
    if (callee.caller == Caller::Drain) {
        callee.regs[1] = Reg::pointer(RegKind::DynptrPointer);
        callee.regs[1].ref = callee.sample = step.env.fresh_id();
        callee.regs[2] = caller.regs[3];
        return;
    }
    const Reg& map = caller.regs[1];
    callee.regs[1] = map;
    callee.regs[2] = Reg::pointer(RegKind::MapKey);
    callee.regs[3] = Reg::pointer(RegKind::MapValue);
    for (size_t i = 2; i <= 3; ++i) {
        callee.regs[i].map = map.map;
        callee.regs[i].inner = map.inner;
    }
    if (names_lookup(step.env.program, callee.regs[3])) callee.regs[3].id = step.env.fresh_id();
    callee.regs[4] = caller.regs[3];
}

Caller caller_of(const DecodedInsn& call) {
    if (call.imm == number_of(HelperId::loop)) return Caller::Loop;
    const bool drains = call.imm == number_of(HelperId::user_ringbuf_drain);
    return drains ? Caller::Drain : Caller::ForEach;
}

/// After a round: another one, or the helper returns.
Walked end_round(Step& step, const Reg& result, uint32_t call_slot) {
    step.rely_on(result);
    if (!result.is_scalar() || result.value.full.umax > 1)
        return fault("callback",
                     fmt::format("the callback returns {}, expected 0 to go on or 1 to end",
                                 result.is_scalar() ? describe_reg(result) : kind_words(result)));
    if (step.frame().sample != 0) forget_owned(step.state(), step.frame().sample);
    const auto end = [&](State& state) {
        leave_frame(state);
        end_rounds(state);
    };
    if (result.value.full.umin == 1) {
        end(step.state());
        step.path.pc = call_slot + 1;
        step.path.came_back = false;
        return Onward{Onward::Where::Jumped};
    }
    Onward onward{Onward::Where::Jumped};
    if (result.value.full.umax == 1) {
        onward.other = OtherWay{step.state(), call_slot + 1, false};
        end(onward.other->state);
    }
    leave_frame(step.state());
    step.frame().round.move(1, 1);
    step.path.pc = call_slot;
    step.path.came_back = true;
    return onward;
}

Walked end_program(Step& step, const Reg& result) {
    if (step.frame().caller == Caller::Contract) {
        const Checked ended = check_contract_end(step, result);
        if (!ended) return std::unexpected(ended.error());
        return Onward{Onward::Where::Ended};
    }
    const bool is_timer = step.frame().caller == Caller::Timer;
    // Of a socket filter's result all that is seen is how many bytes of the packet are kept.
    const bool is_seen = !step.is_socket_filter() || is_timer;
    if (is_seen && !result.is_scalar())
        return fault("pointer-leak",
                     fmt::format("the program returns {}, expected a number", kind_words(result)));
    if (is_timer) {
        step.rely_on(result);
        if (!result.is_constant(0))
            return fault("callback", fmt::format("a timer's callback returns {}, expected 0",
                                                 describe_reg(result)));
    }
    if (const Checked free = check_nothing_held(step, "the program's end"); !free)
        return std::unexpected(free.error());
    return Onward{Onward::Where::Ended};
}

/// Walked round by round, and there are no more.
bool is_last_round(const Step& step, const Frame& caller, bool is_loop) {
    if (caller.round.origin != caller.rounds) return false;
    const Reg& first = caller.regs[1];
    if (is_loop) {
        if (static_cast<uint64_t>(caller.round.least) < first.value.full.umax) return false;
        step.rely_on(first);
        return true;
    }
    // Where the callback deletes and inserts, a hash map gives it more elements than fit at once.
    const MapSpec& map = map_of(step.env.program, first);
    return (map.type == MapType::Array || map.type == MapType::PercpuArray) &&
           static_cast<uint64_t>(caller.round.least) >= map.entries_max;
}

/// Whether an argument leads to memory that others than this packet's run may see.
bool passes_shared_memory(const Step& step, const Call& call) {
    const auto is_shared = [&](uint8_t index) {
        const ArgKind kind = call.helper.args[index - 1u];
        if (kind == ArgKind::None || kind == ArgKind::Scalar) return false;
        const Reg& reg = step.frame().regs[index];
        return reg.is_pointer() && !reg.is_packet() && reg.kind != RegKind::Stack &&
               reg.kind != RegKind::Context && reg.kind != RegKind::Map &&
               reg.kind != RegKind::Function;
    };
    return std::ranges::any_of(std::array<uint8_t, 5>{1, 2, 3, 4, 5}, is_shared);
}

void enter(Step& step, Frame callee) {
    std::vector<Frame>& frames = step.state().frames;
    frames.push_back(std::move(callee));
    FunctionSummary& walked = step.env.walked;
    walked.frames = std::max(walked.frames, static_cast<uint32_t>(frames.size()));
}

}  // namespace

Checked check_nothing_held(const Step& step, std::string_view where) {
    const State& state = step.state();
    if (state.lock.is_held)
        return fault("lock",
                     fmt::format("{} comes while the bpf_spin_lock taken at insn {} is held", where,
                                 state.lock.insn));
    if (state.references.empty()) return {};
    const Reference& held = state.references.front();
    return fault("reference-leak",
                 fmt::format("{} comes with the {} taken at insn {} not given back", where,
                             reference_words(held.kind), held.insn));
}

Walked check_call(Step& step) {
    const auto info = callee_of(step);
    if (!info) return std::unexpected(info.error());
    Call call{.helper = **info, .is_kfunc = step.insn.op == Op::kCallKfunc};
    const bool locks = call.is(HelperId::spin_unlock) || call.is(HelperId::spin_lock);
    if (const Checked allowed = check_lock_allows(step, call.name(), locks); !allowed)
        return std::unexpected(allowed.error());
    for (uint8_t index = 1; index <= 5; ++index)
        if (const Checked argument = check_argument(step, call, index); !argument)
            return std::unexpected(argument.error());
    if (const Checked special = check_special(step, call); !special)
        return std::unexpected(special.error());
    if (call.has_map()) step.env.note_map(step.pc, call.map);
    if (passes_shared_memory(step, call)) step.env.facts[step.pc].passes_shared_memory = true;
    const bool has_rounds = call.is(HelperId::loop) || call.is(HelperId::for_each_map_elem) ||
                            call.is(HelperId::user_ringbuf_drain);
    if (has_rounds) {
        step.frame().rounds = step.env.fresh_id();
        step.frame().round = {step.frame().rounds, 0, 0};
        step.path.came_back = false;
        return Onward{Onward::Where::Jumped};  // to check_round, by way of the stored states
    }
    return set_results(step, call);
}

Walked check_round(Step& step) {
    const bool is_loop = step.insn.imm == number_of(HelperId::loop);
    const Frame& caller = step.frame();
    if (is_last_round(step, caller, is_loop)) {
        end_rounds(step.state());
        step.path.came_back = false;
        return Onward{};
    }
    if (step.state().frames.size() >= kCallDepthMax)
        return fault("call-depth", fmt::format("call chain above {} frames", kCallDepthMax));
    const auto start = static_cast<uint32_t>(caller.regs[2].off);
    const uint32_t subprogram = step.env.cfg.subprogram_of[start];
    step.env.note_callback(caller.subprogram, subprogram);
    Onward onward{Onward::Where::Jumped, OtherWay{step.state(), step.pc + 1, false}};
    end_rounds(onward.other->state);
    const auto index = static_cast<uint8_t>(step.state().frames.size());
    Frame callee = make_frame(subprogram, index);
    callee.call_slot = step.pc;
    callee.caller = caller_of(step.insn);
    callee.references = static_cast<uint32_t>(step.state().references.size());
    give_arguments(step, caller, callee);
    enter(step, std::move(callee));
    step.path.written[index] = ~uint64_t{0};  // nothing of an earlier frame at this depth is left
    step.path.pc = start;
    step.path.came_back = false;
    return onward;
}

Walked check_local_call(Step& step) {
    if (step.state().frames.size() >= kCallDepthMax)
        return fault("call-depth", fmt::format("call chain above {} frames", kCallDepthMax));
    if (const Checked allowed = check_lock_allows(step, "a function", false); !allowed)
        return std::unexpected(allowed.error());
    const auto target = static_cast<uint32_t>(jump_target(step.insn, step.pc).slot);
    const uint32_t subprogram = step.env.cfg.subprogram_of[target];
    if (call_by_contract(step, subprogram)) return Onward{};
    const auto index = static_cast<uint8_t>(step.state().frames.size());
    Frame callee = make_frame(subprogram, index);
    for (size_t i = 1; i <= 5; ++i) callee.regs[i] = step.frame().regs[i];
    callee.call_slot = step.pc;
    for (size_t i = 0; i <= 5; ++i) step.frame().regs[i] = Reg{};
    enter(step, std::move(callee));
    step.path.written[index] = ~uint64_t{0};  // nothing of an earlier frame at this depth is left
    step.path.pc = target;
    step.path.came_back = false;
    return Onward{Onward::Where::Jumped};
}

Walked check_exit(Step& step) {
    const Reg result = step.reg(0);
    const bool is_last = step.state().frames.size() == 1;
    const Caller caller = step.frame().caller;
    const bool must_return = is_last ? caller != Caller::Contract : caller != Caller::Program;
    if (result.kind == RegKind::Uninit && must_return)
        return fault("uninitialized",
                     "the program ends without a result in r0; set it before exit");
    if (const Checked objects = end_frame_objects(step); !objects)
        return std::unexpected(objects.error());
    if (is_last) return end_program(step, result);
    if (result.kind == RegKind::Stack && result.frame == step.frame_index())
        return fault("pointer-leak",
                     "the subprogram returns a pointer to its own stack, which ends with it");
    if (result.kind == RegKind::Memory && result.length_off != 0 &&
        result.frame == step.frame_index())
        return fault("invalid-pointer",
                     "the subprogram returns a slice that may lie in a buffer of its own stack, "
                     "which ends with it");
    const uint32_t call_slot = step.frame().call_slot;
    if (caller != Caller::Program) {
        if (step.state().lock.is_held)
            return fault("lock", "a callback ends while a bpf_spin_lock is held");
        if (step.state().references.size() > step.frame().references) {
            const Reference& held = step.state().references.back();
            return fault("reference-leak",
                         fmt::format("a callback ends with the {} taken at insn {} not given back",
                                     reference_words(held.kind), held.insn));
        }
        return end_round(step, result, call_slot);
    }
    leave_frame(step.state());
    step.reg(0) = result;
    step.path.pc = call_slot + 1;
    step.path.came_back = false;
    return Onward{Onward::Where::Jumped};
}

}  // namespace weir::vm::verifier
