#pragma once
// What crosses the dataplane's command socket (RUN_DIR/dataplane.sock), this system's bpf(2). Each
// request is one frame and gets one reply frame. Plain data; the encoding is in codec.h, the client
// in client.h.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/helpers/fib.h"
#include "vm/program/spec.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane::api {

constexpr uint32_t kMagic = 0x52494557;  ///< "WEIR"
constexpr uint16_t kVersion = 10;
constexpr uint32_t kFrameBytesMax = 64u << 20;
constexpr uint32_t kBatchElementsMax = 4096;  ///< map elements per frame

enum class PassKind : uint8_t { Port, Kernel, Drop };
enum class FailMode : uint8_t { Closed, Open };
/// What a worker does when nothing comes. Adaptive: spins, pauses, then sleeps. Monitor: as
/// Adaptive, but waits on a change of memory where the processor can (umwait, mwaitx).
enum class IdleMode : uint8_t { Poll, Adaptive, Monitor };
/// Are the packets of a port that has fewer receive queues than there are workers spread over all
/// workers by their flow?
enum class Distribution : uint8_t { Auto, Off };
enum class HugepageMode : uint8_t { Auto, Required, Off };
/// Which tools learn the names of compiled programs.
enum class SymbolMode : uint8_t { None, Perf, Gdb, All };
/// Does a map outlive the dataplane, as a file of the run directory? `Fresh`: a file of another
/// definition is set aside for it; with `Keep` it is refused.
enum class Persistence : uint8_t { None, Keep, Fresh };

struct PortConfig {
    std::string name;
    std::string device;  ///< PCI address or vdev string
    PassKind pass = PassKind::Drop;
    std::string pass_port;  ///< PassKind::Port: the other port's name
    FailMode fail = FailMode::Closed;
    uint32_t ifindex = 0;  ///< what programs see; never 0
    uint16_t queues = 1;
    uint16_t mtu = 0;             ///< 0: as the device has it
    uint16_t rx_descriptors = 0;  ///< 0: default
    bool promiscuous = true;
    bool allmulticast = false;
    Distribution distribution = Distribution::Auto;
    std::string link_follow;       ///< goes down with the link of this port; empty: with none
    uint64_t chain_budget_ns = 0;  ///< of one packet in both chains, over a burst; 0: no bound
};

/// The first frame. EAL starts with it; a second one is refused.
struct Configure {
    std::vector<uint32_t> lcores;  ///< CPU numbers, one worker each
    uint32_t workers_max = 0;      ///< slots in per-CPU maps; 0: as many as lcores
    IdleMode idle = IdleMode::Adaptive;
    HugepageMode hugepages = HugepageMode::Auto;
    uint64_t memory_bytes = 512u << 20;
    bool jit_harden = false;  ///< no constant of 32 or 64 bits stands in machine code as written
    SymbolMode jit_symbols = SymbolMode::None;
    std::vector<PortConfig> ports;
};

/// Names are unique among the maps of one generation and among the pending ones of one connection.
/// A pending map may have the name of a published one and takes its place when a generation that
/// uses it is published (globals that start fresh, a new definition); to carry contents over, name
/// the published handle in ProgramLoad instead.
struct MapCreate {
    std::string name;  ///< PROGRAM/MAP or, where shared, NAME
    vm::MapSpec spec;
    Persistence persistence = Persistence::None;
};
/// Names the object that a later frame of the same connection means. Objects that no published
/// generation uses go away with the connection that made them.
using Handle = uint32_t;

using Element = std::pair<Bytes, Bytes>;  ///< key, value

/// Of a map, page by page.
struct MapElements {
    std::vector<Element> elements;  ///< may be none although more follow: slots can be empty
    std::optional<Bytes> after;     ///< for the next request; nullopt: that was the end
};

