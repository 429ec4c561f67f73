#pragma once
// Random sequences of control-side operations, done to two maps at once: every return code, every
// value and the contents after every so many steps must agree. One of the two is a simple model or
// the live kernel.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/program/map.h"

namespace weir::testing {

/// The control side of a map, whatever it is made of. Results are 0 or negative errno values.
class ControlSide {
public:
    virtual ~ControlSide() = default;
    virtual int lookup(const Bytes& key, Bytes& value) = 0;
    virtual int update(const Bytes& key, const Bytes& value, uint64_t flags) = 0;
    virtual int erase(const Bytes& key) = 0;
    virtual int next_key(const Bytes* key, Bytes& next) = 0;
};

class WeirControlSide final : public ControlSide {
public:
    explicit WeirControlSide(vm::Map& map) : map_(map) {}
    int lookup(const Bytes& key, Bytes& value) override {
        value.resize(map_.control_value_bytes());
        return map_.control_lookup(key.data(), value);
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        return map_.control_update(key.data(), value, flags);
    }
    int erase(const Bytes& key) override { return map_.control_erase(key.data()); }
    int next_key(const Bytes* key, Bytes& next) override {
        next.resize(map_.spec().key_bytes);
        return map_.next_key(key != nullptr ? key->data() : nullptr, next.data());
    }

private:
    vm::Map& map_;
};

using Contents = std::vector<std::pair<Bytes, Bytes>>;

/// By iteration, in its order. A map that does not end within `entries_max` fails the test.
inline Contents dump(ControlSide& map, uint32_t entries_max) {
    Contents contents;
    Bytes key, next, value;
    for (int status = map.next_key(nullptr, next); status == 0; status = map.next_key(&key, next)) {
        key = next;
        EXPECT_EQ(map.lookup(key, value), 0);
        contents.emplace_back(key, value);
        if (contents.size() > entries_max) {
            ADD_FAILURE() << "iteration gives more than " << entries_max << " keys";
            break;
        }
    }
    return contents;
}

/// Draws keys that collide often, so that inserts, replacements, misses and full maps all occur.
class KeyDraw {
public:
    KeyDraw(const vm::MapSpec& spec, uint64_t seed) : spec_(spec), random_(seed) {}

    Bytes key() {
        if (spec_.type == vm::MapType::LpmTrie) return prefix();
        const uint32_t range = spec_.entries_max + spec_.entries_max / 2 + 2;
        Bytes key(spec_.key_bytes, 0);
        const uint32_t number = below(range);
        std::memcpy(key.data(), &number, std::min<size_t>(sizeof number, key.size()));
        if (key.size() > 8) key.back() = static_cast<uint8_t>(number * 7);
        return key;
    }
    Bytes value(uint32_t bytes) {
        Bytes value(bytes);
        for (uint8_t& byte : value) byte = static_cast<uint8_t>(random_());
        return value;
    }
    uint32_t below(uint32_t bound) {
        return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_);
    }

private:
    /// Few distinct address bits, so that prefixes nest; often a whole address, as packets ask for;
    /// now and then a length that is too long.
    Bytes prefix() {
        const uint32_t address_bytes = spec_.key_bytes - 4;
        uint32_t bits = below(address_bytes * 8 + 1);
        const uint32_t shape = below(4);
        if (shape == 0) bits = address_bytes * 8;
        if (shape > 1) bits = std::min(bits, below(12));
        if (below(50) == 0) bits = address_bytes * 8 + 1 + below(3);
        Bytes key(spec_.key_bytes);
        std::memcpy(key.data(), &bits, sizeof bits);
        for (uint32_t i = 0; i < address_bytes; ++i) {
            const bool near_start = i == 0 || i + 1 == address_bytes;
            key[4 + i] = near_start ? static_cast<uint8_t>(below(4) << 6 | below(2))
                                    : static_cast<uint8_t>(below(8) == 0);
        }
        return key;
    }

    vm::MapSpec spec_;
    std::mt19937_64 random_;
};

struct SequenceOptions {
    uint64_t seed = 1;
    uint32_t operations = 100'000;
    uint32_t control_value_bytes = 0;
    bool same_order = false;  ///< both iterate in the same order
    uint32_t dump_every = 5'000;
    uint32_t flags_bound = 5;  ///< updates have flags below it
};

/// Clears what the rounding of per-CPU values leaves undefined.
inline void clear_padding(const vm::MapSpec& spec, Bytes& value) {
    const size_t stride = (spec.value_bytes + 7) / 8 * 8;
    if (!vm::is_percpu(spec.type)) return;
    for (size_t at = 0; at < value.size(); at += stride) {
        std::fill(value.begin() + static_cast<ptrdiff_t>(at + spec.value_bytes),
                  value.begin() + static_cast<ptrdiff_t>(at + stride), uint8_t{0});
    }
}

inline void expect_same_contents(const vm::MapSpec& spec, ControlSide& reference,
                                 ControlSide& tested, bool same_order) {
    Contents expected = dump(reference, spec.entries_max);
    Contents actual = dump(tested, spec.entries_max);
    for (auto& [key, value] : expected) clear_padding(spec, value);
    if (!same_order) {
        std::sort(expected.begin(), expected.end());
        std::sort(actual.begin(), actual.end());
    }
    ASSERT_EQ(expected, actual);
}

/// One operation on both; false stops the sequence (a failure has been recorded).
inline bool same_step(const vm::MapSpec& spec, KeyDraw& draw, const SequenceOptions& options,
                      ControlSide& reference, ControlSide& tested) {
    const Bytes key = draw.key();
    const uint32_t kind = draw.below(100);
    if (kind < 45) {
        Bytes value = draw.value(options.control_value_bytes);
        clear_padding(spec, value);
        const uint64_t flags =
            draw.below(4) == 0 ? draw.below(options.flags_bound) : vm::kUpdateAny;
        EXPECT_EQ(reference.update(key, value, flags), tested.update(key, value, flags))
            << "update, flags " << flags;
    } else if (kind < 65) {
        EXPECT_EQ(reference.erase(key), tested.erase(key)) << "erase";
    } else if (kind < 95) {
        Bytes expected, actual;
        const int status = reference.lookup(key, expected);
        EXPECT_EQ(status, tested.lookup(key, actual)) << "lookup";
        clear_padding(spec, expected);
        if (status == 0) {
            EXPECT_EQ(expected, actual);
        }
    } else {
        Bytes expected, actual;
        const int status = reference.next_key(&key, expected);
        const int own_status = tested.next_key(&key, actual);
        if (!options.same_order) return !::testing::Test::HasFailure();
        EXPECT_EQ(status, own_status) << "next_key";
        if (status == 0) {
            EXPECT_EQ(expected, actual);
        }
    }
    return !::testing::Test::HasFailure();
}

inline void expect_same_sequence(const vm::MapSpec& spec, const SequenceOptions& options,
                                 ControlSide& reference, ControlSide& tested) {
    KeyDraw draw(spec, options.seed);
    for (uint32_t step = 0; step < options.operations; ++step) {
        ASSERT_TRUE(same_step(spec, draw, options, reference, tested))
            << "step " << step << ", seed " << options.seed;
        if (step % options.dump_every != options.dump_every - 1) continue;
        ASSERT_NO_FATAL_FAILURE(expect_same_contents(spec, reference, tested, options.same_order))
            << "step " << step;
    }
}

}  // namespace weir::testing
