#pragma once
// The live kernel as a peer: loads programs by libbpf or from raw instructions, runs them over
// packets with BPF_PROG_TEST_RUN, reads their maps. Needs root. Test code: one thread at a time.
//
// The kernel's own rules: frames below 14 bytes are EINVAL; a program that is not xdp.frags sees at
// most one page less headroom and shared info (3,520 bytes); bytes come back from data_meta on;
// ingress_ifindex is the loopback's, 1.

#include <cstdint>
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

constexpr size_t kKernelFrameBytesMax = 3'520;

/// Why the kernel cannot be asked here (no root, no bpf()), or nullopt.
std::optional<std::string> kernel_missing();

struct PacketResult {
    uint32_t retval = 0;
    Bytes bytes;  ///< after the run

    friend bool operator==(const PacketResult&, const PacketResult&) = default;
};

/// Key and value pairs in order of keys. Of per-CPU maps the slot of the CPU that ran, padded to 8
/// bytes.
using MapEntries = std::vector<std::pair<Bytes, Bytes>>;

struct RunResult {
    std::vector<PacketResult> packets;
    std::map<std::string, MapEntries> maps;  ///< global data by its section's name
};

struct KernelVerdict {
    bool accepted = false;
    std::string log;  ///< the kernel verifier's, when it refused
};

/// What libbpf and the kernel say of one program of an object file. Without CAP_PERFMON and
/// CAP_SYS_ADMIN while it asks: to those the kernel allows leaks of pointers and reads of stack
/// that nobody wrote.
Result<KernelVerdict> kernel_verdict(const std::string& object, const std::string& program);

/// Loads with libbpf, runs the packets in order on one CPU, maps starting as the object says.
Result<RunResult> run_in_kernel(const std::string& object, const std::string& program,
                                std::span<const Bytes> packets);

/// The same from linked instructions: LoadMap and LoadMapValue carry indices into program.maps.
Result<RunResult> run_in_kernel(const vm::ProgramSpec& program, std::span<const Bytes> packets);

}  // namespace weir::tests
