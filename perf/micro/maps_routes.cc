#include "perf/micro/maps_routes.h"

#include <array>
#include <cstring>

#include "perf/micro/lpm_tables.h"

namespace weir::perf {
namespace {

constexpr uint32_t kQueries = 1u << 20;
constexpr uint32_t kBits4 = 32, kBits6 = 128;

void add_key(KeyList& keys, uint32_t bits, const std::array<uint8_t, 16>& address) {
    std::array<uint8_t, sizeof bits + sizeof address> key;
    std::memcpy(key.data(), &bits, sizeof bits);
    std::memcpy(key.data() + sizeof bits, address.data(), address.size());
    keys.add(key.data());
}

KeyList prefixes(uint32_t address_bits, const std::vector<Prefix>& table) {
    KeyList keys(static_cast<uint32_t>(sizeof(uint32_t)) + address_bits / 8);
    for (const Prefix& prefix : table) add_key(keys, prefix.bits, prefix.address);
    return keys;
}

KeyList addresses(uint32_t address_bits, const std::vector<Prefix>& table) {
    KeyList keys(static_cast<uint32_t>(sizeof(uint32_t)) + address_bits / 8);
    for (const auto& address : addresses_inside(table, kQueries))
        add_key(keys, address_bits, address);
    return keys;
}

}  // namespace

KeyList ipv4_prefixes(uint32_t count) {
    return prefixes(kBits4, draw_table4(count));
}
KeyList ipv6_prefixes(uint32_t count) {
    return prefixes(kBits6, draw_table6(count));
}
KeyList ipv4_addresses(uint32_t count) {
    return addresses(kBits4, draw_table4(count));
}
KeyList ipv6_addresses(uint32_t count) {
    return addresses(kBits6, draw_table6(count));
}

}  // namespace weir::perf
