#pragma once
// Random programs that are valid by construction: every register and stack byte is written before
// it is read, packet accesses follow a bounds check, loops count down from a constant, map values
// are used behind a null check. What remains random is what they compute.

#include <cstdint>

#include "vm/program/spec.h"

namespace weir::tests {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers with every standard library.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next() {
        uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15;
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }
    /// 0 <= result < bound
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(next() % bound); }
    bool one_in(uint32_t n) { return below(n) == 0; }

private:
    uint64_t state_;
};

/// Indices of the maps of every generated program.
enum GeneratedMap : uint32_t {
    kArrayMap,
    kHashMap,
    kPercpuArrayMap,
    kPercpuHashMap,
    kGlobalsMap,
    kGeneratedMaps,
    kSelfMap = kGeneratedMaps  ///< a prog array that holds the program itself, where it calls that
};

/// Which calls may be in a program, beside helpers and functions.
enum class Calls {
    Plain,
    Tail,             ///< of itself, until the limit
    TailAndCallback,  ///< bpf_loop and bpf_for_each_map_elem, which the kernel wants BTF for
};

/// The same program for the same seed, an XDP program that means the same in the kernel (no time,
/// no randomness, no cpu id).
vm::ProgramSpec generate_program(uint64_t seed, Calls calls = Calls::Plain);

/// A few groups of instructions without calls, for what back ends fold and rename.
vm::ProgramSpec short_program(uint64_t seed);

}  // namespace weir::tests
