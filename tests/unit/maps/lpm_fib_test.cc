// The look-up structure over an LPM trie: tables of every layout and key size against a model that
// compares every prefix length, one after the other.

#include "maps/lpm_fib.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <vector>

#include "maps/reclaim.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

using Raw = std::vector<uint8_t>;  ///< a key as programs pass it

uint32_t length_of(const Raw& key) {
    return value_at<uint32_t>(key.data());
}

Raw shortened(Raw key, uint32_t bits) {
    std::memcpy(key.data(), &bits, sizeof bits);
    for (size_t bit = bits; bit < (key.size() - 4) * 8; ++bit)
        key[4 + bit / 8] = static_cast<uint8_t>(key[4 + bit / 8] & ~(0x80u >> bit % 8));
    return key;
}

/// Prefixes by their canonical text.
class Model {
public:
    std::map<std::string, uint64_t, std::less<>> entries;

    static std::string text(const Raw& key) { return {key.begin(), key.end()}; }
    uint64_t find(const Raw& key) const {
        std::string asked = text(shortened(key, length_of(key)));
        for (uint32_t bits = length_of(key);; --bits) {
            std::memcpy(asked.data(), &bits, sizeof bits);
            const auto found = entries.find(asked);
            if (found != entries.end()) return found->second;
            if (bits == 0) return 0;
            char& byte = asked[4 + (bits - 1) / 8];
            byte = static_cast<char>(byte & ~(0x80 >> (bits - 1) % 8));
        }
    }
};

/// Which prefixes a run draws.
enum class Draw {
    Clustered,  ///< few values a byte, all lengths: much overlap
    Dense,      ///< below one long prefix, so that one block holds hundreds
    Chain,      ///< around one address: every length of it
    Shared,     ///< the first half of the address always the same, as fixed fields are
};

class Keys {
public:
    Keys(Draw draw, uint32_t address_bytes, uint64_t seed)
        : draw_(draw), bytes_(address_bytes), random_(seed), center_(address_bytes) {
        for (uint8_t& byte : center_) byte = static_cast<uint8_t>(random_());
    }
    uint64_t number() { return random_(); }
    Raw address() {
        Raw key(4 + bytes_);
        for (uint32_t i = 0; i < bytes_; ++i) key[4 + i] = byte(i);
        if (draw_ == Draw::Chain) {
            const uint64_t bit = random_() % (bytes_ * 8);
            key[4 + bit / 8] ^= static_cast<uint8_t>(0x80u >> bit % 8);
        }
        return shortened(key, bytes_ * 8);
    }
    Raw prefix() {
        const uint32_t bits = bytes_ * 8;
        const bool dense = draw_ == Draw::Dense && random_() % 8 != 0;
        const auto length = dense ? bits - random_() % 9 : random_() % (bits + 1);
        return shortened(address(), static_cast<uint32_t>(length));
    }

private:
    uint8_t byte(uint32_t index) {
        const bool last = index + 1 == bytes_;
        switch (draw_) {
            case Draw::Clustered: break;
            case Draw::Dense: return last ? static_cast<uint8_t>(random_()) : center_[index];
            case Draw::Chain: return center_[index];
            case Draw::Shared:
                if (index < bytes_ / 2) return center_[index];
                break;
        }
        constexpr uint8_t kFew[] = {0, 1, 127, 128, 255};
        return random_() % 8 == 0 ? static_cast<uint8_t>(random_()) : kFew[random_() % 5];
    }

    Draw draw_;
    uint32_t bytes_;
    std::mt19937_64 random_;
    Raw center_;
};

class LpmFibRun {
public:
    LpmFibRun(Draw draw, uint32_t address_bytes, uint32_t entries_max, uint64_t seed)
        : keys_(draw, address_bytes, seed),
          map_(make_map(make_spec(vm::MapType::LpmTrie, 4 + address_bytes, 8, entries_max))) {}

    vm::Map& map() { return *map_; }

