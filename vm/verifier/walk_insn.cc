#include "vm/verifier/walk_insn.h"

#include <fmt/format.h>

namespace weir::vm::verifier {
namespace {

Walked next(const Checked& checked) {
    if (!checked) return std::unexpected(checked.error());
    return Onward{};
}

Onward jump(Step& step) {
    Path& path = step.path;
    ++path.jumps_since_parent;
    path.came_back = step.env.cfg.roles[step.pc].jumps_back;
    path.pc = static_cast<uint32_t>(jump_target(step.insn, step.pc).slot);
    return Onward{Onward::Where::Jumped, {}};
}

Onward both_ways(Step& step, State taken) {
    ++step.path.jumps_since_parent;
    const auto target = static_cast<uint32_t>(jump_target(step.insn, step.pc).slot);
    return {Onward::Where::Next,
            OtherWay{std::move(taken), target, step.env.cfg.roles[step.pc].jumps_back}};
}

Walked walk_branch(Step& step) {
    State taken;
    const auto branch = check_branch(step, taken);
    if (!branch) return std::unexpected(branch.error());
    step.env.note_branch(step.pc, branch->taken_possible, branch->fallthrough_possible);
    if (branch->taken_possible && branch->fallthrough_possible)
        return both_ways(step, std::move(taken));
    if (branch->taken_possible) return jump(step);
    ++step.path.jumps_since_parent;
    return Onward{};
}

/// A run has a bounded number of jumps that are not taken.
Walked walk_may_goto(Step& step) {
    State taken = step.state();
    step.state().may_goto.move(1, 1);
    return both_ways(step, std::move(taken));
}

Walked walk_call(Step& step) {
    if (step.frame().rounds != 0) return check_round(step);
    if (step.insn.op != Op::kCallLocal) return check_call(step);
    ++step.path.jumps_since_parent;
    return check_local_call(step);
}

}  // namespace

Walked walk_insn(Step& step) {
    switch (op_info(step.insn.op).format) {
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder: return next(check_alu(step));
        case Format::JumpImm:
        case Format::JumpReg: return walk_branch(step);
        case Format::Goto:
        case Format::GotoLong: return jump(step);
        case Format::MayGoto: return walk_may_goto(step);
        case Format::Call: return walk_call(step);
        case Format::Exit: return check_exit(step);
        case Format::LoadImm64: return next(check_load_imm64(step));
        case Format::Load: return next(check_load(step));
        case Format::StoreImm:
        case Format::StoreReg: return next(check_store(step));
        case Format::Atomic: return next(check_atomic(step));
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return check_packet_load(step);
        case Format::CallReg: break;
    }
    return fault("instruction",
                 fmt::format("instruction {} cannot be proven: which helper it calls is known only "
                             "when it runs",
                             op_info(step.insn.op).name));
}

namespace {

/// Anything that the declaration allows.
void give_anything(Env& env, const Contract& contract, Frame& frame) {
    for (size_t i = 0; i < contract.arguments.size(); ++i) {
        const Argument& argument = contract.arguments[i];
        Reg& reg = frame.regs[i + 1];
        switch (argument.kind) {
            case ArgumentKind::Number: reg = Reg::scalar(Scalar{}); break;
            case ArgumentKind::Context: reg = Reg::pointer(RegKind::Context); break;
            case ArgumentKind::Memory:
                reg = Reg::pointer(RegKind::Memory);
                reg.or_null = reg.writable = true;
                reg.range = argument.bytes;
                reg.id = env.fresh_id();
                break;
        }
    }
}

}  // namespace

State first_state(Env& env, const Root& root) {
    State state;
    state.frames.push_back(make_frame(root.subprogram, 0));
    state.may_goto = {env.fresh_id(), 0, 0};
    Frame& frame = state.top();
    frame.caller = root.caller;
    if (root.caller == Caller::Contract) {
        give_anything(env, *env.program.subprograms[root.subprogram].contract, frame);
        return state;
    }
    frame.regs[1] = Reg::pointer(RegKind::Context);
    if (root.caller != Caller::Timer) return state;
    frame.regs[1] = Reg::pointer(RegKind::Map);
    frame.regs[2] = Reg::pointer(RegKind::MapKey);
    frame.regs[3] = Reg::pointer(RegKind::MapValue);
    frame.regs[3].id = env.fresh_id();
    for (size_t i = 1; i <= 3; ++i) frame.regs[i].map = root.map;
    return state;
}

}  // namespace weir::vm::verifier
