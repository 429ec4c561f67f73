#include "controlplane/deploy/contents.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

constexpr uint32_t kLengthBytes = 4;  ///< the prefix length in front of a trie's address

Result<void> check(const NewContents& contents) {
    const vm::MapSpec& spec = contents.map.spec;
    const uint32_t bytes = record_bytes(spec);
    if (bytes == 0 || contents.records.size() % bytes != 0)
        return fail(
            ErrorKind::kInvalid,
            fmt::format("map {}: {} bytes are not a multiple of a record's {} (key {}, value {})",
                        contents.map.name, contents.records.size(), bytes, spec.key_bytes,
                        spec.value_bytes));
    const size_t count = contents.records.size() / bytes + contents.elements.size();
    if (count <= spec.entries_max) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("map {}: {} elements, expected at most {} (max_entries)",
                            contents.map.name, count, spec.entries_max));
}

/// A trie takes its prefixes several times faster in the order of their addresses: neighbours share
/// the memory that they change. Records of one key stay in their order, so that the last one
/// counts.
Bytes in_order(const vm::MapSpec& spec, const Bytes& records) {
    const uint32_t bytes = record_bytes(spec), key_bytes = spec.key_bytes;
    std::vector<const uint8_t*> order;
    order.reserve(records.size() / bytes);
    for (size_t at = 0; at < records.size(); at += bytes) order.push_back(records.data() + at);
    std::ranges::stable_sort(order, [=](const uint8_t* a, const uint8_t* b) {
        return std::memcmp(a + kLengthBytes, b + kLengthBytes, key_bytes - kLengthBytes) < 0;
    });
    Bytes sorted;
    sorted.reserve(records.size());
    for (const uint8_t* record : order) sorted.insert(sorted.end(), record, record + bytes);
    return sorted;
}

}  // namespace

uint32_t record_bytes(const vm::MapSpec& spec) {
    return spec.key_bytes + spec.value_bytes;
}

Result<api::Published> replace_contents(api::Client& client,
                                        const std::vector<NewContents>& contents) {
    for (const NewContents& one : contents) {
        if (const Result<void> fits = check(one); !fits) return std::unexpected(fits.error());
    }
    for (size_t i = 0; i < contents.size(); ++i) {
        for (size_t k = 0; k < i; ++k) {
            if (contents[i].map.name == contents[k].map.name)
                return fail(ErrorKind::kInvalid,
                            fmt::format("map {} is named twice, expected each map once",
                                        contents[i].map.name));
        }
    }
    std::vector<api::MapReplacement> replacements;
    for (const NewContents& one : contents) {
        const Result<api::Handle> fresh =
            client.create_map({one.map.name, one.map.spec,
                               one.map.persists ? api::Persistence::Keep : api::Persistence::None});
        if (!fresh) return std::unexpected(fresh.error());
        const vm::MapSpec& spec = one.map.spec;
        const bool is_trie = spec.type == vm::MapType::LpmTrie && spec.key_bytes > kLengthBytes;
        const Bytes sorted = is_trie ? in_order(spec, one.records) : Bytes();
        const Result<uint32_t> filled =
            client.fill(*fresh, is_trie ? sorted : one.records, record_bytes(spec), vm::kUpdateAny);
        if (!filled) return std::unexpected(filled.error());
        const Result<uint32_t> updated = client.update(*fresh, one.elements, vm::kUpdateAny, false);
        if (!updated) return std::unexpected(updated.error());
        replacements.push_back({one.map.handle, *fresh});
    }
    return client.replace_maps(replacements);
}

}  // namespace weir::controlplane
