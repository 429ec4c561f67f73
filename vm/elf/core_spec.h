#pragma once
// CO-RE, first stage: a record of .BTF.ext -> the path that an access takes through the object's
// own types (Linux, Documentation/bpf/llvm_reloc.rst, "CO-RE Relocations").

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"
#include "vm/elf/btf_view.h"

namespace weir::vm::elf {

constexpr size_t kCorePathMax = 64;  ///< members and indices in one path, libbpf's bound

/// enum bpf_core_relo_kind (include/uapi/linux/bpf.h).
enum class CoreKind : uint32_t {
    FieldByteOffset = 0,
    FieldByteSize = 1,
    FieldExists = 2,
    FieldSigned = 3,
    FieldLshift = 4,
    FieldRshift = 5,
    TypeIdLocal = 6,
    TypeIdTarget = 7,
    TypeExists = 8,
    TypeSize = 9,
    EnumvalExists = 10,
    EnumvalValue = 11,
    TypeMatches = 12,
};
constexpr uint32_t kCoreKindMax = 12;

bool is_type_kind(CoreKind kind);
bool is_enumval_kind(CoreKind kind);

/// What a record of .BTF.ext says.
struct CoreRecord {
    uint32_t insn = 0;         ///< slot in its section
    uint32_t type = 0;         ///< BTF id of the type that the access starts from
    uint32_t path_offset = 0;  ///< of the text "0:1:2" among BTF's strings
    uint32_t kind = 0;         ///< CoreKind, unchecked
};

/// A turning point of the path: a named member, an array index, or an enumerator.
struct CoreStep {
    uint32_t type = 0;      ///< the struct or union of a member; the element of an array; the enum
    uint32_t index = 0;     ///< of the member, the element or the enumerator
    std::string_view name;  ///< empty for array elements
};

struct CoreSpec {
    CoreKind kind = CoreKind::FieldByteOffset;
    uint32_t root = 0;            ///< type id, typedefs and qualifiers kept
    std::vector<uint32_t> path;   ///< every level, anonymous structs and unions too
    std::vector<CoreStep> steps;  ///< without those; the first is the index of the root
    uint64_t bit_offset = 0;
};

/// Refuses what does not describe a path through `btf`.
Result<CoreSpec> parse_core_spec(const BtfView& btf, const CoreRecord& record);

/// For messages: `byte_off struct task_struct.mm (0:3 @ 120)`.
std::string describe(const BtfView& btf, const CoreSpec& spec);

/// The name without its flavor: "task" of "task___v5".
std::string_view essential_name(std::string_view name);

/// True for an array of no length at the end of a struct: any index is inside. `owner` is the step
/// before the index.
bool is_flexible_array(const BtfView& btf, const CoreStep& owner, const struct btf_array& array);

/// Adds an array's element or the root's: index times the size of `element`.
Result<void> add_element(const BtfView& btf, CoreSpec& spec, uint32_t element, uint32_t index);

/// Name and value of the enumerator `index` of an enum or enum64, which must have it.
std::string_view enumerator_name(const BtfView& btf, const btf_type& type, uint32_t index);
uint64_t enumerator_value(const btf_type& type, uint32_t index);

}  // namespace weir::vm::elf
