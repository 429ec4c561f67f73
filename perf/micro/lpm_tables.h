#pragma once
// Routing tables with the length distribution of real ones, and addresses to look up in them.

#include <array>
#include <cstdint>
#include <vector>

namespace weir::perf {

/// An IPv4 or IPv6 prefix; IPv4 uses the first four bytes.
struct Prefix {
    uint32_t bits;
    std::array<uint8_t, 16> address;
};

/// Distinct prefixes, in random order. IPv4: lengths as in the global table, 60 % /24, and 2 % /25
/// to /32 as routers hold besides. IPv6: 25,000 allocations below the prefixes of the registries,
/// with longer prefixes inside, 46 % /48.
std::vector<Prefix> draw_table4(uint32_t count);
std::vector<Prefix> draw_table6(uint32_t count);

/// Random addresses inside random prefixes.
std::vector<std::array<uint8_t, 16>> addresses_inside(const std::vector<Prefix>& table,
                                                      uint32_t count);
/// Addresses anywhere: all of IPv4, in IPv6 below 2000::/3.
std::vector<std::array<uint8_t, 16>> addresses_anywhere(bool ipv6, uint32_t count);

}  // namespace weir::perf
