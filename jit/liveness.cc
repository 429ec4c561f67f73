// One sweep from the last slot to the first settles everything that is not a loop. Where a jump
// leads backwards, slots whose successors changed are looked at again. A set only grows, to at most
// eleven registers, so no slot is looked at more than two dozen times, whatever the program.

#include "jit/liveness.h"

#include "jit/inline_helper.h"
#include "vm/base/check.h"

namespace weir::jit {
namespace {

using vm::Format;

/// Jumps by where they land. Only loops ask, so it is made when the first one does.
class Predecessors {
public:
    Predecessors(const CompileInput& input, uint32_t begin, uint32_t end)
        : begin_(begin), first_(end - begin + 1) {
        const auto each_jump = [&](const auto& use) {
            for (uint32_t slot = begin; slot < end; ++slot) {
                if (!input.reachable(slot)) continue;
                const uint32_t target = successors_of(input, slot).target;
                if (target != Successors::kNone) use(slot, target - begin);
            }
        };
        each_jump([&](uint32_t, uint32_t target) { ++first_[target + 1]; });
        for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
        sources_.resize(first_.back());
        std::vector<uint32_t> next(first_.begin(), first_.end() - 1);
        each_jump([&](uint32_t slot, uint32_t target) { sources_[next[target]++] = slot; });
    }

    std::span<const uint32_t> of(uint32_t slot) const {
        const uint32_t i = slot - begin_;
        return std::span(sources_).subspan(first_[i], first_[i + 1] - first_[i]);
    }

private:
    uint32_t begin_;
    std::vector<uint32_t> first_, sources_;
};

/// One function's dataflow.
class Flow {
public:
    Flow(const CompileInput& input, uint32_t begin, uint32_t end, std::vector<RegisterSet>& before,
         std::vector<RegisterSet>& after)
        : input_(input), begin_(begin), end_(end), before_(before), after_(after) {}

    void run() {
        bool has_loop = false;
        for (uint32_t slot = end_; slot-- > begin_;) {
            if (!input_.reachable(slot)) continue;
            const uint32_t target = successors_of(input_, slot).target;
            has_loop |= target != Successors::kNone && target <= slot;
            update(slot);
        }
        if (has_loop) settle();
    }

private:
    /// True if the set before it grew.
    bool update(uint32_t slot) {
        const Successors next = successors_of(input_, slot);
        RegisterSet live = 0;
        if (next.next != Successors::kNone) live |= before_[next.next];
        if (next.target != Successors::kNone) live |= before_[next.target];
        after_[slot] = live;
        RegisterUse use = use_at(slot);
        if (only_computes(input_.slots[slot].insn.op) && (live & use.writes) == 0) use.reads = 0;
        const auto before = static_cast<RegisterSet>((live & ~use.writes) | use.reads);
        const bool grew = before != before_[slot];
        before_[slot] = before;
        return grew;
    }

    RegisterUse use_at(uint32_t slot) const {
        const vm::DecodedInsn& insn = input_.slots[slot].insn;
        RegisterUse use = register_use(insn, !input_.facts.empty());
        if (insn.op == vm::Op::kCallHelper && needs_no_map(input_, slot))
            use.reads = static_cast<RegisterSet>(use.reads & ~set_of(1));
        return use;
    }

    void settle() {
        const Predecessors jumps(input_, begin_, end_);
        std::vector<uint32_t> pending;
        const auto push_sources = [&](uint32_t slot) {
            for (const uint32_t source : jumps.of(slot)) pending.push_back(source);
        };
        for (uint32_t slot = begin_; slot < end_; ++slot) push_sources(slot);
        while (!pending.empty()) {
            uint32_t slot = pending.back();
            pending.pop_back();
            // Down the straight code above it, as long as that changes.
            while (update(slot)) {
                push_sources(slot);
                if (slot == begin_) break;
                slot = first_slot_before(slot);
                if (!input_.reachable(slot)) break;
            }
        }
    }

    uint32_t first_slot_before(uint32_t slot) const {
        --slot;
        if (input_.slots[slot].second_slot && slot > begin_) --slot;
        return slot;
    }

    const CompileInput& input_;
    uint32_t begin_, end_;
    std::vector<RegisterSet>&before_, &after_;
};

}  // namespace

Successors successors_of(const CompileInput& input, uint32_t slot) {
    const vm::DecodedInsn& insn = input.slots[slot].insn;
    const Format format = vm::op_info(insn.op).format;
    if (format == Format::Exit) return {};
    Successors successors;
    const uint32_t behind = slot + insn.slots();
    const bool is_goto = format == Format::Goto || format == Format::GotoLong;
    if (!is_goto && behind < input.slots.size() && input.reachable(behind))
        successors.next = behind;
    if (format == Format::Call) return successors;
    if (const vm::JumpTarget target = vm::jump_target(insn, slot); target.exists)
        successors.target = static_cast<uint32_t>(target.slot);
    const bool is_condition = format == Format::JumpImm || format == Format::JumpReg;
    if (is_condition && !input.facts.empty()) {
        if (!input.facts[slot].jumps) successors.target = Successors::kNone;
        if (!input.facts[slot].falls_through) successors.next = Successors::kNone;
    }
    return successors;
}

Liveness::Liveness(const CompileInput& input, std::span<const uint32_t> ends)
    : before_(input.slots.size()), after_(input.slots.size()) {
    WEIR_CHECK(ends.size() == input.functions.size());
    for (size_t i = 0; i < ends.size(); ++i)
        Flow(input, input.functions[i].entry, ends[i], before_, after_).run();
}

}  // namespace weir::jit
