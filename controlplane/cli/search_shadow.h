#pragma once
// Follows a run and keeps beside every register and byte of memory where it comes from: bytes of
// the packet, look-ups, calls. Leaves the conditions of the branches, in order.

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "controlplane/cli/search_run.h"
#include "controlplane/cli/search_suspect.h"
#include "controlplane/cli/search_terms.h"
#include "vm/verifier/verifier.h"

namespace weir::controlplane::cli {

struct Branch {
    uint32_t insn = 0;
    Condition condition;  ///< as the run met it: it holds
};

/// What the run did last, or could not do.
struct LastMoment {
    uint32_t insn = 0;
    std::array<uint64_t, vm::kRegisterCount> registers{};
    uint64_t packet_start = 0, packet_end = 0;  ///< as they were then
};

class Shadow final : public RunFollower {
public:
    /// The suspect is the instruction of the rejection.
    explicit Shadow(const vm::Rejection& rejection) : suspect_(rejection) {}

    void begin(const SearchScene& scene) override;
    void step(const vm::RunStep& step) override;

    const Terms& terms() const { return terms_; }
    const std::vector<Branch>& branches() const { return branches_; }
    const Suspect& suspect() const { return suspect_; }
    const LastMoment& last() const { return last_; }

private:
    struct MemoryByte {
        Value value;
        uint8_t index = 0;  ///< which of its bytes
    };

    Registers& frame() { return frames_[depth_]; }
    void finish(const vm::RunStep& step);
    void finish_call(const vm::RunStep& step);
    void begin_insn(const vm::RunStep& step);
    void enter_frames(const vm::RunStep& step);
    void begin_store(const vm::RunStep& step, const vm::DecodedInsn& insn);
    void note_branch(const vm::RunStep& step, const vm::DecodedInsn& insn);

    void store(uint64_t address, Value value, uint32_t bytes);
    Value load(uint64_t address, uint32_t bytes);
    Value load_byte(uint64_t address);
    Value first_byte(uint64_t address, uint8_t now);
    Value context_value(uint64_t address, uint64_t number);
    Value loaded(uint64_t address, uint64_t number);
    Value packet_load(uint64_t number);
    Value call_result(uint64_t r0);
    Value lookup_result(const TouchedElement& element, uint64_t r0);
    Value copy_result(uint64_t r0);
    Value length();

    Suspect suspect_;
    std::optional<SearchScene> scene_;
    uint64_t packet_start_ = 0, packet_end_ = 0;  ///< as the run began
    Terms terms_;
    std::vector<Registers> frames_;
    size_t depth_ = 0;
    std::unordered_map<uint64_t, MemoryByte> memory_;  ///< what the program wrote
    const vm::DecodedInsn* pending_ = nullptr;         ///< done when the next one is shown
    Registers before_{};                               ///< it
    LastMoment last_;
    std::vector<Branch> branches_;
};

}  // namespace weir::controlplane::cli
