// weir map update, delete, import.

#include <fmt/core.h>

#include "controlplane/cli/element_text.h"
#include "controlplane/cli/map_options.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/deploy/sha256.h"
#include "vm/program/map.h"
#include "vm/program/redirect_kinds.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

int print_written(const Parsed& parsed, const Result<uint64_t>& written) {
    if (!written) return report(written.error());
    if (parsed.json())
        print_json({{"updated", *written}}, parsed);
    else
        fmt::print("{} written\n", elements_text(*written));
    return kExitDone;
}

Result<uint64_t> update_flags(const Parsed& parsed, const MapInfo& map) {
    if (parsed.has("noexist") && parsed.has("exist"))
        return fail(ErrorKind::kInvalid, "map update: --noexist and --exist exclude each other");
    uint64_t flags = parsed.has("noexist") ? vm::kUpdateNoExist
                     : parsed.has("exist") ? vm::kUpdateExist
                                           : vm::kUpdateAny;
    if (!parsed.has("lock")) return flags;
    if (map.spec.spin_lock_offset == vm::kNoOffset)
        return fail(
            ErrorKind::kInvalid,
            fmt::format("map {}: --lock: its values have no bpf_spin_lock to take", map.name));
    return flags | vm::kUpdateLock;
}

Result<ElementRecords> one_element(const Parsed& parsed, const MapInfo& map) {
    const Result<Bytes> key = parse_key(parsed.text("KEY"), map);
    if (!key) return fail_in_map(map, key.error());
    const Result<Bytes> value = parse_value(parsed.text("VALUE"), map);
    if (!value) return fail_in_map(map, value.error());
    ElementRecords records{key->size(), value->size(), *key};
    records.bytes.insert(records.bytes.end(), value->begin(), value->end());
    return records;
}

/// What is written as a whole has no use for them.
Result<void> check_no_flags(const Parsed& parsed, const MapInfo& map, const char* what) {
    for (const char* flag : {"noexist", "exist", "lock"})
        if (parsed.has(flag))
            return fail(ErrorKind::kInvalid, fmt::format("map {}: --{}: {} take no such condition",
                                                         map.name, flag, what));
    return {};
}

/// Of devmaps and cpumaps hex and JSON are values; all else is a number or a name for the node.
bool takes_names(const Parsed& parsed, const MapInfo& map) {
    const std::string value = parsed.text("VALUE");
    if (vm::has_targets(map.spec.type)) return !value.starts_with('{') && !value.starts_with("0x");
    return map.spec.type == vm::MapType::ProgArray || vm::is_map_in_map(map.spec.type);
}

/// Slots take programs and maps by their names.
int put_slot(const Parsed& parsed, const MapInfo& map) {
    if (const Result<void> none = check_no_flags(parsed, map, "slots"); !none)
        return report(none.error());
    const Result<Bytes> key = parse_key(parsed.text("KEY"), map);
    if (!key) return report(fail_in_map(map, key.error()).error());
    const Json body = {{"target", parsed.text("VALUE")}};
    const Result<Json> answer =
        ask_node(parsed, "PUT", map_target(map.name) + "/slots/" + to_hex(*key), body.dump());
    if (!answer) return report(answer.error());
    if (parsed.json())
        print_json(*answer, parsed);
    else
        fmt::print("slot filled\n");
    return kExitDone;
}

Result<std::vector<Bytes>> typed_keys(const Parsed& parsed, const MapInfo& map) {
    std::vector<Bytes> keys;
    for (const std::string& word : parsed.words("KEY")) {
        Result<Bytes> key = finding_key(word, map);
        if (!key) return std::unexpected(key.error());
        keys.push_back(std::move(*key));
    }
    return keys;
}

int print_deleted(const Parsed& parsed, const MapInfo& map, const std::vector<Bytes>& keys,
                  const Json& answer) {
    const Json missing = answer.value("missing", Json::array());
    const uint64_t deleted = answer.value("deleted", uint64_t{0});
    if (parsed.json())
        print_json(answer, parsed);
    else if (deleted != 0)
        fmt::print("{} deleted\n", elements_text(deleted));
    if (missing.empty()) return kExitDone;
    const std::string absent = typed_keys_in(parsed, keys, missing);
    return report(
        {ErrorKind::kNotFound, fmt::format("map {}: {} does not exist", map.name, absent)});
}

