// weir map dump, lookup.

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "controlplane/cli/map_filter.h"
#include "controlplane/cli/map_options.h"
#include "controlplane/cli/map_watch.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

constexpr size_t kBlockRows = 4096;  ///< of a table before it is printed

/// One JSON list of any length, written element by element.
class JsonListWriter {
public:
    explicit JsonListWriter(bool pretty) : pretty_(pretty) { std::fputc('[', stdout); }
    void add(const Json& element) {
        std::string text =
            element.dump(pretty_ ? 2 : -1, ' ', false, nlohmann::detail::error_handler_t::replace);
        if (pretty_) {
            for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3)
                text.insert(at + 1, "  ");
            text.insert(0, "\n  ");
        }
        if (!is_first_) std::fputc(',', stdout);
        is_first_ = false;
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
    void end() { fmt::print("{}]\n", pretty_ && !is_first_ ? "\n" : ""); }

private:
    bool pretty_, is_first_ = true;
};

struct DumpOptions {
    MapFilter filter;
    uint64_t limit = UINT64_MAX;
    bool nonzero = false;

    bool wants(ByteSpan key, ByteSpan value) const {
        if (nonzero && std::ranges::all_of(value, [](uint8_t byte) { return byte == 0; }))
            return false;
        return filter.matches(key, value);
    }
};

Result<DumpOptions> dump_options(const Parsed& parsed, const MapInfo& map) {
    DumpOptions options;
    Result<MapFilter> filter = MapFilter::parse(parsed.words("where"), map);
    if (!filter) return std::unexpected(filter.error());
    options.filter = std::move(*filter);
    const Result<uint64_t> limit = number_option(parsed, "limit", UINT64_MAX, 1, UINT64_MAX);
    if (!limit) return std::unexpected(limit.error());
    options.limit = *limit;
    options.nonzero = parsed.has("nonzero");
    return options;
}

int dump_json(const Parsed& parsed, const MapInfo& map, const DumpOptions& options) {
    JsonListWriter list(parsed.has("pretty"));
    uint64_t shown = 0;
    const Result<void> read = for_each_element(parsed, map, [&](ByteSpan key, ByteSpan value) {
        if (!options.wants(key, value)) return true;
        list.add(
            element_json(map, {Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end())}));
        return ++shown < options.limit && std::ferror(stdout) == 0;
    });
    if (!read) return report(read.error());
    list.end();
    return kExitDone;
}

int dump_table(const Parsed& parsed, const MapInfo& map, const DumpOptions& options) {
    ElementTable table(map, cpu_view(parsed));
    uint64_t seen = 0, shown = 0;
    const Result<void> read = for_each_element(parsed, map, [&](ByteSpan key, ByteSpan value) {
        ++seen;
        if (!options.wants(key, value)) return true;
        table.add(key, value);
        if (table.waiting() >= kBlockRows) fmt::print("{}", table.take());
        return ++shown < options.limit && std::ferror(stdout) == 0;
    });
    if (!read) return report(read.error());
    if (shown != 0) fmt::print("{}", table.take());
    if (shown == options.limit)
        fmt::print("{}, then --limit\n", elements_text(shown));
    else if (shown != seen)
        fmt::print("{} of {}\n", shown, elements_text(seen));
    else
        fmt::print("{}\n", elements_text(shown));
    return kExitDone;
}

void print_found(const Json& element, const MapInfo& map, ElementTable& table) {
    Bytes key, value;
    from_hex(element.value("key_hex", ""), key);
    from_hex(element.value("value_hex", ""), value);
    if (key.size() == map.spec.key_bytes && value.size() == control_value_bytes(map))
        table.add(key, value);
}

