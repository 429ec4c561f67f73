#pragma once
// A program of an object with its maps, with timers, and with the programs that it may tail-call,
// in this process: no node, no privileges. Proven and run by machine code or the interpreter, all
// of them by the same; or unproven, run by the interpreter with every access checked.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controlplane/cli/offline_maps.h"
#include "controlplane/cli/offline_packet.h"
#include "jit/jit.h"
#include "vm/helpers/fib.h"
#include "vm/helpers/timers.h"
#include "vm/interp/interp.h"

namespace weir::controlplane::cli {

struct OfflineOptions {
    std::optional<jit::Engine> engine;  ///< nullopt: machine code, or else the interpreter
    jit::CompileOptions compile;
    bool unverified = false;             ///< the interpreter, every access checked; no proof
    std::shared_ptr<const vm::Fib> fib;  ///< nullptr: no port and no route is known
};

/// What became of one packet.
struct OfflineOutcome {
    bool ran = false;
    uint32_t retval = 0;
    uint32_t redirect_ifindex = 0;  ///< of XDP_REDIRECT; one of vm::kRedirect*: by a map
    std::optional<vm::RunFault> fault;
    std::string error;  ///< why no program saw it
};

/// Of callbacks that timers called; only unverified programs have any.
struct TimerFaults {
    uint64_t count = 0;
    std::vector<vm::RunFault> first;  ///< at most kTimerFaultsKept
};
constexpr size_t kTimerFaultsKept = 1024;

class OfflineSet {
public:
    /// kRejected when the verifier refuses. `program` is one of `object`'s.
    static Result<std::unique_ptr<OfflineSet>> make(const vm::ObjectSpec& object,
                                                    const vm::ProgramSpec& program,
                                                    const OfflineOptions& options);

    /// --map-fill: NAME=FILE. What it puts into prog arrays stays, whatever the object says.
    Result<void> fill(const std::string& option);

    const vm::ObjectSpec& object() const { return object_; }
    const vm::ProgramSpec& spec() const { return spec_; }
    const OfflineMaps& maps() const { return maps_; }
    /// nullptr of an unverified program.
    const jit::CompiledProgram* compiled() const { return made_[0].compiled.get(); }
    vm::RunEnv& env() { return env_; }

    /// Runs packets in order, `burst` at a time (1..kBurstPacketsMax); their bytes become what the
    /// program left. Timers that are due run between packets and at the end.
    std::vector<OfflineOutcome> run(std::span<Bytes> packets, uint32_t burst);
    const TimerFaults& timer_faults() const { return timer_faults_; }

private:
    OfflineSet(const vm::ObjectSpec& object, const vm::ProgramSpec& program, OfflineMaps maps)
        : object_(object), spec_(program), maps_(std::move(maps)) {}

    /// A program of the object that runs here; one of both.
    struct Made {
        size_t index = 0;  ///< in object_.programs
        std::unique_ptr<jit::CompiledProgram> compiled;
        std::unique_ptr<vm::CheckedProgram> checked;

        BoundProgram bound() const;
    };

    Result<std::unique_ptr<jit::CompiledProgram>> compile(const vm::ProgramSpec& program) const;
    Result<std::unique_ptr<vm::CheckedProgram>> make_checked(const vm::ProgramSpec& program);
    Result<void> bind_slots();
    Result<BoundProgram> find_program(const std::string& name);
    void run_burst(std::span<Bytes> packets, std::span<const size_t> chosen,
                   std::vector<OfflineOutcome>& outcomes);
    void run_one(Bytes& packet, OfflineOutcome& outcome);
    void run_timers();
    void note_timer_fault(const vm::RunFault& fault);
    std::string refuse_frame(size_t bytes) const;

    // Members end in reverse order: programs go before the maps that they are bound to.
    const vm::ObjectSpec object_;
    const vm::ProgramSpec spec_;
    OfflineMaps maps_;
    std::unique_ptr<vm::Timers> timers_;
    bool is_unverified_ = false;
    std::optional<jit::Engine> engine_;
    jit::CompileOptions compile_options_;
    std::vector<Made> made_;  ///< the first is the one that runs
    size_t bound_count_ = 0;  ///< of made_, whose prog arrays have their programs
    std::shared_ptr<const vm::Fib> fib_;
    vm::RunEnv env_;
    std::vector<OfflinePacket> buffers_;
    TimerFaults timer_faults_;
};

}  // namespace weir::controlplane::cli