struct MapInfo {
    Handle handle = 0;
    std::string name;
    bool published = false;  ///< a program of the running generation uses it; else it is pending,
                             ///< of the asking connection
    vm::MapSpec spec;        ///< without contents; with types
    uint32_t entries = 0;
    uint64_t memory_bytes = 0;    ///< what the map takes and never exceeds
    uint64_t used_bytes = 0;      ///< of these, what its elements need
    uint64_t full_count = 0;      ///< inserts refused because it was full
    uint64_t busy_count = 0;      ///< writes given up because another writer held a lock
    uint64_t evicted_count = 0;   ///< elements that left to make room
    uint64_t lost_events = 0;     ///< records that did not fit into a ring
    bool persists = false;        ///< it is a file that outlives the dataplane
    uint64_t restored_count = 0;  ///< elements that its file held
    uint64_t torn_count = 0;      ///< elements of its file that were not whole at the start
    uint32_t cpu_slots = 1;
};

/// `fresh`, pending and of the asking connection, takes name, handle and place of the published
/// `map` of the same definition.
struct MapReplacement {
    Handle map = 0;
    Handle fresh = 0;
};

struct ProgramLoad {
    std::string name;  ///< as the config calls it
    vm::ProgramSpec spec;
    std::vector<Handle> maps;    ///< one per spec.maps
    std::string object;          ///< path it came from, for people
    std::string object_hash;     ///< hex, for people
    bool skip_on_fault = false;  ///< after a fault the chain goes on without it
};
struct ProgramLoaded {
    Handle handle = 0;
    uint64_t verify_us = 0;
    uint64_t compile_us = 0;
    uint32_t jited_bytes = 0;  ///< 0: the interpreter runs it
};

/// One hook's chain; order is execution order.
struct Chain {
    std::string port;
    bool egress = false;
    std::vector<Handle> programs;
};
/// What a route says of packets to its prefix (rtnetlink's RTN_*).
using RouteType = vm::RouteKind;

/// Addresses are in network order, of 4 or 16 bytes. Those of one route are of one family, but that
/// an IPv6 gateway may lead to IPv4 destinations (RFC 5549).
struct Route {
    Bytes prefix;
    uint8_t length_bits = 0;
    RouteType type = RouteType::Unicast;
    uint32_t ifindex = 0;  ///< of a port; 0 unless Unicast
    Bytes via;             ///< the gateway; empty: the destination is a neighbour itself
    Bytes source;          ///< empty: none is preferred
    uint32_t table = 254;  ///< Linux' number: main is 254, local 255
    uint32_t metric = 0;   ///< of two routes to one prefix the smaller counts
    uint32_t mtu = 0;      ///< 0: the port's
};

struct Neighbour {
    Bytes address;
    Bytes mac;  ///< 6 bytes
    uint32_t ifindex = 0;
};

/// Everything that runs from now on. Ports without a chain here pass everything. Programs and maps
/// that only the old generation used are freed once it is retired.
struct Publish {
    std::vector<Chain> chains;
    std::string config_hash;
    std::vector<Route> routes;  ///< what bpf_fib_lookup answers from
    std::vector<Neighbour> neighbours;
};
struct Published {
    uint64_t generation = 0;
    uint64_t swap_us = 0;  ///< from the store to the last worker's quiescent state
};

/// XDP_ABORTED (and what is no verdict) by the instruction that ended the run.
struct AbortedAt {
    uint32_t insn = 0;
    uint64_t count = 0;
};

struct ProgramInfo {
    Handle handle = 0;
    std::string name, function, object, object_hash;
    std::string type;
    uint32_t insns = 0;
    uint32_t jited_bytes = 0;
    uint64_t runs = 0;
    std::map<std::string, uint64_t> verdicts;  ///< "XDP_DROP" -> packets
    std::vector<std::string> maps;             ///< names
    std::vector<AbortedAt> aborted;            ///< the first few instructions that it was seen at
    std::string fault;  ///< why it is out of service: what happened and where; empty: it runs
};

/// Functions, places and names as jit/code_map.h and jit/code_names.h have them.
enum class CodeEntry : uint8_t { Single, Burst, Subprogram, Advance, Complete, Callback };
struct CodeFunction {
    CodeEntry entry = CodeEntry::Single;
    uint32_t subprogram = 0, begin = 0, end = 0;
};
struct CodePlace {
    uint32_t offset = 0, slot = 0;
};
struct CodeName {
    uint64_t address = 0, bytes = 0;
    std::string name;
};
/// Machine code of a program in service, as it lies in the dataplane.
struct ProgramCode {
    vm::ProgramSpec spec;
    uint64_t address = 0;
    Bytes code;
    std::vector<CodeFunction> functions;
    std::vector<CodePlace> places;
    std::vector<CodeName> names;
};

