#pragma once
// A map that is simple enough to be believed, for sequences of operations against it.

#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "tests/support/map_sequences.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {

/// Any kind: a std::map under the kernel's rules. A prefix counts without the bits behind its
/// length.
class Model final : public testing::ControlSide {
public:
    Model(const vm::MapSpec& spec, uint32_t value_bytes) : spec_(spec) {
        for (uint32_t i = 0; is_array() && i < spec.entries_max; ++i) {
            const Bytes key(bytes_of(i), bytes_of(i) + 4);
            entries_[key] = {key, Bytes(value_bytes, 0)};
        }
    }

    int lookup(const Bytes& key, Bytes& value) override {
        const Entry* best = nullptr;
        if (!is_trie()) {
            const auto found = entries_.find(key);
            best = found != entries_.end() ? &found->second : nullptr;
        } else if (length(key) <= max_length()) {
            for (uint32_t bits = 0; bits <= length(key); ++bits) {
                const auto found = entries_.find(canonical(shortened(key, bits)));
                if (found != entries_.end()) best = &found->second;
            }
        }
        if (best == nullptr) return -ENOENT;
        value = best->value;
        return 0;
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        if (flags > vm::kUpdateExist) return -EINVAL;
        if (is_trie() && length(key) > max_length()) return -EINVAL;
        const auto found = entries_.find(canonical(key));
        const bool present = found != entries_.end();
        if (is_array() && !present) return -E2BIG;
        if (present && flags == vm::kUpdateNoExist) return -EEXIST;
        if (!present && flags == vm::kUpdateExist) return -ENOENT;
        if (!present && entries_.size() == spec_.entries_max) return is_trie() ? -ENOSPC : -E2BIG;
        entries_[canonical(key)] = {key, value};
        return 0;
    }
    int erase(const Bytes& key) override {
        if (is_array() || (is_trie() && length(key) > max_length())) return -EINVAL;
        return entries_.erase(canonical(key)) == 1 ? 0 : -ENOENT;
    }
    int next_key(const Bytes* key, Bytes& next) override {
        auto at = key == nullptr ? entries_.end() : entries_.find(canonical(*key));
        at = at == entries_.end() ? entries_.begin() : std::next(at);
        if (at == entries_.end()) return -ENOENT;
        next = at->second.key;
        return 0;
    }

private:
    /// g++ 12 warns of a length that cannot be in its own comparison of byte vectors.
    struct KeyLess {
        static std::string_view text(const Bytes& key) {
            return {reinterpret_cast<const char*>(key.data()), key.size()};
        }
        bool operator()(const Bytes& a, const Bytes& b) const { return text(a) < text(b); }
    };
    struct Entry {
        Bytes key;  ///< as it was written last
        Bytes value;
    };

    bool is_array() const {
        return spec_.type == vm::MapType::Array || spec_.type == vm::MapType::PercpuArray;
    }
    bool is_trie() const { return spec_.type == vm::MapType::LpmTrie; }
    uint32_t max_length() const { return (spec_.key_bytes - 4) * 8; }
    static uint32_t length(const Bytes& key) { return value_at<uint32_t>(key.data()); }
    static Bytes shortened(Bytes key, uint32_t bits) {
        std::memcpy(key.data(), &bits, sizeof bits);
        return key;
    }
    Bytes canonical(Bytes key) const {
        if (!is_trie()) return key;
        for (uint32_t bit = length(key); bit < max_length(); ++bit) {
            key[4 + bit / 8] = static_cast<uint8_t>(key[4 + bit / 8] & ~(0x80u >> bit % 8));
        }
        return key;
    }

    vm::MapSpec spec_;
    std::map<Bytes, Entry, KeyLess> entries_;
};

}  // namespace weir::maps
