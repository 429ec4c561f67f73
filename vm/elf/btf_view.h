#pragma once
// BTF by libbpf, behind checks: libbpf 1.1 does not validate type ids and name offsets inside
// types, so nothing here hands one on without looking. Format: Linux, Documentation/bpf/btf.rst.

#include <bpf/btf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::vm::elf {

constexpr size_t kBtfBytesMax = 16u << 20;  ///< vmlinux, the largest there is, has about 6 MiB
constexpr size_t kDataSectionsMax = 4'096;
constexpr uint32_t kBtfChainMax = 32;  ///< typedefs, qualifiers and array dimensions in a row

class BtfView {
public:
    /// `bytes` may be empty: an object without BTF has no types.
    static Result<BtfView> parse(ByteSpan bytes);

    bool empty() const { return btf_ == nullptr; }
    /// Types are 1..type_count().
    uint32_t type_count() const;
    /// nullptr for void (0) and for ids that do not exist.
    const btf_type* type(uint32_t id) const;
    /// The type behind typedefs, const, volatile, restrict and tags; 0 for void, for bad ids and
    /// endless chains.
    uint32_t resolve(uint32_t id) const;
    /// The same, telling void (0) from what is broken (nullopt).
    std::optional<uint32_t> strip(uint32_t id) const;
    /// BTF_KIND_*; BTF_KIND_UNKN for void and ids that do not exist.
    uint32_t kind(uint32_t id) const;
    /// At most 1,024 bytes; empty for bad offsets.
    std::string_view text(uint32_t offset) const;
    std::string_view name(const btf_type& type) const { return text(type.name_off); }
    /// Bytes that an object of this type takes; an error for void, functions, forward declarations,
    /// 4 GiB and more.
    Result<uint32_t> size_of(uint32_t id) const;
    /// The DATASEC called `section`, or nullptr.
    const btf_type* data_section(std::string_view section) const;

private:
    struct Closer {
        void operator()(btf* handle) const { btf__free(handle); }
    };
    Result<void> index_data_sections();

    std::unique_ptr<btf, Closer> btf_;
    std::unordered_map<std::string_view, uint32_t> data_sections_;
};

}  // namespace weir::vm::elf
