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

enum class Way { kInterp, kSingle, kBurst };

/// Everything that a program can do to the outside. Map contents: per map, key and value bytes of
/// every entry, sorted by key; per-CPU values are summed up per eight bytes over the slots, since
/// which slot was used is the engine's affair.
struct Outcome {
    std::vector<uint32_t> verdicts;
    std::vector<uint32_t> redirects;
    std::vector<Bytes> packets;
    std::vector<std::vector<std::pair<Bytes, Bytes>>> maps;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Where two outcomes differ first, for people; empty where they agree.
std::string first_difference(const Outcome& wanted, const Outcome& got);

/// Packets for a seed: random bytes, one too short for the program's check, the others long enough.
std::vector<Bytes> generated_packets(uint64_t seed);

/// Fresh maps, then all packets, in order. Errors: a map or the program cannot be made.
Result<Outcome> run_packets(const std::shared_ptr<const vm::VerifiedProgram>& program,
                            const std::vector<Bytes>& packets, Way way);

/// Adds up the slots of a per-CPU value, eight bytes at a time.
Bytes sum_of_slots(ByteSpan slots, size_t slot_bytes);

/// The program, disassembled.
std::string listing(const vm::ProgramSpec& spec);

}  // namespace weir::tests
