#pragma once
// The dataplane's answers as the JSON that `weir stats`, `weir status`, `weir prog list` and `weir
// map list` print.

#include <span>
#include <vector>

#include "controlplane/telemetry/type_json.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane {

Json stats_json(const dataplane::api::Stats& stats);
Json status_json(const dataplane::api::Status& status);
Json program_json(const dataplane::api::ProgramInfo& program);
Json map_json(const dataplane::api::MapInfo& map);
/// The same, and what one map's show adds: flags by name, the programs that use it, its types as C
/// (`key_c`) and as trees (`key_type`).
Json map_details_json(const dataplane::api::MapInfo& map,
                      const std::vector<dataplane::api::ProgramInfo>& programs);
/// What reading and writing elements needs, out of map_details_json.
Result<dataplane::api::MapInfo> read_map_json(const Json& document);
/// Bytes of one value as the control side sees it: all slots, each padded to 8, in per-CPU kinds.
size_t control_value_bytes(const dataplane::api::MapInfo& map);
/// Numbers added, member by member; what is no number stays where both agree, else null.
Json sum_json(const Json& one, const Json& other);
/// `{"key":…,"value":…,"key_hex":"","value_hex":""}`; per-CPU kinds `"values":[…],"sum":…` in place
/// of `value`.
Json element_json(const dataplane::api::MapInfo& map, const dataplane::api::Element& element);

/// Values of a per-CPU element, slot by slot; one slot for other kinds. Slots that are cut short
/// are left out.
std::vector<ByteSpan> value_slots(const dataplane::api::MapInfo& map, ByteSpan value);

}  // namespace weir::controlplane
