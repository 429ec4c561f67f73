// The node's maps: what LiveNode is asked of them, and how their elements change.

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <cstring>

#include "controlplane/api/live_node.h"
#include "controlplane/api/map_elements.h"
#include "controlplane/config/reader.h"
#include "controlplane/deploy/contents.h"
#include "controlplane/deploy/sha256.h"
#include "vm/program/map.h"

namespace weir::controlplane {

namespace api = dataplane::api;

namespace {

ByteSpan bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::unexpected<Error> no_such_key(const api::MapInfo& map, ByteSpan key) {
    if (map.spec.key_bytes == 0)
        return fail(ErrorKind::kNotFound, fmt::format("map {}: it is empty", map.name));
    return fail(ErrorKind::kNotFound,
                fmt::format("map {}: key 0x{} does not exist", map.name, to_hex(key)));
}

Result<void> check_named_key(const api::MapInfo& map, ByteSpan key) {
    const Result<void> fits = check_key(map, key);
    if (fits) return fits;
    return fail_in(fmt::format("map {}: key 0x{}", map.name, to_hex(key)), fits.error());
}

/// True if a trie holds exactly this prefix. As in the kernel, the key behind an unknown one is the
/// first of all; behind a known one it never is.
Result<bool> holds_prefix(api::Client& client, const api::MapInfo& map, const Bytes& prefix,
                          const api::MapElements& first) {
    const Result<api::MapElements> next = client.dump(map.handle, prefix, 1);
    if (!next) return std::unexpected(next.error());
    if (next->elements.empty()) return true;
    return !first.elements.empty() && next->elements[0].first != first.elements[0].first;
}

/// The longest prefix that covers `key`; nullopt if that changed meanwhile.
Result<std::optional<Bytes>> matching_prefix(api::Client& client, const api::MapInfo& map,
                                             const Bytes& key) {
    constexpr size_t kLengthBytes = 4;
    const Result<api::MapElements> first = client.dump(map.handle, std::nullopt, 1);
    if (!first) return std::unexpected(first.error());
    Bytes prefix = key;
    for (uint32_t bits = static_cast<uint32_t>(to_number(ByteSpan(key).first(kLengthBytes)));;
         --bits) {
        std::memcpy(prefix.data(), &bits, kLengthBytes);
        for (size_t bit = bits; bit < 8 * (key.size() - kLengthBytes); ++bit) {
            uint8_t& byte = prefix[kLengthBytes + bit / 8];
            byte = static_cast<uint8_t>(byte & ~(0x80u >> (bit % 8)));
        }
        const Result<bool> held = holds_prefix(client, map, prefix, *first);
        if (!held) return std::unexpected(held.error());
        if (*held) return prefix;
        if (bits == 0) return std::nullopt;
    }
}

/// Keys of all records; the error names the element.
Result<void> check_keys(const api::MapInfo& map, std::string_view records, Slots slots,
                        uint64_t flags) {
    if (const Result<void> open = check_elements(map, {}, flags); !open) return open;
    if (const Result<void> whole = check_records(map, records, slots); !whole) return whole;
    const size_t step = record_bytes(map, slots);
    for (size_t at = 0; at < records.size(); at += step) {
        const ByteSpan key = bytes_of(records).subspan(at, map.spec.key_bytes);
        if (const Result<void> fits = check_key(map, key); !fits)
            return fail(
                ErrorKind::kInvalid,
                fmt::format("map {}: element {} of {}, key 0x{}: {}", map.name, at / step + 1,
                            records.size() / step, to_hex(key), fits.error().message));
    }
    return {};
}

/// Records that the dataplane takes as they are.
bool is_plain(const api::MapInfo& map, Slots slots) {
    return slots == Slots::One || !vm::is_percpu(map.spec.type);
}

NewContents new_contents(api::MapInfo map, std::string_view records, Slots slots) {
    NewContents contents{std::move(map), {}, {}};
    if (is_plain(contents.map, slots))
        contents.records.assign(records.begin(), records.end());
    else
        contents.elements = read_records(contents.map, records, slots);
    return contents;
}

}  // namespace

Result<Json> LiveNode::maps() {
    const auto maps = questions_.call([](api::Client& client) { return client.list_maps(); });
    if (!maps) return std::unexpected(maps.error());
    Json list = Json::array();
    for (const api::MapInfo& map : *maps) list.push_back(map_json(map));
    return list;
}

Result<api::MapInfo> LiveNode::find_map(api::Client& client, const std::string& name) {
    Result<std::vector<api::MapInfo>> maps = client.list_maps();
    if (!maps) return std::unexpected(maps.error());
    std::vector<std::string> names;
    for (api::MapInfo& map : *maps) {
        if (map.name == name) return std::move(map);
        names.push_back(map.name);
    }
    const std::string near = did_you_mean(name, names);
    return fail(ErrorKind::kNotFound,
                fmt::format("map '{}' does not exist{}", name,
                            near.empty() ? "" : ", did you mean '" + near + "'?"));
}

Result<Json> LiveNode::map(const std::string& name) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        const Result<std::vector<api::ProgramInfo>> programs = client.list_programs();
        if (!programs) return std::unexpected(programs.error());
        return map_details_json(*map, *programs);
    });
}

