#pragma once
// Packets as people write them, and back:
//
//   tcp 192.0.2.1:40000 -> 198.51.100.2:443 flags=S
//   udp [2001:db8::1]:5353 -> [2001:db8::2]:53 vlan 100 len 200
//   icmp 192.0.2.1 -> 198.51.100.2 type=8
//   ip proto 47 192.0.2.1 -> 198.51.100.2 ttl 3
//   arp 192.0.2.1 -> 192.0.2.2
//   udp 192.0.2.1 -> 198.51.100.2 frag 1480+
//
// Options, each as `NAME VALUE` or `NAME=VALUE`, behind the ends in any order:
//   flags  of tcp, letters of FSRPAUEC (S)       type, code  of icmp and icmpv6 (echo request)
//   vlan   0 to 4095; twice: the outer tag first  len   bytes of the whole frame: cut or padded
//   ttl    hop limit (64)                         tos   traffic class (0)
//   id     of an IPv4 packet or fragment          frag  byte offset; with + behind: more follow
//   df     1: do not fragment                     from, to   MAC addresses
//   data   payload, hex after 0x

#include <string>
#include <string_view>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::controlplane::cli {

/// A well-formed frame with right checksums, of the length that its headers need unless `len` says
/// otherwise. Errors: "packet: column 5: 'x', expected …".
Result<Bytes> packet_from_text(std::string_view text);

/// "tcp 192.0.2.1:40000 -> 198.51.100.2:443 flags=S, 54 bytes". Of any bytes, as far as they are
/// understood.
std::string packet_summary(ByteSpan frame);

}  // namespace weir::controlplane::cli
