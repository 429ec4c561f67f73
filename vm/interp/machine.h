#pragma once
// The state of a run: registers, frames, budgets. `Access` says what memory a program may reach and
// what calls it may do; the meaning of the instructions is in step.h.
//
// What an Access has, and is asked by step.h:
//   Program                      `code`, and what stands behind its maps and helpers
//   kTranslatesContext           then also is_context(address) and
//                                bool load_context<bits>(m, address, is_signed, value)
//   bool may_step(m, at)         before every instruction
//   uint8_t* reach<bits>(m, address, touch)   the memory of a load, store or atomic operation
//   bool load_address(m, at, value)           LoadMap and its like
//   PacketLoad packet_bytes(m, offset, out)   LD_ABS and LD_IND
//   bool call(m, callee, id)     a helper or kfunc; the result goes to r0
//   bool tail_target(m, target)  leaves target at nullptr where the program just goes on
//   bool entered(m, function)    a frame of the function that begins there began
//   void exits(m, at)            before an exit
//   void left(m), returned(m)    a frame ends, its caller goes on
//   void jumped(m)               m.program became the target of a tail call
//   fault(m, text)               ends the run
// false and nullptr end the run; the Access has then noted why.

#include <array>
#include <cstdint>
#include <span>

#include "vm/base/limits.h"
#include "vm/interp/touch.h"
#include "vm/isa/insn.h"
#include "vm/program/run.h"

namespace weir::vm {

using Slot = const DecodedSlot*;

enum class Callee : uint8_t { Helper, Kfunc };
enum class PacketLoad : uint8_t { Done, Outside, Fault };

/// Of a run: a program nests at most kCallDepthMax frames, and out of the deepest a tail call may
/// start the next one.
constexpr uint32_t kFramesMax = kCallDepthMax + kTailCallsMax * (kCallDepthMax - 1);

template <typename Program>
struct Caller {
    Slot resume;  ///< nullptr: the frame was entered from C++, by a helper
    const Program* program;
    uint32_t entry_depth;
    std::array<uint64_t, 4> saved;  ///< r6..r9
};

template <typename Access>
struct Machine {
    using Program = typename Access::Program;

    Machine(Access& its_access, const Program& its_program, RunEnv& its_env)
        : access(its_access), program(&its_program), env(its_env) {
        r[10] = top();
    }

    Access& access;
    const Program* program;
    RunEnv& env;
    std::array<uint64_t, kRegisterCount> r{};
    uint32_t depth = 0;
    uint32_t entry_depth = 0;  ///< of the frame in which the running program began
    uint32_t tail_calls = 0;
    uint32_t may_gotos_left = kMayGotoMax;
    std::array<Caller<Program>, kFramesMax - 1> callers;
    /// Frames grow downwards, kStackBytes each. Left as it is: a proven program writes before it
    /// reads.
    alignas(16) std::array<uint8_t, size_t{kStackBytes} * kFramesMax> stack;

    uint64_t top() const { return reinterpret_cast<uint64_t>(stack.data() + stack.size()); }
    /// The lowest byte of the current frame.
    uint8_t* bottom() { return stack.data() + stack.size() - (depth + 1) * size_t{kStackBytes}; }
};

/// The environment as it is during a run, and as it was before afterwards.
class RunScope {
public:
    using MayReadFn = decltype(RunEnv::may_read);

    RunScope(RunEnv& env, const Runnable* program, CallbackFn call, MayReadFn may_read,
             void* engine)
        : env_(env),
          program_(env.program),
          call_(env.call),
          may_read_(env.may_read),
          engine_(env.engine) {
        env.may_read = may_read;
        env.program = program;
        env.call = call;
        env.engine = engine;
    }
    ~RunScope() {
        env_.program = program_;
        env_.call = call_;
        env_.may_read = may_read_;
        env_.engine = engine_;
    }
    RunScope(const RunScope&) = delete;
    RunScope& operator=(const RunScope&) = delete;

private:
    RunEnv& env_;
    const Runnable* const program_;
    const CallbackFn call_;
    const MayReadFn may_read_;
    void* const engine_;
};

}  // namespace weir::vm
