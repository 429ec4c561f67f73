#include "vm/verifier/cfg.h"

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"

namespace weir::vm::verifier {
namespace {

constexpr uint16_t bit(uint8_t reg) {
    return static_cast<uint16_t>(1u << reg);
}
constexpr uint16_t kCallerSaved = 0x3f;  // r0..r5
constexpr uint16_t kArguments = 0x3e;    // r1..r5

uint16_t call_arguments(const DecodedInsn& insn) {
    if (insn.op == Op::kCallLocal) return kArguments;
    const HelperInfo* helper =
        insn.op == Op::kCallHelper ? helper_info(insn.imm) : kfunc_info(insn.imm);
    if (helper == nullptr) return kArguments;
    uint16_t mask = 0;
    for (uint8_t i = 0; i < helper->args.size(); ++i)
        if (helper->args[i] != ArgKind::None)
            mask = static_cast<uint16_t>(mask | bit(static_cast<uint8_t>(i + 1)));
    return mask;
}

bool takes_callback(int64_t helper_id) {
    return helper_id == number_of(HelperId::loop) ||
           helper_id == number_of(HelperId::for_each_map_elem) ||
           helper_id == number_of(HelperId::user_ringbuf_drain);
}

bool is_move(const OpInfo& row) {
    return (row.opcode & 0xf0) == 0xb0;
}

bool is_conditional(Format format) {
    return format == Format::JumpImm || format == Format::JumpReg;
}

bool has_jump(Format format) {
    return is_conditional(format) || format == Format::Goto || format == Format::GotoLong ||
           format == Format::MayGoto;
}

/// Where control may go from a slot, within its subprogram.
struct Successors {
    uint32_t slots[2]{};
    uint32_t count = 0;
    void add(uint32_t slot) { slots[count++] = slot; }
};

Successors successors(const DecodedInsn& insn, uint32_t pc) {
    Successors next;
    const Format format = op_info(insn.op).format;
    if (format == Format::Exit) return next;
    const bool leaves = format == Format::Goto || format == Format::GotoLong;
    if (!leaves) next.add(pc + insn.slots());
    if (has_jump(format)) next.add(static_cast<uint32_t>(jump_target(insn, pc).slot));
    return next;
}

class Builder {
public:
    Builder(const ProgramSpec& program, const std::vector<DecodedSlot>& slots)
        : program_(program), slots_(slots) {}

    std::expected<Cfg, Fault> build() {
        assign_subprograms();
        if (const Checked ends = check_ends(); !ends) return std::unexpected(ends.error());
        if (const Checked edges = walk_edges(); !edges) return std::unexpected(edges.error());
        if (const Checked chains = measure_chains(); !chains)
            return std::unexpected(chains.error());
        find_meetings();
        find_loops();
        find_live_registers();
        return std::move(cfg_);
    }

private:
    std::string name(uint32_t subprogram) const { return program_.subprograms[subprogram].name; }

    void assign_subprograms() {
        const auto count = static_cast<uint32_t>(program_.subprograms.size());
        cfg_.subprogram_of.resize(slots_.size());
        cfg_.roles.resize(slots_.size());
        cfg_.loop_begin.resize(slots_.size());
        cfg_.loop_end.resize(slots_.size());
        cfg_.calls.resize(count);
        for (uint32_t i = 0; i < count; ++i) {
            const size_t end = i + 1 < count ? program_.subprograms[i + 1].insn : slots_.size();
            for (size_t pc = program_.subprograms[i].insn; pc < end; ++pc)
                cfg_.subprogram_of[pc] = i;
            cfg_.roles[program_.subprograms[i].insn].meets = true;
        }
    }

    /// Where two ways come together, where a call's many ends do, and where rounds of a callback
    /// begin.
    void find_meetings() {
        std::vector<uint8_t> ways(slots_.size());
        for (uint32_t pc = 0; pc < slots_.size(); ++pc) {
            if (slots_[pc].second_slot) continue;
            const DecodedInsn& insn = slots_[pc].insn;
            const Successors next = successors(insn, pc);
            for (uint32_t i = 0; i < next.count; ++i)
                if (++ways[next.slots[i]] > 1) cfg_.roles[next.slots[i]].meets = true;
            if (insn.op == Op::kCallLocal) cfg_.roles[pc + 1].meets = true;
            if (insn.op == Op::kCallHelper && takes_callback(insn.imm)) cfg_.roles[pc].meets = true;
        }
    }

