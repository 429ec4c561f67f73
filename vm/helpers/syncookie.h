#pragma once
// SYN cookies (RFC 4987, section 3.6; net/ipv4/syncookies.c, net/ipv6/syncookies.c): the initial
// sequence number of a SYN-ACK that needs no memory of the connection. A minute counter stands in
// its upper 8 bits, an index of the MSS is hidden in the lower 24. Made with the same keys, the
// cookies are bit for bit those of Linux.

#include <cstdint>
#include <optional>
#include <span>

#include "vm/program/run.h"

namespace weir::vm {

constexpr uint32_t kCookieAgeMaxMinutes = 2;  ///< MAX_SYNCOOKIE_AGE: so many counts are accepted

/// What a cookie is bound to, in network order as in the packet.
struct CookieFlow {
    bool is_ipv6 = false;
    const uint8_t* source = nullptr;  ///< 4 or 16 bytes
    const uint8_t* destination = nullptr;
    uint16_t source_port_be = 0;
    uint16_t destination_port_be = 0;
};

/// The MSS that a SYN's options announce, or 0. `tcp` is a TCP header with its options.
uint16_t announced_mss(std::span<const uint8_t> tcp);
/// The greatest entry of the family's table that is not above `mss` (or its first).
struct CookieMss {
    uint32_t index = 0;
    uint16_t mss = 0;
};
CookieMss cookie_mss(bool is_ipv6, uint16_t mss);

/// `sequence` is the client's initial sequence number, `minute` counts minutes of a monotonic
/// clock.
uint32_t make_cookie(const SyncookieKeys& keys, const CookieFlow& flow, uint32_t sequence,
                     uint32_t mss_index, uint32_t minute);
/// The MSS in a cookie that came back, or nullopt: too old, or not one of ours.
std::optional<uint16_t> check_cookie(const SyncookieKeys& keys, const CookieFlow& flow,
                                     uint32_t sequence, uint32_t cookie, uint32_t minute);

}  // namespace weir::vm
