#include "vm/verifier/compare.h"

#include <algorithm>
#include <bit>

namespace weir::vm::verifier {
namespace {

constexpr uint8_t kSlotPlace = 16;  ///< Difference: slots behind the registers

/// Ids of the old state to ids of the new one, and by how much a linked number's distance differs.
/// No id (0) is a name that nobody else has: two numbers without ids are two names.
class IdMap {
public:
    bool match(uint32_t old_id, uint32_t now_id, int32_t shift = 0) {
        if (now_id == 0) now_id = UINT32_MAX - unnamed_++;
        for (size_t i = 0; i < count_; ++i) {
            const Pair& pair = pairs_[i];
            if (pair.from == old_id || pair.to == now_id)
                return pair.from == old_id && pair.to == now_id && pair.shift == shift;
        }
        if (count_ == pairs_.size()) return false;  // more names than a state needs: not contained
        pairs_[count_++] = {old_id, now_id, shift};
        return true;
    }

private:
    struct Pair {
        uint32_t from, to;
        int32_t shift;
    };
    std::array<Pair, 128> pairs_;
    size_t count_ = 0;
    uint32_t unnamed_ = 0;
};

bool progress_within(const Comparison& how, const Progress& old, const Progress& now) {
    return old.origin == 0 || old.origin >= how.names_below ||
           (now.origin == old.origin && now.least >= old.least && now.most <= old.most);
}

/// The number of such rounds is bounded however many there are: to have done more is to be nearer
/// to the end.
bool counted_within(const Comparison& how, const Progress& old, const Progress& now) {
    if (how.names_below == kEveryName) return progress_within(how, old, now);
    return old.origin == 0 || old.origin >= how.names_below ||
           (now.origin == old.origin && now.least >= old.least);
}

bool same_flags(const Reg& old, const Reg& now) {
    return old.frame == now.frame && old.map == now.map && old.or_null == now.or_null &&
           old.inner == now.inner && old.writable == now.writable &&
           old.of_packet == now.of_packet && old.is_held == now.is_held && old.is_end == now.is_end;
}

bool relies_on(const Comparison& how, const Reg& old) {
    return how.is_exact || how.depend.is_precise(old.node) || how.depend.is_waiting(old.node);
}

bool is_anything(const Reg& old) {
    return old.id == 0 && !old.has_length && old.value == Scalar{};
}

bool number_within(const Comparison& how, const Reg& old, const Reg& now, IdMap& ids) {
    if (now.kind != RegKind::Number) return false;
    if (old.has_length && (!now.has_length || old.length_off != now.length_off ||
                           (old.length_id == 0) != (now.length_id == 0) ||
                           (old.length_id != 0 && !ids.match(old.length_id, now.length_id))))
        return false;
    if (!relies_on(how, old)) return true;
    if (old.low_id != 0 && !ids.match(old.low_id, now.low_id, now.low_off - old.low_off))
        return false;
    return now.value.within(old.value) &&
           (old.id == 0 || ids.match(old.id, now.id, now.off - old.off));
}

/// The packet's start as a name of a base.
constexpr uint32_t kStartOfPacket = UINT32_MAX / 2;

bool is_movable(RegKind kind) {
    return kind == RegKind::Packet || kind == RegKind::PacketMeta || kind == RegKind::MapValue ||
           kind == RegKind::Stack || kind == RegKind::Memory;
}

/// The same place may be written with another constant part, if the variable part makes up for it.
bool place_of_pointer_within(const Reg& old, const Reg& now, IdMap& ids) {
    const int64_t shift = int64_t{now.off} - old.off;
    if (shift == 0) {
        if (!now.value.within(old.value)) return false;
    } else {
        if (old.value.is_constant() || !is_movable(old.kind)) return false;
        const Scalar moved = scalar_ops::alu_full(AluOp::Add, now.value,
                                                  Scalar::constant(static_cast<uint64_t>(shift)));
        if (!moved.within(old.value)) return false;
    }
    const bool is_packet = old.is_packet();
    const int64_t range = is_packet ? range_from(now, shift) : now.range;
    if (is_packet ? range < old.range : range != old.range) return false;
    const auto named = static_cast<int32_t>(shift);
    if (old.low_id != 0 && !ids.match(old.low_id, now.low_id, now.low_off + named - old.low_off))
        return false;
    if (!is_packet) return old.id == 0 ? now.id == 0 : now.id != 0 && ids.match(old.id, now.id);
    if (old.id == 0) return now.id == 0;
    return ids.match(old.id, now.id == 0 ? kStartOfPacket : now.id, named);
}

bool pointer_within(const Reg& old, const Reg& now, IdMap& ids) {
    if (!same_flags(old, now)) return false;
    if (old.past_end != PastEnd::Unknown && old.past_end != now.past_end) return false;
    if (old.length_off != now.length_off || (old.has_length && !now.has_length)) return false;
    if ((old.ref == 0) != (now.ref == 0)) return false;
    return place_of_pointer_within(old, now, ids) && (old.ref == 0 || ids.match(old.ref, now.ref));
}

bool reg_within(const Comparison& how, const Reg& old, const Reg& now, IdMap& ids) {
    if (old.kind == RegKind::Uninit) return true;
    if (!(old.kind == RegKind::Iterator ? counted_within(how, old.progress, now.progress)
                                        : progress_within(how, old.progress, now.progress)))
        return false;
    if (old.kind == RegKind::Number) return number_within(how, old, now, ids);
    return old.kind == now.kind && pointer_within(old, now, ids);
}

/// Every byte: unwritten in the old one, or written now too, and no pointer read as something else.
bool slot_within(const Comparison& how, const StackSlot& old, const StackSlot& now, IdMap& ids) {
    if (old.spill.is_pointer()) return reg_within(how, old.spill, now.spill, ids);
    bool any_spill = false;
    for (size_t i = 0; i < old.bytes.size(); ++i) {
        if (old.bytes[i] == StackByte::Unwritten) continue;
        if (now.bytes[i] == StackByte::Unwritten || now.spill.is_pointer()) return false;
        const bool is_spill = old.bytes[i] == StackByte::Spill;
        const bool is_lost = is_spill && now.bytes[i] != StackByte::Spill;
        if (is_lost && relies_on(how, old.spill) && !is_anything(old.spill)) return false;
        // A counter of which a byte was overwritten has not moved: it is another number.
        if (is_lost && !progress_within(how, old.spill.progress, {})) return false;
        any_spill = any_spill || (is_spill && now.bytes[i] == StackByte::Spill);
    }
    return !any_spill || reg_within(how, old.spill, now.spill, ids);
}

bool held_within(const Comparison& how, const State& old, const State& now, IdMap& ids) {
    if (old.references.size() != now.references.size() || old.lock.is_held != now.lock.is_held)
        return false;
    for (size_t i = 0; i < old.references.size(); ++i)
        if (old.references[i].kind != now.references[i].kind ||
            !ids.match(old.references[i].id, now.references[i].id))
            return false;
    if (old.lock.is_held &&
        (old.lock.map != now.lock.map || (old.lock.id == 0) != (now.lock.id == 0) ||
         (old.lock.id != 0 && !ids.match(old.lock.id, now.lock.id))))
        return false;
    return counted_within(how, old.may_goto, now.may_goto);
}

/// What lives as long as the sample must be told from what lives on: the end of the round forgets
/// the one and keeps the other.
bool samples_agree(const Frame& old, const Frame& now, IdMap* ids) {
    if ((old.sample == 0) != (now.sample == 0)) return false;
    return old.sample == 0 || ids == nullptr || ids->match(old.sample, now.sample);
}

bool frame_head_within(const Comparison& how, const Frame& old, const Frame& now, IdMap& ids) {
    if (!samples_agree(old, now, &ids)) return false;
    if ((old.rounds == 0) != (now.rounds == 0)) return false;
    // Where rounds are counted, what is below the old state has walked those that were left.
    const bool counts = old.rounds != 0 && old.round.origin == old.rounds;
    if (counts && (now.round.origin != now.rounds || now.round.least < old.round.least))
        return false;
    if (how.is_exact && old.rounds != 0 && !ids.match(old.rounds, now.rounds)) return false;
    return counted_within(how, old.round, now.round);
}

/// Equal but for ids, nodes and progress; ids too, where there is a map for them.
bool reg_same(const Reg& old, const Reg& now, IdMap* ids) {
    if (old.kind != now.kind || old.value != now.value || old.range != now.range ||
        old.past_end != now.past_end || !same_flags(old, now) || old.has_length != now.has_length ||
        old.length_off != now.length_off)
        return false;
    if (old.is_pointer() && old.off != now.off) return false;
    if (ids == nullptr || old.kind == RegKind::Uninit) return true;
    const auto agree = [&](uint32_t from, uint32_t to, int32_t shift) {
        return (from == 0) == (to == 0) && (from == 0 || ids->match(from, to, shift));
    };
    const int32_t shift = old.is_scalar() && old.id != 0 ? now.off - old.off : 0;
    return agree(old.id, now.id, shift) && agree(old.ref, now.ref, 0) &&
           agree(old.low_id, now.low_id, now.low_off - old.low_off) &&
           agree(old.length_id, now.length_id, 0);
}

/// A number whose id no other register has says no more than one without.
void drop_single_ids(State& state) {
    std::vector<uint32_t> ids;
    state.for_each_reg([&](Reg& reg) {
        if (reg.is_scalar() && reg.id != 0) ids.push_back(reg.id);
        if (reg.low_id != 0) ids.push_back(reg.low_id);
    });
    std::ranges::sort(ids);
    state.for_each_reg([&](Reg& reg) {
        if (!reg.is_scalar() || reg.id == 0) return;
        const auto [first, last] = std::ranges::equal_range(ids, reg.id);
        if (last - first == 1) reg.unlink();
    });
}

bool frames_same(const Comparison& how, const State& old, const State& now, IdMap* ids) {
    for (size_t i = old.frames.size(); i-- > 0;) {
        const Frame &a = old.frames[i], &b = now.frames[i];
        if ((a.rounds == 0) != (b.rounds == 0) || !samples_agree(a, b, ids)) return false;
        const uint32_t live = live_registers(how.cfg, how.pc, old, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) != 0 && !reg_same(a.regs[reg], b.regs[reg], ids)) return false;
        const size_t slots = std::max(a.stack.size(), b.stack.size());
        for (size_t slot = 0; slot < slots; ++slot) {
            const StackSlot &from = slot_at(a, slot), &to = slot_at(b, slot);
            if (from.bytes != to.bytes || !reg_same(from.spill, to.spill, ids)) return false;
        }
    }
    return true;
}

void forget_dead_registers(const Comparison& how, State& state) {
    for (size_t i = 0; i < state.frames.size(); ++i) {
        const uint32_t live = live_registers(how.cfg, how.pc, state, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) == 0) state.frames[i].regs[reg] = Reg{};
    }
}

}  // namespace

