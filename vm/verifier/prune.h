#pragma once
// States that were explored to their end, so that a path which reaches one of them again, or less,
// may stop.
//
// A stored state counts its unfinished paths (`branches`), as the kernel does. Exploration is
// depth-first, so that a state with unfinished paths is an ancestor of the current one: an equal
// state there is a loop without progress. Only finished states prune. What must agree is what the
// rest of the program reads: registers by a static analysis (Cfg::live), stack slots by what was
// really read below the stored state, recorded along `parent`.

#include <cstdint>
#include <memory>
#include <vector>

#include "vm/verifier/cfg.h"
#include "vm/verifier/step.h"

namespace weir::vm::verifier {

struct StoredState {
    State state;
    StoredState* parent = nullptr;
    uint32_t branches = 1;
    SlotMasks written{};  ///< stack slots wholly overwritten between the parent and here
    SlotMasks read{};  ///< stack slots that the rest of the program reads before it overwrites them
    uint32_t hits = 0, misses = 0;
};

/// Records that the path reads these slots of a frame, up to where they were last overwritten.
void mark_read(Path& path, uint8_t frame, uint64_t slots);
void mark_written(Path& path, uint8_t frame, uint64_t slots);

/// Every concrete state of `now` is one of `old`, as far as the rest of the program looks.
bool is_within(const Cfg& cfg, uint32_t pc, const StoredState& old, const State& now);
/// Nothing differs at all, but for dead registers and the names of ids.
bool is_same(const Cfg& cfg, uint32_t pc, const StoredState& old, const State& now);

class StateStore {
public:
    explicit StateStore(const Cfg& cfg) : cfg_(cfg), at_(cfg.meets.size()) {}

    enum class Seen : uint8_t { New, Explored, Loop };
    /// Compares the path with what is stored at its place.
    Seen look_up(Path& path);
    /// Stores the path's state as its new parent.
    void add(Path& path);
    /// One more path hangs below the path's parent.
    static void fork(const Path& path);
    /// The path has ended.
    void finish(const Path& path);

    uint64_t states() const { return states_; }
    uint64_t memory_bytes() const { return memory_bytes_; }

private:
    using Stored = std::unique_ptr<StoredState>;

    const Cfg& cfg_;
    std::vector<std::vector<Stored>> at_;
    std::vector<Stored> evicted_;  ///< no longer looked at, but with unfinished paths below
    uint64_t states_ = 0;
    uint64_t memory_bytes_ = 0;
};

}  // namespace weir::vm::verifier