Result<Json> LiveNode::dump(const std::string& name, const std::optional<Bytes>& after,
                            uint32_t count_max) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        const auto page = client.dump(map->handle, after, count_max);
        if (!page) return std::unexpected(page.error());
        Json list = Json::array();
        for (const api::Element& element : page->elements)
            list.push_back(element_json(*map, element));
        return Json{{"elements", std::move(list)},
                    {"after", page->after ? Json(to_hex(*page->after)) : Json(nullptr)}};
    });
}

Result<std::string> LiveNode::dump_records(const std::string& name,
                                           const std::optional<Bytes>& after, uint32_t count_max) {
    return questions_.call([&](api::Client& client) -> Result<std::string> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        std::string records;
        std::optional<Bytes> from = after;
        do {  // a page may be empty although elements follow
            Result<api::MapElements> page = client.dump(map->handle, from, count_max);
            if (!page) return std::unexpected(page.error());
            for (const api::Element& element : page->elements) append_record(element, records);
            from = std::move(page->after);
        } while (records.empty() && from);
        return records;
    });
}

Result<Json> LiveNode::lookup(const std::string& name, const Bytes& key) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        if (const Result<void> fits = check_named_key(*map, key); !fits)
            return std::unexpected(fits.error());
        Result<std::optional<Bytes>> value = client.lookup(map->handle, key);
        if (!value) return std::unexpected(value.error());
        if (!*value) return no_such_key(*map, key);
        Json element = element_json(*map, {key, std::move(**value)});
        if (map->spec.type != vm::MapType::LpmTrie) return element;
        const Result<std::optional<Bytes>> matched = matching_prefix(client, *map, key);
        if (!matched) return std::unexpected(matched.error());
        if (!*matched) return element;
        element["matched"] = to_json(map->spec.key_type, **matched);
        element["matched_hex"] = to_hex(**matched);
        return element;
    });
}

Result<Json> LiveNode::update(const std::string& name, const std::vector<api::Element>& elements,
                              uint64_t flags) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        if (const Result<void> fit = check_elements(*map, elements, flags); !fit)
            return std::unexpected(fit.error());
        const Result<uint32_t> updated = client.update(map->handle, elements, flags, false);
        if (!updated) return std::unexpected(updated.error());
        return Json{{"updated", *updated}};
    });
}

