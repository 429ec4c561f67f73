#pragma once
// Conditions on elements: "key.port == 80 and value.packets > 1000", "key in 10.0.0.0/8".

#include <string>
#include <vector>

#include "controlplane/cli/element_field.h"

namespace weir::controlplane::cli {

enum class Comparison : uint8_t { Equal, Unequal, Less, LessEqual, Greater, GreaterEqual, In };

struct Condition {
    Field field;
    Comparison comparison = Comparison::Equal;
    bool by_bytes = false;  ///< addresses, prefixes and texts; else numbers
    __int128 number = 0;
    Bytes bytes;               ///< as wide as the field, of a prefix: the address alone
    uint32_t prefix_bits = 0;  ///< for In
};

/// All conditions must hold. Numbers of per-CPU values are compared as their sum; of anything else
/// one slot that fits is enough.
class MapFilter {
public:
    /// Errors are kInvalid and name the condition.
    static Result<MapFilter> parse(const std::vector<std::string>& texts,
                                   const dataplane::api::MapInfo& map);
    bool matches(ByteSpan key, ByteSpan value) const;
    bool empty() const { return conditions_.empty(); }

private:
    std::vector<Condition> conditions_;
    dataplane::api::MapInfo map_;
};

}  // namespace weir::controlplane::cli