    /// One update or deletion. More are deleted than inserted where `shrink` is set.
    void step(bool shrink) {
        const Raw key = keys_.prefix();
        const std::string text = Model::text(key);
        const bool present = model_.entries.contains(text);
        if (keys_.number() % 8 < (shrink ? 6u : 3u)) {
            const auto some = model_.entries.lower_bound(text);
            const Raw gone =
                some != model_.entries.end() ? Raw(some->first.begin(), some->first.end()) : key;
            const int status = map_->erase(gone.data());
            if (status == -EBUSY) return;
            ASSERT_EQ(status, model_.entries.erase(Model::text(gone)) == 1 ? 0 : -ENOENT);
            changed_ = gone;
            return;
        }
        const uint64_t value = ++last_value_;
        const int status = map_->update(key.data(), bytes_of(value), 0, 0);
        if (status == -ENOMEM) return;
        const bool full = !present && model_.entries.size() == map_->spec().entries_max;
        ASSERT_EQ(status, full ? -ENOSPC : 0);
        if (!full) model_.entries[text] = value;
        changed_ = key;
    }

    /// The edges of what changed last, one address beyond, and others.
    void check() {
        const uint32_t bits = map_->spec().key_bytes * 8 - 32;
        std::vector<Raw> asked;
        if (!changed_.empty()) {
            Raw low = shortened(changed_, length_of(changed_));
            std::memcpy(low.data(), &bits, sizeof bits);
            Raw high = low;
            for (uint32_t bit = length_of(changed_); bit < bits; ++bit)
                high[4 + bit / 8] |= static_cast<uint8_t>(0x80u >> bit % 8);
            asked = {low, high};
            for (Raw beyond : {low, high}) {
                const uint64_t bit = keys_.number() % bits;
                beyond[4 + bit / 8] ^= static_cast<uint8_t>(0x80u >> bit % 8);
                asked.push_back(beyond);
            }
        }
        for (int i = 0; i < 4; ++i) asked.push_back(keys_.address());
        asked.push_back(keys_.prefix());
        check_all(asked);
    }

    void check_all(const std::vector<Raw>& asked) {
        std::vector<const uint8_t*> raw;
        for (const Raw& key : asked) raw.push_back(key.data());
        std::vector<uint8_t*> values(asked.size());
        map_->lookup_bulk(raw.data(), static_cast<uint32_t>(raw.size()), values.data(), 0);
        for (size_t i = 0; i < asked.size(); ++i) {
            const uint8_t* one = map_->lookup_function()(*map_, raw[i], 0);
            const uint64_t wanted = model_.find(asked[i]);
            ASSERT_EQ(one == nullptr ? 0 : value_at<uint64_t>(one), wanted)
                << "length " << length_of(asked[i]);
            ASSERT_EQ(values[i], one);
        }
    }

    void run(uint32_t steps) {
        for (uint32_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            step(i / 1000 % 4 == 3);
            check();
        }
        ASSERT_EQ(map_->entries(), model_.entries.size());
    }

    /// The same while a reader, this thread, seldom moves on, so that memory runs short: updates
    /// may fail then, look-ups stay exact.
    void run_with_late_reader(uint32_t steps) {
        reader_register();
        for (uint32_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            step(i / 1000 % 4 == 3);
            check();
            if (i % 700 == 699) reader_quiescent();
        }
        reader_unregister();
    }

    void erase_all() {
        while (!model_.entries.empty() && !::testing::Test::HasFailure()) {
            const std::string text = model_.entries.begin()->first;
            changed_ = Raw(text.begin(), text.end());
            ASSERT_EQ(map_->erase(changed_.data()), 0);
            model_.entries.erase(text);
            check();
        }
    }

private:
    Keys keys_;
    std::unique_ptr<vm::Map> map_;
    Model model_;
    uint64_t last_value_ = 0;
    Raw changed_;
};

struct Shape {
    uint32_t address_bytes;
    uint32_t entries_max;
};

