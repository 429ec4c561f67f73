#pragma once
// IPv4 and IPv6 addresses and prefixes: members of sets, keys of lpm_trie maps.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::controlplane {

struct Prefix {
    bool is_ipv6 = false;
    uint8_t length_bits = 0;            ///< 0..32 or 0..128
    std::array<uint8_t, 16> address{};  ///< network order; IPv4 in the first 4 bytes, the rest zero

    uint32_t address_bytes() const { return is_ipv6 ? 16 : 4; }
    friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

/// "192.0.2.0/24", "2001:db8::/32", or an address alone (all bits). The message of an error says
/// only what was expected; bits set behind the prefix length are refused, with the prefix that was
/// probably meant.
Result<Prefix> parse_prefix(std::string_view text);
/// The same, but bits behind the length are cleared instead of refused.
Result<Prefix> parse_prefix_loosely(std::string_view text);

std::string to_string(const Prefix& prefix);

/// The address alone, in network order: 4 or 16 bytes.
Bytes address_bytes(const Prefix& prefix);

/// A key of an lpm_trie map: u32 prefix length in host order, then the address in network order
/// (linux/bpf.h, struct bpf_lpm_trie_key).
Bytes lpm_key(const Prefix& prefix);

}  // namespace weir::controlplane
