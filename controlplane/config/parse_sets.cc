// The section `sets`: prefixes, from the file itself or from a list beside it.

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "controlplane/config/parse.h"

namespace weir::controlplane {
namespace {

constexpr size_t kSetFileBytesMax = 256u << 20;
constexpr std::array<KnownKey, 9> kSetKeys = {{{"type"},
                                               {"entries"},
                                               {"file"},
                                               {"format"},
                                               {"max_entries"},
                                               {"max_change", false},
                                               {"url", false},
                                               {"refresh", false},
                                               {"timeout", false}}};

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

void read_entries(Reader& reader, const Node& node, const std::string& key, SetConfig& set) {
    if (!reader.open_list(node, key)) return;
    for (const Node& item : node.items) {
        const Result<Prefix> prefix =
            item.kind == NodeKind::Scalar
                ? parse_prefix(item.text)
                : fail(ErrorKind::kInvalid, "a prefix like 192.0.2.0/24 or 2001:db8::/32");
        if (!prefix) return reader.refuse_value(item, key, prefix.error().message);
        set.prefixes.push_back(*prefix);
    }
}

/// One prefix a line; empty lines and what follows '#' or ';' are comments (Spamhaus, FireHOL, Team
/// Cymru lists).
void read_list_file(Reader& reader, const Node& node, const std::string& key, SetConfig& set) {
    const Result<std::string> text = read_file(set.file, kSetFileBytesMax);
    if (!text) return reader.refuse(node.place, key, text.error().message);
    std::string_view rest = *text;
    for (uint32_t line = 1; !rest.empty(); ++line) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view whole = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const std::string_view word = trim(whole.substr(0, whole.find_first_of("#;")));
        if (word.empty()) continue;
        const Result<Prefix> prefix = parse_prefix(word);
        if (!prefix)
            return reader.refuse(node.place, key,
                                 fmt::format("{}:{}: value '{}', expected {}", set.file, line,
                                             word.substr(0, 80), prefix.error().message));
        set.prefixes.push_back(*prefix);
    }
}

void read_source(Reader& reader, const NodeEntry& entry, const std::string& key,
                 const Config& config, SetConfig& set) {
    const Node* entries = entry.value.find("entries");
    const Node* file = entry.value.find("file");
    if ((entries == nullptr) == (file == nullptr))
        return reader.refuse(entry.key_place, key, "expected either 'entries' or 'file'");
    if (const Node* format = entry.value.find("format")) {
        if (file == nullptr)
            return reader.refuse(format->place, key + ".format", "means nothing without 'file'");
        reader.choice<int>(*format, key + ".format", {{"cidr", 0}});
    }
    if (entries != nullptr) return read_entries(reader, *entries, key + ".entries", set);
    set.file = resolve_path(config.folder, reader.text(*file, key + ".file"));
    if (reader.ok()) read_list_file(reader, *file, key + ".file", set);
}

void read_set(Reader& reader, const NodeEntry& entry, Config& config) {
    const std::string key = "sets." + entry.key;
    const Node& node = entry.value;
    if (!reader.open_map(node, key, kSetKeys)) return;
    SetConfig set;
    set.name = entry.key;
    set.place = entry.key_place;
    const Node* type = node.find("type");
    if (type == nullptr)
        return reader.refuse(entry.key_place, key + ".type", "missing, expected prefix");
    reader.choice<int>(*type, key + ".type", {{"prefix", 0}});
    uint64_t entries_max = kSetEntriesMax;
    if (const Node* most = node.find("max_entries"))
        entries_max = reader.number(*most, key + ".max_entries", 1, kSetEntriesMax);
    read_source(reader, entry, key, config, set);
    std::sort(set.prefixes.begin(), set.prefixes.end());
    set.prefixes.erase(std::unique(set.prefixes.begin(), set.prefixes.end()), set.prefixes.end());
    if (set.prefixes.size() > entries_max)
        return reader.refuse(entry.key_place, key,
                             fmt::format("{} prefixes, expected at most {} (max_entries)",
                                         set.prefixes.size(), entries_max));
    config.sets.push_back(std::move(set));
}

}  // namespace

void read_sets(Reader& reader, const Node& node, Config& config) {
    if (!reader.open_names(node, "sets")) return;
    for (const NodeEntry& entry : node.entries) {
        read_set(reader, entry, config);
        if (!reader.ok()) return;
    }
}

}  // namespace weir::controlplane
