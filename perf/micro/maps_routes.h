#pragma once
// The routing tables of lpm_tables.h as keys of an lpm_trie: the length in host order, then the
// address.

#include <cstdint>

#include "perf/micro/maps_rows.h"

namespace weir::perf {

/// `count` different prefixes, the same in each run.
KeyList ipv4_prefixes(uint32_t count);
KeyList ipv6_prefixes(uint32_t count);
/// Addresses below these prefixes, whole (/32, /128).
KeyList ipv4_addresses(uint32_t count);
KeyList ipv6_addresses(uint32_t count);

}  // namespace weir::perf