    /// Depth first: an edge to a slot that is still open closes a loop.
    void find_loops() {
        enum : uint8_t { kUnseen, kOpen, kDone };
        std::vector<uint8_t> seen(slots_.size(), kUnseen);
        struct Visit {
            uint32_t pc;
            uint32_t next;
        };
        std::vector<Visit> stack;
        for (const Subprogram& subprogram : program_.subprograms) {
            stack.push_back({subprogram.insn, 0});
            seen[subprogram.insn] = kOpen;
            while (!stack.empty()) {
                const uint32_t pc = stack.back().pc;
                const Successors next = successors(slots_[pc].insn, pc);
                if (stack.back().next == next.count) {
                    seen[pc] = kDone;
                    stack.pop_back();
                    continue;
                }
                const uint32_t to = next.slots[stack.back().next++];
                if (seen[to] == kOpen) note_back_edge(pc, to);
                if (seen[to] != kUnseen) continue;
                seen[to] = kOpen;
                stack.push_back({to, 0});
            }
        }
        mark_loops();
    }

    void mark_loops() {
        std::vector<int32_t> begins(slots_.size() + 1);  // less those that end before
        for (uint32_t head = 0; head < slots_.size(); ++head) {
            if (!cfg_.roles[head].heads_loop) continue;
            ++begins[cfg_.loop_begin[head]];
            --begins[cfg_.loop_end[head] + 1];
        }
        int32_t open = 0;
        for (uint32_t pc = 0; pc < slots_.size(); ++pc) {
            open += begins[pc];
            cfg_.roles[pc].in_loop = open > 0;
        }
    }

    void note_back_edge(uint32_t from, uint32_t head) {
        const DecodedInsn& insn = slots_[from].insn;
        cfg_.roles[head].heads_loop = cfg_.roles[head].meets = true;
        if (cfg_.loop_end[head] == 0) cfg_.loop_begin[head] = cfg_.loop_end[head] = head;
        cfg_.loop_begin[head] = std::min(cfg_.loop_begin[head], from);
        cfg_.loop_end[head] = std::max(cfg_.loop_end[head], from);
        const bool jumps =
            has_jump(op_info(insn.op).format) && jump_target(insn, from).slot == int64_t{head};
        (jumps ? cfg_.roles[from].jumps_back : cfg_.roles[from].runs_back) = true;
    }

    /// The last instruction of a subprogram must not run on into what follows.
    Checked check_ends() const {
        for (uint32_t i = 0; i < program_.subprograms.size(); ++i) {
            const bool last = i + 1 == program_.subprograms.size();
            auto pc = static_cast<uint32_t>(
                (last ? slots_.size() : program_.subprograms[i + 1].insn) - 1);
            if (slots_[pc].second_slot) --pc;
            const Format format = op_info(slots_[pc].insn.op).format;
            if (format != Format::Exit && format != Format::Goto && format != Format::GotoLong)
                return fault(
                    "falls-off-end",
                    fmt::format("{} runs past its last instruction; end it with exit or goto",
                                name(i)),
                    pc);
        }
        return {};
    }

    Checked walk_edges() {
        for (uint32_t pc = 0; pc < slots_.size(); ++pc) {
            if (slots_[pc].second_slot) continue;
            const DecodedInsn& insn = slots_[pc].insn;
            const JumpTarget target = jump_target(insn, pc);
            if (!target.exists) continue;
            const auto slot = static_cast<uint32_t>(target.slot);
            const uint32_t here = cfg_.subprogram_of[pc], there = cfg_.subprogram_of[slot];
            if (insn.op == Op::kCallLocal) {
                if (program_.subprograms[there].insn != slot)
                    return fault("subprogram",
                                 fmt::format("call to {} is not the start of a subprogram", slot),
                                 pc);
                cfg_.calls[here].push_back(there);
                continue;
            }
            if (here != there)
                return fault("subprogram",
                             fmt::format("jump from {} to {} leaves the subprogram for {}",
                                         name(here), slot, name(there)),
                             pc);
        }
        return {};
    }

