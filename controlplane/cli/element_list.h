#pragma once
// The JSON list that `weir map dump -j` prints, read back.

#include "controlplane/cli/element_file.h"

namespace weir::controlplane::cli {

/// Each element has "key" or "key_hex", and "value", "values" (one a slot of a per-CPU kind) or
/// "value_hex"; where it has both forms they agree. Other members are not looked at. Errors name
/// line and column of the element.
Result<ElementRecords> parse_element_list(std::string_view text, const std::string& path,
                                          const dataplane::api::MapInfo& map);

}  // namespace weir::controlplane::cli
