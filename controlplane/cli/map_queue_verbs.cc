// weir map push, enqueue, peek: maps without keys.

#include <fmt/core.h>

#include "controlplane/cli/element_text.h"
#include "controlplane/cli/map_options.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"
#include "vm/program/map.h"

namespace weir::controlplane::cli {
namespace {

Result<void> check_keyless(const dataplane::api::MapInfo& map, bool can_be_bloom) {
    const vm::MapType type = map.spec.type;
    if (type == vm::MapType::Queue || type == vm::MapType::Stack) return {};
    if (can_be_bloom && type == vm::MapType::BloomFilter) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("map {}: it is a {}, expected a queue{} or a stack", map.name,
                            vm::map_type_name(type), can_be_bloom ? ", a bloom_filter" : ""));
}

}  // namespace

int verb_map_push(const Words& words) {
    Options options("map push", "NAME VALUE",
                    "Adds an element to a queue, a stack or a bloom filter; 'map enqueue' is the "
                    "same. There is no pop yet: only programs\ntake elements out.");
    options.positional("NAME", true).positional("VALUE", true);
    options.flag("force", "drop the oldest element where the queue or stack is full");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    if (const Result<void> fits = check_keyless(map->info, true); !fits)
        return report(fits.error());
    const Result<Bytes> value = parse_value(parsed->text("VALUE"), map->info);
    if (!value) return report(fail_in_map(map->info, value.error()).error());
    const Result<uint64_t> pushed =
        put_records(*parsed, map->info, {0, value->size(), *value},
                    parsed->has("force") ? vm::kUpdateExist : vm::kUpdateAny);
    if (!pushed) return report(pushed.error());
    if (parsed->json())
        print_json({{"updated", *pushed}}, *parsed);
    else
        fmt::print("{} pushed\n", elements_text(*pushed));
    return kExitDone;
}

int verb_map_peek(const Words& words) {
    Options options("map peek", "NAME",
                    "What a pop from a queue or stack would give. Exit 1 if it is empty.");
    options.positional("NAME", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    if (const Result<void> fits = check_keyless(map->info, false); !fits)
        return report(fits.error());
    const Result<Json> element = ask_node(*parsed, "GET", map_target(map->info.name) + "/top");
    if (!element) return report(element.error());
    if (parsed->json()) {
        print_json(*element, *parsed);
        return kExitDone;
    }
    Bytes value;
    ElementTable table(map->info, CpuView::Summed);
    if (from_hex(element->value("value_hex", ""), value) &&
        value.size() == control_value_bytes(map->info))
        table.add({}, value);
    fmt::print("{}", table.take());
    return kExitDone;
}

}  // namespace weir::controlplane::cli
