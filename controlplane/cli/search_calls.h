#pragma once
// Helpers whose answers a search chooses: look-ups find what the input says, calls that may fail do
// so when it says, random numbers and clocks give its numbers. Whatever they answer, some run of
// the program can meet.

#include <optional>
#include <span>
#include <vector>

#include "controlplane/cli/search_input.h"
#include "vm/program/run.h"

namespace weir::controlplane::cli {

/// An element that a run came upon.
struct TouchedElement {
    vm::Map* map = nullptr;
    Bytes key;
    std::optional<uint32_t> lookup;  ///< which of the input's choices made it; nullopt: none
    uint64_t address = 0;            ///< of its value; 0: it was not there
};

/// A call that did not answer for itself.
struct ForcedAnswer {
    vm::HelperId helper = vm::HelperId::get_prandom_u32;
    uint64_t number = 0;
};

/// What the last call was, for whoever follows the run.
struct LastCall {
    std::optional<Unknown> result;  ///< the unknown that it answered with
    std::optional<size_t> element;  ///< index of the element that was looked up
};

class SteeredCalls;

/// Every helper gets the environment of its run: this one.
struct SteeredEnv : vm::RunEnv {
    SteeredCalls* calls = nullptr;
};

class SteeredCalls {
public:
    /// `make_inner` gives a map for a slot of a map in map that the input wants filled, or nullptr.
    using MakeInner = vm::Map* (*)(void* opaque, const vm::Map& outer);

    SteeredCalls(const SearchInput& input, MakeInner make_inner, void* opaque)
        : input_(input), make_inner_(make_inner), opaque_(opaque) {}

    const std::vector<TouchedElement>& touched() const { return touched_; }
    const LastCall& last() const { return last_; }
    const std::vector<ForcedAnswer>& forced() const { return forced_; }
    /// Calls that could have failed and did not have to.
    const std::vector<Unknown>& failable() const { return failable_; }

    // -- for the helpers
    uint64_t look_up(vm::Map& map, uint64_t key, uint64_t cpu, vm::HelperFn natural,
                     vm::RunEnv& env);
    /// A walk over the elements finds one, or a queue has one, if the input says so: the element of
    /// a key of zeroes stands for it.
    void touch_first(vm::Map& map);
    /// The program is about to change the element: no choice is left about it.
    void note_change(vm::Map& map, uint64_t key);
    /// The result to give instead of calling, if the input has one.
    std::optional<uint64_t> answer(vm::HelperId helper, UnknownKind kind, uint32_t offset);
    void begin_call() { last_ = {}; }

private:
    TouchedElement* find(const vm::Map& map, std::span<const uint8_t> key);
    TouchedElement& touch(vm::Map& map, std::span<const uint8_t> key);
    void choose(vm::Map& map, const uint8_t* key, const LookupChoice& choice);

    const SearchInput& input_;
    MakeInner make_inner_;
    void* opaque_;
    std::vector<TouchedElement> touched_;
    uint32_t lookups_ = 0, calls_ = 0;
    LastCall last_;
    std::vector<ForcedAnswer> forced_;
    std::vector<Unknown> failable_;
};

/// All helpers, these ones steered. Their environment must be a SteeredEnv.
const vm::HelperTable& steered_helpers();

/// Queues and stacks: nobody looks up.
bool has_no_keys(vm::MapType type);
/// True of kinds whose elements are all there from the start: a look-up fails by its key alone.
bool has_all_elements(vm::MapType type);

}  // namespace weir::controlplane::cli
