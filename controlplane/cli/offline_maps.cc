#include "controlplane/cli/offline_maps.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "controlplane/cli/element_file.h"
#include "controlplane/cli/element_text.h"
#include "controlplane/deploy/map_sync.h"
#include "controlplane/deploy/sha256.h"
#include "maps/maps.h"
#include "maps/user_ringbuf_map.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kCpuSlots = 1;

bool holds_events(vm::MapType type) {
    return type == vm::MapType::Ringbuf || type == vm::MapType::PerfEventArray;
}

bool is_zero(const Bytes& value) {
    return std::ranges::all_of(value, [](uint8_t byte) { return byte == 0; });
}

/// A slot's number as a key; keys of maps in maps that are no numbers of 4 bytes have zeroes
/// behind.
Bytes key_of_index(uint32_t index, uint32_t key_bytes) {
    Bytes key(key_bytes);
    std::memcpy(key.data(), &index, std::min<size_t>(key.size(), sizeof index));
    return key;
}

OfflineElements drained(vm::Map& map) {
    OfflineElements elements;
    Bytes value(map.spec().value_bytes);
    // At most as many as it may hold: nobody fills it meanwhile.
    for (uint32_t i = 0; i < map.spec().entries_max && map.pop(value.data()) == 0; ++i)
        elements.emplace_back(Bytes(), value);
    return elements;
}

OfflineElements listed(vm::Map& map, bool with_zeroes) {
    OfflineElements elements;
    Bytes key(map.spec().key_bytes), next(map.spec().key_bytes);
    Bytes value(map.control_value_bytes());
    int status = map.next_key(nullptr, next.data());
    while (status == 0) {
        key = next;
        if (map.control_lookup(key.data(), value) == 0 && (with_zeroes || !is_zero(value)))
            elements.emplace_back(key, value);
        status = map.next_key(key.data(), next.data());
    }
    std::sort(elements.begin(), elements.end(),
              [](const auto& a, const auto& b) { return KeyLess()(a.first, b.first); });
    return elements;
}

Error failed_update(const vm::Map& map, const Bytes& key, int status) {
    return {ErrorKind::kInvalid, fmt::format("map {}: key 0x{}: {}", map.spec().name, to_hex(key),
                                             std::strerror(-status))};
}

Result<void> fill_samples(vm::Map& map, const std::string& path) {
    const Result<std::vector<Bytes>> samples = read_samples(path);
    if (!samples) return std::unexpected(samples.error());
    for (const Bytes& sample : *samples) {
        const int status = static_cast<maps::UserRingbufMap&>(map).produce(sample);
        if (status != 0) return fail_in(path, failed_update(map, {}, status));
    }
    return {};
}

}  // namespace

Result<OfflineMaps> OfflineMaps::make(const vm::ObjectSpec& object,
                                      const vm::ProgramSpec& program) {
    OfflineMaps maps;
    const auto add = [&](const vm::MapSpec& spec, bool needed) -> Result<void> {
        if (maps.find(spec.name) != nullptr) return {};
        Result<std::unique_ptr<vm::Map>> made = maps::create_map(spec, kCpuSlots);
        if (!made && needed) return std::unexpected(made.error());
        if (made) maps.maps_.push_back(std::move(*made));
        return {};
    };
    const auto is_needed = [&](const vm::MapSpec& spec) {
        return std::any_of(program.maps.begin(), program.maps.end(),
                           [&](const vm::MapSpec& used) { return used.name == spec.name; });
    };
    for (const vm::MapSpec& spec : object.maps)
        if (const Result<void> added = add(spec, is_needed(spec)); !added)
            return std::unexpected(added.error());
    for (const vm::MapSpec& spec : program.maps)
        if (const Result<void> added = add(spec, true); !added)
            return std::unexpected(added.error());
    for (const std::unique_ptr<vm::Map>& map : maps.maps_) {
        if (!vm::is_map_in_map(map->spec().type)) continue;
        for (const vm::InitialSlot& slot : map->spec().slots) {
            const Bytes key = key_of_index(slot.index, map->spec().key_bytes);
            if (const Result<void> bound = maps.bind_inner(*map, key, slot.target); !bound)
                return std::unexpected(bound.error());
        }
    }
    return maps;
}

vm::Map* OfflineMaps::find(std::string_view name) const {
    const auto found = std::find_if(maps_.begin(), maps_.end(),
                                    [&](const auto& map) { return map->spec().name == name; });
    return found == maps_.end() ? nullptr : found->get();
}

uint32_t OfflineMaps::id_of(std::string_view name) const {
    for (size_t i = 0; i < maps_.size(); ++i)
        if (maps_[i]->spec().name == name) return static_cast<uint32_t>(i + 1);
    return 0;
}

Result<std::vector<vm::Map*>> OfflineMaps::of(const vm::ProgramSpec& program) const {
    std::vector<vm::Map*> maps;
    for (const vm::MapSpec& spec : program.maps) {
        maps.push_back(find(spec.name));
        if (maps.back() != nullptr) continue;
        const Result<std::unique_ptr<vm::Map>> again = maps::create_map(spec, kCpuSlots);
        return std::unexpected(again ? Error{ErrorKind::kInvalid, "map " + spec.name + ": missing"}
                                     : again.error());
    }
    return maps;
}

