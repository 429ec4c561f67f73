#pragma once
// How long a worker was away: programs that note the time between their bursts. On a device that
// always has packets that is the time between two polls. A harness of measurements; nothing of it
// is in the product.

#include <rte_cycles.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "jit/jit.h"

namespace weir::perf {

/// Of one worker, shared by the programs that take turns on it.
struct Gap {
    uint64_t last_tsc = 0;           ///< the worker's own
    std::atomic<uint64_t> worst{0};  ///< cycles; a reader takes it with exchange(0)
};

/// `inner`, with the time of each burst noted.
class WatchedProgram final : public jit::CompiledProgram {
public:
    WatchedProgram(std::shared_ptr<const jit::CompiledProgram> inner, Gap& gap)
        : CompiledProgram({enter_single, enter_burst, true}), inner_(std::move(inner)), gap_(gap) {}
    jit::Engine engine() const override { return inner_->engine(); }
    std::span<const uint8_t> code() const override { return inner_->code(); }
    const jit::CodeMap* code_map() const override { return inner_->code_map(); }

private:
    static uint64_t enter_single(uint64_t context, uint64_t self, vm::RunEnv* env) {
        const auto* program =
            static_cast<const WatchedProgram*>(reinterpret_cast<const CompiledProgram*>(self));
        return program->inner_->run(*reinterpret_cast<vm::XdpContext*>(context), *env);
    }
    static void enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                            uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self) {
        const auto* program = static_cast<const WatchedProgram*>(self);
        Gap& gap = program->gap_;
        const uint64_t now = rte_rdtsc();
        if (gap.last_tsc != 0 && now - gap.last_tsc > gap.worst.load(std::memory_order_relaxed))
            gap.worst.store(now - gap.last_tsc, std::memory_order_relaxed);
        gap.last_tsc = now;
        const auto count = static_cast<size_t>(end - context);
        program->inner_->run_burst({context, count}, {verdicts, count}, {redirects, count}, *env);
    }

    std::shared_ptr<const jit::CompiledProgram> inner_;
    Gap& gap_;
};

/// The kernel's own account of a thread of this process: how long it was kept from running. By name
/// (its `comm`). Where there is none the process ends: 0 would read as "undisturbed".
uint64_t thread_wait_ns(const std::string& name);

}  // namespace weir::perf
