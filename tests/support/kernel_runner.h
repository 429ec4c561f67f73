#pragma once
// The live kernel as a peer: loads programs by libbpf or from raw instructions, runs them over
// packets with BPF_PROG_TEST_RUN, reads their maps. Needs root. Test code: one thread at a time.
//
// The kernel's own rules: frames below 14 bytes are EINVAL; a program that is not xdp.frags sees at
// most one page less headroom and shared info (3,520 bytes), others get the rest in fragments of a
// page; bytes come back from data_meta on; a socket filter starts behind the Ethernet header and
// needs a byte there.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::tests {

/// Why the kernel cannot be asked here (no root, no bpf()), or nullopt.
std::optional<std::string> kernel_missing();

struct PacketResult {
    uint32_t retval = 0;
    Bytes bytes;  ///< after the run, metadata in front, every fragment behind

    friend bool operator==(const PacketResult&, const PacketResult&) = default;
};

/// Key and value pairs in order of keys. Of per-CPU maps the slot of the CPU that ran, padded to 8
/// bytes. Of queues and stacks values without keys, in the order in which they pop out. Of maps in
/// maps the inner map's name.
using MapEntries = std::vector<std::pair<Bytes, Bytes>>;
/// Oldest first. Of perf events padded as the kernel pads: with 4 bytes of length before them they
/// are a multiple of 8.
using EventRecords = std::vector<Bytes>;

struct RunResult {
    std::vector<PacketResult> packets;
    std::map<std::string, MapEntries> maps;  ///< global data by its section's name
    std::map<std::string, EventRecords> events;
};

/// Asked with what maps hold.
using IsDone = std::function<bool(const std::map<std::string, MapEntries>&)>;
constexpr std::chrono::milliseconds kPatience{5'000}, kPause{5};

/// What an application puts into a map before its program runs. Of an xskmap the value is a socket
/// made here.
struct MapFill {
    std::string map;
    Bytes key, value;
};

struct RunSetup {
    std::vector<MapFill> fills;
    bool opens_perf_events = true;
    uint32_t ingress_ifindex = 0;  ///< 0: the loopback's; else a device of this network namespace
    uint32_t rx_queue_index = 0;   ///< below the device's receive queues
    uint32_t egress_ifindex = 0;   ///< of a program behind a devmap
    /// Asked after the last packet until it is true or kPatience is over. Not for objects with
    /// queues or stacks, which reading empties.
    IsDone is_done;
};

/// A program of an object as libbpf sees it. Kinds that are neither xdp nor socket are left out.
struct KernelProgram {
    std::string name;
    bool is_socket_filter = false;
    bool has_frags = false;
};
Result<std::vector<KernelProgram>> kernel_programs(const std::string& object);

/// The kernel verifier's. Whatever else keeps a program out is an error.
struct KernelVerdict {
    bool accepted = false;
    std::string log;  ///< when it refused
};

/// What the kernel says of one program of an object file. Without CAP_PERFMON and
/// CAP_SYS_ADMIN while it asks: to those the kernel allows leaks of pointers and reads of stack
/// that nobody wrote.
Result<KernelVerdict> kernel_verdict(const std::string& object, const std::string& program);

/// Loads with libbpf, runs the packets in order on one CPU, maps starting as the object says. In an
/// object with a prog array every program is loaded. A program that has counted in .data.starved
/// calls for which the kernel had no memory is loaded and run again, up to 20 times.
Result<RunResult> run_in_kernel(const std::string& object, const std::string& program,
                                std::span<const Bytes> packets, const RunSetup& setup = {});

/// The same from linked instructions: LoadMap and LoadMapValue carry indices into program.maps.
/// Programs with callbacks or kfuncs, and maps with locks or timers, need libbpf.
Result<RunResult> run_in_kernel(const vm::ProgramSpec& program, std::span<const Bytes> packets,
                                const RunSetup& setup = {});

/// Loads a program and no more, for one device only if `ifindex` is not 0, as what reads the
/// device's metadata must be. For programs that the kernel runs over no packets of a test.
Result<KernelVerdict> load_in_kernel(const std::string& object, const std::string& program,
                                     uint32_t ifindex);

/// Runs a program behind a devmap or cpumap: a redirect sends every packet to slot 0 of such a map,
/// for setup.egress_ifindex or CPU 0, with the program in it. Verdicts and bytes cannot be seen;
/// asks setup.is_done, since CPUs take their time.
Result<RunResult> run_redirected_in_kernel(const std::string& object, const std::string& program,
                                           std::span<const Bytes> packets, const RunSetup& setup);

}  // namespace weir::tests
