#pragma once
// Reading what a process that is gone left of a map in a file: elements that are whole go into a
// fresh map, others are counted. Nothing that is read is trusted.

#include <cstdint>
#include <span>

#include "vm/program/map.h"

namespace weir::maps {

struct Salvaged {
    uint64_t kept = 0;
    uint64_t torn = 0;  ///< half written when the process died, or damaged since
    friend bool operator==(const Salvaged&, const Salvaged&) = default;
};

/// A kind that can outlive its process.
class Salvageable {
public:
    /// This map lies over dead memory (MapMemory::is_dead). Puts what it holds into `into`, a fresh
    /// map of the same definition with at least as many cpu slots.
    virtual Salvaged salvage(vm::Map& into) = 0;

protected:
    ~Salvageable() = default;
};

/// Puts an element, its value as control_lookup gives it, into `into`, and counts it. Slots of
/// cpus that there were not before are zero. `flags`: kUpdateNoExist where a second element of one
/// key would be damage.
void restore_element(vm::Map& into, const uint8_t* key, std::span<const uint8_t> value,
                     uint64_t flags, Salvaged& salvaged);

}  // namespace weir::maps
