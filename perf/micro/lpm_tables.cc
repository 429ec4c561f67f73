#include "perf/micro/lpm_tables.h"

#include <random>
#include <set>
#include <span>

namespace weir::perf {
namespace {

struct Share {
    uint32_t bits;
    uint32_t per_10000;
};

// The shares of the global tables as looking glasses show them, rounded.
constexpr Share kLengths4[] = {{8, 2},    {9, 1},    {10, 2},    {11, 4},   {12, 8},    {13, 12},
                               {14, 20},  {15, 30},  {16, 140},  {17, 90},  {18, 150},  {19, 270},
                               {20, 440}, {21, 530}, {22, 1120}, {23, 980}, {24, 6001}, {25, 20},
                               {26, 20},  {27, 20},  {28, 20},   {29, 40},  {30, 40},   {32, 40}};
constexpr Share kLengths6[] = {{20, 2},    {24, 5},   {28, 20},  {29, 350}, {30, 60},  {31, 30},
                               {32, 1200}, {33, 200}, {34, 150}, {35, 100}, {36, 450}, {38, 120},
                               {40, 800},  {42, 220}, {44, 900}, {45, 150}, {46, 350}, {47, 300},
                               {48, 4533}, {56, 20},  {64, 40}};
constexpr uint32_t kAllocations6 = 25'000;

uint32_t draw_length(std::span<const Share> shares, std::mt19937_64& random) {
    auto at = static_cast<uint32_t>(random() % 10'000);
    for (const Share& share : shares) {
        if (at < share.per_10000) return share.bits;
        at -= share.per_10000;
    }
    return shares.back().bits;
}

void clear_behind(std::array<uint8_t, 16>& address, uint32_t bits) {
    for (uint32_t bit = bits; bit < 128; ++bit)
        address[bit / 8] = static_cast<uint8_t>(address[bit / 8] & ~(0x80u >> bit % 8));
}

/// Draws until there are `count` different ones.
template <typename DrawAddress>
std::vector<Prefix> draw(uint32_t count, std::span<const Share> shares, DrawAddress draw_address) {
    std::mt19937_64 random(7);
    std::vector<Prefix> table;
    std::set<std::pair<uint32_t, std::array<uint8_t, 16>>> seen;
    while (table.size() < count) {
        Prefix prefix{draw_length(shares, random), draw_address(random)};
        clear_behind(prefix.address, prefix.bits);
        if (seen.insert({prefix.bits, prefix.address}).second) table.push_back(prefix);
    }
    return table;
}

std::array<uint8_t, 16> random_bytes(std::mt19937_64& random) {
    std::array<uint8_t, 16> bytes;
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    return bytes;
}

/// The first 32 bits of an allocation: below a /16 that a registry hands out, in steps of eight.
std::array<uint8_t, 4> draw_allocation(std::mt19937_64& random) {
    constexpr uint8_t kFirst[] = {0x20, 0x24, 0x24, 0x26, 0x26, 0x28, 0x2a, 0x2a, 0x2a, 0x2c};
    constexpr uint8_t kSecondMax[] = {1, 16, 16, 8, 32, 8, 16, 16, 16, 1};
    const uint64_t which = random() % std::size(kFirst);
    const auto second = static_cast<uint8_t>(random() % kSecondMax[which]);
    return {kFirst[which], kFirst[which] == 0x20 ? uint8_t{1} : second,
            static_cast<uint8_t>(random()), static_cast<uint8_t>(random() & 0xf8)};
}

}  // namespace

std::vector<Prefix> draw_table4(uint32_t count) {
    return draw(count, kLengths4, [](std::mt19937_64& random) {
        auto address = random_bytes(random);
        address[0] = static_cast<uint8_t>(1 + random() % 223);
        return address;
    });
}

std::vector<Prefix> draw_table6(uint32_t count) {
    std::mt19937_64 random_allocation(5);
    std::vector<std::array<uint8_t, 4>> allocations(kAllocations6);
    for (auto& allocation : allocations) allocation = draw_allocation(random_allocation);
    return draw(count, kLengths6, [&](std::mt19937_64& random) {
        auto address = random_bytes(random);
        const auto& allocation = allocations[random() % kAllocations6];
        std::copy(allocation.begin(), allocation.end(), address.begin());
        address[3] = static_cast<uint8_t>(address[3] + random() % 8 / 7);
        // Half of the sites are numbered from the start.
        if (random() % 2 == 0) address[4] = static_cast<uint8_t>(random() % 4);
        return address;
    });
}

std::vector<std::array<uint8_t, 16>> addresses_inside(const std::vector<Prefix>& table,
                                                      uint32_t count) {
    std::mt19937_64 random(9);
    std::vector<std::array<uint8_t, 16>> addresses(count);
    for (auto& address : addresses) {
        const Prefix& prefix = table[random() % table.size()];
        address = random_bytes(random);
        for (uint32_t bit = 0; bit < prefix.bits; ++bit) {
            const auto mask = static_cast<uint8_t>(0x80u >> bit % 8);
            const auto kept = static_cast<uint8_t>(prefix.address[bit / 8] & mask);
            address[bit / 8] = static_cast<uint8_t>((address[bit / 8] & ~mask) | kept);
        }
    }
    return addresses;
}

std::vector<std::array<uint8_t, 16>> addresses_anywhere(bool ipv6, uint32_t count) {
    std::mt19937_64 random(11);
    std::vector<std::array<uint8_t, 16>> addresses(count);
    for (auto& address : addresses) {
        address = random_bytes(random);
        if (ipv6) address[0] = static_cast<uint8_t>(0x20 | (address[0] & 0x1f));
    }
    return addresses;
}

}  // namespace weir::perf
