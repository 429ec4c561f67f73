#pragma once
// What BTF says of a map's keys and values, reduced to what printing and parsing them needs. An
// immutable tree.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::vm {

struct TypeInfo;
using TypeRef = std::shared_ptr<const TypeInfo>;

enum class TypeKind : uint8_t {
    Int,
    Bool,
    Char,
    Enum,
    Float,
    Pointer,
    Array,
    Struct,
    Union,
    Opaque
};

struct TypeMember {
    std::string name;  ///< empty for an anonymous struct or union
    uint32_t bit_offset = 0;
    uint32_t bit_size = 0;  ///< of a bit field; 0: the type's own size
    TypeRef type;
};

struct TypeInfo {
    TypeKind kind = TypeKind::Opaque;
    std::string name;  ///< as written in C, typedefs kept ("__be32"); may be empty
    uint32_t size_bytes = 0;
    bool is_signed = false;
    uint32_t element_count = 0;                           ///< Array
    TypeRef element;                                      ///< Array
    std::vector<TypeMember> members;                      ///< Struct, Union
    std::vector<std::pair<std::string, int64_t>> values;  ///< Enum
};

constexpr uint32_t kTypeDepthMax = 16;  ///< deeper trees become Opaque

}  // namespace weir::vm
