#pragma once
// Keys and values of map elements as people write them: addresses, prefixes, decimal integers, hex
// after 0x.

#include <string>
#include <string_view>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

/// An IPv4/IPv6 address or prefix where its size fits (4, 8, 16, 20 bytes; 8 and 20 with the u32
/// prefix length in front, in host order), a decimal integer in host order, or hex after 0x (bytes
/// in memory order). "-" where the map has no keys (queue, stack, bloom filter). Errors say what
/// was expected.
Result<Bytes> parse_key(std::string_view text, const vm::MapSpec& map);
/// A decimal integer in host order, or hex after 0x. For per-CPU kinds hex may hold every slot.
Result<Bytes> parse_value(std::string_view text, const vm::MapSpec& map);

struct ParsedElement {
    Bytes key, value;
};
/// Lines "KEY VALUE"; empty lines and those that start with '#' are skipped. Errors name file and
/// line. Of a repeated key the last line wins (when applied in order).
Result<std::vector<ParsedElement>> read_elements(const std::string& path, const vm::MapSpec& map);

struct ParsedBinding {
    Bytes key;
    std::string name;
};
/// Lines "KEY NAME", for maps whose values are programs or maps.
Result<std::vector<ParsedBinding>> read_bindings(const std::string& path, const vm::MapSpec& map);

}  // namespace weir::controlplane::cli
