// weir map list, show, dump, lookup, update, delete, import.

#include <fmt/core.h>

#include <optional>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/element_text.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/deploy/sha256.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane::cli {
namespace {

std::string map_target(const Parsed& parsed) {
    return "/maps/" + escape_url(parsed.text("NAME"));
}

/// What parsing keys and values needs of a map of the node.
Result<vm::MapSpec> ask_spec(const Parsed& parsed) {
    const Result<Json> map = ask_node(parsed, "GET", map_target(parsed));
    if (!map) return std::unexpected(map.error());
    const Result<vm::MapType> type = vm::map_type_by_name(map->value("type", ""));
    if (!type) return std::unexpected(type.error());
    vm::MapSpec spec;
    spec.name = map->value("name", "");
    spec.type = *type;
    spec.key_bytes = map->value("key_bytes", 0u);
    spec.value_bytes = map->value("value_bytes", 0u);
    spec.entries_max = map->value("max_entries", 0u);
    return spec;
}

Result<Bytes> key_of(const Parsed& parsed, const vm::MapSpec& spec) {
    Result<Bytes> key = parse_key(parsed.text("KEY"), spec);
    if (key) return key;
    return fail(ErrorKind::kInvalid, fmt::format("map {}: key: value '{}', expected {}", spec.name,
                                                 parsed.text("KEY"), key.error().message));
}

/// For verbs that find an element by its key.
Result<Bytes> finding_key(const Parsed& parsed, const vm::MapSpec& spec) {
    if (spec.key_bytes == 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: a {} has no keys by which elements could be found",
                                spec.name, vm::map_type_name(spec.type)));
    return key_of(parsed, spec);
}

void print_element(const Json& element) {
    const Json& value = element.contains("values") ? element["values"] : element["value"];
    fmt::print("{}: {}\n", element["key"].dump(), value.dump());
}

void print_map(const Json& map) {
    fmt::print(
        "{}: {}, key {} bytes, value {} bytes, {} of {} elements, {} bytes of memory, full {} "
        "times\n",
        map.value("name", ""), map.value("type", ""), map["key_bytes"].dump(),
        map["value_bytes"].dump(), map["entries"].dump(), map["max_entries"].dump(),
        map["memory_bytes"].dump(), map["full_count"].dump());
}

/// Slots take programs and maps by their names.
int put_slot(const Parsed& parsed, const Bytes& key) {
    const Json body = {{"target", parsed.text("VALUE")}};
    const Result<Json> answer =
        ask_node(parsed, "PUT", map_target(parsed) + "/slots/" + to_hex(key), body.dump());
    if (!answer) return report(answer.error());
    if (parsed.json())
        print_json(*answer, parsed);
    else
        fmt::print("slot filled\n");
    return kExitDone;
}

/// Parses the words, or says what is wrong; nullopt: `status` is the exit status.
std::optional<Parsed> parse_words(Options& options, const Words& words, int& status) {
    Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    status = parsed ? kExitDone : report(parsed.error());
    if (!parsed || parsed->help_shown) return std::nullopt;
    return std::move(*parsed);
}

int put_elements(const Parsed& parsed, const std::vector<ParsedElement>& elements, uint64_t flags) {
    uint64_t written = 0;
    for (size_t begin = 0; begin == 0 || begin < elements.size();
         begin += dataplane::api::kBatchElementsMax) {
        Json list = Json::array();
        const size_t end =
            std::min<size_t>(elements.size(), begin + dataplane::api::kBatchElementsMax);
        for (size_t i = begin; i < end; ++i)
            list.push_back({to_hex(elements[i].key), to_hex(elements[i].value)});
        const Json body = {{"elements", std::move(list)}, {"flags", flags}};
        const Result<Json> answer =
            ask_node(parsed, "PUT", map_target(parsed) + "/elements", body.dump());
        if (!answer) return report(answer.error());
        written += answer->value("updated", uint64_t{0});
    }
    if (parsed.json())
        print_json({{"updated", written}}, parsed);
    else
        fmt::print("{} elements written\n", written);
    return kExitDone;
}

}  // namespace

int verb_map_list(const Words& words) {
    Options options("map list", "", "Maps of the running node, as PROGRAM/MAP.");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<Json> maps = ask_node(*parsed, "GET", "/maps");
    if (!maps) return report(maps.error());
    if (parsed->json())
        print_json(*maps, *parsed);
    else
        for (const Json& map : *maps) print_map(map);
    return kExitDone;
}

