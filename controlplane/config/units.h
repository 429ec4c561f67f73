#pragma once
// Numbers with units, as values of the configuration carry them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

namespace weir::controlplane {

/// A plain decimal number, or hex after 0x; the message of an error says only what was expected.
Result<uint64_t> parse_number(std::string_view text);
/// "512MiB", "64KiB", "1GiB", "4096" or "4096B" -> bytes. Powers of 1000 (kB, MB, GB) are offered
/// too.
Result<uint64_t> parse_size_bytes(std::string_view text);
/// "5s", "250ms", "10us", "2m", "1h" -> nanoseconds. The unit is not optional.
Result<uint64_t> parse_duration_ns(std::string_view text);
/// "20%" -> 20; 0 to 100.
Result<uint32_t> parse_percent(std::string_view text);
/// DPDK's core lists: "2,3", "2-5", "0,4-6" -> sorted, unique CPU numbers, at most `workers_max` of
/// them.
Result<std::vector<uint32_t>> parse_core_list(std::string_view text, uint32_t workers_max);

}  // namespace weir::controlplane
