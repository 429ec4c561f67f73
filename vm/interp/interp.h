#pragma once
// The reference meaning of insn.def.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/verified.h"

namespace weir::vm {

/// Runs a proven program over one packet; returns r0's low 32 bits.
/// maps[i] is the map that stands behind spec().maps[i].
uint32_t interpret(const VerifiedProgram& program, std::span<Map* const> maps,
                   const HelperTable& helpers, XdpContext& context, RunEnv& env);

uint32_t interpret(const VerifiedProgram& program, std::span<Map* const> maps,
                   const HelperTable& helpers, SkbContext& context, RunEnv& env);

/// What a proven program runs with; nothing is owned.
struct ProvenCode {
    std::span<const DecodedSlot> code;
    std::span<Map* const> maps;
    const HelperTable* helpers;
    const Runnable* runnable = nullptr;  ///< as prog arrays hold it
    const ProgramSpec* spec = nullptr;   ///< for runs that are traced
    uint32_t number = 0;                 ///< for AbortLog
};

/// A proven program as the interpreter's prog arrays and timers hold it.
class ProvenProgram final : public Runnable {
public:
    /// maps[i] stands behind spec().maps[i] and must outlive this; so must `helpers`.
    ProvenProgram(std::shared_ptr<const VerifiedProgram> program, std::span<Map* const> maps,
                  const HelperTable& helpers, uint32_t number = 0);
    ProvenProgram(const ProvenProgram&) = delete;
    ProvenProgram& operator=(const ProvenProgram&) = delete;

    /// As interpret(); for programs of type xdp.
    uint32_t run(XdpContext& context, RunEnv& env) const;
    uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                  RunEnv& env) const override;
    uint64_t function_address(uint32_t insn) const override;
    const ProvenCode& bound() const { return bound_; }

private:
    std::shared_ptr<const VerifiedProgram> program_;
    std::vector<Map*> maps_;
    ProvenCode bound_;
};

// ---- the instrumented interpreter: programs that nobody verified -------------------------------

/// Steps of one run over a packet, and of each callback of a timer: they do not share.
constexpr uint64_t kCheckedInsnsMax = 100'000'000;

/// What a fault says of the program.
enum class FaultKind : uint8_t {
    Violation,  ///< it did what no program may
    Budget,     ///< its steps were spent
    Engine,     ///< nothing: a bound or a gap of the interpreter
};

/// Where and why a run was stopped; the packet's verdict is then XDP_ABORTED (of a filter: 0).
struct RunFault {
    std::string program;  ///< after tail calls the one that ran
    uint32_t insn = 0;
    std::string message;
    FaultKind kind = FaultKind::Violation;
};
using FaultSink = std::function<void(const RunFault&)>;

/// A program, decoded and bound to its maps, that may run without a proof: every access, helper
/// argument and jump is checked at run time. Any thread may run it, one run per RunEnv at a time.
class CheckedProgram : public Runnable {
public:
    /// maps[i] stands behind spec.maps[i]; neither maps nor helpers are owned. Refuses what
    /// cannot be decoded, calls and loads that no run could do, and (kRejected, by instruction and
    /// name) fields of the context that cannot be given, where it is sure that some run gets there.
    static Result<std::unique_ptr<CheckedProgram>> make(ProgramSpec spec, std::vector<Map*> maps,
                                                        const HelperTable& helpers);
    virtual const ProgramSpec& spec() const = 0;
    /// Who is told of faults in functions that call() runs, which timers do: no packet's result
    /// could carry them; and how many steps each of them may take. Set before the first run; called
    /// by the thread that runs the function.
    virtual void report_faults_to(FaultSink sink, uint64_t insns_max = kCheckedInsnsMax) = 0;
};

struct CheckedResult {
    uint32_t retval = 0;
    uint64_t insns = 0;  ///< steps taken, callbacks included
    std::optional<RunFault> fault;
};

class MemoryModel;  // vm/interp/memory_model.h

/// One instruction of a run, before it is done. Valid while it is shown.
struct RunStep {
    const ProgramSpec& program;  ///< after tail calls the one that runs
    uint32_t insn = 0;
    uint32_t depth = 0;        ///< open frames above the current one
    uint16_t initialised = 0;  ///< bit i: ri holds something
    std::span<const uint64_t, kRegisterCount> registers;
    std::span<const uint8_t> stack;  ///< of all open frames, kStackBytes each, the innermost first
    const MemoryModel& memory;
};

/// Sees every instruction of a run, also the one that faults. Called by the thread that runs.
class RunWatcher {
public:
    virtual ~RunWatcher() = default;
    virtual void step(const RunStep& step) = 0;
};

/// Runs over one packet. An xdp program takes the XdpContext, a socket filter the SkbContext.
/// Context fields are translated at each load (the code is the unverified one). `watcher` may be
/// nullptr.
CheckedResult run_checked(const CheckedProgram& program, XdpContext& context, RunEnv& env,
                          uint64_t insns_max = kCheckedInsnsMax, RunWatcher* watcher = nullptr);
CheckedResult run_checked(const CheckedProgram& program, SkbContext& context, RunEnv& env,
                          uint64_t insns_max = kCheckedInsnsMax, RunWatcher* watcher = nullptr);

/// For the conformance plug-in alone: runs bytes that nobody verified, r1 = memory, r2 = its
/// length. Every access is checked against memory and stack; a fault, an unknown helper or more
/// than `insns_max` steps is an error.
Result<uint64_t> interpret_unverified(std::span<const Insn> insns, std::span<uint8_t> memory,
                                      const HelperTable& helpers, uint64_t insns_max);

}  // namespace weir::vm