int verb_map_show(const Words& words) {
    Options options("map show", "NAME", "One map's definition and size.");
    options.positional("NAME", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<Json> map = ask_node(*parsed, "GET", map_target(*parsed));
    if (!map) return report(map.error());
    if (parsed->json())
        print_json(*map, *parsed);
    else
        print_map(*map);
    return kExitDone;
}

int verb_map_dump(const Words& words) {
    Options options("map dump", "NAME",
                    "All elements of a map, keys and values by their BTF types.");
    options.positional("NAME", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    Json all = Json::array();
    std::string after;
    for (;;) {
        const std::string query = after.empty() ? "" : "?after=" + after;
        Result<Json> page = ask_node(*parsed, "GET", map_target(*parsed) + "/elements" + query);
        if (!page) return report(page.error());
        for (Json& element : (*page)["elements"]) {
            if (parsed->json())
                all.push_back(std::move(element));
            else
                print_element(element);
        }
        if (!(*page)["after"].is_string()) break;
        after = (*page)["after"].get<std::string>();
    }
    if (parsed->json()) print_json(all, *parsed);
    return kExitDone;
}

int verb_map_lookup(const Words& words) {
    Options options("map lookup", "NAME KEY",
                    "One element. KEY is an address, a prefix, a decimal integer or hex after 0x. "
                    "Exit 1 if there is none.");
    options.positional("NAME", true).positional("KEY", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<vm::MapSpec> spec = ask_spec(*parsed);
    if (!spec) return report(spec.error());
    const Result<Bytes> key = finding_key(*parsed, *spec);
    if (!key) return report(key.error());
    const Result<Json> element =
        ask_node(*parsed, "GET", map_target(*parsed) + "/elements/" + to_hex(*key));
    if (!element) return report(element.error());
    if (parsed->json())
        print_json(*element, *parsed);
    else
        print_element(*element);
    return kExitDone;
}

int verb_map_update(const Words& words) {
    Options options(
        "map update", "NAME KEY VALUE",
        "Writes one element. VALUE is a decimal integer or hex after 0x; for a prog array "
        "the name of a program, for a map in map of a map of the node.");
    options.positional("NAME", true).positional("KEY", true).positional("VALUE", true);
    options.flag("noexist", "only if there is no such key yet")
        .flag("exist", "only if the key is there already");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<vm::MapSpec> spec = ask_spec(*parsed);
    if (!spec) return report(spec.error());
    Result<Bytes> key = key_of(*parsed, *spec);
    if (!key) return report(key.error());
    if (spec->type == vm::MapType::ProgArray || vm::is_map_in_map(spec->type))
        return put_slot(*parsed, *key);
    Result<Bytes> value = parse_value(parsed->text("VALUE"), *spec);
    if (!value)
        return report(
            {ErrorKind::kInvalid, fmt::format("map {}: value '{}', expected {}", spec->name,
                                              parsed->text("VALUE"), value.error().message)});
    constexpr uint64_t kNoExist = 1, kExist = 2;
    const uint64_t flags = parsed->has("noexist") ? kNoExist : parsed->has("exist") ? kExist : 0;
    return put_elements(*parsed, {{std::move(*key), std::move(*value)}}, flags);
}

int verb_map_delete(const Words& words) {
    Options options("map delete", "NAME KEY", "Removes one element. Exit 1 if there is none.");
    options.positional("NAME", true).positional("KEY", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<vm::MapSpec> spec = ask_spec(*parsed);
    if (!spec) return report(spec.error());
    const Result<Bytes> key = finding_key(*parsed, *spec);
    if (!key) return report(key.error());
    const Result<Json> answer =
        ask_node(*parsed, "DELETE", map_target(*parsed) + "/elements/" + to_hex(*key));
    if (!answer) return report(answer.error());
    if (parsed->json())
        print_json(*answer, *parsed);
    else
        fmt::print("deleted\n");
    return kExitDone;
}

int verb_map_import(const Words& words) {
    Options options("map import", "NAME FILE",
                    "Writes the elements of a file with lines 'KEY VALUE'. Of a repeated key the "
                    "last line wins.");
    options.positional("NAME", true).positional("FILE", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<vm::MapSpec> spec = ask_spec(*parsed);
    if (!spec) return report(spec.error());
    const Result<std::vector<ParsedElement>> elements = read_elements(parsed->text("FILE"), *spec);
    if (!elements) return report(elements.error());
    return put_elements(*parsed, *elements, 0);
}

}  // namespace weir::controlplane::cli
