#pragma once
// YAML text -> a tree in which every key and value knows its line and column. Anchors and aliases
// are resolved by copying, within the bound on values, so that no "billion laughs" gets through.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

namespace weir::controlplane {

constexpr size_t kConfigBytesMax = 16u << 20;    ///< of a configuration file
constexpr uint32_t kConfigDepthMax = 32;         ///< lists and maps inside each other
constexpr uint32_t kConfigValuesMax = 1u << 20;  ///< values after aliases were resolved

/// Both start at 1.
struct Place {
    uint32_t line = 1;
    uint32_t column = 1;
};

enum class NodeKind : uint8_t { Null, Scalar, List, Map };

struct Node;
struct NodeEntry;

struct Node {
    NodeKind kind = NodeKind::Null;
    Place place;
    std::string text;  ///< Scalar: as written, without quotes
    bool quoted = false;
    std::vector<Node> items;         ///< List
    std::vector<NodeEntry> entries;  ///< Map, in file order, keys unique

    /// The value under `key`, or nullptr.
    const Node* find(std::string_view key) const;
};

struct NodeEntry {
    std::string key;
    Place key_place;
    Node value;
};

/// "a list", "a map", "value 'X'" or "an empty value": how errors speak of a node.
std::string describe(const Node& node);

/// One document. Errors are "FILE:LINE:COLUMN: what", `file` being what to call the text.
Result<Node> parse_document(const std::string& text, const std::string& file);

/// The whole file, bounded by `bytes_max`; kInvalid if it is missing, unreadable, no regular file
/// (nor, with `takes_pipe`, a pipe, whose end is waited for) or too large.
Result<std::string> read_file(const std::string& path, size_t bytes_max, bool takes_pipe = false);

}  // namespace weir::controlplane
