#pragma once
// A map with types of many kinds: rates by flow.

#include <memory>

#include "dataplane/api/messages.h"

namespace weir::controlplane {

inline vm::TypeRef make_type(vm::TypeInfo info) {
    return std::make_shared<const vm::TypeInfo>(std::move(info));
}
inline vm::TypeRef int_type(const char* name, uint32_t bytes, bool is_signed = false) {
    return make_type({vm::TypeKind::Int, name, bytes, is_signed, 0, nullptr, {}, {}});
}
inline vm::TypeRef array_type(const vm::TypeRef& element, uint32_t count) {
    return make_type(
        {vm::TypeKind::Array, "", element->size_bytes * count, false, count, element, {}, {}});
}
inline vm::TypeRef struct_type(const char* name, uint32_t bytes,
                               std::vector<vm::TypeMember> members) {
    return make_type(
        {vm::TypeKind::Struct, name, bytes, false, 0, nullptr, std::move(members), {}});
}

/// struct flow { __be32 saddr; __be16 port; enum protocol protocol : 1 byte; u8 pad; }
inline vm::TypeRef flow_type() {
    const vm::TypeRef protocol = make_type(
        {vm::TypeKind::Enum, "protocol", 1, false, 0, nullptr, {}, {{"tcp", 6}, {"udp", 17}}});
    return struct_type("flow", 8,
                       {{"saddr", 0, 0, int_type("__be32", 4)},
                        {"port", 32, 0, int_type("__be16", 2)},
                        {"protocol", 48, 0, protocol},
                        {"pad", 56, 0, int_type("__u8", 1)}});
}
/// struct limit { __u32 rate; __s16 burst; __u8 marks[2]; }
inline vm::TypeRef limit_type() {
    return struct_type("limit", 8,
                       {{"rate", 0, 0, int_type("__u32", 4)},
                        {"burst", 32, 0, int_type("__s16", 2, true)},
                        {"marks", 48, 0, array_type(int_type("__u8", 1), 2)}});
}

inline dataplane::api::MapInfo typed_map(vm::MapType type = vm::MapType::Hash,
                                         uint32_t cpu_slots = 1) {
    dataplane::api::MapInfo map;
    map.name = "fw/limits";
    map.spec.type = type;
    map.spec.key_bytes = 8;
    map.spec.value_bytes = 8;
    map.spec.entries_max = 100;
    map.spec.key_type = flow_type();
    map.spec.value_type = limit_type();
    map.cpu_slots = cpu_slots;
    return map;
}

/// Without types.
inline dataplane::api::MapInfo plain_map(uint32_t key_bytes, uint32_t value_bytes,
                                         vm::MapType type = vm::MapType::Hash,
                                         uint32_t cpu_slots = 1) {
    dataplane::api::MapInfo map;
    map.name = "fw/plain";
    map.spec.type = type;
    map.spec.key_bytes = key_bytes;
    map.spec.value_bytes = value_bytes;
    map.spec.entries_max = 100;
    map.cpu_slots = cpu_slots;
    return map;
}

}  // namespace weir::controlplane
