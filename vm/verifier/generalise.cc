#include "vm/verifier/generalise.h"

#include <algorithm>
#include <array>

namespace weir::vm::verifier {
namespace {

/// A head that is outgrown is walked again, so that bounds jump far.
constexpr std::array<uint64_t, 10> kFarThresholds = {0,
                                                     1,
                                                     0xff,
                                                     0xffff,
                                                     0x7fffffff,
                                                     0xffffffff,
                                                     0x7fffffffffffffff,
                                                     0xffffffffffffffff,
                                                     0xffffffff80000000,
                                                     0x8000000000000000};
constexpr size_t kThresholdsMax = 64;

/// Pointers move by at most 2^29 (check_pointer_alu.cc).
constexpr std::array<uint64_t, 6> kFarPlaces = {
    0, 0xff, 0xffff, 0xfffff, static_cast<uint64_t>(-512), static_cast<uint64_t>(-(1 << 20))};

class Generaliser {
public:
    Generaliser(Env& env, Generalise how, uint32_t pc)
        : env_(env), how_(how), widens_(how != Generalise::Join) {
        if (how == Generalise::Widen) thresholds_ = thresholds_of(env.slots, env.cfg, pc);
        if (how == Generalise::WidenFar)
            thresholds_.assign(kFarThresholds.begin(), kFarThresholds.end());
    }

    std::optional<State> run(const State& old, const State& now) {
        if (!same_chain(old, now) || old.references != now.references || !(old.lock == now.lock))
            return std::nullopt;
        State result = now;
        for (size_t i = 0; i < now.frames.size(); ++i)
            if (!frame(old.frames[i], result.frames[i])) return std::nullopt;
        result.may_goto = progress(old.may_goto, now.may_goto);
        return tells_rounds_apart_ ? std::optional(std::move(result)) : std::nullopt;
    }

private:
    struct Pair {
        uint32_t old_id, now_id;
        int64_t shift;
        RegKind kind;
        friend bool operator==(const Pair&, const Pair&) = default;
    };

    /// What moves in a loop gets a new name at its head; what does not keeps the name that an
    /// outer loop gave it.
    Progress progress(const Progress& old, const Progress& now, bool is_moved = false) {
        if (widens_) return !is_moved && old == now ? now : Progress{env_.fresh_id(), 0, 0};
        if (old.origin == 0 || old.origin != now.origin) return {};
        // One of them is nearer to a loop's end: their join would not be.
        if (old != now) tells_rounds_apart_ = false;
        return old;
    }

    Scalar scalar(const Scalar& old, const Scalar& now) const {
        switch (how_) {
            case Generalise::Join: return Scalar::join(old, now);
            case Generalise::Widen:
            case Generalise::WidenFar: return Scalar::widen(old, now, thresholds_);
            case Generalise::Anything: return now.within(old) ? old : Scalar{};
        }
        return Scalar{};
    }

    bool frame(const Frame& old, Frame& now) {
        if (old.rounds != now.rounds) return false;
        now.round = progress(old.round, now.round);
        for (size_t i = 0; i < kFramePointer; ++i) now.regs[i] = reg(old.regs[i], now.regs[i]);
        if (now.stack.size() < old.stack.size()) now.stack.resize(old.stack.size());
        for (size_t i = 0; i < now.stack.size(); ++i)
            if (!slot(slot_at(old, i), now.stack[i])) return false;
        return true;
    }

    static bool is_equal(Reg old, const Reg& now) {
        old.node = now.node;
        old.progress = now.progress;
        return old == now;
    }

    Reg reg(const Reg& old, const Reg& now) {
        if (is_equal(old, now)) {
            Reg same = now;
            same.progress = progress(old.progress, now.progress);
            return same;
        }
        if (old.kind != now.kind) return Reg{};
        Reg result = now.is_scalar() ? number(old, now) : pointer(old, now);
        if (result.kind != RegKind::Uninit)
            result.progress = progress(old.progress, now.progress, true);
        return result;
    }