bool same_chain(const State& old, const State& now) {
    if (old.frames.size() != now.frames.size()) return false;
    for (size_t i = 0; i < old.frames.size(); ++i)
        if (old.frames[i].subprogram != now.frames[i].subprogram ||
            old.frames[i].call_slot != now.frames[i].call_slot ||
            old.frames[i].caller != now.frames[i].caller)
            return false;
    return true;
}

uint32_t live_registers(const Cfg& cfg, uint32_t pc, const State& state, size_t frame) {
    if (frame + 1 == state.frames.size()) return cfg.live[pc];
    constexpr uint32_t kCallerSaved = 0x3f;
    const Frame& callee = state.frames[frame + 1];
    if (state.frames[frame].rounds != 0) return cfg.live[callee.call_slot];
    return cfg.live[callee.call_slot + 1] & ~kCallerSaved;
}

SlotMasks used_slots(const State& state) {
    SlotMasks masks{};
    for (size_t i = 0; i < state.frames.size(); ++i)
        for (size_t slot = 0; slot < state.frames[i].stack.size(); ++slot)
            if (state.frames[i].stack[slot] != StackSlot{}) masks[i] |= uint64_t{1} << slot;
    return masks;
}

const StackSlot& slot_at(const Frame& frame, size_t slot) {
    static const StackSlot kEmpty;
    return slot < frame.stack.size() ? frame.stack[slot] : kEmpty;
}

