#pragma once
// Parts of keys and values: the columns of tables, and what conditions compare.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/base/result.h"

namespace weir::controlplane::cli {

enum class FieldForm : uint8_t {
    Plain,    ///< as its type prints, without one hex and, up to 8 bytes, a number
    Address,  ///< an IPv4, IPv6 or Ethernet address
    Prefix,   ///< of an lpm_trie: u32 length, then an address
    Text,     ///< an array of characters
};

/// `type` may be null: bytes alone.
struct Field {
    std::string name;  ///< "key", "value.rate"
    bool of_key = false;
    FieldForm form = FieldForm::Plain;
    uint32_t offset_bytes = 0;
    uint32_t bytes = 0;
    uint32_t bit_offset = 0, bit_size = 0;  ///< of a bit field, from the start of key or value
    vm::TypeRef type;

    ByteSpan of(ByteSpan whole) const { return whole.subspan(offset_bytes, bytes); }
};

/// A column for each member, members of members too; padding and what belongs to helpers is left
/// out.
std::vector<Field> key_fields(const dataplane::api::MapInfo& map);
std::vector<Field> value_fields(const dataplane::api::MapInfo& map);

/// "key", "value.flow.port", "value.list[2]". Errors say what members there are.
Result<Field> find_field(const dataplane::api::MapInfo& map, std::string_view path);

/// Integers, booleans and enumerators, in 128 bits so that both signs fit; bytes without a type up
/// to 8. `whole` is the key, or one slot of the value.
std::optional<__int128> field_number(const Field& field, ByteSpan whole);
/// True for numbers that may be added up.
bool is_summable(const Field& field);
/// For a cell of a table.
std::string field_text(const Field& field, ByteSpan whole);
/// Decimal.
std::string number_text(__int128 number);

}  // namespace weir::controlplane::cli
