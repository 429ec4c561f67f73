#pragma once
// Addresses, prefixes and numbers in network order, as text: what a BTF type says by its name.

#include <span>
#include <string>
#include <string_view>

#include "vm/base/bytes.h"
#include "vm/program/type_info.h"

namespace weir::controlplane {

/// "__be16", "__be32", "__be64" and the like: the name says the byte order.
bool is_big_endian(const vm::TypeInfo& type);
/// What the type itself says to be an IP address: __be32 (struct in_addr holds one), struct
/// in6_addr.
bool is_address_type(const vm::TypeInfo& type);

/// 4 bytes: "192.0.2.1", 16 bytes: "2001:db8::1", 6 bytes: "02:00:00:00:00:01"; empty for other
/// sizes.
std::string address_text(ByteSpan bytes);
/// The reverse, into 4, 16 or 6 bytes. False if it is none that fills `bytes`, which then stay.
bool parse_address(std::string_view text, std::span<uint8_t> bytes);

/// A number of up to 8 bytes, the first byte the highest.
uint64_t big_endian_number(ByteSpan bytes);
void put_big_endian(uint64_t number, std::span<uint8_t> bytes);

}  // namespace weir::controlplane