namespace {

bool place_within(const Comparison& how, const Frame& old, const Frame& now, uint8_t place,
                  IdMap& ids) {
    if (place < kRegisterCount) return reg_within(how, old.regs[place], now.regs[place], ids);
    const auto slot = static_cast<size_t>(place - kSlotPlace);
    return slot_within(how, slot_at(old, slot), slot_at(now, slot), ids);
}

/// Without what other places say of ids it is no less contained.
bool differs_again(const Comparison& how, const State& old, const SlotMasks& read, const State& now,
                   const Difference& last) {
    if (last.place == Difference::kElsewhere) return false;
    const bool is_slot = last.place >= kSlotPlace;
    if (is_slot && (read[last.frame] >> (last.place - kSlotPlace) & 1) == 0) return false;
    IdMap ids;
    return !place_within(how, old.frames[last.frame], now.frames[last.frame], last.place, ids);
}

}  // namespace

uint64_t chain_hash(const State& state) {
    uint64_t hash = 0;
    for (const Frame& frame : state.frames)
        hash = (hash ^ (uint64_t{frame.call_slot} << 32 | frame.subprogram << 2 |
                        static_cast<uint64_t>(frame.caller))) *
               0x9e3779b97f4a7c15;
    return hash;
}

bool is_within(const Comparison& how, const State& old, const SlotMasks& read, const State& now,
               Difference& difference) {
    if (differs_again(how, old, read, now, difference)) return false;
    difference = {};
    IdMap ids;
    if (!held_within(how, old, now, ids)) return false;
    for (size_t i = old.frames.size(); i-- > 0;) {
        const Frame &a = old.frames[i], &b = now.frames[i];
        if (!frame_head_within(how, a, b, ids)) return false;
        const uint32_t live = live_registers(how.cfg, how.pc, old, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) != 0 && !reg_within(how, a.regs[reg], b.regs[reg], ids)) {
                difference = {static_cast<uint8_t>(i), reg};
                return false;
            }
        for (uint64_t left = read[i]; left != 0; left &= left - 1) {
            const auto slot = static_cast<uint8_t>(std::countr_zero(left));
            if (slot_within(how, slot_at(a, slot), slot_at(b, slot), ids)) continue;
            difference = {static_cast<uint8_t>(i), static_cast<uint8_t>(kSlotPlace + slot)};
            return false;
        }
    }
    return true;
}

