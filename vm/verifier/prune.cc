#include "vm/verifier/prune.h"

#include <algorithm>
#include <bit>

#include "vm/base/check.h"

namespace weir::vm::verifier {
namespace {

/// Comparisons in vain before a state is let go, and again after every one that ended a path. A
/// loop of n rounds that counts what it finds has up to n^2 / 2 states at one place, and each of
/// them is met by paths that reach its neighbours, so that it must outlast several times n
/// comparisons.
constexpr uint32_t kPatience = 256;

/// Ids are names: one state's ids must map one to one to the other's. No id (0) is a name that
/// nobody else has: two numbers without ids are two names, since nothing links them.
class IdMap {
public:
    bool match(uint32_t old_id, uint32_t now_id) {
        if (now_id == 0) now_id = UINT32_MAX - unnamed_++;
        for (const auto& [from, to] : pairs_)
            if (from == old_id || to == now_id) return from == old_id && to == now_id;
        pairs_.push_back({old_id, now_id});
        return true;
    }

private:
    std::vector<std::pair<uint32_t, uint32_t>> pairs_;
    uint32_t unnamed_ = 0;
};

bool same_pointer(const Reg& old, const Reg& now) {
    return old.frame == now.frame && old.map == now.map && old.off == now.off;
}

bool reg_within(const Reg& old, const Reg& now, IdMap& ids) {
    if (old.kind == RegKind::Uninit) return true;
    if (old.kind != now.kind) return false;
    if (old.is_scalar())
        return now.value.within(old.value) && (old.id == 0 || ids.match(old.id, now.id));
    if (!same_pointer(old, now) || !now.value.within(old.value) || now.range < old.range)
        return false;
    if (old.past_end != PastEnd::Unknown && old.past_end != now.past_end) return false;
    if ((old.id == 0) != (now.id == 0)) return false;
    return old.id == 0 || ids.match(old.id, now.id);
}

/// Equal but for ids; those too, where there is a map for them.
bool reg_same(const Reg& old, const Reg& now, IdMap* ids) {
    if (old.kind != now.kind || old.value != now.value || old.range != now.range ||
        old.past_end != now.past_end || !same_pointer(old, now))
        return false;
    if (ids == nullptr || old.kind == RegKind::Uninit) return true;
    return (old.id == 0) == (now.id == 0) && (old.id == 0 || ids->match(old.id, now.id));
}

/// Every byte: unwritten in the old one, or written now too, and no pointer read as something else.
bool slot_within(const StackSlot& old, const StackSlot& now, IdMap& ids) {
    if (old == StackSlot{}) return true;
    if (old.holds_pointer()) return now.holds_pointer() && reg_within(old.spill, now.spill, ids);
    if (now.holds_pointer()) return false;
    bool any_spill = false;
    for (size_t i = 0; i < old.bytes.size(); ++i) {
        if (old.bytes[i] == StackByte::Unwritten) continue;
        if (now.bytes[i] == StackByte::Unwritten) return false;
        const bool is_spill = old.bytes[i] == StackByte::Spill;
        if (is_spill && now.bytes[i] != StackByte::Spill) return false;
        any_spill = any_spill || is_spill;
    }
    return !any_spill || reg_within(old.spill, now.spill, ids);
}

bool slot_same(const StackSlot& old, const StackSlot& now, IdMap* ids) {
    return old.bytes == now.bytes && reg_same(old.spill, now.spill, ids);
}

bool same_chain(const State& old, const State& now) {
    if (old.frames.size() != now.frames.size()) return false;
    for (size_t i = 0; i < old.frames.size(); ++i)
        if (old.frames[i].subprogram != now.frames[i].subprogram ||
            old.frames[i].call_slot != now.frames[i].call_slot)
            return false;
    return true;
}

/// Registers of a frame that are still read: at `pc` in the innermost, after the return in the
/// others.
uint32_t live_registers(const Cfg& cfg, uint32_t pc, const State& state, size_t frame) {
    if (frame + 1 == state.frames.size()) return cfg.live[pc];
    constexpr uint32_t kCallerSaved = 0x3f;
    return cfg.live[state.frames[frame + 1].call_slot + 1] & ~kCallerSaved;
}

const StackSlot& slot_at(const Frame& frame, size_t slot) {
    static const StackSlot kEmpty;
    return slot < frame.stack.size() ? frame.stack[slot] : kEmpty;
}

/// A number whose id no other register has says no more than one without.
void drop_single_ids(State& state) {
    std::vector<uint32_t> ids;
    state.for_each_reg([&](Reg& reg) {
        if (reg.is_scalar() && reg.id != 0) ids.push_back(reg.id);
    });
    std::ranges::sort(ids);
    state.for_each_reg([&](Reg& reg) {
        if (!reg.is_scalar() || reg.id == 0) return;
        const auto [first, last] = std::ranges::equal_range(ids, reg.id);
        if (last - first == 1) reg.id = 0;
    });
}

void forget_dead_registers(const Cfg& cfg, uint32_t pc, State& state) {
    for (size_t i = 0; i < state.frames.size(); ++i) {
        const uint32_t live = live_registers(cfg, pc, state, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) == 0) state.frames[i].regs[reg] = Reg{};
    }
}

bool frames_same(const Cfg& cfg, uint32_t pc, const State& old, const State& now, IdMap* ids) {
    for (size_t i = old.frames.size(); i-- > 0;) {
        const uint32_t live = live_registers(cfg, pc, old, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) != 0 &&
                !reg_same(old.frames[i].regs[reg], now.frames[i].regs[reg], ids))
                return false;
        const size_t slots = std::max(old.frames[i].stack.size(), now.frames[i].stack.size());
        for (size_t slot = 0; slot < slots; ++slot)
            if (!slot_same(slot_at(old.frames[i], slot), slot_at(now.frames[i], slot), ids))
                return false;
    }
    return true;
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

bool is_within(const Cfg& cfg, uint32_t pc, const StoredState& stored, const State& now) {
    const State& old = stored.state;
    if (!same_chain(old, now)) return false;
    IdMap ids;
    for (size_t i = old.frames.size(); i-- > 0;) {
        const uint32_t live = live_registers(cfg, pc, old, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) != 0 &&
                !reg_within(old.frames[i].regs[reg], now.frames[i].regs[reg], ids))
                return false;
        for (uint64_t left = stored.read[i]; left != 0; left &= left - 1) {
            const auto slot = static_cast<size_t>(std::countr_zero(left));
            if (!slot_within(slot_at(old.frames[i], slot), slot_at(now.frames[i], slot), ids))
                return false;
        }
    }
    return true;
}

