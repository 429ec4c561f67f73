#pragma once
// Who runs the ten programs, each over the same frames.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "perf/micro/jit/contest.h"
#include "perf/micro/jit/frames.h"

namespace weir::perf {

/// Columns.
constexpr const char *kNative = "native", *kSingle = "JIT", *kSingleFloor = "JIT floor",
                     *kBurst = "JIT burst", *kInterp = "interp", *kDpdk = "rte_bpf JIT",
                     *kKernel = "kernel", *kKernelFloor = "kernel floor";

struct JitProgramName {
    const char* name;   ///< in programs.bpf.c
    const char* title;  ///< in tables
};
constexpr std::array<JitProgramName, 10> kJitPrograms = {{
    {"constant", "return a constant"},
    {"drop_port", "parse, drop a port"},
    {"acl", "32-rule ACL"},
    {"hash_checksum", "5-tuple hash, checksum"},
    {"count", "per-CPU counter"},
    {"look_up_hash", "hash look-up"},
    {"look_up_lpm", "LPM look-up"},
    {"track_flow", "LRU flow table"},
    {"scan", "64-step loop"},
    {"push_pop", "header push/pop"},
}};

struct Lineup {
    std::vector<Contestant> contestants;
    std::array<uint32_t, kFrameCount> verdicts;  ///< that all of them give
};

/// Ours: native, machine code one packet at a time and over bursts, interpreter; and machine code
/// that returns a constant. They share maps. Gone over first: all of them give the same verdicts
/// and the same packets.
Lineup own_lineup(const std::string& program);

}  // namespace weir::perf
