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
    {MapType::UserRingbuf, "user_ringbuf"},
});

struct RefusedMapType {
    uint32_t number;
    std::string_view name;
    std::string_view reason;
};

/// The kinds of Linux 6.18 that need what a packet off the wire does not have.
constexpr std::array kRefusedMapTypes = std::to_array<RefusedMapType>({
    {7, "stack_trace", "no kernel runs under a program, so there is no stack to keep"},
    {8, "cgroup_array", "there are no cgroups on the dataplane"},
    {15, "sockmap", "no socket lives on the dataplane; bpf_redirect sends packets to ports"},
    {18, "sockhash", "no socket lives on the dataplane; bpf_redirect sends packets to ports"},
    {19, "cgroup_storage", "there are no cgroups on the dataplane"},
    {20, "reuseport_sockarray", "no socket lives on the dataplane that could be chosen"},
    {21, "percpu_cgroup_storage", "there are no cgroups on the dataplane"},
    {24, "sk_storage", "no socket lives on the dataplane; a hash by the connection's tuple serves"},
    {26, "struct_ops", "there are no operations of a kernel to replace"},
    {28, "inode_storage", "there are no files on the dataplane"},
    {29, "task_storage", "there is no current task on a packet"},
    {32, "cgrp_storage", "there are no cgroups on the dataplane"},
    {33, "arena", "programs share no pages with a process of the operator's; an array serves"},
    {34, "insn_array", "jumps through tables of instructions are not proven here"},
});

const RefusedMapType* refused_map_type(uint32_t number) {
    const auto row = std::ranges::find(kRefusedMapTypes, number, &RefusedMapType::number);
    return row == kRefusedMapTypes.end() ? nullptr : &*row;
}

}  // namespace

std::string map_type_name(MapType type) {
    for (const MapTypeName& row : kMapTypeNames)
        if (row.type == type) return std::string(row.name);
    const auto number = static_cast<uint32_t>(type);
    const RefusedMapType* const refused = refused_map_type(number);
    return refused != nullptr ? std::string(refused->name) : fmt::format("map type {}", number);
}

std::string map_type_refusal(MapType type) {
    for (const MapTypeName& row : kMapTypeNames)
        if (row.type == type) return {};
    const auto number = static_cast<uint32_t>(type);
    const RefusedMapType* const refused = refused_map_type(number);
    if (refused == nullptr) return fmt::format("there is no map type {}", number);
    return fmt::format("maps of type {} are not offered: {}", refused->name, refused->reason);
}

Result<MapType> map_type_by_name(std::string_view name) {
    for (const MapTypeName& row : kMapTypeNames)
        if (row.name == name) return row.type;
    for (const RefusedMapType& row : kRefusedMapTypes)
        if (row.name == name)
            return fail(ErrorKind::kUnsupported, map_type_refusal(MapType{row.number}));
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