int lookup_one(const Parsed& parsed, const MapInfo& map, const Bytes& key) {
    const Result<Json> element =
        ask_node(parsed, "GET", map_target(map.name) + "/elements/" + to_hex(key));
    if (!element) return report(element.error());
    if (parsed.json()) {
        print_json(*element, parsed);
        return kExitDone;
    }
    ElementTable table(map, cpu_view(parsed));
    print_found(*element, map, table);
    fmt::print("{}", table.take());
    Bytes matched;
    if (!from_hex(element->value("matched_hex", ""), matched) ||
        matched.size() != map.spec.key_bytes)
        return kExitDone;
    std::string text;
    for (const Field& field : key_fields(map))
        text += (text.empty() ? "" : ", ") + field_text(field, matched);
    fmt::print("matched {}\n", text);
    return kExitDone;
}

int lookup_many(const Parsed& parsed, const MapInfo& map, const std::vector<Bytes>& keys) {
    Json hex = Json::array();
    for (const Bytes& key : keys) hex.push_back(to_hex(key));
    const Json body = {{"keys", std::move(hex)}};
    const Result<Json> answer =
        ask_node(parsed, "POST", map_target(map.name) + "/lookup", body.dump());
    if (!answer) return report(answer.error());
    const Json missing = answer->value("missing", Json::array());
    if (parsed.json()) {
        print_json(*answer, parsed);
        return missing.empty() ? kExitDone : kExitNo;
    }
    ElementTable table(map, cpu_view(parsed));
    for (const Json& element : answer->value("elements", Json::array()))
        print_found(element, map, table);
    fmt::print("{}", table.take());
    if (missing.empty()) return kExitDone;
    const std::string absent = typed_keys_in(parsed, keys, missing);
    return report({ErrorKind::kNotFound, fmt::format("map {}: there is no {}", map.name, absent)});
}

}  // namespace

int verb_map_dump(const Words& words) {
    Options options("map dump", "NAME",
                    "All elements of a map as a table, keys and values by their BTF types.\n"
                    "Conditions: key.port == 80, value.packets > 1000, key.saddr in 10.0.0.0/8; "
                    "several with 'and'. Operators: == != <\n<= > >= in.");
    options.positional("NAME", true);
    options.values("where", "CONDITION", "only elements for which this holds")
        .value("limit", "N", "at most so many elements")
        .flag("nonzero", "only elements whose value is not all zero");
    add_cpu_option(options);
    options.optional_value("watch", "SECONDS", "1",
                           "what changes, and by how much a second, again and again until Ctrl-C");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<double> seconds = seconds_option(*parsed, "watch", 1);
    if (!seconds) return report(seconds.error());
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    const Result<DumpOptions> dump = dump_options(*parsed, map->info);
    if (!dump) return report(dump.error());
    if (parsed->has("watch")) {
        WatchOptions watch{.seconds = *seconds};
        if (parsed->has("limit")) watch.rows_max = dump->limit;
        return watch_map(*parsed, map->info, dump->filter, watch);
    }
    return parsed->json() ? dump_json(*parsed, map->info, *dump)
                          : dump_table(*parsed, map->info, *dump);
}

int verb_map_lookup(const Words& words) {
    Options options("map lookup", "NAME KEY…",
                    "Elements by their keys. A KEY is an address, a prefix, a decimal integer, hex "
                    "after 0x, or JSON by its BTF type:\n"
                    "'{\"saddr\":\"192.0.2.1\",\"port\":80}'. Of an lpm_trie the longest prefix "
                    "that covers KEY. Exit 1 if there is none.");
    options.positional("NAME", true).rest("KEY", true);
    add_cpu_option(options);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    std::vector<Bytes> keys;
    for (const std::string& word : parsed->words("KEY")) {
        Result<Bytes> key = finding_key(word, map->info);
        if (!key) return report(key.error());
        keys.push_back(std::move(*key));
    }
    return keys.size() == 1 ? lookup_one(*parsed, map->info, keys[0])
                            : lookup_many(*parsed, map->info, keys);
}

}  // namespace weir::controlplane::cli
