#pragma once
// Whether a run goes round in circles: a machine that is again in a state that it was in before,
// and meanwhile touched nothing but itself and its packet, does so for ever.

#include <array>
#include <cstdint>
#include <optional>

#include "controlplane/cli/search_run.h"
#include "vm/base/bytes.h"

namespace weir::controlplane::cli {

class CycleWatch final : public RunFollower {
public:
    void begin(const SearchScene& scene) override { scene_.emplace(scene); }
    void step(const vm::RunStep& step) override;

    /// An instruction of the circle; nullopt: none was seen.
    std::optional<uint32_t> found() const { return found_; }

private:
    bool is_private(const vm::RunStep& step, uint64_t address) const;
    bool asks_others(const vm::RunStep& step) const;
    bool is_kept(const vm::RunStep& step) const;
    void keep(const vm::RunStep& step);

    std::optional<SearchScene> scene_;
    std::array<uint64_t, vm::kRegisterCount> registers_{};
    Bytes stack_;
    uint32_t insn_ = 0, depth_ = 0;
    bool has_kept_ = false;
    uint64_t steps_ = 0, keep_at_ = 1;
    std::optional<uint32_t> found_;
};

}  // namespace weir::controlplane::cli