/// rx + cloned + generated = tx + to_kernel + sum(drops) + in_flight, exactly.
struct Counters {
    uint64_t rx = 0, rx_bytes = 0, tx = 0, tx_bytes = 0, to_kernel = 0, cloned = 0, generated = 0,
             in_flight = 0;
    std::map<std::string, uint64_t> drops;     ///< reason -> packets
    std::map<std::string, uint64_t> verdicts;  ///< "XDP_PASS" -> packets, of this port's ingress
};
/// Stuck: made no round for longer than the bound, and may come back.
enum class WorkerState : uint8_t { Running, Stuck };
/// A receive queue of a device, or what the distributor hands to the worker (`queue` is then the
/// number of the worker that it came from).
struct QueueStats {
    std::string port;
    uint16_t queue = 0;
    bool distributed = false;
    uint64_t rx = 0;
};
struct WorkerStats {
    uint32_t index = 0, lcore = 0;
    uint64_t generation = 0;
    uint64_t polls = 0, busy_polls = 0;
    WorkerState state = WorkerState::Running;
    std::string stuck_in;  ///< the program and instruction that a worker which is not Running is in
    /// TSC cycles (Stats::tsc_hz), all rounds.
    uint64_t rx_cycles = 0, program_cycles = 0, tx_cycles = 0, idle_cycles = 0;
    uint64_t sleeps = 0;  ///< of an idle worker
    /// From the poll that brought a burst to its end, drops and hand-over to the device included:
    /// packets by power of two of nanoseconds, [i] counts 2^i up to 2^(i+1).
    std::vector<uint64_t> latency;
    std::vector<QueueStats> queues;
    Counters counters;
};
/// Of one hook of one port: what its chain said of the packets that met it.
struct ChainStats {
    std::string port;
    bool egress = false;
    uint64_t packets = 0;
    std::map<std::string, uint64_t> verdicts;
};
/// Of the programs' timers, since the start.
struct TimerStats {
    uint32_t in_use = 0, most = 0;  ///< at once; a bpf_timer_init above fails
    uint64_t calls = 0;             ///< of callbacks
    uint64_t late = 0;              ///< of these, begun more than a millisecond after their time
    uint64_t full = 0;              ///< inits that failed
};
struct Stats {
    uint64_t generation = 0;
    uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC at the reading
    Counters total;
    std::map<std::string, Counters> ports;
    std::vector<WorkerStats> workers;
    std::vector<ChainStats> chains;
    std::vector<ProgramInfo> programs;
    TimerStats timers;
    uint64_t tsc_hz = 0;
};

struct PortInfo {
    std::string name, device, driver;
    uint32_t ifindex = 0;
    uint16_t mtu = 0, queues = 0;
    bool link_up = false;
    std::string mac;
    uint64_t imissed = 0, rx_nombuf = 0, ierrors = 0, oerrors = 0;  ///< the device's own
    uint64_t bad_checksums = 0;         ///< sampled frames whose layer-4 checksum is wrong
    uint64_t heads_moved = 0;           ///< frames moved in their buffer: a program grew them far
    uint32_t link_mbps = 0;             ///< 0: the device does not say
    uint64_t link_downs = 0;            ///< times that the link was seen to go down
    bool removed = false;               ///< the device went away
    bool distributed = false;           ///< its packets are spread over the workers in software
    std::vector<std::string> features;  ///< what the device can and is used for, in ethtool's words
    std::string out_of_service;         ///< why its chains do not run; empty: they do
};
struct Status {
    std::string version;
    uint32_t pid = 0;
    uint64_t uptime_ms = 0;
    bool configured = false;
    uint64_t generation = 0;
    std::string config_hash;
    bool hugepages = false;
    Configure configure;  ///< as received
    std::vector<PortInfo> ports;
    std::vector<Chain> chains;
    uint64_t bypass_left_ms = 0;        ///< everything is forwarded unfiltered for so long; 0: no
    std::vector<std::string> warnings;  ///< for the operator, each with the command that mends it
};

}  // namespace weir::dataplane::api
