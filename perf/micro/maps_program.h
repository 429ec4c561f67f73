#pragma once
// maps_object.bpf.c in two places: the live kernel, through BPF_PROG_TEST_RUN, and our machine code
// over our maps.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "perf/micro/maps_rows.h"

namespace weir::perf {

constexpr uint32_t kKeysPerRun = 32;  ///< as in the object

/// max_entries by map; those not named keep one.
using MapSizes = std::map<std::string, uint32_t>;

class ProgramHost {
public:
    virtual ~ProgramHost() = default;
    /// Puts the keys, and values of zeroes behind them, into a map; into "keys", whose keys are
    /// indices, the keys as values. False when one does not fit.
    virtual bool fill(const std::string& map, const KeyList& keys) = 0;
    /// Nanoseconds for one key of a program that ran `runs` times.
    virtual double run(const std::string& program, uint32_t runs) = 0;
    virtual uint64_t memory_bytes(const std::string& map) = 0;
};

/// The object with these sizes; nullptr, and a line on stderr, where it cannot be loaded.
std::unique_ptr<ProgramHost> load_in_kernel(const MapSizes& sizes);
std::unique_ptr<ProgramHost> load_in_weir(const MapSizes& sizes);
/// Why the kernel cannot be asked here, or "".
std::string kernel_missing();

}  // namespace weir::perf