/// On a connection of its own, so that a long one holds up no question.
Result<Json> LiveNode::update_records(const std::string& name, std::string_view records,
                                      Slots slots, uint64_t flags) {
    Result<api::Client> client = api::Client::connect(dataplane_socket_);
    if (!client) return std::unexpected(client.error());
    const Result<api::MapInfo> map = find_map(*client, name);
    if (!map) return std::unexpected(map.error());
    if (const Result<void> fit = check_keys(*map, records, slots, flags); !fit)
        return std::unexpected(fit.error());
    const Result<uint32_t> updated =
        is_plain(*map, slots)
            ? client->fill(map->handle, bytes_of(records), record_bytes(map->spec), flags)
            : client->update(map->handle, read_records(*map, records, slots), flags, false);
    if (!updated) return std::unexpected(updated.error());
    return Json{{"updated", *updated}};
}

/// Under the deployments' lock: it publishes, too. On a connection of its own, with which a map
/// that was filled in vain goes away.
Result<Json> LiveNode::replace(const std::vector<MapContents>& contents) {
    const std::lock_guard<std::mutex> lock(deploy_mutex_);
    Result<api::Client> client = api::Client::connect(dataplane_socket_);
    if (!client) return std::unexpected(client.error());
    std::vector<NewContents> wanted;
    uint64_t elements = 0;
    for (const auto& [name, records, slots] : contents) {
        Result<api::MapInfo> map = find_map(*client, name);
        if (!map) return std::unexpected(map.error());
        if (const Result<void> fit = check_keys(*map, records, slots, vm::kUpdateAny); !fit)
            return std::unexpected(fit.error());
        elements += records.size() / record_bytes(*map, slots);
        wanted.push_back(new_contents(std::move(*map), records, slots));
    }
    const Result<api::Published> published = replace_contents(*client, wanted);
    if (!published) return std::unexpected(published.error());
    spdlog::info("generation {}: contents of {} maps replaced in {} us", published->generation,
                 wanted.size(), published->swap_us);
    return Json{{"elements", elements},
                {"generation", published->generation},
                {"swap_us", published->swap_us}};
}

Result<Json> LiveNode::erase(const std::string& name, const Bytes& key) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        if (const Result<void> fits = check_named_key(*map, key); !fits)
            return std::unexpected(fits.error());
        const Result<uint32_t> erased = client.erase(map->handle, std::span(&key, 1));
        if (!erased) return std::unexpected(erased.error());
        if (*erased == 0) return no_such_key(*map, key);
        return Json{{"deleted", *erased}};
    });
}

Result<Json> LiveNode::ask_keys(const std::string& name, const std::vector<Bytes>& keys,
                                KeyQuestion question) {
    if (keys.size() > api::kBatchElementsMax)
        return fail(ErrorKind::kInvalid, fmt::format("body: {} keys, expected at most {}",
                                                     keys.size(), api::kBatchElementsMax));
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        for (const Bytes& key : keys)
            if (const Result<void> fits = check_named_key(*map, key); !fits)
                return std::unexpected(fits.error());
        Json found = Json::array(), missing = Json::array();
        uint32_t deleted = 0;
        for (const Bytes& key : keys) {
            if (question == KeyQuestion::Erase) {
                const Result<uint32_t> erased = client.erase(map->handle, std::span(&key, 1));
                if (!erased) return std::unexpected(erased.error());
                deleted += *erased;
                if (*erased == 0) missing.push_back(to_hex(key));
                continue;
            }
            Result<std::optional<Bytes>> value = client.lookup(map->handle, key);
            if (!value) return std::unexpected(value.error());
            if (*value)
                found.push_back(element_json(*map, {key, std::move(**value)}));
            else
                missing.push_back(to_hex(key));
        }
        if (question == KeyQuestion::Erase)
            return Json{{"deleted", deleted}, {"missing", std::move(missing)}};
        return Json{{"elements", std::move(found)}, {"missing", std::move(missing)}};
    });
}

Result<Json> LiveNode::ask_keys(const std::string& name, std::string_view keys,
                                KeyQuestion question) {
    const auto map = questions_.call([&](api::Client& client) { return find_map(client, name); });
    if (!map) return std::unexpected(map.error());
    const Result<std::vector<Bytes>> list = read_keys(*map, keys);
    if (!list) return std::unexpected(list.error());
    return ask_keys(name, *list, question);
}

}  // namespace weir::controlplane
