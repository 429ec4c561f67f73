#include "maps/persist.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/maps.h"
#include "maps/spec_check.h"
#include "vm/base/check.h"
#include "vm/program/definition.h"

namespace weir::maps {
namespace {

/// The directory is ours alone, so that no name in it changes under our hands.
Result<void> make_directory(const std::string& path) {
    const auto problem = [&](const std::string& what) {
        return fail(ErrorKind::kResource, path + ": " + what);
    };
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return problem(fmt::format("cannot be made: {}", std::strerror(errno)));
    struct stat info{};
    if (lstat(path.c_str(), &info) != 0) return problem(std::strerror(errno));
    if (!S_ISDIR(info.st_mode)) return problem("is no directory");
    if (info.st_uid != geteuid() || (info.st_mode & 0022) != 0) {
        return problem(
            fmt::format("belongs to user {} with mode {:04o}, expected user {} and "
                        "nobody else to write",
                        info.st_uid, info.st_mode & 07777, geteuid()));
    }
    return {};
}

/// What stands between a file and this map; empty: nothing.
std::string file_difference(const MapFileHeader& header, const vm::MapSpec& spec,
                            uint32_t cpu_slots) {
    std::string difference = vm::definition_difference(header.definition, spec);
    if (difference.empty() && vm::is_percpu(spec.type) && header.cpu_slots > cpu_slots)
        difference = fmt::format("cpu slots (workers.max) {} -> {}", header.cpu_slots, cpu_slots);
    return difference;
}

/// The file's memory, or nullptr where the map starts empty.
Result<std::unique_ptr<DeadMapMemory>> open_dead(const std::string& path, const vm::MapSpec& spec,
                                                 const PersistRequest& request, bool& keep_old) {
    if (request.starts_empty) return nullptr;
    Result<std::unique_ptr<DeadMapMemory>> dead = DeadMapMemory::open(path, request.name);
    if (!dead || *dead == nullptr) return dead;
    const std::string difference = file_difference((*dead)->header(), spec, request.cpu_slots);
    if (difference.empty()) return dead;
    keep_old = request.fresh_if_changed;
    if (keep_old) return nullptr;
    return fail(ErrorKind::kRejected,
                fmt::format("{}: holds a map of another definition ({}); remove it, or say "
                            "if_changed: fresh, to start with an empty map",
                            path, difference));
}

Result<Salvaged> salvage(DeadMapMemory& dead, const vm::MapSpec& spec, vm::Map& into) {
    const Result<std::unique_ptr<vm::Map>> left = create_map(spec, dead.header().cpu_slots, dead);
    if (!left) return std::unexpected(left.error());
    auto* const salvageable = dynamic_cast<Salvageable*>(left->get());
    WEIR_CHECK(salvageable != nullptr);  // vm::persist_refusal says which kinds are
    return salvageable->salvage(into);
}

}  // namespace

Result<PersistedMap> open_persisted(const vm::MapSpec& spec, const PersistRequest& request) {
    if (const std::string reason = vm::persist_refusal(spec); !reason.empty())
        return refuse(spec, "persist: " + reason);
    if (const Result<void> ok = make_directory(request.directory); !ok)
        return std::unexpected(ok.error());
    const std::string path = map_file_path(request.directory, request.name);
    PersistedMap opened;
    Result<std::unique_ptr<DeadMapMemory>> dead = open_dead(path, spec, request, opened.keep_old);
    if (!dead) return std::unexpected(dead.error());
    const Secrets secrets = *dead ? (*dead)->secrets() : draw_secrets();
    auto memory = MapFileMemory::create(path, spec, request.cpu_slots, secrets, request.policy);
    if (!memory) return std::unexpected(memory.error());
    opened.memory = std::move(*memory);
    Result<std::unique_ptr<vm::Map>> map = create_map(spec, request.cpu_slots, *opened.memory);
    if (!map) return std::unexpected(map.error());
    opened.map = std::move(*map);
    if (*dead == nullptr) return opened;
    const Result<Salvaged> salvaged = salvage(**dead, spec, *opened.map);
    if (!salvaged) return fail_in(path, salvaged.error());
    opened.salvaged = *salvaged;
    return opened;
}

}  // namespace weir::maps
