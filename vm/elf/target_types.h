#pragma once
// The types of the kernel that an object is made to fit (CO-RE), and the candidates among them for
// a type of the object: those of the same name, flavors apart.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vm/elf/btf_view.h"

namespace weir::vm::elf {

constexpr std::string_view kKernelBtfPath = "/sys/kernel/btf/vmlinux";

/// Immutable; any thread may read it.
class TargetTypes {
public:
    static Result<TargetTypes> parse(ByteSpan bytes);
    /// From a file (btf_file.h). The last one read is kept for the next object as long as the file
    /// stays as it is: parsing a kernel's types takes longer than loading an object.
    static Result<std::shared_ptr<const TargetTypes>> load(const std::string& path);

    const BtfView& btf() const { return btf_; }
    /// Types of that name, its flavors included, in the order of their ids.
    std::vector<uint32_t> candidates(std::string_view essential_name) const;

private:
    explicit TargetTypes(BtfView btf) : btf_(std::move(btf)) {}
    void index_names();

    BtfView btf_;
    std::vector<uint32_t> first_;  ///< by hash of the name: the lowest id, 0 for none
    std::vector<uint32_t> next_;   ///< by id: the next higher id of that hash
};

}  // namespace weir::vm::elf
