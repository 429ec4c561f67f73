#pragma once
// One program over a few packets, in one engine: what came out, for comparison.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "tests/differential/generated_program.h"
#include "vm/base/bytes.h"
#include "vm/program/verified.h"

namespace weir::tests {

/// By which code packets go, and how many at a time.
struct Way {
    const char* name = "interpreter";
    jit::Engine engine = jit::Engine::kInterp;
    size_t burst = 1;  ///< 1: by run(), one after the other
    jit::Overlap overlap = jit::Overlap::kNever;
    bool blind_constants = false;
    bool traced = false;  ///< every other packet by the interpreter that notes everything
};
inline constexpr Way kInterpreter{};
inline constexpr Way kSingle{"single", jit::Engine::kJit};
inline constexpr Way kBurst{"burst", jit::Engine::kJit, 32, jit::Overlap::kAuto};
inline constexpr Way kOverlapping{"overlapping burst", jit::Engine::kJit, 32,
                                  jit::Overlap::kAlways};
inline constexpr Way kBlinded{"blinded burst", jit::Engine::kJit, 32, jit::Overlap::kAlways, true};

inline constexpr Way kTraced{
    "single, every other traced", jit::Engine::kJit, 1, jit::Overlap::kNever, false, true};

/// An element that stands in a map before the first packet. One without a value is an inner map:
/// `inner` is its index.
struct Fill {
    uint32_t map = 0;
    Bytes key, value;
    uint32_t inner = 0;
};

/// All that a run takes beside the program.
struct Traffic {
    std::vector<Bytes> packets;
    std::vector<Fill> fills;
    uint32_t cpu_slots = 2;  ///< programs run on the last
    size_t look_every = 0;   ///< packets after which maps are looked at; 0: after the last only
};

/// Key and value bytes of every entry, sorted by key; per-CPU values are summed up per eight bytes
/// over the slots, since which slot was used is the engine's affair.
using MapContents = std::vector<std::pair<Bytes, Bytes>>;

/// Everything that a program can do to the outside.
struct Outcome {
    std::vector<uint32_t> verdicts;
    std::vector<uint32_t> redirects;
    std::vector<Bytes> packets;
    std::vector<MapContents> maps;  ///< of all maps at the first look, then at the second, …
    uint64_t prandom_state = 0;     ///< of our engines

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Where two outcomes differ first, for people; empty where they agree.
std::string first_difference(const Outcome& wanted, const Outcome& got);

/// Packets for a seed: random bytes, one too short for the program's check, the others long enough.
std::vector<Bytes> generated_packets(uint64_t seed);

/// Fresh maps, then all packets, in order. Errors: a map or the program cannot be made.
Result<Outcome> run_packets(const std::shared_ptr<const vm::VerifiedProgram>& program,
                            const Traffic& traffic, const Way& way);

/// Adds up the slots of a per-CPU value, eight bytes at a time.
Bytes sum_of_slots(ByteSpan slots, size_t slot_bytes);

/// The program, disassembled.
std::string listing(const vm::ProgramSpec& spec);

}  // namespace weir::tests