    /// Numbers that were linked in both states stay so.
    Reg number(const Reg& old, const Reg& now) {
        Reg result = Reg::scalar(scalar(old.value, now.value));
        if (old.id != 0 && now.id != 0) {
            result.id = common_id(old.id, now.id, now.off - old.off);
            result.off = old.off;
        } else if (old.value.is_constant() && now.value.is_constant()) {
            link_constants(old, now, result);
        }
        if (old.has_length && now.has_length && old.length_id == now.length_id &&
            old.length_off == now.length_off) {
            result.has_length = true;
            result.length_id = now.length_id;
            result.length_off = now.length_off;
        }
        return result;
    }

    /// Pointers into the same memory at different places: the place becomes a variable part.
    Reg pointer(const Reg& old, const Reg& now) {
        const bool same_memory = old.frame == now.frame && old.map == now.map &&
                                 old.or_null == now.or_null && old.inner == now.inner &&
                                 old.writable == now.writable && old.ref == now.ref &&
                                 old.of_packet == now.of_packet && old.is_held == now.is_held &&
                                 old.length_off == now.length_off;
        if (!same_memory) return Reg{};
        switch (now.kind) {
            case RegKind::Packet:
            case RegKind::PacketMeta: return packet(old, now);
            case RegKind::MapValue:
            case RegKind::Stack:
            case RegKind::Memory:
                if (old.range != now.range) return Reg{};
                if (old.off == now.off && old.value == now.value) return renamed(now);
                if (now.or_null) return Reg{};
                return placed(renamed(now), old, now);
            case RegKind::Map:
            case RegKind::Socket:
            case RegKind::Connection: return old.off == now.off ? renamed(now) : Reg{};
            case RegKind::DynptrPointer:
            case RegKind::Iterator: return now;
            case RegKind::Uninit:
            case RegKind::Number:
            case RegKind::Context:
            case RegKind::PacketEnd:
            case RegKind::PacketLow:
            case RegKind::PacketStale:
            case RegKind::MapKey:
            case RegKind::Function:
            case RegKind::Dynptr: break;
        }
        return Reg{};
    }

    /// Positions in memory stay in the range of offsets.
    Scalar place(const Scalar& old, const Scalar& now) const {
        return how_ == Generalise::Join ? Scalar::join(old, now)
                                        : Scalar::widen(old, now, kFarPlaces);
    }

    /// From another call: one that stands for both.
    Reg renamed(Reg now) {
        if (now.id != 0) now.id = env_.fresh_id();
        return now;
    }

    /// The constant part stays; what it moved by goes into the variable part.
    Reg placed(Reg result, const Reg& old, const Reg& now) {
        const int64_t moved = int64_t{now.off} - old.off;
        result.off = old.off;
        result.value =
            place(old.value, scalar_ops::alu_full(AluOp::Add, now.value,
                                                  Scalar::constant(static_cast<uint64_t>(moved))));
        link_place(old, now, moved, result);
        return result;
    }

    /// Pointers that share a base in both states, and are as far from each other in both, share
    /// the new base too.
    Reg packet(const Reg& old, const Reg& now) {
        Reg result = now;
        result.past_end = old.past_end == now.past_end && old.off == now.off && old.id == now.id
                              ? now.past_end
                              : PastEnd::Unknown;
        if (old.id == now.id && old.value == now.value && old.off == now.off) {
            result.range = std::min(old.range, now.range);
            return result;
        }
        const int64_t moved = int64_t{now.off} - old.off;
        result.id = shared_base(old, now);
        result = placed(result, old, now);
        result.range = static_cast<uint32_t>(std::min<int64_t>(old.range, range_from(now, moved)));
        return result;
    }

    /// One new id for all numbers that had one id in each of the states, the same distance apart.
    uint32_t common_id(uint32_t old_id, uint32_t now_id, int64_t shift) {
        return id_of({old_id, now_id, shift, RegKind::Number});
    }
    uint32_t shared_base(const Reg& old, const Reg& now) {
        return id_of({old.id, now.id, int64_t{now.off} - old.off, now.kind});
    }

    uint32_t id_of(const Pair& pair) {
        for (const auto& [known, id] : ids_)
            if (known == pair) return id;
        ids_.push_back({pair, env_.fresh_id()});
        return ids_.back().second;
    }

    /// Constants that move in step: counters, and the pointers that go with them, stay as far apart
    /// as they are.
    void link_constants(const Reg& old, const Reg& now, Reg& result) {
        const int64_t from = old.value.full.smin, shift = now.value.full.smin - from;
        if (from < -kPointerOffsetMax || from > kPointerOffsetMax) return;
        result.id = common_id(0, 0, shift);
        result.off = static_cast<int32_t>(from);
    }

