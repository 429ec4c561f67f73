#include "controlplane/deploy/policy_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "controlplane/deploy/map_sync.h"

namespace weir::controlplane {
namespace {

constexpr size_t kMapNameBytesMax = 4096;
constexpr uint32_t kKeyBytesMax = 512;  ///< as BPF_MAP_CREATE bounds keys

/// One map's keys; false if the input ends early or makes no sense.
bool read_map(ByteReader& reader, PolicyKeys& all) {
    const auto name = reader.take_sized(kMapNameBytesMax);
    const auto key_bytes = reader.read<uint32_t>();
    const auto count = reader.read<uint32_t>();
    if (!name || !key_bytes || !count || *key_bytes == 0 || *key_bytes > kKeyBytesMax) return false;
    const auto raw = reader.take(size_t{*key_bytes} * *count);
    if (!raw) return false;
    std::vector<Bytes>& keys = all[std::string(name->begin(), name->end())];
    keys.reserve(*count);
    for (uint32_t i = 0; i < *count; ++i) {
        const ByteSpan key = raw->subspan(size_t{i} * *key_bytes, *key_bytes);
        keys.emplace_back(key.begin(), key.end());
    }
    return std::is_sorted(keys.begin(), keys.end(), KeyLess());
}

}  // namespace

PolicyKeys policy_keys(const Bundle& bundle) {
    PolicyKeys all;
    for (const PlannedProgram& program : bundle.programs) {
        if (!program.in_chain) continue;
        for (const size_t index : program.maps) {
            const PlannedMap& map = bundle.maps[index];
            if (map.contents.empty()) continue;
            std::vector<Bytes>& keys = all[map.name];
            keys.reserve(map.contents.size());
            for (const auto& [key, value] : map.contents) keys.push_back(key);
        }
    }
    return all;
}

PolicyKeys merge_keys(const PolicyKeys& old, const PolicyKeys& more) {
    PolicyKeys merged = old;
    for (const auto& [name, keys] : more) {
        std::vector<Bytes>& known = merged[name];
        if (keys.empty()) continue;
        if (!known.empty() && known[0].size() != keys[0].size()) known.clear();
        std::vector<Bytes> both;
        std::set_union(known.begin(), known.end(), keys.begin(), keys.end(),
                       std::back_inserter(both), KeyLess());
        known = std::move(both);
    }
    return merged;
}

Bytes encode_keys(const PolicyKeys& keys) {
    ByteWriter writer;
    writer.write(static_cast<uint32_t>(keys.size()));
    for (const auto& [name, of_map] : keys) {
        writer.write_string(name);
        writer.write(of_map.empty() ? 1u : static_cast<uint32_t>(of_map[0].size()));
        writer.write(static_cast<uint32_t>(of_map.size()));
        for (const Bytes& key : of_map) writer.append(key);
    }
    return writer.take();
}

Result<PolicyKeys> decode_keys(ByteSpan bytes) {
    ByteReader reader(bytes);
    PolicyKeys keys;
    const uint32_t maps = reader.read<uint32_t>().value_or(0);
    bool good = !reader.failed();
    for (uint32_t i = 0; good && i < maps; ++i) good = read_map(reader, keys);
    if (good && reader.finished()) return keys;
    return fail(ErrorKind::kInvalid,
                fmt::format("byte {}: not the keys of a map", reader.offset()));
}

}  // namespace weir::controlplane