/// Of each NAME FILE what it says, checked; nothing is sent.
Result<std::vector<MapRecords>> read_files(const Parsed& parsed) {
    Words words = parsed.words("MORE");
    words.insert(words.begin(), {parsed.text("NAME"), parsed.text("FILE")});
    if (words.size() % 2 != 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map import: '{}' has no file, expected NAME FILE", words.back()));
    if (words.size() > 2 && !parsed.has("replace"))
        return fail(ErrorKind::kInvalid,
                    "map import: several maps, expected --replace or one at a time");
    std::vector<MapRecords> contents;
    for (size_t i = 0; i < words.size(); i += 2) {
        Result<NodeMap> map = ask_map(parsed, words[i]);
        if (!map) return std::unexpected(map.error());
        const std::string& path = words[i + 1];
        Result<ElementRecords> records =
            read_elements(path == "-" ? "/dev/stdin" : path, map->info);
        if (!records) return std::unexpected(records.error());
        if (const Result<void> fit = check_count(*records, map->info); !fit)
            return fail_in(path, fit.error());
        contents.push_back({std::move(map->info), std::move(*records)});
    }
    return contents;
}

int replace_all(const Parsed& parsed, const std::vector<MapRecords>& contents) {
    const Result<Json> answer = replace_contents(parsed, contents);
    if (!answer) return report(answer.error());
    if (parsed.json())
        print_json(*answer, parsed);
    else
        fmt::print("{} in place of all before, generation {}, swapped in {} us\n",
                   elements_text(answer->value("elements", uint64_t{0})),
                   answer->value("generation", uint64_t{0}), answer->value("swap_us", uint64_t{0}));
    return kExitDone;
}

/// A sample of a user ring buffer: of any size, without a key.
int put_sample(const Parsed& parsed, const MapInfo& map) {
    const std::string key = parsed.text("KEY"), value = parsed.text("VALUE");
    const auto refuse = [&](const char* what, const std::string& word, const char* expected) {
        return report(
            {ErrorKind::kInvalid, fmt::format("map {}: {}: value '{}', expected {}", map.name, what,
                                              word.substr(0, 80), expected)});
    };
    Bytes sample;
    if (key != "-") return refuse("key", key, "'-': this map has no keys");
    if (!value.starts_with("0x") || !from_hex(value.substr(2), sample))
        return refuse("value", value, "a sample as hex after 0x, two digits a byte");
    if (const Result<void> none = check_no_flags(parsed, map, "samples"); !none)
        return report(none.error());
    const Json body = {{"elements", Json::array({Json::array({"", value.substr(2)})})}};
    const Result<Json> answer =
        ask_node(parsed, "PUT", map_target(map.name) + "/elements", body.dump());
    if (!answer) return report(answer.error());
    return print_written(parsed, answer->value("updated", uint64_t{0}));
}

}  // namespace

int verb_map_update(const Words& words) {
    Options options(
        "map update", "NAME KEY VALUE",
        "Writes one element. KEY is an address, a prefix, a decimal integer or hex "
        "after 0x, VALUE a decimal integer or hex\n"
        "after 0x; either may be JSON by its BTF type: '{\"rate\":1000,\"burst\":20}'. "
        "A per-CPU value is for every worker, or a\n"
        "JSON list with one for each. Negative numbers stand behind '--'. For a prog "
        "array VALUE is the name of a program,\n"
        "for a map in map of a map of the node; for a devmap a port or its ifindex, for "
        "a cpumap the queue's length, each with\n"
        ":PROGRAM behind it for a program that runs there.");
    options.positional("NAME", true).positional("KEY", true).positional("VALUE", true);
    options.flag("noexist", "only if there is no such key yet")
        .flag("exist", "only if the key is there already")
        .flag("lock", "under the value's own bpf_spin_lock");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    if (map->info.spec.type == vm::MapType::UserRingbuf) return put_sample(*parsed, map->info);
    if (takes_names(*parsed, map->info)) return put_slot(*parsed, map->info);
    const Result<uint64_t> flags = update_flags(*parsed, map->info);
    if (!flags) return report(flags.error());
    const Result<ElementRecords> element = one_element(*parsed, map->info);
    if (!element) return report(element.error());
    return print_written(*parsed, put_records(*parsed, map->info, *element, *flags));
}

int verb_map_delete(const Words& words) {
    Options options("map delete", "NAME KEY…",
                    "Removes elements. Nothing is removed if a KEY is wrong; exit 1 if one is not "
                    "there, the others are gone then.");
    options.positional("NAME", true).rest("KEY", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    const Result<std::vector<Bytes>> keys = typed_keys(*parsed, map->info);
    if (!keys) return report(keys.error());
    Json hex = Json::array();
    for (const Bytes& key : *keys) hex.push_back(to_hex(key));
    const Json body = {{"keys", std::move(hex)}};
    const Result<Json> answer =
        ask_node(*parsed, "DELETE", map_target(map->info.name) + "/elements", body.dump());
    if (!answer) return report(answer.error());
    return print_deleted(*parsed, map->info, *keys, *answer);
}

int verb_map_import(const Words& words) {
    Options options("map import", "NAME FILE…",
                    "Writes the elements of a file: lines 'KEY VALUE', or what 'weir map dump -j' "
                    "prints; '-' is standard input. The\n"
                    "whole file is read and checked first, so that one wrong line changes nothing. "
                    "Of a repeated key the last line wins.");
    options.positional("NAME", true).positional("FILE", true).rest("MORE");
    options.flag("replace",
                 "the file becomes the map's whole content, in one step: packets see all of the "
                 "old or all of the new; several maps (NAME FILE NAME FILE) change together");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<std::vector<MapRecords>> contents = read_files(*parsed);
    if (!contents) return report(contents.error());
    if (parsed->has("replace")) return replace_all(*parsed, *contents);
    const MapRecords& one = contents->front();
    return print_written(*parsed, put_records(*parsed, one.map, one.records, vm::kUpdateAny));
}

}  // namespace weir::controlplane::cli
