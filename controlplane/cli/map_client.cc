#include "controlplane/cli/map_client.h"

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/api/http_message.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

constexpr size_t kBatchBytesMax = 16u << 20;  ///< of one request that writes elements

/// Records as requests carry them. Where every slot of every element holds the same, one value an
/// element says it all, and the node takes those without taking them apart.
struct Body {
    std::string bytes;
    const char* slots = "one";
    size_t record_bytes = 0;
};

bool has_equal_slots(const MapInfo& map, ByteSpan value) {
    const size_t bytes = map.spec.value_bytes, step = (bytes + 7) / 8 * 8;
    for (size_t at = step; at + bytes <= value.size(); at += step)
        if (!std::equal(value.begin(), value.begin() + static_cast<ptrdiff_t>(bytes),
                        value.begin() + static_cast<ptrdiff_t>(at)))
            return false;
    return true;
}

Body body_of(const MapInfo& map, const ElementRecords& records) {
    const char* bytes = reinterpret_cast<const char*>(records.bytes.data());
    if (!vm::is_percpu(map.spec.type))
        return {std::string(bytes, records.bytes.size()), "one", records.record_bytes()};
    Body body{{}, "one", records.key_bytes + map.spec.value_bytes};
    for (size_t i = 0; i < records.count(); ++i) {
        const ByteSpan key = records.key(i), value = records.value(i);
        if (!has_equal_slots(map, value))
            return {std::string(bytes, records.bytes.size()), "each", records.record_bytes()};
        body.bytes.append(reinterpret_cast<const char*>(key.data()), key.size());
        body.bytes.append(reinterpret_cast<const char*>(value.data()), map.spec.value_bytes);
    }
    return body;
}

Result<Json> parsed_body(const Result<std::string>& answer) {
    if (!answer) return std::unexpected(answer.error());
    Json document = Json::parse(*answer, nullptr, false);
    if (document.is_object()) return document;
    return fail(ErrorKind::kResource, "the node's answer is no JSON object");
}

}  // namespace

std::string map_target(const std::string& name) {
    return "/maps/" + escape_url(name);
}

Result<NodeMap> ask_map(const Parsed& parsed) {
    return ask_map(parsed, parsed.text("NAME"));
}

Result<NodeMap> ask_map(const Parsed& parsed, const std::string& name) {
    if (name.empty())
        return fail(ErrorKind::kInvalid, "NAME: value '', expected a map as PROGRAM/MAP");
    Result<Json> document = ask_node(parsed, "GET", map_target(name));
    if (!document) return std::unexpected(document.error());
    Result<MapInfo> info = read_map_json(*document);
    if (!info) return std::unexpected(info.error());
    return NodeMap{std::move(*document), std::move(*info)};
}

Result<void> for_each_element(const Parsed& parsed, const MapInfo& map,
                              const ElementVisitor& visit) {
    const size_t key_bytes = map.spec.key_bytes;
    const size_t value_bytes = control_value_bytes(map), step = key_bytes + value_bytes;
    std::string after;
    for (;;) {
        const Result<std::string> page =
            ask_node_bytes(parsed, "GET",
                           map_target(map.name) + "/elements?format=records" +
                               (after.empty() ? "" : "&after=" + after),
                           "", "");
        if (!page) return std::unexpected(page.error());
        if (page->empty()) return {};
        if (step == 0 || page->size() % step != 0)
            return fail(ErrorKind::kResource,
                        fmt::format("map {}: it changed while it was read", map.name));
        const ByteSpan bytes(reinterpret_cast<const uint8_t*>(page->data()), page->size());
        for (size_t at = 0; at < bytes.size(); at += step)
            if (!visit(bytes.subspan(at, key_bytes), bytes.subspan(at + key_bytes, value_bytes)))
                return {};
        after = to_hex(bytes.subspan(bytes.size() - step, key_bytes));
    }
}

std::string typed_keys_in(const Parsed& parsed, const std::vector<Bytes>& keys,
                          const Json& hex_list) {
    const Words typed = parsed.words("KEY");
    std::string all;
    for (size_t i = 0; i < keys.size(); ++i)
        if (std::ranges::find(hex_list, Json(to_hex(keys[i]))) != hex_list.end())
            all += (all.empty() ? "" : ", ") + typed[i];
    return all;
}

Result<uint64_t> put_records(const Parsed& parsed, const MapInfo& map,
                             const ElementRecords& records, uint64_t flags) {
    const Body body = body_of(map, records);
    const size_t batch =
        std::max<size_t>(kBatchBytesMax / body.record_bytes, 1) * body.record_bytes;
    const std::string target =
        fmt::format("{}/elements?flags={}&slots={}", map_target(map.name), flags, body.slots);
    uint64_t written = 0;
    for (size_t at = 0; at < body.bytes.size(); at += batch) {
        const Result<Json> answer = parsed_body(
            ask_node_bytes(parsed, "PUT", target, body.bytes.substr(at, batch), kRecordsType));
        if (!answer && written == 0) return std::unexpected(answer.error());
        if (!answer)
            return fail(answer.error().kind, fmt::format("{} ({} elements were written before)",
                                                         answer.error().message, written));
        written += answer->value("updated", uint64_t{0});
    }
    return written;
}

Result<Json> replace_contents(const Parsed& parsed, const std::vector<MapRecords>& contents) {
    std::string maps, bytes, slots, all;
    for (const MapRecords& one : contents) {
        Body body = body_of(one.map, one.records);
        const char* comma = maps.empty() ? "" : ",";
        maps += comma + escape_url(one.map.name);
        bytes += comma + std::to_string(body.bytes.size());
        slots += std::string(comma) + body.slots;
        if (all.empty())
            all = std::move(body.bytes);
        else
            all += body.bytes;
    }
    return parsed_body(ask_node_bytes(
        parsed, "PUT", fmt::format("/contents?maps={}&bytes={}&slots={}", maps, bytes, slots), all,
        kRecordsType));
}

}  // namespace weir::controlplane::cli
