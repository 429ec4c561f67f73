#pragma once
// Random programs aimed at bursts whose packets overlap their look-ups: several look-ups in a row
// with keys from the packet and from values found before, and around them everything that one
// packet may do and the next may see: updates, deletions, counters, atomics, locks, random numbers,
// redirects, packets that move and change.

#include <cstdint>

#include "tests/differential/generated_run.h"
#include "vm/program/spec.h"

namespace weir::tests {

/// Indices of the maps of every such program.
enum BurstMap : uint32_t {
    kBurstHash,
    kBurstLru,
    kBurstPercpuHash,
    kBurstLruPercpu,
    kBurstLpm,
    kBurstArray,
    kBurstPercpuArray,
    kBurstCounters,  ///< an array that programs mostly count in
    kBurstGlobals,
    kBurstInner,
    kBurstInnerOther,
    kBurstOuterArray,
    kBurstOuterHash,
    kBurstLocked,
    kBurstMaps
};

/// What programs may do.
enum class BurstKind {
    kAnything,
    kBigMaps,   ///< with maps beyond the caches
    kCounting,  ///< look-ups, and counters of two widths in the same words
    kInKernel,  ///< what means the same in the kernel: no LRU, no random numbers, no inner maps
};

/// The same program for the same seed, of few kinds of statements, each time others: what all
/// programs do would keep packets from overlapping.
vm::ProgramSpec burst_program(uint64_t seed, BurstKind kind);

/// Packets for it, many with equal keys, more than fit one burst, and what its maps hold before:
/// chains of elements that name the next key.
Traffic burst_traffic(uint64_t seed, const vm::ProgramSpec& program);

}  // namespace weir::tests
