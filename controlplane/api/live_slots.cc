// Programs and maps by name into slots of the running node.

#include <fmt/core.h>

#include "controlplane/api/live_node.h"
#include "controlplane/config/parse.h"

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

}  // namespace

Result<Json> LiveNode::bind(const std::string& name, const Bytes& key, const std::string& target) {
    return questions_.call([&](api::Client& client) -> Result<Json> {
        const Result<api::MapInfo> map = find_map(client, name);
        if (!map) return std::unexpected(map.error());
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
