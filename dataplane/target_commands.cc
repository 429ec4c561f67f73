#include "dataplane/target_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "maps/target_slots.h"
#include "vm/program/map.h"

namespace weir::dataplane {
namespace {

Result<void> check_port(const LoadedMap& map, const Bytes& value,
                        std::span<const api::PortConfig> ports) {
    if (map.spec.type == vm::MapType::Cpumap || value.size() < maps::kTargetShortBytes) return {};
    const uint32_t ifindex = maps::Target::from(value.data(), value.size()).number;
    const auto has_it = [&](const api::PortConfig& port) { return port.ifindex == ifindex; };
    if (ifindex == 0 || std::ranges::any_of(ports, has_it)) return {};
    std::string known;
    for (const api::PortConfig& port : ports)
        fmt::format_to(std::back_inserter(known), "{}{} is {}", known.empty() ? "" : ", ",
                       port.ifindex, port.name);
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: no port has ifindex {}: {}", map.label(), ifindex, known));
}

Result<void> update_one(Registry& registry, LoadedMap& map, const api::Element& element,
                        uint64_t flags, std::span<const api::PortConfig> ports) {
    const auto& [key, value] = element;
    if (const Result<void> exists = check_port(map, value, ports); !exists) return exists;
    if (flags > vm::kUpdateExist)
        return fail(ErrorKind::kInvalid, fmt::format("{}: flags {:#x}", map.label(), flags));
    if (flags != vm::kUpdateAny) {
        Bytes old(map.map->control_value_bytes());
        const bool found =
            key.size() == map.spec.key_bytes && map.map->control_lookup(key.data(), old) == 0;
        if (flags == vm::kUpdateNoExist && found)
            return fail(ErrorKind::kRejected, map.label() + ": the key exists already");
        if (flags == vm::kUpdateExist && !found)
            return fail(ErrorKind::kNotFound, map.label() + ": the key does not exist");
    }
    return registry.set_target(map, key, value);
}

}  // namespace

Result<api::MapCount> update_targets(Registry& registry, LoadedMap& map,
                                     std::span<const api::Element> elements, uint64_t flags,
                                     std::span<const api::PortConfig> ports) {
    api::MapCount done;
    Result<void> written;
    while (done.count < elements.size() &&
           (written = update_one(registry, map, elements[done.count], flags, ports)))
        ++done.count;
    registry.sweep();  // programs that stood behind what was overwritten
    if (!written)
        return fail_in(fmt::format("element {} of {}{}", done.count + 1, elements.size(),
                                   done.count == 0 ? "" : " (those before it are written)"),
                       written.error());
    return done;
}

Result<api::MapCount> fill_targets(Registry& registry, LoadedMap& map, const api::MapFill& request,
                                   std::span<const api::PortConfig> ports) {
    const size_t key_bytes = map.spec.key_bytes, step = key_bytes + map.spec.value_bytes;
    const ByteSpan records(request.records);
    if (records.size() % step != 0)
        return fail(ErrorKind::kInvalid, fmt::format("{}: {} bytes of records are not a multiple "
                                                     "of {}",
                                                     map.label(), records.size(), step));
    std::vector<api::Element> elements;
    for (size_t at = 0; at < records.size(); at += step) {
        const ByteSpan key = records.subspan(at, key_bytes);
        const ByteSpan value = records.subspan(at + key_bytes, map.spec.value_bytes);
        elements.emplace_back(Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end()));
    }
    return update_targets(registry, map, elements, request.flags, ports);
}

}  // namespace weir::dataplane
