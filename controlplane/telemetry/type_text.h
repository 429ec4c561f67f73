#pragma once
// BTF types themselves: as C for people, as JSON for whoever reads and writes elements elsewhere.

#include <string>

#include "controlplane/telemetry/type_json.h"
#include "vm/base/result.h"

namespace weir::controlplane {

/// "struct flow { __be32 saddr; __u16 port; }", one line; "" without a type.
std::string type_line(const vm::TypeRef& type);
/// The same as a declaration over several lines, each with `indent` blanks in front.
std::string type_text(const vm::TypeRef& type, uint32_t indent);

/// {"kind":"struct","name":"flow","bytes":8,"members":[{"name","bit_offset","bit_size","type"}]};
/// null without a type.
Json type_tree(const vm::TypeRef& type);
/// The reverse. kInvalid for what is none, or nests deeper than types do.
Result<vm::TypeRef> read_type_tree(const Json& tree);

}  // namespace weir::controlplane
