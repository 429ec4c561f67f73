#include "controlplane/deploy/map_sync.h"

#include <algorithm>
#include <map>

#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

template <typename T, typename Send>
Result<void> in_batches(const std::vector<T>& all, Send send) {
    for (size_t begin = 0; begin < all.size(); begin += api::kBatchElementsMax) {
        const size_t count = std::min<size_t>(api::kBatchElementsMax, all.size() - begin);
        if (const Result<uint32_t> sent = send(std::span(all).subspan(begin, count)); !sent)
            return std::unexpected(sent.error());
    }
    return {};
}

Result<void> update_all(api::Client& client, api::Handle map,
                        const std::vector<api::Element>& elements) {
    return in_batches(elements, [&](std::span<const api::Element> part) {
        return client.update(map, part, vm::kUpdateAny, true);
    });
}

Result<void> erase_all(api::Client& client, api::Handle map, const std::vector<Bytes>& keys) {
    return in_batches(keys, [&](std::span<const Bytes> part) { return client.erase(map, part); });
}

}  // namespace

Result<std::vector<api::Element>> dump_map(api::Client& client, api::Handle map,
                                           uint32_t elements_max) {
    std::vector<api::Element> all;
    std::optional<Bytes> after;
    while (all.size() < elements_max) {
        const uint32_t want = std::min<uint32_t>(api::kBatchElementsMax,
                                                 elements_max - static_cast<uint32_t>(all.size()));
        Result<std::vector<api::Element>> part = client.dump(map, after, want);
        if (!part) return part;
        if (part->empty()) break;
        after = part->back().first;
        std::move(part->begin(), part->end(), std::back_inserter(all));
    }
    return all;
}

Result<void> sync_map(api::Client& client, api::Handle map,
                      const std::vector<api::Element>& contents, MapUndo& undo) {
    undo.map = map;
    const Result<std::vector<api::Element>> dumped = dump_map(client, map, UINT32_MAX);
    if (!dumped) return std::unexpected(dumped.error());
    std::map<Bytes, Bytes, KeyLess> before(dumped->begin(), dumped->end());
    std::vector<api::Element> updates;
    for (const api::Element& element : contents) {
        const auto found = before.find(element.first);
        if (found == before.end()) {
            undo.erase.push_back(element.first);
            updates.push_back(element);
            continue;
        }
        if (found->second != element.second) {
            undo.restore.push_back(*found);
            updates.push_back(element);
        }
        before.erase(found);
    }
    std::vector<Bytes> erases;
    for (const auto& [key, value] : before) {
        undo.restore.emplace_back(key, value);
        erases.push_back(key);
    }
    if (const Result<void> updated = update_all(client, map, updates); !updated) return updated;
    return erase_all(client, map, erases);
}

Result<void> undo_sync(api::Client& client, const MapUndo& undo) {
    const Result<void> restored = update_all(client, undo.map, undo.restore);
    if (!restored) return restored;
    return erase_all(client, undo.map, undo.erase);
}

}  // namespace weir::controlplane
