#include "vm/program/spec.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace weir::vm {
namespace {

struct MapTypeName {
    MapType type;
    std::string_view name;
};

/// enum bpf_map_type without BPF_MAP_TYPE_, in lower case.
constexpr std::array kMapTypeNames = std::to_array<MapTypeName>({
    {MapType::Hash, "hash"},
    {MapType::Array, "array"},
    {MapType::ProgArray, "prog_array"},
    {MapType::PerfEventArray, "perf_event_array"},
    {MapType::PercpuHash, "percpu_hash"},
    {MapType::PercpuArray, "percpu_array"},
    {MapType::LruHash, "lru_hash"},
    {MapType::LruPercpuHash, "lru_percpu_hash"},
    {MapType::LpmTrie, "lpm_trie"},
    {MapType::ArrayOfMaps, "array_of_maps"},
    {MapType::HashOfMaps, "hash_of_maps"},
    {MapType::Devmap, "devmap"},
    {MapType::Cpumap, "cpumap"},
    {MapType::Xskmap, "xskmap"},
    {MapType::Queue, "queue"},
    {MapType::Stack, "stack"},
    {MapType::DevmapHash, "devmap_hash"},
    {MapType::Ringbuf, "ringbuf"},
    {MapType::BloomFilter, "bloom_filter"},
});

}  // namespace

std::string map_type_name(MapType type) {
    for (const MapTypeName& row : kMapTypeNames)
        if (row.type == type) return std::string(row.name);
    return fmt::format("map type {}", static_cast<uint32_t>(type));
}

Result<MapType> map_type_by_name(std::string_view name) {
    for (const MapTypeName& row : kMapTypeNames)
        if (row.name == name) return row.type;
    std::string known;
    for (const MapTypeName& row : kMapTypeNames)
        known.append(known.empty() ? "" : ", ").append(row.name);
    return fail(ErrorKind::kInvalid,
                fmt::format("unknown map type '{}', expected one of {}", name, known));
}

std::string_view program_type_name(ProgramType type) {
    switch (type) {
        case ProgramType::SocketFilter: return "socket";
        case ProgramType::Xdp: return "xdp";
    }
    return "unknown";
}

const LineInfo* line_of(const ProgramSpec& program, uint32_t insn) {
    const auto after = std::ranges::upper_bound(program.lines, insn, {}, &LineInfo::insn);
    if (after == program.lines.begin()) return nullptr;
    const LineInfo& line = *(after - 1);  // compilers give what comes from no line 0
    return line.line == 0 ? nullptr : &line;
}

std::optional<GuardedField> guarded_field_in(const MapSpec& map, int64_t low, int64_t end) {
    for (const GuardedField& field :
         {GuardedField{"bpf_spin_lock", map.spin_lock_offset, kSpinLockBytes},
          GuardedField{"bpf_timer", map.timer_offset, kTimerBytes}}) {
        const bool is_there = field.offset != kNoOffset;
        if (is_there && low < int64_t{field.offset} + field.bytes && end > int64_t{field.offset})
            return field;
    }
    return std::nullopt;
}

}  // namespace weir::vm
