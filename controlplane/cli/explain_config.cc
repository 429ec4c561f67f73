// A world from a configuration: everything that a deployment would make, in this process.

#include <fmt/core.h>

#include <cstring>

#include "controlplane/cli/explain_world.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/cli/offline_routes.h"
#include "controlplane/config/parse.h"
#include "controlplane/deploy/bundle.h"
#include "dataplane/api/fib_spec.h"
#include "dataplane/api/frame_bytes.h"
#include "maps/maps.h"

namespace weir::controlplane::cli {
namespace {

namespace api = dataplane::api;

class ConfigWorld final : public ExplainWorld {
public:
    Result<void> build(const std::string& path) {
        Result<Config> config = load_config(path);
        if (!config) return std::unexpected(config.error());
        vm::VerdictCache verdicts;
        Result<Bundle> bundle = build_bundle(*config, verdicts);
        if (!bundle) return std::unexpected(bundle.error());
        bundle_ = std::move(*bundle);
        for (const std::string& notice : bundle_.notices) fmt::print(stderr, "weir: {}\n", notice);
        for (const auto step : {&ConfigWorld::make_maps, &ConfigWorld::make_programs,
                                &ConfigWorld::bind_slots, &ConfigWorld::make_fib})
            if (const Result<void> done = (this->*step)(); !done) return done;
        make_ports();
        return {};
    }

    ~ConfigWorld() override { let_go(); }

private:
    static Result<void> fill(vm::Map& map, const std::vector<api::Element>& elements) {
        for (const auto& [key, value] : elements) {
            const int status = map.control_update(key.data(), value, vm::kUpdateAny);
            if (status != 0)
                return fail(ErrorKind::kResource,
                            fmt::format("map {}: {}", map.spec().name, std::strerror(-status)));
        }
        return {};
    }

    Result<void> make_maps() {
        const auto workers = static_cast<uint32_t>(bundle_.configure.lcores.size());
        for (const PlannedMap& planned : bundle_.maps) {
            Result<std::unique_ptr<vm::Map>> made = maps::create_map(planned.spec, workers);
            if (!made) return fail_in("map " + planned.name, made.error());
            for (const auto* elements : {&planned.first, &planned.contents})
                if (const Result<void> filled = fill(**made, *elements); !filled) return filled;
            maps_.push_back(std::move(*made));
        }
        return {};
    }

    Result<void> make_programs() {
        for (const PlannedProgram& planned : bundle_.programs) {
            const Result<std::shared_ptr<const vm::VerifiedProgram>> proven = prove(planned.spec);
            if (!proven) return fail_in("program " + planned.name, proven.error());
            std::vector<vm::Map*> maps;
            for (const size_t index : planned.maps) maps.push_back(maps_[index].get());
            add_program(planned.name, planned.object, *proven, maps);
        }
        return {};
    }

    Result<void> bind_slots() {
        for (size_t i = 0; i < maps_.size(); ++i) {
            const bool holds_maps = vm::is_map_in_map(bundle_.maps[i].spec.type);
            for (const PlannedSlot& slot : bundle_.maps[i].slots) {
                const auto id = static_cast<uint32_t>(slot.target + 1);
                const int status =
                    holds_maps ? maps_[i]->bind_map(slot.key.data(), maps_[slot.target].get(), id)
                               : maps_[i]->bind_program(slot.key.data(),
                                                        programs_[slot.target]->runnable.get(), id);
                if (status != 0)
                    return fail(ErrorKind::kInvalid, fmt::format("map {}: {}", bundle_.maps[i].name,
                                                                 std::strerror(-status)));
            }
        }
        return {};
    }

    Result<void> make_fib() {
        Result<vm::FibSpec> spec = api::fib_spec(bundle_.routes, bundle_.neighbours,
                                                 offline_interfaces(bundle_.configure.ports));
        if (!spec) return std::unexpected(spec.error());
        Result<std::unique_ptr<const vm::Fib>> fib = vm::Fib::build(std::move(*spec));
        if (!fib) return std::unexpected(fib.error());
        fib_ = std::move(*fib);
        return {};
    }

    void make_ports() {
        for (const api::PortConfig& port : bundle_.configure.ports)
            ports_.push_back(
                {.name = port.name,
                 .ifindex = port.ifindex,
                 .pass = port.pass,
                 .pass_port = port.pass_port,
                 .frame_bytes_max = port.mtu == 0 ? 0 : port.mtu + api::kFrameExtraBytes,
                 .ingress = {},
                 .egress = {}});
        for (const PlannedChain& chain : bundle_.chains) {
            for (ExplainPort& port : ports_) {
                if (port.name != chain.port) continue;
                for (const size_t program : chain.programs)
                    (chain.egress ? port.egress : port.ingress).push_back(programs_[program].get());
            }
        }
    }

    TraceNames::Map name_of(const vm::Map& map) const override {
        for (size_t i = 0; i < maps_.size(); ++i)
            if (maps_[i].get() == &map)
                return {bundle_.maps[i].name,
                        std::make_shared<const vm::MapSpec>(bundle_.maps[i].spec)};
        return {"a map", nullptr};
    }

    Bundle bundle_;
    std::vector<std::unique_ptr<vm::Map>> maps_;  ///< by Bundle::maps
};

}  // namespace

Result<std::unique_ptr<ExplainWorld>> world_of_config(const std::string& path) {
    auto world = std::make_unique<ConfigWorld>();
    if (const Result<void> built = world->build(path); !built)
        return std::unexpected(built.error());
    return world;
}

}  // namespace weir::controlplane::cli
