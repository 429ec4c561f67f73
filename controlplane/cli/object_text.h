#pragma once
// What is in an object file, for `prog show`.

#include "controlplane/telemetry/type_json.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

/// {"license","programs","unsupported","maps","globals","notices"}
Json object_json(const vm::ObjectSpec& object);
/// The same for people, on stdout.
void print_object(const vm::ObjectSpec& object);

/// A type as one would write it in C: "struct key", "__u8[16]"; empty without BTF.
std::string type_text(const vm::TypeRef& type);

}  // namespace weir::controlplane::cli
