#include "vm/verifier/spec_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "vm/base/limits.h"

namespace weir::vm::verifier {
namespace {

bool has_room(const MapSpec& map, uint32_t offset, uint32_t bytes, uint32_t alignment) {
    return offset == kNoOffset || (offset % alignment == 0 && map.value_bytes >= bytes &&
                                   offset <= map.value_bytes - bytes);
}

Checked check_map(const MapSpec& map);

/// What is looked up in a map in map is a map of values.
Checked check_inner(const MapSpec& map) {
    if (map.inner == nullptr)
        return fault("map-definition",
                     fmt::format("map {}: it is not said what its inner maps are like", map.name),
                     0);
    if (is_map_in_map(map.inner->type))
        return fault(
            "map-definition",
            fmt::format("map {}: its inner maps are of type {}, which cannot be inner maps",
                        map.name, map_type_name(map.inner->type)),
            0);
    return check_map(*map.inner);
}

/// What a key of such a map may be, in bytes.
struct KeyBytes {
    uint32_t least = 0, most = 0;
};

KeyBytes key_bytes_of(MapType type) {
    switch (type) {
        case MapType::Array:
        case MapType::PercpuArray:
        case MapType::Devmap:
        case MapType::DevmapHash:
        case MapType::Cpumap:
        case MapType::Xskmap: return {4, 4};
        case MapType::LpmTrie: return {5, kMapKeyBytesMax};
        case MapType::Hash:
        case MapType::PercpuHash:
        case MapType::LruHash:
        case MapType::LruPercpuHash:
        case MapType::ArrayOfMaps:
        case MapType::HashOfMaps: return {1, kMapKeyBytesMax};
        case MapType::Queue:
        case MapType::Stack:
        case MapType::BloomFilter: return {0, 0};
        case MapType::ProgArray:
        case MapType::PerfEventArray:
        case MapType::Ringbuf:
        case MapType::UserRingbuf: break;
    }
    return {0, UINT32_MAX};
}

/// No pointer into these is ever given out.
bool has_no_values(MapType type) {
    return type == MapType::ProgArray || type == MapType::PerfEventArray ||
           type == MapType::Ringbuf || type == MapType::UserRingbuf;
}

Checked check_map(const MapSpec& map) {
    const auto bad = [&](std::string_view field, uint64_t value, std::string_view wanted) {
        return fault("map-definition",
                     fmt::format("map {}: {} is {}, expected {}", map.name, field, value, wanted),
                     0);
    };
    const KeyBytes key = key_bytes_of(map.type);
    if (map.key_bytes < key.least || map.key_bytes > key.most)
        return bad("key_bytes", map.key_bytes,
                   key.least == key.most ? fmt::format("{}", key.least)
                                         : fmt::format("{} to {}", key.least, key.most));
    if (is_map_in_map(map.type)) return check_inner(map);
    if (has_no_values(map.type)) return {};
    if (map.value_bytes == 0 || map.value_bytes > value_bytes_max(map))
        return bad("value_bytes", map.value_bytes, fmt::format("1 to {}", value_bytes_max(map)));
    if (map.entries_max == 0) return bad("entries_max", map.entries_max, "at least 1");
    if (!has_room(map, map.spin_lock_offset, kSpinLockBytes, 4))
        return bad("offset of the bpf_spin_lock", map.spin_lock_offset, "a place in the value");
    if (!has_room(map, map.timer_offset, kTimerBytes, 8))
        return bad("offset of the bpf_timer", map.timer_offset, "a place in the value");
    if (map.contents.size() > map.value_bytes)
        return bad("size of its contents", map.contents.size(),
                   fmt::format("at most {}", map.value_bytes));
    return {};
}

Checked check_contract(const Subprogram& subprogram) {
    if (!subprogram.contract) return {};
    const auto& arguments = subprogram.contract->arguments;
    const bool has_memory_of_nothing = std::ranges::any_of(arguments, [](const Argument& each) {
        return each.kind == ArgumentKind::Memory && each.bytes == 0;
    });
    if (arguments.size() <= Contract::kArgumentsMax && !has_memory_of_nothing) return {};
    return fault(
        "malformed",
        fmt::format("function {} takes {} arguments, expected at most {}, and memory of at "
                    "least one byte",
                    subprogram.name, arguments.size(), Contract::kArgumentsMax),
        0);
}

}  // namespace

Checked check_spec(const ProgramSpec& program) {
    if (program.type != ProgramType::Xdp && program.type != ProgramType::SocketFilter)
        return fault("program-type",
                     fmt::format("there are no programs of type {}, expected xdp or socket",
                                 static_cast<uint32_t>(program.type)),
                     0);
    if (program.insns.empty()) return fault("malformed", "the program has no instructions", 0);
    if (program.insns.size() > kProgramInsnsMax)
        return fault("malformed",
                     fmt::format("the program has {} instructions, at most {} are possible",
                                 program.insns.size(), kProgramInsnsMax),
                     0);
    if (program.maps.size() > kMapsPerProgramMax)
        return fault("malformed",
                     fmt::format("the program has {} maps, at most {} are possible",
                                 program.maps.size(), kMapsPerProgramMax),
                     0);
    for (const MapSpec& map : program.maps)
        if (const Checked fits = check_map(map); !fits) return fits;
    return {};
}

Checked check_subprograms(const ProgramSpec& program, const std::vector<DecodedSlot>& slots) {
    const auto& subprograms = program.subprograms;
    if (subprograms.empty() || subprograms.front().insn != 0)
        return fault("malformed", "the first subprogram must start at instruction 0", 0);
    for (size_t i = 0; i < subprograms.size(); ++i) {
        const uint32_t start = subprograms[i].insn;
        if (start >= slots.size() || slots[start].second_slot)
            return fault(
                "malformed",
                fmt::format("subprogram {} starts at {}, which is no instruction", i, start), 0);
        if (const Checked fits = check_contract(subprograms[i]); !fits) return fits;
        if (i > 0 && start <= subprograms[i - 1].insn)
            return fault(
                "malformed",
                fmt::format("subprogram {} starts at {}, not after the one before", i, start), 0);
    }
    return {};
}

}  // namespace weir::vm::verifier
