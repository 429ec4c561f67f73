#pragma once
// What the world outside of a program decides about one of its runs, as far as a search for a
// counterexample varies it.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/limits.h"

namespace weir::controlplane::cli {

/// What the first look-up of an element finds.
struct LookupChoice {
    bool hit = false;
    Bytes value;  ///< the element's; shorter: zeroes follow

    friend bool operator==(const LookupChoice&, const LookupChoice&) = default;
    friend auto operator<=>(const LookupChoice&, const LookupChoice&) = default;
};

struct SearchInput {
    Bytes packet;
    std::vector<LookupChoice> lookups;     ///< in the order in which elements are looked up first
    std::map<uint32_t, Bytes> globals;     ///< contents of global data, by index of the map
    std::map<uint32_t, uint64_t> results;  ///< of calls that may answer differently, by their order
    std::array<uint32_t, 3> context = {1, 0,
                                       0};  ///< ingress_ifindex, rx_queue_index, egress_ifindex

    friend bool operator==(const SearchInput&, const SearchInput&) = default;
    friend auto operator<=>(const SearchInput&, const SearchInput&) = default;
};

enum class UnknownKind : uint8_t {
    PacketByte,  ///< at `offset`
    PacketLength,
    LookupHit,     ///< of look-up `which`: 0 or 1
    ValueByte,     ///< of the value of look-up `which`, at `offset`
    GlobalByte,    ///< of map `which`, at `offset`
    CallResult,    ///< of call `which`, of `offset` bits
    FailableCall,  ///< of call `which`: what it gives by itself, or that it fails: -`offset`, an
                   ///< errno, or null where that is 0
    ContextField,  ///< `which` of SearchInput::context
};

/// One number of a SearchInput.
struct Unknown {
    UnknownKind kind = UnknownKind::PacketByte;
    uint32_t which = 0;
    uint32_t offset = 0;

    friend auto operator<=>(const Unknown&, const Unknown&) = default;
};

/// Bits that the number may have.
uint64_t possible_bits(const Unknown& unknown);
/// nullopt: what the call gives by itself.
std::optional<uint64_t> read_unknown(const SearchInput& input, const Unknown& unknown);
/// False: it cannot be that.
bool write_unknown(SearchInput& input, const Unknown& unknown, uint64_t number);

}  // namespace weir::controlplane::cli
