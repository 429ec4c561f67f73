// Definitions from before BTF: raw structs in section "maps" (or one each in "maps/NAME"). All
// start with the same five fields; the distance between two symbols tells what follows them:
//
//   16  type, key_size, value_size, max_entries
//   20  ... and map_flags: struct bpf_map_def of libbpf before 1.0
//   24  ... inner_map_idx: the kernel's samples
//   28  ... inner_map_idx, numa_node: samples; or id, pinning: iproute2's older struct bpf_elf_map
//   36  ... id, pinning, inner_id, inner_idx: struct bpf_elf_map
//
// At 28 the two readings differ for maps in maps and for prog arrays only: the older bpf_elf_map
// had no inner maps, and samples' fields say nothing of a prog array.
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "vm/base/printable.h"
#include "vm/elf/map_table.h"
#include "vm/elf/special_fields.h"

namespace weir::vm::elf {

namespace {

constexpr size_t kFieldsMin = 4, kFieldsKnown = 9;
constexpr uint32_t kNoIndex = UINT32_MAX;  ///< bpf_elf_map: put in no slot

/// The words of a definition, zero where it is shorter.
struct Raw {
    std::array<uint32_t, kFieldsKnown> words{};
    size_t count = 0;

    uint32_t flags() const { return words[4]; }
    uint32_t inner_map_index() const { return words[5]; }
    uint32_t id() const { return words[5]; }
    uint32_t inner_id() const { return words[7]; }
    uint32_t inner_index() const { return words[8]; }
    bool is_elf_map() const { return count == kFieldsKnown; }
};

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

std::vector<const Symbol*> map_symbols(const ElfFile& file, uint32_t section) {
    std::vector<const Symbol*> symbols;
    for (const uint32_t index : file.symbols_of(section)) {
        const Symbol& symbol = file.symbols()[index];
        const bool names_data = symbol.type == STT_OBJECT || symbol.type == STT_NOTYPE;
        if (names_data && !symbol.name.empty()) symbols.push_back(&symbol);
    }
    std::ranges::stable_sort(symbols, {}, &Symbol::value);
    return symbols;
}

Result<Raw> read_raw(ByteSpan bytes) {
    if (bytes.size() < kFieldsMin * 4 || bytes.size() % 4 != 0)
        return bad(fmt::format("{} bytes, struct bpf_map_def has 20", bytes.size()));
    Raw raw;
    raw.count = std::min(bytes.size() / 4, kFieldsKnown);
    std::memcpy(raw.words.data(), bytes.data(), raw.count * 4);
    const ByteSpan rest = bytes.subspan(raw.count * 4);
    const auto extra = std::ranges::find_if(rest, [](uint8_t byte) { return byte != 0; });
    if (extra != rest.end())
        return bad(fmt::format("byte {} is not 0, struct bpf_elf_map has 36 bytes",
                               extra - rest.begin() + static_cast<ptrdiff_t>(raw.count * 4)));
    return raw;
}

/// BPF_ANNOTATE_KV_PAIR(NAME, K, V): struct ____btf_map_NAME { K key; V value; }.
class Annotations {
public:
    explicit Annotations(const BtfView& btf) : btf_(btf) {
        for (uint32_t id = 1; id <= btf.type_count(); ++id) {
            const btf_type* type = btf.type(id);
            const std::string_view name = btf.name(*type);
            if (btf_is_struct(type) && btf_vlen(type) == 2 && name.starts_with(kPrefix))
                by_map_.emplace(name.substr(kPrefix.size()), type);
        }
    }

    /// Types for a map whose sizes agree; locks and timers are found by them too.
    Result<void> apply(TypeTrees& types, MapSpec& map) const {
        const auto found = by_map_.find(map.name);
        if (found == by_map_.end()) return {};
        const btf_member* members = btf_members(found->second);
        const auto key_bytes = btf_.size_of(members[0].type);
        const auto value_bytes = btf_.size_of(members[1].type);
        if (!key_bytes || !value_bytes || *key_bytes != map.key_bytes ||
            *value_bytes != map.value_bytes)
            return {};
        map.key_type = types.tree_of(members[0].type);
        map.value_type = types.tree_of(members[1].type);
        return find_special_fields(btf_, members[1].type, 0, map);
    }

private:
    static constexpr std::string_view kPrefix = "____btf_map_";
    const BtfView& btf_;
    std::map<std::string_view, const btf_type*> by_map_;
};

struct Placed {
    Raw raw;
    uint32_t map = 0;
};

/// The maps of one section, in the order of their offsets.
class LegacyMaps {
public:
    LegacyMaps(const Object& object, const Section& section, MapTable& table)
        : object_(object), section_(section), table_(table) {}

