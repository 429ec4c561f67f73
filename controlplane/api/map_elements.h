#pragma once
// Elements as requests carry them, checked against their map before any of them is written.

#include <vector>

#include "controlplane/api/http_message.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane {

/// How a request carries elements.
enum class Slots : uint8_t {
    One,   ///< value_bytes, which every slot of a per-CPU kind takes
    Each,  ///< the slots of a per-CPU kind one after the other, each padded to 8 bytes
};

/// Bytes of one record: a key, then a value.
size_t record_bytes(const dataplane::api::MapInfo& map, Slots slots);
/// `body` holds records, back to back. Anything else is kInvalid, with sizes.
Result<void> check_records(const dataplane::api::MapInfo& map, std::string_view body, Slots slots);
std::vector<dataplane::api::Element> read_records(const dataplane::api::MapInfo& map,
                                                  std::string_view body, Slots slots);
/// The reverse.
void append_record(const dataplane::api::Element& element, std::string& body);
/// `body` holds keys, back to back.
Result<std::vector<Bytes>> read_keys(const dataplane::api::MapInfo& map, std::string_view body);

/// {"elements":[["KEYHEX","VALUEHEX"],…]} and {"keys":["KEYHEX",…]}; errors name the index.
Result<std::vector<dataplane::api::Element>> json_elements(const Json& body);
Result<std::vector<Bytes>> json_keys(const Json& body);

/// What can be wrong with a key wherever it is used: its size, an LPM's prefix length, an index
/// beyond the end of an array. The message says only what is, and what was expected.
Result<void> check_key(const dataplane::api::MapInfo& map, ByteSpan key);
/// Keys and sizes of all of them, the map's access flags, its lock where `flags` ask for it. The
/// error names the map and the element.
Result<void> check_elements(const dataplane::api::MapInfo& map,
                            const std::vector<dataplane::api::Element>& elements, uint64_t flags);

}  // namespace weir::controlplane
