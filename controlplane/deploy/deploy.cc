// The order of the frames is what makes a deployment atomic: everything that can be refused comes
// before the first change to a map that carries traffic, and those changes are taken back if
// publishing fails.

#include "controlplane/deploy/deploy.h"

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/deploy/map_sync.h"
#include "vm/program/definition.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

class Deployment {
public:
    Deployment(api::Client& client, const Bundle& bundle, const Identities& running,
               const PolicyKeys& owned, const std::string& renew)
        : client_(client), bundle_(bundle), running_(running), owned_(owned), renew_(renew) {}

    Result<Deployed> run() {
        if (const Result<void> done = configure(); !done) return std::unexpected(done.error());
        if (const Result<void> done = find_running(); !done) return std::unexpected(done.error());
        if (const Result<void> done = place_maps(); !done) return std::unexpected(done.error());
        if (const Result<void> done = load_programs(); !done) return std::unexpected(done.error());
        Result<api::Published> published = fill_and_publish();
        if (!published) {
            take_back();
            return std::unexpected(published.error());
        }
        Deployed deployed{published->generation, published->swap_us, {}};
        for (const PlannedProgram& program : bundle_.programs)
            if (program.in_chain && !program.came_along())
                deployed.identities[program.name] = program.identity;
        return deployed;
    }

private:
    Result<void> configure() {
        const Result<api::Status> status = client_.status();
        if (!status) return std::unexpected(status.error());
        if (!status->configured) {
            const Result<api::Status> configured = client_.configure(bundle_.configure);
            if (!configured) return std::unexpected(configured.error());
            return {};
        }
        const std::string difference = configure_difference(status->configure, bundle_.configure);
        if (difference.empty()) return {};
        return fail(ErrorKind::kUnsupported,
                    difference +
                        "; ports, workers and memory of a running node change with a restart only");
    }

    Result<void> find_running() {
        Result<std::vector<api::MapInfo>> maps = client_.list_maps();
        if (!maps) return std::unexpected(maps.error());
        for (api::MapInfo& map : *maps) maps_[map.name] = std::move(map);
        const Result<std::vector<api::ProgramInfo>> programs = client_.list_programs();
        if (!programs) return std::unexpected(programs.error());
        for (const api::ProgramInfo& program : *programs) programs_[program.name] = program.handle;
        return {};
    }

    /// A program that is in service with this very code goes on, with what came along and whatever
    /// stands in its slots by now: the handle of its group's first.
    const api::Handle* kept(const PlannedProgram& program) const {
        const auto identity = running_.find(program.group);
        const auto handle = programs_.find(program.group);
        if (program.group == renew_ || identity == running_.end() || handle == programs_.end())
            return nullptr;
        return identity->second == program.identity ? &handle->second : nullptr;
    }

    Result<void> place_maps() {
        map_handles_.assign(bundle_.maps.size(), 0);
        is_new_.assign(bundle_.maps.size(), false);
        for (const PlannedProgram& program : bundle_.programs) {
            const bool goes_on = kept(program) != nullptr;
            if (!program.in_chain || (goes_on && program.came_along())) continue;
            for (const size_t index : program.maps)
                if (const Result<void> placed = place_map(index, goes_on); !placed) return placed;
        }
        return {};
    }

    /// And, of a map in map that starts afresh, the maps in its slots.
    Result<void> place_map(size_t index, bool program_goes_on) {
        if (map_handles_[index] != 0) return {};
        const PlannedMap& map = bundle_.maps[index];
        const Result<api::Handle> handle = find_or_create(index, program_goes_on);
        if (!handle) return std::unexpected(handle.error());
        map_handles_[index] = *handle;
        if (!is_new_[index] || !vm::is_map_in_map(map.spec.type)) return {};
        for (const PlannedSlot& slot : map.slots)
            if (const Result<void> placed = place_map(slot.target, program_goes_on); !placed)
                return placed;
        return {};
    }

    /// Global data and prog arrays start afresh with the program, other maps go along.
    Result<api::Handle> find_or_create(size_t index, bool program_goes_on) {
        const PlannedMap& map = bundle_.maps[index];
        const auto found = maps_.find(map.name);
        const bool starts_afresh =
            map.spec.is_global_data || map.spec.type == vm::MapType::ProgArray;
        if (found == maps_.end() || (starts_afresh && !program_goes_on)) {
            is_new_[index] = true;
            return client_.create_map({map.name, map.spec, map.persistence});
        }
        const std::string difference = difference_from(found->second, map);
        if (difference.empty()) return found->second.handle;
        return fail(
            ErrorKind::kRejected,
            fmt::format(
                "map {} has another definition than the one in service ({}); what runs stays",
                map.name, difference));
    }

    static std::string difference_from(const api::MapInfo& running, const PlannedMap& map) {
        const bool persists = map.persistence != api::Persistence::None;
        const std::string difference = vm::definition_difference(running.spec, map.spec);
        if (running.persists == persists) return difference;
        return fmt::format("{}{}persist {} -> {}, which takes a restart", difference,
                           difference.empty() ? "" : ", ", running.persists, persists);
    }

