#include "vm/verifier/prune.h"

#include <algorithm>
#include <bit>

#include "vm/base/check.h"
#include "vm/verifier/rank.h"

namespace weir::vm::verifier {
namespace {

/// Comparisons in vain before a state is let go, and again after every one that ended a path.
/// Measured on real programs: more visits fewer instructions and takes more time in all.
constexpr uint32_t kPatience = 16;

uint64_t sum(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
uint64_t product(uint64_t a, uint64_t b) {
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

/// From this head to where the path is.
uint64_t insns_since(const StoredState& head, const Path& path) {
    uint64_t insns = path.insns_since_parent;
    for (const StoredState* stored = path.parent; stored != nullptr && stored != &head;
         stored = stored->parent)
        insns = sum(insns, stored->insns_before);
    return insns;
}

/// What is below the path leans on this head: so does all between them.
void lean_on(Path& path, StoredState& head) {
    for (StoredState* stored = path.parent; stored != nullptr && stored != &head;
         stored = stored->parent) {
        if (stored->inner_loop == nullptr || stored->inner_loop->serial < head.serial)
            stored->inner_loop = &head;
        if (stored->outer_loop == nullptr || stored->outer_loop->serial > head.serial)
            stored->outer_loop = &head;
    }
}

void forget_dead_registers(const Cfg& cfg, uint32_t pc, State& state) {
    for (size_t i = 0; i < state.frames.size(); ++i) {
        const uint32_t live = live_registers(cfg, pc, state, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) == 0) state.frames[i].regs[reg] = Reg{};
    }
}

/// The innermost and the outermost unfinished loop that a state leans on: by itself, or because a
/// finished loop that it leans on does.
struct OpenLoops {
    StoredState* inner = nullptr;
    StoredState* outer = nullptr;

    void add(const StoredState& stored) {
        for (StoredState* loop : {stored.inner_loop, stored.outer_loop}) {
            if (loop == nullptr) continue;
            if (loop->is_finished()) {
                add(*loop);
                continue;
            }
            if (inner == nullptr || inner->serial < loop->serial) inner = loop;
            if (outer == nullptr || outer->serial > loop->serial) outer = loop;
        }
    }
};

OpenLoops open_loops(const StoredState& stored) {
    OpenLoops loops;
    loops.add(stored);
    return loops;
}

/// Longest way to an end from a state that was explored, without loops that are still open.
uint64_t insns_to_end(const StoredState& stored) {
    uint64_t after = 0;
    for (const StoredState* loop : {stored.inner_loop, stored.outer_loop})
        if (loop != nullptr && loop->is_finished()) after = std::max(after, insns_to_end(*loop));
    return sum(stored.insns_below, after);
}

}  // namespace

void mark_read(Path& path, uint8_t frame, uint64_t slots) {
    slots &= ~path.written[frame];
    for (StoredState* stored = path.parent; stored != nullptr && slots != 0;
         stored = stored->parent) {
        slots &= ~stored->read[frame];  // what is marked here is marked above, too
        stored->read[frame] |= slots;
        slots &= ~stored->written[frame];
    }
}

void mark_written(Path& path, uint8_t frame, uint64_t slots) {
    path.written[frame] |= slots;
}

/// The path came back: to the nearest unfinished state of its call chain.
StateStore::Found StateStore::come_back(const Path& path, StoredState& nearest) {
    const Comparison exact{cfg_, depend_, path.pc, true,
                           std::min(nearest.first_name, kEveryName - 1)};
    const bool is_general = nearest.is_general_head;
    if (!is_within(exact, nearest.state, used_slots(nearest.state), path.state, nearest.difference))
        return {is_general ? Seen::Outgrown : Seen::Again, &nearest};
    if (moves_on(nearest, path.state)) return {Seen::Covered, &nearest};
    return {is_general ? Seen::Stalled : Seen::Again, &nearest};
}

void StateStore::note_open(const Path& path, StoredState& stored, OpenStates& open) const {
    if (open.nearest == nullptr || open.nearest->serial < stored.serial) open.nearest = &stored;
    if (stored.iteration == 0) open.entered = std::max(open.entered, stored.serial);
    const Comparison exact{cfg_, depend_, path.pc, true, 0};
    if (!stored.is_general_head && (open.same == nullptr || open.same->serial < stored.serial) &&
        is_same(exact, stored.state, path.state))
        open.same = &stored;
}

StateStore::Found StateStore::meet_open(Path& path, const OpenStates& open) {
    if (open.nearest == nullptr) return {};
    Found found = come_back(path, *open.nearest);
    StoredState* const same = open.same;
    if (found.seen == Seen::Again && same != nullptr && same->serial >= open.entered) {
        const Comparison exact{cfg_, depend_, path.pc, true, kEveryName - 1};
        const bool moves =
            is_within(exact, same->state, used_slots(same->state), path.state, same->difference) &&
            moves_on(*same, path.state);
        found = {moves ? Seen::Covered : Seen::Stalled, same};
    }
    if (found.seen == Seen::Covered) end_covered(path, *found.state);
    return found;
}

bool StateStore::contains(const Path& path, StoredState& stored) const {
    Comparison comparison{cfg_, depend_, path.pc, false, 0};
    if (!is_within(comparison, stored.state, stored.read, path.state, stored.difference))
        return false;
    if (open_loops(stored).outer == nullptr) return true;
    comparison.names_below = kEveryName;
    return is_within(comparison, stored.state, stored.read, path.state, stored.difference);
}

/// The first that `ends_path`. A state that hardly ever helps costs every visit: let it go.
template <typename EndsPath>
StoredState* StateStore::search(std::vector<StoredState*>& states, const Path& path,
                                EndsPath ends_path) {
    const uint64_t chain = chain_hash(path.state);
    for (size_t i = 0; i < states.size();) {
        StoredState& stored = *states[i];
        if (stored.chain != chain || !same_chain(stored.state, path.state)) {
            ++i;
            continue;
        }
        if (ends_path(stored)) return &stored;
        ++stored.misses;
        if (stored.misses <= stored.hits * kPatience + kPatience || stored.is_general_head) {
            ++i;
            continue;
        }
        let_go(stored);
        states[i] = states.back();
        states.pop_back();
    }
    return nullptr;
}

StateStore::Found StateStore::look_up(Path& path) {
    Place& place = at_[path.pc];
    StoredState* const explored = search(place.finished, path, [&](StoredState& stored) {
        if (contains(path, stored)) return true;
        ++place.in_vain;
        return false;
    });
    if (explored != nullptr) {
        end_explored(path, *explored);
        place.in_vain = 0;
        return {Seen::Explored, explored};
    }
    if (!path.came_back) return {};
    OpenStates open;
    search(place.open, path, [&](StoredState& stored) {
        note_open(path, stored, open);
        return false;
    });
    return meet_open(path, open);
}

void StateStore::end_explored(Path& path, StoredState& stored) {
    ++stored.hits;
    const Comparison comparison{cfg_, depend_, path.pc, false, 0};
    rely_on_same(depend_, comparison, stored.state, stored.read, path.state, std::nullopt);
    for (uint8_t frame = 0; frame < path.state.frames.size(); ++frame)
        mark_read(path, frame, stored.read[frame]);
    const uint64_t insns_below = insns_to_end(stored);
    const OpenLoops loops = open_loops(stored);
    for (StoredState* loop : {loops.inner, loops.outer}) {
        if (loop == nullptr) continue;
        lean_on(path, *loop);
        loop->round_insns = std::max(loop->round_insns, sum(insns_since(*loop, path), insns_below));
    }
    finish(path, insns_below);
}

void StateStore::end_covered(Path& path, StoredState& head) {
    const Comparison exact{cfg_, depend_, path.pc, true, 0};
    const SlotMasks used = used_slots(head.state);
    rely_on_same(depend_, exact, head.state, used, path.state, head.serial);
    for (uint8_t frame = 0; frame < path.state.frames.size(); ++frame)
        mark_read(path, frame, used[frame]);
    for (const Rank& rank : head.ranks) depend_.mark_precise(node_of(rank, path.state));
    lean_on(path, head);
    head.round_insns = std::max(head.round_insns, insns_since(head, path));
    finish(path, 0);
}

StoredState& StateStore::add(Path& path) {
    StoredState& stored = all_.emplace_back();
    // Of the path, too: what it learnt from a register that the stored state has not would hold for
    // this path alone.
    forget_dead_registers(cfg_, path.pc, path.state);
    path.state.for_each_reg([&](Reg& reg) {
        if (reg.is_scalar()) reg.node = depend_.stored(reg.node);
    });
    stored.state = path.state;
    stored.serial = static_cast<uint32_t>(all_.size() - 1);
    stored.pc = path.pc;
    stored.chain = chain_hash(path.state);
    stored.parent = path.parent;
    stored.written = path.written;
    stored.insns_before = path.insns_since_parent;
    path.parent = &stored;
    path.written = {};
    path.insns_since_parent = path.jumps_since_parent = 0;
    memory_bytes_ += stored.state.memory_bytes();
    states_max_ = std::max(states_max_, ++states_);
    at_[path.pc].open.push_back(&stored);
    return stored;
}

void StateStore::fork(const Path& path) {
    if (path.parent != nullptr) ++path.parent->branches;
}

void StateStore::finish(const Path& path, uint64_t insns_below) {
    uint64_t insns = sum(path.insns_since_parent, insns_below);
    for (StoredState* stored = path.parent; stored != nullptr; stored = stored->parent) {
        WEIR_CHECK(stored->branches > 0);
        stored->insns_below = std::max(stored->insns_below, insns);
        if (--stored->branches > 0) break;
        if (stored->has_ranks) {
            depend_.close_loop(stored->serial);
            count_rounds(*stored);
        }
        insns = sum(stored->insns_before, stored->insns_below);
        if (stored->is_let_go)
            drop(*stored);
        else
            close(*stored);
    }
}

/// All rounds, and the rounds of loops in each of them.
void StateStore::count_rounds(StoredState& head) {
    const uint64_t round = sum(head.round_insns, head.nested_insns);
    const uint64_t all = product(round, rounds_max(head));
    head.insns_below = sum(head.insns_below, all);
    StoredState* const around = head.inner_loop;
    if (around != nullptr && !around->is_finished())
        around->nested_insns = sum(around->nested_insns, all);
}

/// Of the open states of a place the last made is the first to finish, but for what was let go.
void StateStore::close(StoredState& stored) {
    Place& place = at_[stored.pc];
    const auto found = std::find(place.open.rbegin(), place.open.rend(), &stored);
    WEIR_CHECK(found != place.open.rend());
    place.open.erase(std::next(found).base());
    place.finished.push_back(&stored);
}

void StateStore::let_go(StoredState& stored) {
    stored.is_let_go = true;
    if (stored.is_finished()) drop(stored);
}

void StateStore::drop(StoredState& stored) {
    if (stored.state.frames.empty()) return;
    memory_bytes_ -= stored.state.memory_bytes();
    --states_;
    stored.state = State{};
}

void StateStore::roll_back(uint32_t serial) {
    std::vector<uint8_t> gone(all_.size() - std::min<size_t>(serial, all_.size()));
    const auto is_gone = [&](const StoredState* stored) {
        return stored != nullptr && stored->serial >= serial && gone[stored->serial - serial] != 0;
    };
    for (size_t i = serial; i < all_.size(); ++i) {
        StoredState& stored = all_[i];
        if (stored.state.frames.empty()) continue;
        if (stored.is_finished() && !is_gone(stored.inner_loop) && !is_gone(stored.outer_loop))
            continue;
        gone[i - serial] = 1;
        if (stored.has_ranks) depend_.close_loop(stored.serial);
        Place& place = at_[stored.pc];
        std::erase(stored.is_finished() ? place.finished : place.open, &stored);
        drop(stored);
    }
}

const StoredState* StateStore::youngest(const Path& path) const {
    const StoredState* found = nullptr;
    for (const StoredState* stored : at_[path.pc].finished)
        if ((found == nullptr || found->serial < stored->serial) &&
            same_chain(stored->state, path.state))
            found = stored;
    return found;
}

}  // namespace weir::vm::verifier
