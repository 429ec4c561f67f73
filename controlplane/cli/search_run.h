#pragma once
// A program on the bench: run again and again in the instrumented interpreter, over inputs that a
// search thinks out. Every run finds the maps as the input says and nothing of the runs before.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/cli/offline_packet.h"
#include "controlplane/cli/search_calls.h"
#include "controlplane/cli/search_input.h"
#include "vm/base/result.h"
#include "vm/helpers/timers.h"
#include "vm/interp/interp.h"

namespace weir::controlplane::cli {

class SearchBench;

/// What a run begins with; valid until it ends.
struct SearchScene {
    const SearchBench& bench;
    const SearchInput& input;
    const vm::XdpContext& packet;
    uint64_t context = 0;  ///< address of what r1 points to
    SteeredCalls& calls;
};

/// Watches a run and knows what it began with.
class RunFollower : public vm::RunWatcher {
public:
    virtual void begin(const SearchScene& scene) = 0;
};

/// An element that a run came upon, as the run found it.
struct FoundElement {
    std::string map;
    Bytes key;
    std::optional<uint32_t> lookup;  ///< which of the input's choices was made about it
    bool present = false;
    uint32_t value_bytes = 0;
};

struct SearchRun {
    std::optional<vm::RunFault> fault;
    uint64_t insns = 0;
    std::vector<FoundElement> found;
    std::vector<ForcedAnswer> forced;
    std::vector<Unknown> failable;  ///< calls that could have failed
};

/// What one bench may take for maps; a program with more is not searched.
constexpr uint64_t kSearchMapBytesMax = 64u << 20;

class SearchBench {
public:
    /// Refuses what the instrumented interpreter does not run, and maps that are too large. Prog
    /// arrays stay empty: a tail call goes on behind.
    static Result<std::unique_ptr<SearchBench>> make(const vm::ProgramSpec& program);

    const vm::ProgramSpec& spec() const { return program_->spec(); }
    const std::vector<vm::DecodedSlot>& code() const { return code_; }
    /// The map whose global data lies at this address, by its index, and the offset in it.
    struct GlobalPlace {
        uint32_t map = 0;
        uint32_t offset = 0;
    };
    std::optional<GlobalPlace> global_at(uint64_t address) const;
    /// A packet of zeroes, maps as the object fills them.
    SearchInput first_input(size_t packet_bytes) const;

    /// `follower` may be nullptr; callbacks of timers run behind the packet, unfollowed.
    SearchRun run(const SearchInput& input, uint64_t insns_max, RunFollower* follower);

private:
    struct Global {
        uint32_t map = 0;
        uint8_t* base = nullptr;
        Bytes contents;       ///< as the object has them
        bool varies = false;  ///< programs or the control side may have changed it
    };
    SearchBench() = default;

    Result<void> make_maps(const vm::ProgramSpec& program);
    vm::Map* make_inner(const vm::Map& outer);
    void set_globals(const SearchInput& input);
    void clean(const std::vector<TouchedElement>& touched);

    std::vector<std::unique_ptr<vm::Map>> maps_, inner_maps_;
    std::vector<Global> globals_;
    std::vector<vm::DecodedSlot> code_;
    std::unique_ptr<vm::CheckedProgram> program_;
    std::unique_ptr<vm::Timers> timers_;  ///< nullptr: no map has one
    std::optional<vm::RunFault> timer_fault_;
    OfflinePacket packet_;
    bool drains_ = false;  ///< has maps that keep what is put into them
};

}  // namespace weir::controlplane::cli
