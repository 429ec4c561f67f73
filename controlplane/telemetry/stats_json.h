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
/// `{"key":…,"value":…,"key_hex":"","value_hex":""}`; per-CPU kinds `"values":[…]` in place of
/// `value`.
Json element_json(const dataplane::api::MapInfo& map, const dataplane::api::Element& element);

/// Values of a per-CPU element, slot by slot; one slot for other kinds. Slots that are cut short
/// are left out.
std::vector<ByteSpan> value_slots(const dataplane::api::MapInfo& map, ByteSpan value);

}  // namespace weir::controlplane
