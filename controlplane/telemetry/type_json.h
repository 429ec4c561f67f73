#pragma once
// Bytes of keys and values -> JSON by their BTF types, and to label values.

#include <nlohmann/json.hpp>
#include <string>

#include "vm/base/bytes.h"
#include "vm/program/type_info.h"

namespace weir::controlplane {

using Json = nlohmann::ordered_json;

/// By type: numbers, booleans, names of enumerators, objects, lists; char arrays that are text as
/// text; __be16 and __be64 as the number that network order says, __be32 and in6_addr as addresses.
/// Without a type, or where sizes do not fit: a number up to 8 bytes, else "0x…". type_bytes.h has
/// the reverse.
Json to_json(const vm::TypeRef& type, ByteSpan bytes);

/// One word for a label: what to_json gives, without quotes.
std::string to_word(const vm::TypeRef& type, ByteSpan bytes);

/// A member of a struct or union by name, also inside anonymous ones; nullptr-like: `found` false.
struct MemberPlace {
    bool found = false;
    uint32_t offset_bytes = 0;
    vm::TypeRef type;
};
MemberPlace find_member(const vm::TypeRef& type, const std::string& name);

/// An unsigned little-endian number of 1, 2, 4 or 8 bytes (others: the first 8 bytes).
uint64_t to_number(ByteSpan bytes);

}  // namespace weir::controlplane
