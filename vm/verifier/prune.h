#pragma once
// States that were explored to their end, so that a path which reaches one of them again, or less,
// may stop; and states of loops that are still explored, into which a path may come back.
//
// A stored state counts its unfinished paths (`branches`), as the kernel does. Exploration is
// depth-first, so that a state with unfinished paths is an ancestor of the current one.
//
// A finished state ends every path that is contained in it. An unfinished one ends a path only
// where it is the generalised head of a loop (generalise.h): the path is contained in it with
// everything that it holds, so that it goes where the head's paths go (induction), and some value
// has moved strictly and boundedly since the head, so that this happens finitely often. What was
// finished below such a head while the head was not may end a path only if the path's values have
// moved as far as they had there.

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "vm/verifier/compare.h"
#include "vm/verifier/step.h"

namespace weir::vm::verifier {

/// A value that moves in one direction in every round of a loop.
struct Rank {
    uint8_t frame = 0;
    uint8_t place = 0;  ///< register; kRankSlot + stack slot; kRankRound; kRankMayGoto
    bool upwards = true;
    uint64_t rounds_max = 0;
};
constexpr uint8_t kRankSlot = 16, kRankRound = 250, kRankMayGoto = 251;

struct StoredState {
    State state;
    StoredState* parent = nullptr;
    uint64_t chain = 0;  ///< chain_hash()
    Difference difference;
    uint32_t pc = 0;
    uint32_t serial = 0;  ///< of its making
    uint32_t branches = 1;
    SlotMasks written{};  ///< stack slots wholly overwritten between the parent and here
    SlotMasks read{};  ///< stack slots that the rest of the program reads before it overwrites them
    uint32_t hits = 0, misses = 0;
    bool is_let_go = false;

    uint32_t iteration = 0;        ///< at a loop's head: rounds that led here one by one
    bool is_general_head = false;  ///< of a loop
    /// Names from here on were given by this head. Values that an outer head named must not have
    /// moved where a path comes back.
    uint32_t first_name = kEveryName;
    bool has_ranks = false;  ///< `ranks` is what all rounds so far have in common
    std::vector<Rank> ranks;
    /// Innermost and outermost unfinished heads that paths below here came back to.
    StoredState* inner_loop = nullptr;
    StoredState* outer_loop = nullptr;

    uint64_t insns_before = 0;  ///< since the parent
    uint64_t insns_below = 0;   ///< on the longest path from here to an end
    uint64_t round_insns = 0;   ///< on the longest way from this head back to it
    uint64_t nested_insns = 0;  ///< of loops on such a way, beyond the one round of each in it

    bool is_finished() const { return branches == 0; }
};

/// Records that the path reads these slots of a frame, up to where they were last overwritten.
void mark_read(Path& path, uint8_t frame, uint64_t slots);
void mark_written(Path& path, uint8_t frame, uint64_t slots);

class StateStore {
public:
    StateStore(const Cfg& cfg, Dependencies& depend)
        : cfg_(cfg), depend_(depend), at_(cfg.roles.size()) {}

    enum class Seen : uint8_t {
        New,
        Explored,  ///< contained in a finished state
        Covered,   ///< contained in the head of a loop, and nearer to the loop's end
        Outgrown,  ///< back at the generalised head of a loop, and not contained in it
        Stalled,   ///< back at a state that it is contained in, and no nearer to an end
        Again,     ///< back at the head of a loop that is walked round by round
    };
    struct Found {
        Seen seen = Seen::New;
        StoredState* state = nullptr;
    };
    /// Compares the path with what is stored at its place. Explored and Covered: the path has
    /// ended, and the store knows it.
    Found look_up(Path& path);

    /// Stores the path's state as its new parent.
    StoredState& add(Path& path);
    /// One more path hangs below the path's parent.
    static void fork(const Path& path);
    /// The path has ended.
    void finish(const Path& path) { finish(path, 0); }

    uint32_t next_serial() const { return static_cast<uint32_t>(all_.size()); }
    /// Forgets what was stored since then, but for what was explored to its end without leaning on
    /// what is forgotten.
    void roll_back(uint32_t serial);

    /// Comparisons with finished states at this slot that found nothing, since the last that did.
    uint32_t& in_vain(uint32_t pc) { return at_[pc].in_vain; }
    /// The youngest finished state at the path's place with the same call chain.
    const StoredState* youngest(const Path& path) const;

    /// On the longest path from the state with this number, the first of a root.
    uint64_t insns_from(uint32_t serial) const { return all_[serial].insns_below; }

    uint64_t states() const { return states_; }
    uint64_t states_max() const { return states_max_; }
    uint64_t memory_bytes() const { return memory_bytes_; }

private:
    struct Place {
        std::vector<StoredState*> finished, open;
        uint32_t in_vain = 0;
    };

    /// Unfinished states that a path comes back to.
    struct OpenStates {
        StoredState* nearest = nullptr;
        StoredState* same = nullptr;  ///< nothing differs
        uint32_t entered = 0;         ///< when the path came into this loop from outside
    };
    template <typename EndsPath>
    StoredState* search(std::vector<StoredState*>& states, const Path& path, EndsPath ends_path);
    void note_open(const Path& path, StoredState& stored, OpenStates& open) const;
    Found meet_open(Path& path, const OpenStates& open);
    bool contains(const Path& path, StoredState& stored) const;
    Found come_back(const Path& path, StoredState& nearest);
    void end_explored(Path& path, StoredState& stored);
    void end_covered(Path& path, StoredState& head);
    void finish(const Path& path, uint64_t insns_below);
    static void count_rounds(StoredState& head);
    /// From an open state to a finished one.
    void close(StoredState& stored);
    /// No longer compared; it may still have unfinished paths.
    void let_go(StoredState& stored);
    void drop(StoredState& stored);

    const Cfg& cfg_;
    Dependencies& depend_;
    std::vector<Place> at_;
    std::deque<StoredState> all_;  ///< by serial; those dropped have no state
    uint64_t states_ = 0, states_max_ = 0;
    uint64_t memory_bytes_ = 0;
};

}  // namespace weir::vm::verifier
