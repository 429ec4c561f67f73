#include "maps/key_hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace weir::maps {
namespace {

TEST(KeyHash, ZeroSeedIsTheSameFunctionEachTime) {
    const uint64_t key = 42;
    const auto* raw = reinterpret_cast<const uint8_t*>(&key);
    EXPECT_EQ(KeyHash::make(true)(raw, 8), KeyHash::make(true)(raw, 8));
}

TEST(KeyHash, SeedsDifferFromMapToMap) {
    const uint64_t key = 42;
    const auto* raw = reinterpret_cast<const uint8_t*>(&key);
    EXPECT_NE(KeyHash::make(false)(raw, 8), KeyHash::make(false)(raw, 8));
}

/// Every byte of a key of any length counts.
TEST(KeyHash, EveryBitChangesTheResult) {
    const KeyHash hash = KeyHash::make(false);
    for (const uint32_t bytes : {1u, 4u, 5u, 8u, 13u, 16u, 17u, 40u, 512u}) {
        std::vector<uint8_t> key(bytes, 0);
        const uint64_t plain = hash(key.data(), bytes);
        for (uint32_t bit = 0; bit < bytes * 8; ++bit) {
            key[bit / 8] = static_cast<uint8_t>(1u << bit % 8);
            EXPECT_NE(hash(key.data(), bytes), plain)
                << "bit " << bit << " of " << bytes << " bytes";
            key[bit / 8] = 0;
        }
    }
}

/// Keys that count up, as addresses and ports do, fill buckets evenly: chi squared over both halves
/// that are used.
TEST(KeyHash, CountingKeysSpreadEvenly) {
    const KeyHash hash = KeyHash::make(true);
    constexpr uint32_t kCells = 1024, kKeys = 1024 * 64;
    for (const uint32_t bytes : {4u, 8u, 13u, 16u}) {
        for (const uint32_t shift : {22u, 48u}) {  // top of the bucket's half, low end of the tag
            std::vector<uint32_t> counts(kCells, 0);
            for (uint32_t k = 0; k < kKeys; ++k) {
                uint8_t key[16] = {};
                std::memcpy(key, &k, sizeof k);
                ++counts[(hash(key, bytes) >> shift) % kCells];
            }
            double chi_squared = 0;
            for (const uint32_t count : counts)
                chi_squared += (count - 64.0) * (count - 64.0) / 64.0;
            // 1023 degrees of freedom: mean 1023, deviation 45.
            EXPECT_LT(chi_squared, 1023 + 6 * 45) << bytes << " bytes, bits from " << shift;
        }
    }
}

}  // namespace
}  // namespace weir::maps
