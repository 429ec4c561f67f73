#include "vm/verifier/spec_check.h"

#include <fmt/format.h>

#include "vm/base/limits.h"

namespace weir::vm::verifier {
namespace {

Checked check_map(const MapSpec& map) {
    const auto bad = [&](std::string_view field, uint64_t value, std::string_view wanted) {
        return fault("map-definition",
                     fmt::format("map {}: {} is {}, expected {}", map.name, field, value, wanted),
                     0);
    };
    switch (map.type) {
        case MapType::Array:
        case MapType::PercpuArray:
            if (map.key_bytes != 4) return bad("key_bytes", map.key_bytes, "4");
            break;
        case MapType::LpmTrie:
            if (map.key_bytes < 5 || map.key_bytes > kMapKeyBytesMax)
                return bad("key_bytes", map.key_bytes, "5 to 512");
            break;
        case MapType::Hash:
        case MapType::PercpuHash:
        case MapType::LruHash:
        case MapType::LruPercpuHash:
            if (map.key_bytes == 0 || map.key_bytes > kMapKeyBytesMax)
                return bad("key_bytes", map.key_bytes, "1 to 512");
            break;
        case MapType::ProgArray:
        case MapType::PerfEventArray:
        case MapType::ArrayOfMaps:
        case MapType::HashOfMaps:
        case MapType::Devmap:
        case MapType::Cpumap:
        case MapType::Xskmap:
        case MapType::Queue:
        case MapType::Stack:
        case MapType::DevmapHash:
        case MapType::Ringbuf:
        case MapType::BloomFilter: return {};  // no instruction may use them
    }
    if (map.value_bytes == 0 || map.value_bytes > value_bytes_max(map))
        return bad("value_bytes", map.value_bytes, fmt::format("1 to {}", value_bytes_max(map)));
    if (map.entries_max == 0) return bad("entries_max", map.entries_max, "at least 1");
    if (map.contents.size() > map.value_bytes)
        return bad("size of its contents", map.contents.size(),
                   fmt::format("at most {}", map.value_bytes));
    return {};
}

}  // namespace

Checked check_spec(const ProgramSpec& program) {
    if (program.type != ProgramType::Xdp)
        return fault("program-type",
                     fmt::format("programs of type {} cannot be proven yet, only xdp",
                                 program_type_name(program.type)),
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
        if (i > 0 && start <= subprograms[i - 1].insn)
            return fault(
                "malformed",
                fmt::format("subprogram {} starts at {}, not after the one before", i, start), 0);
    }
    return {};
}

}  // namespace weir::vm::verifier
