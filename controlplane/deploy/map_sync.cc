#include "controlplane/deploy/map_sync.h"

#include <fmt/core.h>

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
    return update_in_batches(client, map, elements, true);
}

Result<void> erase_all(api::Client& client, api::Handle map, const std::vector<Bytes>& keys) {
    return in_batches(keys, [&](std::span<const Bytes> part) { return client.erase(map, part); });
}

Result<void> in_order(const auto& first, const auto& second) {
    if (const Result<void> done = first(); !done) return done;
    return second();
}

struct Changes {
    std::vector<api::Element> updates;
    std::vector<Bytes> inserts;  ///< keys of those updates that add an element
    std::vector<Bytes> erases;
    std::vector<api::Element> restore;  ///< what updates and erases change, as it was
};

Changes changes_of(const std::map<Bytes, Bytes, KeyLess>& before,
                   const std::vector<api::Element>& contents, const std::vector<Bytes>& owned) {
    const KeyLess less;
    Changes changes;
    for (const api::Element& element : contents) {
        const auto found = before.find(element.first);
        const bool is_owned = std::binary_search(owned.begin(), owned.end(), element.first, less);
        // Somebody else's of the same value is written all the same: a replay restores policy only.
        if (found != before.end() && is_owned && found->second == element.second) continue;
        changes.updates.push_back(element);
        if (found == before.end())
            changes.inserts.push_back(element.first);
        else if (found->second != element.second)
            changes.restore.push_back(*found);
    }
    const auto by_key = [&](const api::Element& a, const api::Element& b) {
        return less(a.first, b.first);
    };
    for (const Bytes& key : owned) {
        const auto found = before.find(key);
        if (found == before.end() ||
            std::binary_search(contents.begin(), contents.end(), api::Element(key, {}), by_key))
            continue;
        changes.erases.push_back(key);
        changes.restore.push_back(*found);
    }
    return changes;
}

}  // namespace

Result<void> update_in_batches(api::Client& client, api::Handle map,
                               const std::vector<api::Element>& elements, bool is_policy) {
    return in_batches(elements, [&](std::span<const api::Element> part) {
        return client.update(map, part, vm::kUpdateAny, is_policy);
    });
}

Result<std::vector<api::Element>> dump_map(api::Client& client, api::Handle map,
                                           uint32_t elements_max) {
    std::vector<api::Element> all;
    std::optional<Bytes> after;
    while (all.size() < elements_max) {
        const uint32_t want = std::min<uint32_t>(api::kBatchElementsMax,
                                                 elements_max - static_cast<uint32_t>(all.size()));
        Result<api::MapElements> part = client.dump(map, after, want);
        if (!part) return std::unexpected(part.error());
        std::move(part->elements.begin(), part->elements.end(), std::back_inserter(all));
        if (!part->after) break;
        after = std::move(part->after);
    }
    return all;
}

Result<void> sync_map(api::Client& client, api::Handle map,
                      const std::vector<api::Element>& contents, const std::vector<Bytes>& owned,
                      uint32_t entries_max, MapUndo& undo) {
    undo.map = map;
    const Result<std::vector<api::Element>> dumped = dump_map(client, map, UINT32_MAX);
    if (!dumped) return std::unexpected(dumped.error());
    const std::map<Bytes, Bytes, KeyLess> before(dumped->begin(), dumped->end());
    const Changes changes = changes_of(before, contents, owned);
    const size_t after = before.size() + changes.inserts.size() - changes.erases.size();
    if (after > entries_max)
        return fail(ErrorKind::kResource,
                    fmt::format("{} elements of the configuration and {} of others, expected at "
                                "most {} (max_entries)",
                                contents.size(), after - contents.size(), entries_max));
    undo.erase_first = before.size() + changes.inserts.size() > entries_max;
    undo.restore = changes.restore;
    undo.erase = changes.inserts;
    const auto update = [&] { return update_all(client, map, changes.updates); };
    const auto erase = [&] { return erase_all(client, map, changes.erases); };
    return undo.erase_first ? in_order(erase, update) : in_order(update, erase);
}

Result<void> undo_sync(api::Client& client, const MapUndo& undo) {
    const auto restore = [&] { return update_all(client, undo.map, undo.restore); };
    const auto erase = [&] { return erase_all(client, undo.map, undo.erase); };
    return undo.erase_first ? in_order(erase, restore) : in_order(restore, erase);
}

}  // namespace weir::controlplane
