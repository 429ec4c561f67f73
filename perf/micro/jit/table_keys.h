#pragma once
// What the big tables hold, and the flows that ask for it.

#include <cstdint>
#include <string>
#include <vector>

namespace weir::perf {

/// struct flow of packets.bpf.c.
struct Flow {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    uint32_t protocol;
};

struct TableShape {
    std::string title;
    std::string map;  ///< in tables.bpf.c: hash, lru or lpm
    uint32_t entries;

    bool is_lpm() const { return map == "lpm"; }
};

struct TableKeys {
    std::vector<std::vector<uint8_t>> contents;  ///< keys of the map
    std::vector<Flow> asked;  ///< kFlowsAsked, in random order; all of them are found
};

/// A power of two.
constexpr uint32_t kFlowsAsked = 1u << 20;

TableKeys draw_keys_for(const TableShape& shape);

}  // namespace weir::perf
