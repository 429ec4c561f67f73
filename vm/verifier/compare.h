#pragma once
// Is one state contained in another, as far as the rest of the program looks?
//
// Registers count where a static analysis finds a later read (Cfg::live), stack slots where
// something below the stored state read them, numbers where a check below relied on them
// (Dependencies). Ids are names: one state's must map one to one to the other's.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "vm/verifier/cfg.h"
#include "vm/verifier/depend.h"
#include "vm/verifier/step.h"

namespace weir::vm::verifier {

constexpr uint32_t kEveryName = UINT32_MAX;

struct Comparison {
    const Cfg& cfg;
    const Dependencies& depend;
    uint32_t pc = 0;
    /// Everything counts: what is below the old state is not known yet.
    bool is_exact = false;
    /// What moved since the head of a loop gave it a name below this must have moved as far.
    uint32_t names_below = 0;
};

/// Where two states differ: a register, or 16 + a stack slot, of a frame.
struct Difference {
    static constexpr uint8_t kElsewhere = 255;
    uint8_t frame = 0;
    uint8_t place = kElsewhere;
};

/// Every concrete state of `now` is one of `old`, of the same call chain. `read`: stack slots that
/// count, per frame. `difference`: where the last comparison with `old` failed, which is looked at
/// first, and where this one did.
bool is_within(const Comparison& comparison, const State& old, const SlotMasks& read,
               const State& now, Difference& difference);
/// Nothing differs at all, but for dead registers, the names of ids and how far values have moved.
bool is_same(const Comparison& comparison, const State& old, const State& now);
/// As is_within() held, the path relies on what the old state's paths relied on. `loop`: they are
/// still being explored, and the old state is the head of this loop.
void rely_on_same(Dependencies& depend, const Comparison& comparison, const State& old,
                  const SlotMasks& read, const State& now, std::optional<uint32_t> loop);

/// Who called whom, as a number; different chains hardly ever share one.
uint64_t chain_hash(const State& state);
bool same_chain(const State& old, const State& now);
/// Registers of a frame that are still read: at `pc` in the innermost, after the return in others.
uint32_t live_registers(const Cfg& cfg, uint32_t pc, const State& state, size_t frame);
/// Slots of each frame that hold anything.
SlotMasks used_slots(const State& state);
const StackSlot& slot_at(const Frame& frame, size_t slot);

}  // namespace weir::vm::verifier
