#include "controlplane/config/reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "controlplane/config/units.h"
#include "vm/base/limits.h"

namespace weir::controlplane {
namespace {

/// Levenshtein's distance with swaps of neighbours (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
    for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[a.size()][b.size()];
}

bool is_name(const std::string& name) {
    if (name.empty() || name.size() > kNameBytesMax) return false;
    const auto is_word = [](char letter) {
        return std::isalnum(static_cast<unsigned char>(letter)) != 0;
    };
    if (!is_word(name[0]) && name[0] != '.' && name[0] != '_') return false;
    return std::all_of(name.begin(), name.end(), [&](char letter) {
        return is_word(letter) || letter == '_' || letter == '-' || letter == '.' || letter == '/';
    });
}

}  // namespace

std::string join_key(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
    constexpr size_t kWordBytesMax = 64;  // the distance is quadratic
    if (word.size() > kWordBytesMax) return {};
    std::string best;
    size_t best_distance = SIZE_MAX;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > kWordBytesMax) continue;
        const size_t distance = edit_distance(word, candidate);
        if (distance < best_distance &&
            distance <= std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3)) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

void Reader::refuse(const Place& place, const std::string& key, const std::string& message,
                    ErrorKind kind) {
    if (error_) return;
    const std::string middle = key.empty() ? "" : key + ": ";
    error_ = Error{kind,
                   fmt::format("{}:{}:{}: {}{}", file_, place.line, place.column, middle, message)};
}

void Reader::refuse_value(const Node& node, const std::string& key, const std::string& expected) {
    refuse(node.place, key, fmt::format("{}, expected {}", describe(node), expected));
}

bool Reader::open_map(const Node& node, const std::string& key, std::span<const KnownKey> known) {
    if (!ok()) return false;
    if (node.kind == NodeKind::Null) return true;
    if (node.kind != NodeKind::Map) {
        refuse_value(node, key, "a map");
        return false;
    }
    for (const NodeEntry& entry : node.entries) {
        const auto match = std::find_if(known.begin(), known.end(),
                                        [&](const KnownKey& k) { return k.name == entry.key; });
        if (match != known.end() && match->offered) continue;
        const std::string path = join_key(key, entry.key);
        if (match != known.end()) {
            refuse(entry.key_place, path, fmt::format("'{}' is not offered yet", entry.key),
                   ErrorKind::kUnsupported);
            return false;
        }
        std::vector<std::string> names;
        for (const KnownKey& k : known)
            if (k.offered) names.emplace_back(k.name);
        const std::string near = did_you_mean(entry.key, names);
        std::string all;
        for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
        refuse(entry.key_place, path,
               near.empty() ? fmt::format("unknown key '{}', expected one of {}", entry.key, all)
                            : fmt::format("unknown key '{}', did you mean '{}'?", entry.key, near));
        return false;
    }
    return true;
}

bool Reader::open_names(const Node& node, const std::string& key) {
    if (!ok()) return false;
    if (node.kind == NodeKind::Null) return true;
    if (node.kind != NodeKind::Map) {
        refuse_value(node, key, "a map of names");
        return false;
    }
    for (const NodeEntry& entry : node.entries) {
        if (is_name(entry.key)) continue;
        refuse(entry.key_place, key,
               fmt::format("name '{}', expected letters, digits, '_', '-', '.' (at most {})",
                           entry.key.substr(0, 80), kNameBytesMax));
        return false;
    }
    return true;
}

bool Reader::open_list(const Node& node, const std::string& key) {
    if (!ok()) return false;
    if (node.kind == NodeKind::List || node.kind == NodeKind::Null) return true;
    refuse_value(node, key, "a list");
    return false;
}

std::string Reader::text(const Node& node, const std::string& key) {
    if (node.kind == NodeKind::Scalar && !node.text.empty()) return node.text;
    refuse_value(node, key, "a text");
    return {};
}

uint64_t Reader::number(const Node& node, const std::string& key, uint64_t min, uint64_t max) {
    const Result<uint64_t> value =
        node.kind == NodeKind::Scalar ? parse_number(node.text) : fail(ErrorKind::kInvalid, "");
    if (value && *value >= min && *value <= max) return *value;
    refuse_value(node, key, fmt::format("a whole number from {} to {}", min, max));
    return min;
}

bool Reader::boolean(const Node& node, const std::string& key) {
    return choice<bool>(node, key, {{"true", true}, {"false", false}});
}

uint64_t Reader::size_bytes(const Node& node, const std::string& key, uint64_t min, uint64_t max) {
    const Result<uint64_t> value = node.kind == NodeKind::Scalar
                                       ? parse_size_bytes(node.text)
                                       : fail(ErrorKind::kInvalid, "a size like 512MiB");
    if (!value) {
        refuse_value(node, key, value.error().message);
        return min;
    }
    if (*value >= min && *value <= max) return *value;
    refuse_value(node, key, fmt::format("a size from {}MiB to {}MiB", min >> 20, max >> 20));
    return min;
}

}  // namespace weir::controlplane
