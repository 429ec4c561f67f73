#pragma once
// Tracing packets over the command socket, and reading what runs in order to explain it. A trace
// belongs to its connection and ends with it; there is one at a time.

#include <optional>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/interp/run_record.h"

namespace weir::dataplane::api {

/// The next `count` packets that arrive at `port` (empty: at any) and that `filter` (an XDP program
/// without maps, calls and stores; none: every packet) says yes to. Reply: Empty.
struct TraceStart {
    std::optional<vm::ProgramSpec> filter;
    std::string port;
    uint32_t count = 1;
};

/// What came since, without waiting for more. Reply: TracedPackets.
struct TracePoll {
    uint32_t packets_max = 0;
};

struct TracedObject {
    Handle handle = 0;  ///< 0: it is gone
    std::string name;
};

constexpr uint32_t kTracedFatesMax = 64;  ///< of one packet

enum class FateKind : uint8_t { Left, ToKernel, Dropped, ToWorker };

/// What became of a packet, or of a copy that a broadcast made of it.
struct TracedFate {
    FateKind kind = FateKind::Left;
    std::string port;     ///< Left, Dropped
    std::string reason;   ///< Dropped, as its counter is named
    uint32_t worker = 0;  ///< ToWorker
};

struct TracedPacket {
    uint64_t generation = 0;
    uint64_t time_ns = 0;  ///< since 1970
    uint32_t worker = 0;
    std::string port;  ///< it came in by
    uint16_t queue = 0;
    std::vector<TracedFate> fates;  ///< of it and of its copies, in their order
    vm::RunRecord record;           ///< without who they are:
    std::vector<TracedObject> programs, maps;
};

struct TracedPackets {
    std::vector<TracedPacket> packets;
    bool is_done = false;      ///< as many as asked for were given; the trace is over
    uint64_t passed_over = 0;  ///< packets that came while all room was taken, unseen by the filter
};

/// A program of the running generation, or of a trace. Reply: ProgramText.
struct ReadProgram {
    Handle program = 0;
};
struct ProgramText {
    Handle handle = 0;
    std::string name, object;
    vm::ProgramSpec spec;
    std::vector<Handle> maps;  ///< behind spec.maps
};

/// Request without arguments: what bpf_fib_lookup answers from. Reply: RoutesRead.
struct RoutesRead {
    std::vector<Route> routes;
    std::vector<Neighbour> neighbours;
};

}  // namespace weir::dataplane::api
