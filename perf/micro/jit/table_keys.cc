#include "perf/micro/jit/table_keys.h"

#include <cstring>
#include <random>

#include "perf/micro/lpm_tables.h"

namespace weir::perf {
namespace {

constexpr uint32_t kTcp = 6;

template <typename T>
std::vector<uint8_t> bytes_of(const T& value) {
    std::vector<uint8_t> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

/// Different for different numbers, without a pattern that a weak hash would like.
Flow flow_of_number(uint32_t number) {
    const uint64_t word = (number + 1) * 0x9E3779B97F4A7C15u;
    return {static_cast<uint32_t>(word), static_cast<uint32_t>(word >> 32),
            static_cast<uint16_t>(word >> 16), static_cast<uint16_t>(number), kTcp};
}

TableKeys draw_flows(uint32_t entries) {
    TableKeys keys;
    for (uint32_t i = 0; i < entries; ++i) keys.contents.push_back(bytes_of(flow_of_number(i)));
    std::mt19937 random(1);
    std::uniform_int_distribution<uint32_t> numbers(0, entries - 1);
    for (uint32_t i = 0; i < kFlowsAsked; ++i)
        keys.asked.push_back(flow_of_number(numbers(random)));
    return keys;
}

TableKeys draw_routes(uint32_t entries) {
    struct Key {
        uint32_t bits;
        std::array<uint8_t, 4> address;
    };
    TableKeys keys;
    const std::vector<Prefix> table = draw_table4(entries);
    for (const Prefix& prefix : table) {
        Key key{prefix.bits, {}};
        std::memcpy(key.address.data(), prefix.address.data(), key.address.size());
        keys.contents.push_back(bytes_of(key));
    }
    uint32_t number = 0;
    for (const auto& address : addresses_inside(table, kFlowsAsked)) {
        Flow flow = flow_of_number(number++);
        std::memcpy(&flow.destination, address.data(), sizeof flow.destination);
        keys.asked.push_back(flow);
    }
    return keys;
}

}  // namespace

TableKeys draw_keys_for(const TableShape& shape) {
    return shape.is_lpm() ? draw_routes(shape.entries) : draw_flows(shape.entries);
}

}  // namespace weir::perf