bool is_same(const Cfg& cfg, uint32_t pc, const StoredState& stored, const State& now) {
    if (!same_chain(stored.state, now) || !frames_same(cfg, pc, stored.state, now, nullptr))
        return false;
    State plain = now;
    forget_dead_registers(cfg, pc, plain);
    drop_single_ids(plain);
    IdMap ids;
    return frames_same(cfg, pc, stored.state, plain, &ids);
}

StateStore::Seen StateStore::look_up(Path& path) {
    std::vector<Stored>& here = at_[path.pc];
    for (size_t i = 0; i < here.size();) {
        StoredState& stored = *here[i];
        const bool finished = stored.branches == 0;
        if (finished && is_within(cfg_, path.pc, stored, path.state)) {
            ++stored.hits;
            for (uint8_t frame = 0; frame < path.state.frames.size(); ++frame)
                mark_read(path, frame, stored.read[frame]);
            return Seen::Explored;
        }
        if (!finished && is_same(cfg_, path.pc, stored, path.state)) return Seen::Loop;
        // A state that hardly ever helps costs every visit: let it go.
        ++stored.misses;
        if (stored.misses <= stored.hits * kPatience + kPatience) {
            ++i;
            continue;
        }
        if (finished)
            memory_bytes_ -= stored.state.memory_bytes();
        else
            evicted_.push_back(std::move(here[i]));
        here[i] = std::move(here.back());
        here.pop_back();
    }
    return Seen::New;
}

void StateStore::add(Path& path) {
    auto stored = std::make_unique<StoredState>();
    stored->state = path.state;
    forget_dead_registers(cfg_, path.pc, stored->state);
    drop_single_ids(stored->state);
    stored->parent = path.parent;
    stored->written = path.written;
    path.parent = stored.get();
    path.written = {};
    path.insns_since_parent = path.jumps_since_parent = 0;
    memory_bytes_ += stored->state.memory_bytes();
    ++states_;
    at_[path.pc].push_back(std::move(stored));
}

void StateStore::fork(const Path& path) {
    if (path.parent != nullptr) ++path.parent->branches;
}

void StateStore::finish(const Path& path) {
    for (StoredState* stored = path.parent; stored != nullptr; stored = stored->parent) {
        WEIR_CHECK(stored->branches > 0);
        if (--stored->branches > 0) break;
    }
}

}  // namespace weir::vm::verifier
