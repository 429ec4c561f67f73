// struct bpf_map_def of libbpf before 1.0 has 20 bytes; iproute2's bpf_elf_map starts with the same
// five fields and goes on with id, pinning and inner maps. The distance between two symbols tells
// which; fields beyond the five must be zero.
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vm/elf/map_table.h"

namespace weir::vm::elf {

namespace {

struct LegacyDefinition {
    uint32_t type, key_bytes, value_bytes, entries_max, flags;
};
static_assert(sizeof(LegacyDefinition) == 20);

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

std::vector<const Symbol*> map_symbols(const ElfFile& file, uint32_t section) {
    std::vector<const Symbol*> symbols;
    for (const Symbol& symbol : file.symbols()) {
        const bool names_data = symbol.type == STT_OBJECT || symbol.type == STT_NOTYPE;
        if (symbol.section == section && names_data && !symbol.name.empty())
            symbols.push_back(&symbol);
    }
    std::ranges::sort(symbols, {}, &Symbol::value);
    return symbols;
}

Result<MapSpec> read_definition(std::string_view name, ByteSpan bytes) {
    LegacyDefinition raw{};
    if (bytes.size() < sizeof raw)
        return bad(
            fmt::format("map \"{}\" in section \"maps\": {} bytes, struct bpf_map_def has {}", name,
                        bytes.size(), sizeof raw));
    std::memcpy(&raw, bytes.data(), sizeof raw);
    const auto extra =
        std::ranges::find_if(bytes.subspan(sizeof raw), [](uint8_t byte) { return byte != 0; });
    if (extra != bytes.end())
        return bad(
            fmt::format("map \"{}\" in section \"maps\": byte {} is not 0, only the five fields of "
                        "struct bpf_map_def are offered",
                        name, extra - bytes.begin()));
    MapSpec map;
    map.name = name;
    map.type = static_cast<MapType>(raw.type);
    map.key_bytes = raw.key_bytes;
    map.value_bytes = raw.value_bytes;
    map.entries_max = raw.entries_max;
    map.flags = raw.flags;
    return map;
}

}  // namespace

Result<void> read_legacy_maps(const Object& object, MapTable& table) {
    const Section* section = object.file.section_named("maps");
    if (section == nullptr) return {};
    const std::vector<const Symbol*> symbols = map_symbols(object.file, section->index);
    if (symbols.size() > kMapsPerObjectMax)
        return bad(fmt::format("{} maps, at most {}", symbols.size(), kMapsPerObjectMax));
    for (size_t i = 0; i < symbols.size(); ++i) {
        const uint64_t start = symbols[i]->value;
        const uint64_t end = i + 1 < symbols.size() ? symbols[i + 1]->value : section->bytes.size();
        if (start > end || end > section->bytes.size())
            return bad(fmt::format("map \"{}\" at {:#x} is outside section \"maps\" of {} bytes",
                                   symbols[i]->name, start, section->bytes.size()));
        auto map = read_definition(symbols[i]->name, section->bytes.subspan(start, end - start));
        if (!map) return std::unexpected(map.error());
        if (const auto ok = table.add(std::move(*map), section->index, start); !ok) return ok;
    }
    return {};
}

}  // namespace weir::vm::elf
