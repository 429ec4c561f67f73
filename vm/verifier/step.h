#pragma once
// One instruction on one path: what the checks read and change.

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "vm/program/spec.h"
#include "vm/program/verified.h"
#include "vm/verifier/cfg.h"
#include "vm/verifier/depend.h"
#include "vm/verifier/fault.h"
#include "vm/verifier/state.h"

namespace weir::vm::verifier {

struct StoredState;

/// Stack slots of each frame, bit i for slot i.
using SlotMasks = std::array<uint64_t, kCallDepthMax>;

/// A path on its way. Its state since the last stored one is `parent`'s child.
struct Path {
    State state;
    uint32_t pc = 0;
    StoredState* parent = nullptr;
    SlotMasks written{};  ///< wholly overwritten since `parent`
    uint64_t insns_since_parent = 0;
    uint32_t jumps_since_parent = 0;
    uint32_t trail = 0;      ///< the last choice that led here: index into Env::trail
    bool came_back = false;  ///< over an edge that closes a loop
};

/// A way taken at a jump that could go both ways. 0 is the beginning.
struct Choice {
    uint32_t before = 0;
    uint32_t pc = 0;
    bool taken = false;
};

/// Code that is entered from outside: the program, and the callbacks that timers call later.
struct Root {
    uint32_t subprogram = 0;
    Caller caller = Caller::Program;
    uint16_t map = 0;  ///< Timer: whose value holds it
    friend bool operator==(const Root&, const Root&) = default;
};

/// What the walk of a function for all its calls has found.
struct FunctionSummary {
    bool is_proven = false;
    bool changes_packet = false;
    uint32_t frames = 1;  ///< at once, its own included
    uint64_t worst_insns = 0;
};

/// What is learnt of the program as a whole.
struct Env {
    const ProgramSpec& program;
    const std::vector<DecodedSlot>& slots;
    const Cfg& cfg;
    Dependencies depend;
    std::vector<InsnFact> facts;
    std::vector<uint8_t>
        fact_known;  ///< bit 0: access seen, bit 1: map seen, bit 2: accesses differ
    std::vector<uint32_t> stack_bytes;
    std::vector<std::vector<uint32_t>> callbacks;  ///< per subprogram: which it has called back
    std::vector<uint8_t> tail_calls;               ///< per subprogram: it has a tail call
    std::vector<Choice> trail = {{}};
    std::vector<Root> roots;
    std::vector<FunctionSummary> summaries;  ///< per subprogram
    FunctionSummary walked;                  ///< of the root that is being walked
    uint32_t last_id = 0;

    uint32_t fresh_id() { return ++last_id; }
    /// Refuses a slot that loads from the context on one path and from elsewhere on another.
    Checked note_access(uint32_t pc, PointerKind kind);
    void note_map(uint32_t pc, const Reg& map);
    void note_alignment(uint32_t pc, bool is_aligned);
    void note_branch(uint32_t pc, bool jumps, bool falls_through);
    void note_callback(uint32_t caller, uint32_t callee);
    void note_root(const Root& root);
};

struct Step {
    Env& env;
    Path& path;
    uint32_t pc;
    const DecodedInsn& insn;

    State& state() const { return path.state; }
    Frame& frame() const { return path.state.top(); }
    Reg& reg(uint8_t index) const { return path.state.top().regs[index]; }
    uint8_t frame_index() const { return static_cast<uint8_t>(path.state.frames.size() - 1); }
    /// A check relies on the number in this register.
    void rely_on(const Reg& number) const { env.depend.mark_precise(number.node); }
    bool is_socket_filter() const { return env.program.type == ProgramType::SocketFilter; }
};

/// What an empty register or slot once held was taken from it: the fault that says so.
Checked check_not_void(const Reg& reg, std::string_view where);
/// The register, or the fault that it was never written.
std::expected<Reg*, Fault> readable_reg(const Step& step, uint8_t index);
/// The same, and it must be a number; `what` names the use.
std::expected<Reg*, Fault> scalar_reg(const Step& step, uint8_t index, std::string_view what);
/// Fault for r10.
Checked writable_reg(uint8_t index);

}  // namespace weir::vm::verifier
