// The advance may touch what the program never writes, anywhere, and of the rest what is touched
// before any stop and nowhere after one. The second depends on where the stops are and these on it,
// so both are found together: all may be touched at first, and each round takes away what turns out
// to be touched behind a stop too, which makes more stops. Each round but the last takes away
// something, so there are no more rounds than things that can be shared.

#include "jit/overlap_plan.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "jit/liveness.h"
#include "vm/isa/helper_ids.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
using vm::Op;

class Planner {
public:
    Planner(const CompileInput& input, const Liveness& liveness)
        : input_(input), touches_(find_touches(input, liveness)), end_(end_of_program(input)) {
        for (size_t slot = 0; slot < touches_.size(); ++slot) written_ |= touches_[slot].writes;
        candidates_.resize(end_);
        for (uint32_t slot = 0; slot < end_; ++slot)
            if (input.reachable(slot)) candidates_[slot] = big_lookup(slot);
    }

    std::optional<OverlapPlan> run() {
        if (std::ranges::none_of(candidates_, [](const auto& map) { return map != nullptr; }))
            return std::nullopt;
        for (;;) {
            find_advance();
            const SharedSet behind = touched_behind_stops() & written_;
            if ((early_ & behind) == 0) break;
            early_ &= ~behind;
        }
        list_stops();
        find_completion();
        const auto asks = [](const OverlapStop& stop) {
            return stop.kind != OverlapStop::Kind::Park;
        };
        if (std::ranges::none_of(plan_.stops, asks)) return std::nullopt;
        return std::move(plan_);
    }

private:
    static uint32_t end_of_program(const CompileInput& input) {
        return input.functions.size() > 1 ? input.functions[1].entry
                                          : static_cast<uint32_t>(input.slots.size());
    }

    /// The map that the look-up at `slot` may have to wait for.
    vm::Map* big_lookup(uint32_t slot) const {
        const DecodedInsn& insn = input_.slots[slot].insn;
        if (insn.op != Op::kCallHelper || insn.imm != number_of(vm::HelperId::map_lookup_elem))
            return nullptr;
        const uint16_t index = input_.facts[slot].map;
        if (index >= input_.maps.size()) return nullptr;
        vm::Map* const map = input_.maps[index];
        const bool is_big =
            input_.options.overlap == Overlap::kAlways || map->memory_bytes() > overlap_map_bytes();
        return is_big && map->lookup_steps() ? map : nullptr;
    }

    bool may_advance(uint32_t slot) const {
        return (touches_[slot].all() & written_ & ~early_) == 0;
    }
    bool only_reads(uint32_t slot) const { return (touches_[slot].all() & written_) == 0; }

    bool is_stop(uint32_t slot) const { return candidates_[slot] != nullptr || !may_advance(slot); }
    bool goes_on(uint32_t slot) const {
        return candidates_[slot] != nullptr ? only_reads(slot) : may_advance(slot);
    }

    void find_advance() {
        plan_.advances.assign(touches_.size(), 0);
        walk({0}, plan_.advances, [&](uint32_t slot) { return goes_on(slot); });
    }

    void find_completion() {
        plan_.completes.assign(touches_.size(), 0);
        std::vector<uint32_t> parks;
        for (const OverlapStop& stop : plan_.stops)
            if (stop.kind != OverlapStop::Kind::AskOnly) parks.push_back(stop.slot);
        walk(std::move(parks), plan_.completes, [](uint32_t) { return true; });
    }

    /// Marks what can be reached from `pending`; `passes` tells whether behind a slot, too.
    template <typename Passes>
    void walk(std::vector<uint32_t> pending, std::vector<uint8_t>& reached, const Passes& passes) {
        while (!pending.empty()) {
            const uint32_t slot = pending.back();
            pending.pop_back();
            if (std::exchange(reached[slot], 1) != 0 || !passes(slot)) continue;
            const Successors next = successors_of(input_, slot);
            if (next.next != Successors::kNone) pending.push_back(next.next);
            if (next.target != Successors::kNone) pending.push_back(next.target);
        }
    }

    SharedSet touched_behind_stops() {
        std::vector<uint32_t> stops;
        for (uint32_t slot = 0; slot < end_; ++slot)
            if (plan_.advances[slot] != 0 && is_stop(slot)) stops.push_back(slot);
        std::vector<uint8_t> behind(touches_.size());
        walk(std::move(stops), behind, [](uint32_t) { return true; });
        SharedSet all = 0;
        for (uint32_t slot = 0; slot < end_; ++slot)
            if (behind[slot] != 0) all |= touches_[slot].all();
        return all;
    }

    void list_stops() {
        for (uint32_t slot = 0; slot < end_; ++slot) {
            if (plan_.advances[slot] == 0 || !is_stop(slot)) continue;
            OverlapStop stop{.slot = slot};
            if (vm::Map* const map = candidates_[slot]) {
                stop.kind = only_reads(slot) ? OverlapStop::Kind::AskOnly : OverlapStop::Kind::Ask;
                stop.map = map;
                stop.steps = *map->lookup_steps();
                if (std::ranges::find(plan_.maps, map) == plan_.maps.end())
                    plan_.maps.push_back(map);
            }
            plan_.stops.push_back(stop);
        }
    }

    const CompileInput& input_;
    std::vector<Touch> touches_;
    uint32_t end_;  ///< of the program's own function
    SharedSet written_ = 0;
    /// Of what is written: what the advance may touch. RunEnv has room for one packet's outcome.
    SharedSet early_ = kEverything & ~kOutcome;
    std::vector<vm::Map*> candidates_;
    OverlapPlan plan_;
};

}  // namespace

uint64_t overlap_map_bytes() {
    constexpr long kLeast = 1 << 19, kMost = 1 << 23;
    static const auto bytes =
        static_cast<uint64_t>(std::clamp(::sysconf(_SC_LEVEL2_CACHE_SIZE), kLeast, kMost));
    return bytes;
}

const OverlapStop* OverlapPlan::stop_at(uint32_t slot) const {
    const auto found = std::ranges::lower_bound(stops, slot, {}, &OverlapStop::slot);
    return found != stops.end() && found->slot == slot ? &*found : nullptr;
}

std::optional<OverlapPlan> plan_overlap(const CompileInput& input, const Liveness& liveness) {
    if (input.options.overlap == Overlap::kNever || input.facts.empty()) return std::nullopt;
    return Planner(input, liveness).run();
}

}  // namespace weir::jit