    /// The variable part of a pointer that moves in step with a number.
    void link_place(const Reg& old, const Reg& now, int64_t moved, Reg& result) {
        result.low_id = 0;
        result.low_off = 0;
        if (old.value.is_constant() && now.value.is_constant()) {
            const int64_t shift = now.value.full.smin + moved - old.value.full.smin;
            result.low_id = common_id(0, 0, shift);
            result.low_off = static_cast<int32_t>(old.value.full.smin);
        } else if (old.low_id != 0 && now.low_id != 0) {
            result.low_id = common_id(old.low_id, now.low_id, now.low_off + moved - old.low_off);
            result.low_off = old.low_off;
        }
    }

    bool slot(const StackSlot& old, StackSlot& now) {
        if (old.holds_object() || now.holds_object()) {
            if (old.spill.kind != now.spill.kind || old.spill.ref != now.spill.ref ||
                old.spill.off != now.spill.off || old.bytes != now.bytes)
                return false;
            now.spill = reg(old.spill, now.spill);
            return now.spill.kind != RegKind::Uninit;
        }
        if (old.holds_pointer() || now.holds_pointer()) {
            now.spill =
                old.holds_pointer() && now.holds_pointer() ? reg(old.spill, now.spill) : Reg{};
            if (now.spill.kind == RegKind::Uninit) now = StackSlot{};
            return true;
        }
        bool any_spill = false;
        for (size_t i = 0; i < now.bytes.size(); ++i) {
            if (old.bytes[i] == StackByte::Unwritten) now.bytes[i] = StackByte::Unwritten;
            if (now.bytes[i] == StackByte::Spill && old.bytes[i] != StackByte::Spill)
                now.bytes[i] = StackByte::Misc;
            any_spill = any_spill || now.bytes[i] == StackByte::Spill;
        }
        now.spill = any_spill ? reg(old.spill, now.spill) : Reg{};
        return true;
    }

    Env& env_;
    Generalise how_;
    bool widens_;
    bool tells_rounds_apart_ = true;
    std::vector<uint64_t> thresholds_;
    std::vector<std::pair<Pair, uint32_t>> ids_;
};

void keep_node(const Reg& real, Reg& general) {
    if (!general.is_scalar()) return;
    const bool is_anything = general.id == 0 && general.value == Scalar{};
    general.node = real.is_scalar() && !is_anything ? real.node : Dependencies::kNone;
}

}  // namespace

std::vector<uint64_t> thresholds_of(const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                    uint32_t pc) {
    std::vector<uint64_t> thresholds;
    for (const uint64_t threshold : kFarThresholds)
        if (threshold != 0xff && threshold != 0xffff) thresholds.push_back(threshold);
    for (uint32_t slot = cfg.loop_begin[pc]; slot <= cfg.loop_end[pc]; ++slot) {
        if (slots[slot].second_slot || thresholds.size() >= kThresholdsMax) continue;
        const DecodedInsn& insn = slots[slot].insn;
        const Format format = op_info(insn.op).format;
        const bool is_move = format == Format::AluImm && (op_info(insn.op).opcode & 0xf0) == 0xb0;
        if (format != Format::JumpImm && !is_move) continue;
        for (const int64_t near : {-1, 0, 1})
            thresholds.push_back(static_cast<uint64_t>(insn.imm + near));
    }
    return thresholds;
}

void keep_nodes(const State& real, State& general) {
    for (size_t i = 0; i < general.frames.size(); ++i) {
        Frame& frame = general.frames[i];
        for (size_t reg = 0; reg < kFramePointer; ++reg)
            keep_node(real.frames[i].regs[reg], frame.regs[reg]);
        for (size_t slot = 0; slot < frame.stack.size(); ++slot)
            keep_node(slot_at(real.frames[i], slot).spill, frame.stack[slot].spill);
    }
}

std::optional<State> generalise(Env& env, Generalise how, uint32_t pc, const State& old,
                                const State& now) {
    return Generaliser(env, how, pc).run(old, now);
}

}  // namespace weir::vm::verifier
