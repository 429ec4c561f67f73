#pragma once
// What runs of programs over one packet did: every instruction, every branch with the values
// compared, every call and every touch of a map's value, in order. Plain data of bounded size,
// without addresses: pointers are said by what they lead to, so that a record can be read in
// another process.

#include <array>
#include <cstdint>
#include <vector>

#include "vm/base/bytes.h"

namespace weir::vm {

class Map;
class Runnable;

/// What a register holds.
enum class Space : uint8_t {
    Number,
    Packet,     ///< `number`: bytes from where the packet begins at this time, below it negative
    PacketEnd,  ///< one past its last byte, `number` as above
    Stack,      ///< from the frame pointer of the frame that runs, mostly negative
    Context,    ///< from the context's start
    MapValue,   ///< from the value's start
    Map,        ///< the map itself
    Elsewhere,  ///< other memory that a helper gave, from its start
};

struct TracedValue {
    uint64_t number = 0;  ///< offsets are two's complement
    Space space = Space::Number;
    uint16_t map = 0;  ///< Map, MapValue: index into RunRecord::maps
};

/// A stretch of RunRecord::bytes.
struct TracedBytes {
    static constexpr uint32_t kNone = UINT32_MAX;
    uint32_t offset = kNone;  ///< kNone: there is nothing, or there was no room for it
    uint32_t bytes = 0;
};

/// One instruction. `a` and `b` by its format: of a jump what was compared (32 bits of it in 32-bit
/// comparisons); of arithmetic and loads the result, and of a load its address; of a store or an
/// atomic operation the operand and the address; of a call r0 afterwards; of an exit r0.
struct TracedStep {
    uint32_t insn = 0;
    uint16_t program = 0;  ///< index into RunRecord::programs
    uint8_t depth = 0;     ///< frames below this one, at most 255
    bool jumped = false;   ///< the next instruction of this run was not the one behind it
    TracedValue a, b;
};

/// A call of a helper or kfunc.
struct TracedCall {
    static constexpr uint16_t kNoMap = UINT16_MAX;
    uint32_t step = 0;  ///< index into RunRecord::steps, or its size where the steps were cut
    int32_t id = 0;     ///< number in kfuncs.def of a kfunc
    bool is_kfunc = false;
    bool is_done = false;   ///< false: the run ended in it (a tail call)
    uint16_t map = kNoMap;  ///< index into RunRecord::maps
    std::array<TracedValue, 5> args;
    TracedValue result;
    TracedBytes key;
    TracedBytes value;   ///< found, or to be written, or taken out
    TracedBytes before;  ///< of an update or deletion what stood there; none of kinds in which a
                         ///< look-up is felt
};

/// A store or atomic operation that changed a map's value, beside the map's helpers.
struct TracedWrite {
    uint32_t step = 0;
    uint16_t map = 0;
    uint8_t bytes = 0;    ///< 1, 2, 4 or 8
    uint32_t offset = 0;  ///< in the value
    uint64_t before = 0, after = 0;
    TracedBytes key;  ///< none where the value came without one
};

/// One program of a chain.
struct TracedRun {
    uint32_t step = 0;     ///< its first
    uint16_t program = 0;  ///< with which it began; tail calls lead to others
    uint32_t ingress_ifindex = 0;
    uint32_t egress_ifindex = 0;  ///< 0: on ingress
    uint32_t retval = 0;
    uint32_t redirect_ifindex = 0;  ///< RunEnv's, after the run
    TracedBytes packet;             ///< as it left it; none: as before
};

struct RunRecord {
    std::vector<TracedStep> steps;
    std::vector<TracedCall> calls;
    std::vector<TracedWrite> writes;
    std::vector<TracedRun> runs;
    uint64_t steps_total = 0;  ///< executed; more than `steps` where those were cut
    bool is_cut = false;       ///< some list was full, or the bytes
    TracedBytes packet;        ///< as the first program met it, segments apart
    Bytes bytes;
    // Who they are, for the process that ran them; not owned.
    std::vector<const Runnable*> programs;
    std::vector<const Map*> maps;
};

/// How much of a key or value is kept.
constexpr uint32_t kTracedValueBytesMax = 512;
constexpr uint32_t kTracedStepsMax = 8192;
constexpr uint32_t kTracedCallsMax = 512;
constexpr uint32_t kTracedWritesMax = 512;
constexpr uint32_t kTracedRunsMax = 160;
constexpr uint32_t kTracedProgramsMax = 256;
constexpr uint32_t kTracedMapsMax = 256;
constexpr uint32_t kTracedBytesMax = 96u << 10;

}  // namespace weir::vm
