#pragma once
// Keys and values of map elements as people write them in words: addresses, prefixes, decimal
// integers, hex after 0x, and whatever their BTF types say, as JSON.

#include <span>
#include <string>
#include <string_view>

#include "dataplane/api/messages.h"
#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

/// Fills `key` (key_bytes): an IPv4/IPv6 address or prefix where its size fits (4, 8, 16, 20 bytes;
/// 8 and 20 with the u32 prefix length in front, in host order), a decimal integer in host order
/// whatever the type, hex after 0x (bytes in memory order), JSON by BTF type, or a word that the
/// type knows: an enumerator, a text. "-" where the map has no keys (queue, stack, bloom filter).
/// Prefix lengths and indices are in the map's range. Errors: "key: value '…', expected …".
Result<void> parse_key(std::string_view text, const dataplane::api::MapInfo& map,
                       std::span<uint8_t> key);
Result<Bytes> parse_key(std::string_view text, const dataplane::api::MapInfo& map);

/// Fills `value` (control_value_bytes): the same, but that 4 and 16 bytes are addresses only where
/// their type says so. In per-CPU kinds one value is for every slot; hex may hold all slots, and a
/// JSON list, where the type is no array, one value a slot.
Result<void> parse_value(std::string_view text, const dataplane::api::MapInfo& map,
                         std::span<uint8_t> value);
Result<Bytes> parse_value(std::string_view text, const dataplane::api::MapInfo& map);

/// What a program that runs beside nobody has of a map: one slot in per-CPU kinds.
dataplane::api::MapInfo lone_map(const vm::MapSpec& spec);

}  // namespace weir::controlplane::cli
