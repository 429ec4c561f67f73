#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "maps/reclaim.h"
#include "tests/unit/jit/lookup_programs.h"

namespace weir::tests {
namespace {

using vm::MapType;

constexpr uint32_t kLengthBytes = 4;

/// One map for each form of the tables: so many entries have one of 8, of 16 and of 24 bits.
struct Shape {
    uint32_t entries;
    uint32_t address_bytes;
};

Bytes prefix(uint32_t bits, const Bytes& address) {
    Bytes key(kLengthBytes + address.size());
    std::memcpy(key.data(), &bits, sizeof bits);
    std::copy(address.begin(), address.end(), key.begin() + kLengthBytes);
    return key;
}

/// Few different bytes, so that addresses share prefixes.
Bytes random_address(uint32_t bytes, std::mt19937& random) {
    Bytes address(bytes);
    for (uint8_t& byte : address) byte = static_cast<uint8_t>(random() % 3 * 85);
    return address;
}

void put(vm::Map& map, const Bytes& key, uint32_t word) {
    Bytes value(map.spec().value_bytes);
    std::memcpy(value.data(), &word, sizeof word);
    ASSERT_EQ(map.control_update(key.data(), value, vm::kUpdateAny), 0);
}

vm::MapSpec trie(const Shape& shape, uint32_t value_bytes = 8) {
    vm::MapSpec spec =
        map_spec(MapType::LpmTrie, kLengthBytes + shape.address_bytes, value_bytes, shape.entries);
    spec.flags = vm::kMapNoPrealloc;
    return spec;
}

void expect_as_the_map_says(const Proven& proven, const std::vector<Bytes>& keys) {
    const std::vector<uint32_t> wanted = looked_up(*proven.maps[0], keys, 0);
    for (const Way way : kWays)
        ASSERT_EQ(verdicts_of(proven, way, keys, 0), wanted) << "way " << static_cast<int>(way);
}

class EmitPrefixLookup : public testing::TestWithParam<Shape> {
protected:
    const maps::ReaderScope reading_;
    std::mt19937 random_{1};

    std::vector<Bytes> keys_of_full_length(size_t count) {
        std::vector<Bytes> keys;
        for (size_t i = 0; i < count; ++i)
            keys.push_back(prefix(GetParam().address_bytes * 8,
                                  random_address(GetParam().address_bytes, random_)));
        return keys;
    }
};

TEST_P(EmitPrefixLookup, FindsWhatTheMapFindsInEveryFormOfProgram) {
    const uint32_t key_bytes = kLengthBytes + GetParam().address_bytes;
    for (const KeyForm form : kKeyForms)
        for (const NullCheck check : kNullChecks) {
            const Proven proven(lookup_program(random_split(key_bytes, random_), form, check),
                                {trie(GetParam())});
            for (uint32_t bits = 1; bits <= GetParam().address_bytes * 8; ++bits)
                put(*proven.maps[0],
                    prefix(bits, random_address(GetParam().address_bytes, random_)), 1000 + bits);
            expect_as_the_map_says(proven, keys_of_full_length(32));
        }
}

TEST_P(EmitPrefixLookup, FindsShortestPrefixesAndNothingInAnEmptyMap) {
    const uint32_t key_bytes = kLengthBytes + GetParam().address_bytes;
    const Proven proven(
        lookup_program(even_split(key_bytes, 4), KeyForm::kStack, NullCheck::kEqual),
        {trie(GetParam())});
    const std::vector<Bytes> keys = keys_of_full_length(32);
    expect_as_the_map_says(proven, keys);
    const Bytes address(GetParam().address_bytes, 85);
    put(*proven.maps[0], prefix(8, address), 7);
    put(*proven.maps[0], prefix(1, address), 8);
    expect_as_the_map_says(proven, keys);
    put(*proven.maps[0], prefix(0, address), 9);
    expect_as_the_map_says(proven, keys);
}

TEST_P(EmitPrefixLookup, LeavesShorterKeysAndImpossibleLengthsToTheMap) {
    const uint32_t key_bytes = kLengthBytes + GetParam().address_bytes;
    const Proven proven(
        lookup_program(even_split(key_bytes, 4), KeyForm::kStack, NullCheck::kEqual),
        {trie(GetParam())});
    const Bytes address = random_address(GetParam().address_bytes, random_);
    put(*proven.maps[0], prefix(3, address), 3);
    put(*proven.maps[0], prefix(7, address), 7);
    std::vector<Bytes> keys;
    for (const uint32_t bits : {0u, 2u, 3u, 6u, 7u, GetParam().address_bytes * 8 + 1, ~0u})
        keys.push_back(prefix(bits, address));
    expect_as_the_map_says(proven, keys);
}

TEST_P(EmitPrefixLookup, FindsValuesOfAnySize) {
    const uint32_t key_bytes = kLengthBytes + GetParam().address_bytes;
    for (const uint32_t value_bytes : {4u, 8u, 24u, 64u, 200u}) {
        const Proven proven(
            lookup_program(even_split(key_bytes, 4), KeyForm::kStack, NullCheck::kEqual),
            {trie(GetParam(), value_bytes)});
        const std::vector<Bytes> keys = keys_of_full_length(32);
        for (uint32_t i = 0; i < keys.size(); i += 2)
            put(*proven.maps[0], prefix(8, Bytes(keys[i].begin() + kLengthBytes, keys[i].end())),
                100 + i);
        expect_as_the_map_says(proven, keys);
    }
}

/// An entry that is always there while longer ones come and go.
TEST_P(EmitPrefixLookup, NeverLosesACoveringPrefixWhileAWriterIsAtWork) {
    const uint32_t key_bytes = kLengthBytes + GetParam().address_bytes;
    const Proven proven(
        lookup_program(even_split(key_bytes, 4), KeyForm::kStack, NullCheck::kEqual),
        {trie(GetParam())});
    vm::Map& map = *proven.maps[0];
    const Bytes address(GetParam().address_bytes, 0x55);
    put(map, prefix(6, address), 6);
    std::atomic<bool> done = false;
    std::thread writer([&] {
        std::mt19937 random(2);
        while (!done.load(std::memory_order_relaxed)) {
            const auto bits = static_cast<uint32_t>(7 + random() % 10);
            const Bytes longer = prefix(std::min(bits, GetParam().address_bytes * 8), address);
            if (random() % 2 == 0)
                put(map, longer, 7);
            else
                map.control_erase(longer.data());
        }
    });
    const auto program = proven.compile(jit::Engine::kJit);
    KeyPackets packets({prefix(GetParam().address_bytes * 8, address)});
    vm::RunEnv env;
    uint32_t wrong = 0;
    for (int round = 0; round < 50'000; ++round) {
        std::array<uint32_t, 1> verdict{}, redirect{};
        program->run_burst(packets.contexts(), verdict, redirect, env);
        wrong += verdict[0] != 6 && verdict[0] != 7;
        maps::reader_quiescent();
    }
    done.store(true, std::memory_order_relaxed);
    writer.join();
    EXPECT_EQ(wrong, 0u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmitPrefixLookup,
                         testing::Values(Shape{200, 4}, Shape{200, 1}, Shape{1000, 4},
                                         Shape{1000, 16}, Shape{65536, 4}, Shape{65536, 16}),
                         [](const auto& shape) {
                             return "Entries" + std::to_string(shape.param.entries) + "Bytes" +
                                    std::to_string(shape.param.address_bytes);
                         });

}  // namespace
}  // namespace weir::tests