    /// Of maps that this deployment made, but for those whose file had contents. What programs may
    /// take out of a file does not come back with a replay.
    Result<void> fill_first(size_t index) {
        const PlannedMap& map = bundle_.maps[index];
        const api::Handle handle = map_handles_[index];
        if (map.first.empty() || !is_new_[index]) return {};
        const Result<std::vector<api::MapInfo>> maps = client_.list_maps();
        if (!maps) return std::unexpected(maps.error());
        for (const api::MapInfo& info : *maps)
            if (info.handle == handle && info.restored_count != 0) return {};
        const bool is_policy = map.persistence == api::Persistence::None;
        return update_in_batches(client_, handle, map.first, is_policy);
    }

    Result<void> load_programs() {
        program_handles_.assign(bundle_.programs.size(), 0);
        for (size_t i = 0; i < bundle_.programs.size(); ++i) {
            const PlannedProgram& program = bundle_.programs[i];
            if (!program.in_chain) continue;
            if (const api::Handle* handle = kept(program)) {
                if (!program.came_along()) program_handles_[i] = *handle;
                continue;
            }
            const Result<api::Handle> handle = load_program(program);
            if (!handle) return std::unexpected(handle.error());
            program_handles_[i] = *handle;
        }
        return {};
    }

    Result<api::Handle> load_program(const PlannedProgram& program) {
        api::ProgramLoad load{program.name,   program.spec,        {},
                              program.object, program.object_hash, program.skip_on_fault};
        for (const size_t index : program.maps) load.maps.push_back(map_handles_[index]);
        vm::Rejection rejection;
        const Result<api::ProgramLoaded> loaded = client_.load_program(load, &rejection);
        if (loaded) return loaded->handle;
        return fail(loaded.error().kind,
                    fmt::format("program {}: {}", program.name, loaded.error().message));
    }

    /// Also a map that no set fills any more.
    Result<void> fill_map(const PlannedMap& map, api::Handle handle) {
        static const std::vector<Bytes> kNone;
        const auto owned = owned_.find(map.name);
        if (handle == 0 || (!map.is_policy && owned == owned_.end())) return {};
        undos_.emplace_back();
        return sync_map(client_, handle, map.contents,
                        owned == owned_.end() ? kNone : owned->second, map.spec.entries_max,
                        undos_.back());
    }

    /// Of maps that start afresh: nothing runs over them yet.
    Result<void> fill_slots() {
        for (size_t i = 0; i < bundle_.maps.size(); ++i) {
            if (!is_new_[i]) continue;
            const PlannedMap& map = bundle_.maps[i];
            const auto& targets =
                vm::is_map_in_map(map.spec.type) ? map_handles_ : program_handles_;
            for (const PlannedSlot& slot : map.slots)
                if (const auto bound =
                        client_.bind(map_handles_[i], slot.key, targets[slot.target]);
                    !bound)
                    return bound;
        }
        return {};
    }

    Result<void> fill(size_t index) {
        if (const Result<void> first = fill_first(index); !first) return first;
        return fill_map(bundle_.maps[index], map_handles_[index]);
    }

    Result<api::Published> fill_and_publish() {
        if (const Result<void> filled = fill_slots(); !filled)
            return std::unexpected(filled.error());
        for (size_t i = 0; i < bundle_.maps.size(); ++i)
            if (const Result<void> done = fill(i); !done)
                return fail_in("map " + bundle_.maps[i].name, done.error());
        api::Publish publish;
        publish.config_hash = bundle_.hash;
        publish.routes = bundle_.routes;
        publish.neighbours = bundle_.neighbours;
        for (const PlannedChain& chain : bundle_.chains) {
            api::Chain frame{chain.port, chain.egress, {}};
            for (const size_t index : chain.programs)
                frame.programs.push_back(program_handles_[index]);
            publish.chains.push_back(std::move(frame));
        }
        return client_.publish(publish);
    }

    /// Best effort: if this fails too, the connection is gone, and with it the deployment.
    void take_back() {
        for (auto undo = undos_.rbegin(); undo != undos_.rend(); ++undo)
            (void)undo_sync(client_, *undo);
    }

    api::Client& client_;
    const Bundle& bundle_;
    const Identities& running_;
    const PolicyKeys& owned_;
    const std::string& renew_;
    std::map<std::string, api::MapInfo> maps_;
    std::map<std::string, api::Handle> programs_;
    std::vector<api::Handle> map_handles_, program_handles_;
    std::vector<bool> is_new_;  ///< maps made by this deployment
    std::vector<MapUndo> undos_;
};

}  // namespace

Result<Deployed> deploy(api::Client& client, const Bundle& bundle, const Identities& running,
                        const PolicyKeys& owned, const std::string& renew) {
    return Deployment(client, bundle, running, owned, renew).run();
}

}  // namespace weir::controlplane