void run_like_the_model(Draw draw, uint32_t steps) {
    uint64_t seed = 1;
    for (const Shape& shape : {Shape{1, 200},
                               {2, 300},
                               {3, 3000},
                               {4, 60},
                               {4, 3000},
                               {4, 65536},
                               {8, 3000},
                               {13, 70000},
                               {16, 200},
                               {16, 3000},
                               {16, 65536},
                               {25, 1000},
                               {256, 1000}}) {
        SCOPED_TRACE(::testing::Message()
                     << shape.address_bytes << " bytes, at most " << shape.entries_max);
        LpmFibRun run(draw, shape.address_bytes, shape.entries_max, seed++);
        const uint64_t empty = run.map().used_bytes();
        run.run(shape.address_bytes < 100 ? steps : steps / 8);
        run.erase_all();
        if (::testing::Test::HasFailure()) return;
        EXPECT_LT(run.map().used_bytes() - empty, 32u * 1088)
            << "fewer blocks than are collected at once";
    }
}

TEST(LpmFib, FindsWhatTheModelFindsInOverlappingPrefixes) {
    run_like_the_model(Draw::Clustered, 3000);
}

TEST(LpmFib, FindsWhatTheModelFindsInDenseAreas) {
    run_like_the_model(Draw::Dense, 3000);
}

TEST(LpmFib, FindsWhatTheModelFindsInChains) {
    run_like_the_model(Draw::Chain, 2000);
}

TEST(LpmFib, FindsWhatTheModelFindsBehindSharedFields) {
    run_like_the_model(Draw::Shared, 2000);
}

TEST(LpmFib, FindsWhatTheModelFindsWhileAReaderIsLate) {
    uint64_t seed = 100;
    for (const Draw draw : {Draw::Clustered, Draw::Dense}) {
        for (const Shape& shape : {Shape{4, 200}, {4, 1000}, {16, 1000}}) {
            LpmFibRun run(draw, shape.address_bytes, shape.entries_max, seed++);
            run.run_with_late_reader(6000);
            run.erase_all();
        }
    }
}

/// An address of IPv4 as a key; its value is the number.
Prefix4 host(uint32_t number) {
    Prefix4 key{32, {}};
    const uint32_t address = __builtin_bswap32(number);
    std::memcpy(key.address, &address, sizeof address);
    return key;
}

/// As many areas of 24 bits with one host each as a map may have entries, more than there is memory
/// for cells; and among them areas that want blocks of all slots.
TEST(LpmFib, StaysExactWherePrefixesNeedMoreThanItsMemory) {
    constexpr uint32_t kEntries = 65536, kAreas = 40, kHosts = 128, kFirst = 22;
    const auto map = make_map(make_spec(vm::MapType::LpmTrie, 8, 4, kEntries));
    std::vector<uint32_t> hosts;
    const auto insert = [&](uint32_t number) {
        hosts.push_back(number);
        return map->update(bytes_of(host(number)), bytes_of(number), 0, 0);
    };
    const auto crowd = [&](uint32_t from, uint32_t to) {
        for (uint32_t at = from; at < to; ++at) {
            for (uint32_t area = 0; area < kAreas; ++area)
                ASSERT_EQ(insert((area + 1) << 24 | at * 2), 0);
        }
    };
    crowd(0, kFirst);
    for (uint32_t i = 0; i < kEntries - kAreas * kHosts; ++i)
        ASSERT_EQ(insert(200u << 24 | (i << 8) | i % 251), 0);
    crowd(kFirst, kHosts);
    EXPECT_EQ(insert(1), -ENOSPC);
    EXPECT_LE(map->used_bytes(), map->memory_bytes());
    hosts.pop_back();
    for (const uint32_t number : hosts) {
        const uint8_t* const value = map->lookup(bytes_of(host(number)), 0);
        ASSERT_NE(value, nullptr) << number;
        ASSERT_EQ(value_at<uint32_t>(value), number);
        ASSERT_EQ(map->lookup(bytes_of(host(number ^ 1)), 0), nullptr);
    }
    for (const uint32_t number : hosts) ASSERT_EQ(map->erase(bytes_of(host(number))), 0);
    for (const uint32_t number : hosts) ASSERT_EQ(map->lookup(bytes_of(host(number)), 0), nullptr);
}

}  // namespace
}  // namespace weir::maps
