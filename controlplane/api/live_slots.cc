// Programs and maps by name into slots of the running node.

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include "controlplane/api/live_node.h"
#include "controlplane/config/parse.h"
#include "vm/program/map.h"
#include "vm/program/redirect_kinds.h"

namespace weir::controlplane {

namespace api = dataplane::api;

namespace {

Result<api::Handle> program_handle(api::Client& client, const std::string& name) {
    const Result<std::vector<api::ProgramInfo>> programs = client.list_programs();
    if (!programs) return std::unexpected(programs.error());
    std::vector<std::string> names;
    for (const api::ProgramInfo& program : *programs) {
        if (program.name == name) return program.handle;
        names.push_back(program.name);
    }
    const std::string near = did_you_mean(name, names);
    return fail(ErrorKind::kNotFound,
                fmt::format("program '{}' does not run{}", name,
                            near.empty() ? "" : ", did you mean '" + near + "'?"));
}

Result<uint32_t> target_number(api::Client& client, const api::MapInfo& map,
                               const std::string& text) {
    uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (!text.empty() && parsed.ec == std::errc() && parsed.ptr == end) return number;
    if (map.spec.type == vm::MapType::Cpumap)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: '{}', expected the length of a queue, or LENGTH:PROGRAM",
                                map.name, text));
    const Result<api::Status> status = client.status();
    if (!status) return std::unexpected(status.error());
    std::string names;
    for (const api::PortConfig& port : status->configure.ports) {
        if (port.name == text) return port.ifindex;
        names += (names.empty() ? "" : ", ") + port.name;
    }
    return fail(ErrorKind::kNotFound,
                fmt::format("map {}: no port is called '{}', there are {}", map.name, text, names));
}

/// NUMBER, PORT, NUMBER:PROGRAM or PORT:PROGRAM -> an entry's value.
Result<Bytes> target_value(api::Client& client, const api::MapInfo& map,
                           const std::string& target) {
    const size_t colon = target.find(':');
    const Result<uint32_t> number = target_number(client, map, target.substr(0, colon));
    if (!number) return std::unexpected(number.error());
    Bytes value(map.spec.value_bytes);
    std::memcpy(value.data(), &*number, std::min(value.size(), sizeof *number));
    if (colon == std::string::npos) return value;
    if (value.size() != 2 * sizeof(api::Handle))
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: its entries have no room for a program", map.name));
    const Result<api::Handle> program = program_handle(client, target.substr(colon + 1));
    if (!program) return std::unexpected(program.error());
    std::memcpy(value.data() + sizeof *number, &*program, sizeof *program);
    return value;
}

}  // namespace

Result<Json> LiveNode::bind(const std::string& name, const Bytes& key, const std::string& target) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
        if (vm::has_targets(map->spec.type)) {
            Result<Bytes> value = target_value(client, *map, target);
            if (!value) return std::unexpected(value.error());
            const api::Element element{key, std::move(*value)};
            const Result<uint32_t> updated =
                client.update(map->handle, std::span(&element, 1), vm::kUpdateAny, false);
            if (!updated) return std::unexpected(updated.error());
            return Json{{"updated", 1}};
        }
        Result<api::Handle> handle = 0;
        if (vm::is_map_in_map(map->spec.type)) {
            const Result<api::MapInfo> inner = find_map(client, target);
            if (!inner) return std::unexpected(inner.error());
            handle = inner->handle;
        } else {
            handle = program_handle(client, target);
            if (!handle) return std::unexpected(handle.error());
        }
        const Result<void> bound = client.bind(map->handle, key, *handle);
        if (!bound) return std::unexpected(bound.error());
        return Json{{"updated", 1}};
    });
}

}  // namespace weir::controlplane