    Result<void> read(const Annotations& annotations) {
        const std::vector<const Symbol*> symbols = map_symbols(object_.file, section_.index);
        if (symbols.size() > kMapsPerObjectMax)
            return bad(fmt::format("{} maps, at most {}", symbols.size(), kMapsPerObjectMax));
        for (size_t i = 0; i < symbols.size(); ++i) {
            const uint64_t end =
                i + 1 < symbols.size() ? symbols[i + 1]->value : section_.bytes.size();
            if (const auto ok = add(*symbols[i], end, annotations); !ok)
                return fail_in(
                    fmt::format("map \"{}\" in section \"{}\"", symbols[i]->name, section_.name),
                    ok.error());
        }
        for (const Placed& placed : placed_)
            if (const auto ok = connect(placed); !ok)
                return fail_in(fmt::format("map \"{}\"", table_.maps[placed.map].name), ok.error());
        return {};
    }

private:
    Result<void> add(const Symbol& symbol, uint64_t end, const Annotations& annotations) {
        if (symbol.value > end || end > section_.bytes.size())
            return bad(fmt::format("at {:#x}, outside the section of {} bytes", symbol.value,
                                   section_.bytes.size()));
        const auto raw = read_raw(section_.bytes.subspan(symbol.value, end - symbol.value));
        if (!raw) return std::unexpected(raw.error());
        MapSpec map{.name = printable(symbol.name),
                    .type = static_cast<MapType>(raw->words[0]),
                    .key_bytes = raw->words[1],
                    .value_bytes = raw->words[2],
                    .entries_max = raw->words[3],
                    .flags = raw->flags()};
        const auto index = static_cast<uint32_t>(table_.maps.size());
        if (const auto ok = annotations.apply(object_.types, map); !ok)
            table_.refused.emplace(index, ok.error().message);
        placed_.push_back({*raw, index});
        if (raw->count > 5 && raw->id() != 0) table_.legacy_ids.push_back({raw->id(), index});
        return table_.add(std::move(map), section_.index, symbol.value);
    }

    /// The inner map of a map in map; and, for iproute2, the slots that its maps fill.
    Result<void> connect(const Placed& outer) {
        MapSpec& map = table_.maps[outer.map];
        if (!is_map_in_map(map.type) || outer.raw.count <= 5) return {};
        if (!outer.raw.is_elf_map()) {
            const uint32_t index = outer.raw.inner_map_index();
            if (index >= placed_.size())
                return bad(fmt::format("inner_map_idx {} of {} maps", index, placed_.size()));
            return set_inner(map, table_.maps[placed_[index].map]);
        }
        for (const Placed& inner : placed_) {
            const Raw& raw = inner.raw;
            const bool belongs = raw.is_elf_map() && raw.id() != 0 && raw.inner_id() == 0 &&
                                 raw.id() == outer.raw.inner_id();
            if (!belongs) continue;
            if (!map.inner)
                if (const auto ok = set_inner(map, table_.maps[inner.map]); !ok) return ok;
            if (raw.inner_index() != kNoIndex)
                map.slots.push_back({raw.inner_index(), table_.maps[inner.map].name});
        }
        return {};
    }

    static Result<void> set_inner(MapSpec& map, const MapSpec& inner) {
        if (is_map_in_map(inner.type))
            return bad(fmt::format("its inner map \"{}\" has inner maps", inner.name));
        map.inner = std::make_shared<const MapSpec>(inner);
        return {};
    }

    const Object& object_;
    const Section& section_;
    MapTable& table_;
    std::vector<Placed> placed_;
};

}  // namespace

Result<void> read_legacy_maps(const Object& object, MapTable& table) {
    std::optional<Annotations> annotations;
    for (const Section& section : object.file.sections()) {
        const bool is_maps = section.name == "maps" || section.name.starts_with("maps/");
        if (!is_maps || section.is_code() || section.type != SHT_PROGBITS) continue;
        if (!annotations) annotations.emplace(object.btf);
        if (const auto ok = LegacyMaps(object, section, table).read(*annotations); !ok) return ok;
    }
    return {};
}

}  // namespace weir::vm::elf
