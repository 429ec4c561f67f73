#include "jit/code_names.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/isa/helper_info.h"
#include "vm/program/lookup_layout.h"

namespace weir::jit {
namespace {

template <typename Function>
uint64_t address_of(Function* function) {
    return reinterpret_cast<uint64_t>(function);
}

void add_helpers(const vm::HelperTable& helpers, std::vector<CodeName>& names) {
    for (uint32_t id = 0; id < helpers.functions.size(); ++id)
        if (helpers.functions[id] != nullptr)
            names.push_back(
                {address_of(helpers.functions[id]), 1, fmt::format("bpf_{}", vm::helper_name(id))});
    for (uint32_t id = 0; id < helpers.kfuncs.size(); ++id)
        if (const vm::HelperInfo* info = vm::kfunc_info(id);
            info != nullptr && helpers.kfuncs[id] != nullptr)
            names.push_back({address_of(helpers.kfuncs[id]), 1, std::string(info->name)});
}

/// Where the parts of one map lie.
struct MapParts {
    const vm::MapSpec& spec;
    std::vector<CodeName>& names;

    void add(const void* address, uint64_t bytes, const char* part) const {
        if (address != nullptr && bytes != 0)
            names.push_back({reinterpret_cast<uint64_t>(address), bytes,
                             fmt::format("map[{}].{}", spec.name, part)});
    }
    /// Of all planes; the last one ends with its last element.
    void add_values(const void* address, uint64_t planes, uint64_t plane_bytes,
                    uint64_t values_bytes) const {
        add(address, (std::max<uint64_t>(planes, 1) - 1) * plane_bytes + values_bytes, "value");
    }

    void operator()(std::monostate) const {}
    void operator()(const vm::ArrayLayout& layout) const {
        add_values(layout.base, layout.planes, layout.plane_bytes,
                   uint64_t{layout.entries} * layout.stride_bytes);
    }
    void operator()(const vm::HashLayout& layout) const {
        add(layout.buckets, layout.bucket_count * layout.bucket_stride, "bucket");
        add(layout.keys, spec.entries_max * layout.key_stride, "key");
        add(layout.marks, spec.entries_max, "mark");
        add_values(layout.values, layout.planes, layout.plane_bytes,
                   spec.entries_max * layout.value_stride);
    }
    void operator()(const vm::ProgramSlots& layout) const {
        add(layout.base, uint64_t{layout.entries} * layout.stride_bytes, "slot");
    }
    void operator()(const vm::PrefixLayout& layout) const {
        add(layout.table, sizeof(uint32_t) << layout.table_bits, "table");
        add(layout.root, sizeof(uint32_t) << 8, "root");
        add(layout.values, (uint64_t{spec.entries_max} + 1) * layout.value_stride, "value");
    }
};

void add_map(const vm::MapSpec& spec, vm::Map& map, std::vector<CodeName>& names) {
    names.push_back({reinterpret_cast<uint64_t>(&map), 1, fmt::format("map[{}]", spec.name)});
    names.push_back(
        {address_of(map.lookup_function()), 1, vm::map_type_name(spec.type) + "_lookup"});
    const MapParts parts{spec, names};
    parts.add(map.direct_value(), spec.value_bytes, "value");
    std::visit(parts, map.lookup_layout().kind);
}

}  // namespace

std::vector<CodeName> code_names(const vm::ProgramSpec& program, std::span<vm::Map* const> maps,
                                 const vm::HelperTable& helpers) {
    WEIR_CHECK(maps.size() == program.maps.size());
    std::vector<CodeName> names;
    add_helpers(helpers, names);
    for (size_t i = 0; i < maps.size(); ++i) add_map(program.maps[i], *maps[i], names);
    // Two ids may have one function; the first name stays.
    std::ranges::stable_sort(names, {}, &CodeName::address);
    const auto repeated = std::ranges::unique(names, {}, &CodeName::address);
    names.erase(repeated.begin(), repeated.end());
    return names;
}

std::string name_of(std::span<const CodeName> names, uint64_t address) {
    const auto above = std::ranges::upper_bound(names, address, {}, &CodeName::address);
    if (above == names.begin()) return {};
    const CodeName& found = *std::prev(above);
    const uint64_t distance = address - found.address;
    if (distance >= found.bytes) return {};
    return distance == 0 ? found.name : fmt::format("{}+{:#x}", found.name, distance);
}

}  // namespace weir::jit