Result<void> OfflineMaps::bind_inner(vm::Map& map, const Bytes& key, const std::string& name) {
    vm::Map* const inner = find(name);
    if (inner == nullptr)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: key 0x{}: value '{}', expected the name of a map",
                                map.spec().name, to_hex(key), name));
    const int status = map.bind_map(key.data(), inner, id_of(name));
    if (status == 0) return {};
    Error error = failed_update(map, key, status);
    error.message += fmt::format(" (does {} have the definition of its inner maps?)", name);
    return std::unexpected(std::move(error));
}

Result<void> OfflineMaps::bind_programs(const vm::ProgramSpec& program,
                                        const FindProgram& find_program) {
    for (const vm::MapSpec& spec : program.maps) {
        vm::Map* const map = find(spec.name);
        if (spec.type != vm::MapType::ProgArray || map == nullptr) continue;
        for (const vm::InitialSlot& slot : map->spec().slots) {
            // Filled for another program that refers to the map, or by --map-fill.
            if (map->program_at(slot.index) != nullptr) continue;
            const Result<BoundProgram> bound = find_program(slot.target);
            // As with one that the loader does not offer: its neighbours run without it.
            if (!bound && bound.error().kind == ErrorKind::kRejected) {
                fmt::print(stderr, "weir: map {}: slot {} stays empty: {}\n", spec.name, slot.index,
                           bound.error().message);
                continue;
            }
            if (!bound) return fail_in("map " + spec.name, bound.error());
            const Bytes key = key_of_index(slot.index, spec.key_bytes);
            const int status = map->bind_program(key.data(), bound->program, bound->id);
            if (status != 0) return std::unexpected(failed_update(*map, key, status));
        }
    }
    return {};
}

Result<void> OfflineMaps::fill_bindings(vm::Map& map, const std::string& path,
                                        const FindProgram& find_program) {
    const Result<std::vector<ParsedBinding>> bindings = read_bindings(path, map.spec());
    if (!bindings) return std::unexpected(bindings.error());
    for (const ParsedBinding& binding : *bindings) {
        if (vm::is_map_in_map(map.spec().type)) {
            const Result<void> bound = bind_inner(map, binding.key, binding.name);
            if (!bound) return fail_in(path, bound.error());
            continue;
        }
        const Result<BoundProgram> program = find_program(binding.name);
        if (!program) return fail_in(path, program.error());
        const int status = map.bind_program(binding.key.data(), program->program, program->id);
        if (status != 0) return fail_in(path, failed_update(map, binding.key, status));
    }
    return {};
}

Result<void> OfflineMaps::fill(const std::string& option, const FindProgram& find_program) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == option.size())
        return fail(ErrorKind::kInvalid,
                    fmt::format("--map-fill: value '{}', expected NAME=FILE", option));
    const std::string name = option.substr(0, equals);
    vm::Map* const map = find(name);
    if (map == nullptr) {
        std::string all;
        for (const auto& each : maps_) all += (all.empty() ? "" : ", ") + each->spec().name;
        return fail(ErrorKind::kInvalid,
                    fmt::format("--map-fill: value '{}', expected a map of the object: {}", name,
                                all.empty() ? "it has none" : all));
    }
    const std::string path = option.substr(equals + 1);
    if (vm::is_map_in_map(map->spec().type) || map->spec().type == vm::MapType::ProgArray)
        return fill_bindings(*map, path, find_program);
    if (map->spec().type == vm::MapType::UserRingbuf) return fill_samples(*map, path);
    const Result<ElementRecords> elements = read_elements(path, lone_map(map->spec()));
    if (!elements) return std::unexpected(elements.error());
    for (size_t i = 0; i < elements->count(); ++i) {
        const ByteSpan key = elements->key(i), value = elements->value(i);
        const int status = key.empty() ? map->push(value.data(), vm::kUpdateAny)
                                       : map->control_update(key.data(), value, vm::kUpdateAny);
        if (status != 0)
            return fail_in(path, failed_update(*map, Bytes(key.begin(), key.end()), status));
    }
    return {};
}

bool OfflineMaps::always_has_all(vm::MapType type) {
    return type == vm::MapType::Array || type == vm::MapType::PercpuArray;
}

OfflineElements OfflineMaps::elements(vm::Map& map, uint32_t zeroes_max) {
    const vm::MapType type = map.spec().type;
    if (holds_events(type) || type == vm::MapType::UserRingbuf) return {};
    const bool pops = type == vm::MapType::Queue || type == vm::MapType::Stack;
    return pops ? drained(map)
                : listed(map, !always_has_all(type) || map.spec().entries_max <= zeroes_max);
}

std::optional<std::vector<Bytes>> OfflineMaps::take_events(vm::Map& map) {
    if (!holds_events(map.spec().type)) return std::nullopt;
    std::vector<Bytes> records;
    map.drain_events(
        0,
        [](void* opaque, ByteSpan record) {
            static_cast<std::vector<Bytes>*>(opaque)->emplace_back(record.begin(), record.end());
        },
        &records);
    return records;
}

}  // namespace weir::controlplane::cli
