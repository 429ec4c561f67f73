#pragma once
// VerifiedProgram -> machine code. Memory is W^X. On a machine without a back end compile() says
// so, and the interpreter serves in its place.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "jit/code_map.h"
#include "vm/base/check.h"
#include "vm/base/result.h"
#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/verified.h"

namespace weir::jit {

enum class Engine { kJit, kInterp };

/// When a burst overlaps the waits of its packets for big maps (overlap_plan.h).
enum class Overlap {
    kAuto,    ///< where a map that is looked up has outgrown the caches
    kNever,   ///< one packet after another
    kAlways,  ///< whatever the maps' sizes: for tests
};

struct CompileOptions {
    Overlap overlap = Overlap::kAuto;
    bool blind_constants = false;  ///< no constant of 32 or 64 bits stands in code as written
    bool perf_symbols = false;     ///< names its functions for `perf` (perf_map.h)
    bool gdb_symbols = false;      ///< tells gdb of functions, frames and lines (gdb_object.h)
    std::string name;              ///< the program's, for symbols; empty: its function's
    uint32_t number = 0;           ///< the program's, for vm::AbortLog
};

/// A program ready to run, bound to maps, by machine code or by the interpreter. Immutable; may be
/// shared by workers. run() and run_burst() are one call each, of the code itself.
class CompiledProgram {
public:
    /// `self` is the CompiledProgram. Returns r0.
    using SingleEntry = uint64_t (*)(uint64_t context, uint64_t self, vm::RunEnv* env);
    /// [context, end) is not empty. Writes `redirects` only if Entries says so.
    using BurstEntry = void (*)(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                                uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self);
    struct Entries {
        SingleEntry single = nullptr;
        BurstEntry burst = nullptr;
        bool burst_writes_redirects = false;
    };

    virtual ~CompiledProgram() = default;

    /// One packet; returns r0's low 32 bits.
    uint32_t run(vm::XdpContext& context, vm::RunEnv& env) const {
        env.redirect_ifindex = 0;
        return static_cast<uint32_t>(entries_.single(reinterpret_cast<uint64_t>(&context),
                                                     reinterpret_cast<uint64_t>(this), &env));
    }
    /// As if one packet after another: verdicts[i] and redirects[i] (bpf_redirect's target, 0 if
    /// none) for contexts[i]. No two share bytes of their frames. Where redirects[i] is
    /// vm::kRedirectByMap, env.map_redirects takes the next entry.
    void run_burst(std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts,
                   std::span<uint32_t> redirects, vm::RunEnv& env) const {
        WEIR_CHECK(verdicts.size() >= contexts.size() && redirects.size() >= contexts.size());
        if (contexts.empty()) return;
        if (!entries_.burst_writes_redirects) std::fill_n(redirects.begin(), contexts.size(), 0u);
        entries_.burst(contexts.data(), contexts.data() + contexts.size(), verdicts.data(),
                       redirects.data(), &env, this);
    }
    virtual Engine engine() const = 0;
    /// As prog arrays and timers hold it, which a program of this engine shares with its kind
    /// alone.
    virtual const vm::Runnable* runnable() const { return nullptr; }
    /// Machine code, empty for the interpreter.
    virtual std::span<const uint8_t> code() const = 0;
    /// What lies where in it; nullptr for the interpreter.
    virtual const CodeMap* code_map() const { return nullptr; }

protected:
    /// enter_by() must follow before anybody runs it.
    CompiledProgram() = default;
    explicit CompiledProgram(const Entries& entries) : entries_(entries) {}
    void enter_by(const Entries& entries) { entries_ = entries; }

private:
    Entries entries_;
};

/// `maps[i]` stands behind program.spec().maps[i] and must outlive the result; so must `helpers`.
Result<std::unique_ptr<CompiledProgram>> compile(std::shared_ptr<const vm::VerifiedProgram> program,
                                                 std::span<vm::Map* const> maps,
                                                 const vm::HelperTable& helpers, Engine engine,
                                                 const CompileOptions& options = {});

}  // namespace weir::jit