bool is_same(const Comparison& how, const State& old, const State& now) {
    if (!same_chain(old, now) || !frames_same(how, old, now, nullptr)) return false;
    State plain = now, plain_old = old;
    forget_dead_registers(how, plain);
    forget_dead_registers(how, plain_old);
    drop_single_ids(plain);
    drop_single_ids(plain_old);
    IdMap ids;
    const Comparison held{how.cfg, how.depend, how.pc, true, 0};
    return held_within(held, plain_old, plain, ids) && frames_same(how, plain_old, plain, &ids);
}

void rely_on_same(Dependencies& depend, const Comparison& how, const State& old,
                  const SlotMasks& read, const State& now, std::optional<uint32_t> loop) {
    const auto rely = [&](const Reg& from, const Reg& to) {
        if (!from.is_scalar() || !to.is_scalar()) return;
        if (!loop)
            depend.follow(from.node, to.node);
        else if (!is_anything(from))
            depend.follow(from.node, to.node, *loop);
    };
    for (size_t i = 0; i < old.frames.size(); ++i) {
        const uint32_t live = live_registers(how.cfg, how.pc, old, i);
        for (uint8_t reg = 0; reg < kFramePointer; ++reg)
            if ((live >> reg & 1) != 0) rely(old.frames[i].regs[reg], now.frames[i].regs[reg]);
        for (uint64_t left = read[i]; left != 0; left &= left - 1) {
            const auto slot = static_cast<size_t>(std::countr_zero(left));
            rely(slot_at(old.frames[i], slot).spill, slot_at(now.frames[i], slot).spill);
        }
    }
}

}  // namespace weir::vm::verifier
