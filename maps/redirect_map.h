#pragma once
// What the kinds that bpf_redirect_map takes have in common: devmap, devmap_hash, cpumap, xskmap.

#include <cstdint>

#include "vm/program/map.h"
#include "vm/program/redirect_kinds.h"

namespace weir::maps {

/// Kinds for which is_redirect_kind is true derive from this, no others.
class RedirectMap : public vm::Map {
public:
    /// Program side: is there somewhere to go behind this key? Any thread.
    virtual bool has_target(uint32_t key) const = 0;

    uint64_t full_count() const override { return 0; }

protected:
    using Map::Map;
};

constexpr bool is_redirect_kind(vm::MapType type) {
    return vm::has_targets(type) || type == vm::MapType::Xskmap;
}

}  // namespace weir::maps
