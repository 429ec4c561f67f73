#include "controlplane/cli/map_changes.h"

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/cli/element_table.h"
#include "controlplane/telemetry/stats_json.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;
using Kind = MapChange::Kind;

/// Value fields whose differences mean something.
std::vector<Field> counters_of(const MapInfo& map) {
    std::vector<Field> fields = value_fields(map);
    std::erase_if(fields, [](const Field& field) { return !is_summable(field); });
    return fields;
}

std::vector<__int128> difference_of(const MapInfo& map, const std::vector<Field>& counters,
                                    const Bytes& before, const Bytes& now) {
    std::vector<__int128> difference;
    for (const Field& field : counters) {
        const __int128 was = before.empty() ? 0 : summed_number(field, value_slots(map, before));
        const __int128 is = now.empty() ? 0 : summed_number(field, value_slots(map, now));
        difference.push_back(is - was);
    }
    return difference;
}

/// Of the first field that changed at all; elements that came or went stand above the rest.
__int128 weight_of(const MapChange& change) {
    for (const __int128 each : change.difference)
        if (each != 0) return each < 0 ? -each : each;
    return 0;
}

const char* word_of(Kind kind) {
    switch (kind) {
        case Kind::Added: return "added";
        case Kind::Gone: return "gone";
        case Kind::Changed: break;
    }
    return "changed";
}

double rate_of(__int128 difference, double seconds) {
    return seconds > 0 ? static_cast<double>(difference) / seconds : 0;
}

std::string rate_text(__int128 difference, double seconds) {
    const double rate = rate_of(difference, seconds);
    return fmt::format("{:+.{}f}", rate, rate > -10 && rate < 10 && rate != 0 ? 1 : 0);
}

std::vector<Column> columns_of(const std::vector<Field>& keys, const std::vector<Field>& values) {
    std::vector<Column> columns;
    for (const Field& field : keys) columns.push_back({field.name, false});
    for (const Field& field : values) {
        columns.push_back({field.name, is_summable(field)});
        if (is_summable(field)) columns.push_back({"/s", true});
    }
    columns.push_back({"", false});
    return columns;
}

std::vector<std::string> row_of(const MapInfo& map, const MapChange& change, double seconds,
                                const std::vector<Field>& keys, const std::vector<Field>& values) {
    std::vector<std::string> cells;
    for (const Field& field : keys) cells.push_back(field_text(field, change.key));
    const std::vector<ByteSpan> slots = value_slots(map, change.now);
    size_t counter = 0;
    for (const Field& field : values) {
        cells.push_back(change.now.empty() ? "-" : summed_text(field, slots));
        if (is_summable(field)) cells.push_back(rate_text(change.difference[counter++], seconds));
    }
    cells.emplace_back(change.kind == Kind::Changed ? "" : word_of(change.kind));
    return cells;
}

Json change_json(const MapInfo& map, const MapChange& change, const std::vector<Field>& counters,
                 double seconds) {
    Json document = {{"change", word_of(change.kind)}};
    Json element = element_json(map, {change.key, change.now.empty() ? change.before : change.now});
    document.update(element);
    Json difference = Json::object(), rate = Json::object();
    for (size_t i = 0; i < counters.size(); ++i) {
        difference[counters[i].name] = static_cast<int64_t>(change.difference[i]);
        rate[counters[i].name] = rate_of(change.difference[i], seconds);
    }
    document["difference"] = std::move(difference);
    document["rate"] = std::move(rate);
    return document;
}

}  // namespace

MapChanges changes_between(const MapInfo& map, const MapReading& before, const MapReading& now,
                           double seconds) {
    const std::vector<Field> counters = counters_of(map);
    MapChanges changes;
    changes.seconds = seconds;
    changes.elements = now.size();
    for (const auto& [key, value] : now) {
        const auto was = before.find(key);
        if (was != before.end() && was->second == value) continue;
        const Kind kind = was == before.end() ? Kind::Added : Kind::Changed;
        const Bytes old = was == before.end() ? Bytes() : was->second;
        changes.list.push_back({kind, key, old, value, difference_of(map, counters, old, value)});
        ++(kind == Kind::Added ? changes.added : changes.changed);
    }
    for (const auto& [key, value] : before) {
        if (now.contains(key)) continue;
        changes.list.push_back(
            {Kind::Gone, key, value, {}, difference_of(map, counters, value, {})});
        ++changes.gone;
    }
    std::ranges::stable_sort(changes.list, std::ranges::greater(), weight_of);
    return changes;
}

std::string changes_text(const MapInfo& map, const MapChanges& changes, size_t limit) {
    std::string text = fmt::format("{}: {} elements, in {:.1f} s {} changed, {} added, {} gone\n",
                                   map.name, changes.elements, changes.seconds, changes.changed,
                                   changes.added, changes.gone);
    if (changes.list.empty()) return text;
    const std::vector<Field> keys = key_fields(map), values = value_fields(map);
    TextTable table(columns_of(keys, values));
    for (size_t i = 0; i < std::min(limit, changes.list.size()); ++i)
        table.add(row_of(map, changes.list[i], changes.seconds, keys, values));
    text += table.take();
    if (changes.list.size() > limit)
        text += fmt::format("… and {} more\n", changes.list.size() - limit);
    return text;
}

Json changes_json(const MapInfo& map, const MapChanges& changes, size_t limit) {
    const std::vector<Field> counters = counters_of(map);
    Json list = Json::array();
    for (size_t i = 0; i < std::min(limit, changes.list.size()); ++i)
        list.push_back(change_json(map, changes.list[i], counters, changes.seconds));
    return {{"seconds", changes.seconds}, {"elements", changes.elements},
            {"changed", changes.changed}, {"added", changes.added},
            {"gone", changes.gone},       {"changes", std::move(list)}};
}

}  // namespace weir::controlplane::cli