    /// Depth-first over the call graph, without recursion of our own: 0 unseen, 1 on the stack, 2
    /// done.
    Checked measure_chains() {
        const size_t count = program_.subprograms.size();
        std::vector<uint8_t> seen(count);
        std::vector<std::pair<uint32_t, size_t>> stack;
        cfg_.depth.assign(count, 1);
        for (uint32_t root = 0; root < count; ++root) {
            if (seen[root] != 0) continue;
            stack.push_back({root, 0});
            seen[root] = 1;
            while (!stack.empty()) {
                const uint32_t current = stack.back().first;
                if (stack.back().second == cfg_.calls[current].size()) {
                    seen[current] = 2;
                    stack.pop_back();
                    if (!stack.empty()) deepen(stack.back().first, current);
                    continue;
                }
                const uint32_t callee = cfg_.calls[current][stack.back().second++];
                if (seen[callee] == 1)
                    return fault(
                        "recursion",
                        fmt::format("{} calls itself, directly or through others", name(callee)),
                        program_.subprograms[callee].insn);
                if (seen[callee] == 2) {
                    deepen(current, callee);
                    continue;
                }
                seen[callee] = 1;
                stack.push_back({callee, 0});
            }
        }
        if (cfg_.depth[0] > kCallDepthMax)
            return fault("call-depth",
                         fmt::format("call chain of {} frames, at most {} are possible",
                                     cfg_.depth[0], kCallDepthMax),
                         0);
        return {};
    }

    void deepen(uint32_t caller, uint32_t callee) {
        cfg_.depth[caller] = std::max(cfg_.depth[caller], cfg_.depth[callee] + 1);
    }

    /// Backwards to a fixed point. Each slot's mask grows at most 11 times, so that the work stays
    /// linear.
    void find_live_registers() {
        const auto count = static_cast<uint32_t>(slots_.size());
        std::vector<std::vector<uint32_t>> before_slot(count);
        for (uint32_t pc = 0; pc < count; ++pc) {
            if (slots_[pc].second_slot) continue;
            const Successors next = successors(slots_[pc].insn, pc);
            for (uint32_t i = 0; i < next.count; ++i) before_slot[next.slots[i]].push_back(pc);
        }
        cfg_.live.assign(count, 0);
        std::vector<uint32_t> work;
        std::vector<uint8_t> queued(count, 1);
        for (uint32_t pc = 0; pc < count; ++pc)
            if (!slots_[pc].second_slot) work.push_back(pc);
        while (!work.empty()) {
            const uint32_t pc = work.back();
            work.pop_back();
            queued[pc] = 0;
            uint16_t after = 0;
            const Successors next = successors(slots_[pc].insn, pc);
            for (uint32_t i = 0; i < next.count; ++i)
                after = static_cast<uint16_t>(after | cfg_.live[next.slots[i]]);
            const RegUse use = register_use(slots_[pc].insn);
            const auto before = static_cast<uint16_t>((after & ~use.writes) | use.reads);
            if (before == cfg_.live[pc]) continue;
            cfg_.live[pc] = before;
            for (const uint32_t from : before_slot[pc])
                if (queued[from] == 0) {
                    queued[from] = 1;
                    work.push_back(from);
                }
        }
    }

    const ProgramSpec& program_;
    const std::vector<DecodedSlot>& slots_;
    Cfg cfg_;
};

}  // namespace

RegUse register_use(const DecodedInsn& insn) {
    const OpInfo& row = op_info(insn.op);
    const uint16_t dst = bit(insn.dst), src = bit(insn.src);
    const auto both = static_cast<uint16_t>(dst | src);
    switch (row.format) {
        case Format::AluImm: return {is_move(row) ? uint16_t{0} : dst, dst};
        case Format::AluReg: return {is_move(row) ? src : both, dst};
        case Format::AluUnary: return {dst, dst};
        case Format::ByteOrder: return {dst, dst};
        case Format::JumpImm: return {dst, 0};
        case Format::JumpReg: return {both, 0};
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto: return {0, 0};
        case Format::Call: return {call_arguments(insn), kCallerSaved};
        case Format::CallReg: return {static_cast<uint16_t>(kArguments | dst), kCallerSaved};
        case Format::Exit: return {1, 0};
        case Format::LoadImm64: return {0, dst};
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return {static_cast<uint16_t>(bit(6) | src), kCallerSaved};
        case Format::Load: return {src, dst};
        case Format::StoreImm: return {dst, 0};
        case Format::StoreReg: return {both, 0};
        case Format::Atomic: return {static_cast<uint16_t>(both | 1), 0};
    }
    return {0x7ff, 0};
}

std::expected<Cfg, Fault> build_cfg(const ProgramSpec& program,
                                    const std::vector<DecodedSlot>& slots) {
    return Builder(program, slots).build();
}

}  // namespace weir::vm::verifier
