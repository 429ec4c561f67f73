// A world from a running node, over the dataplane's command socket. Its maps are here as maps of
// the same kinds that start empty; before a program touches an element, that one is fetched. So a
// program finds here what it would find there, and a map of a million elements costs one question.

#include <fmt/core.h>

#include <cstring>
#include <map>
#include <set>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/explain_world.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/deploy/map_sync.h"
#include "controlplane/telemetry/network_text.h"
#include "dataplane/api/client.h"
#include "dataplane/api/fib_spec.h"
#include "dataplane/api/frame_bytes.h"
#include "maps/maps.h"
#include "maps/target_map.h"
#include "vm/program/redirect_kinds.h"

namespace weir::controlplane::cli {
namespace {

namespace api = dataplane::api;

/// Of kinds with keys that are looked for: room for what one run touches.
constexpr uint32_t kLocalEntriesMax = 4096;
constexpr uint32_t kWholeMapMax = 65'536;  ///< elements of a map that is read as a whole

bool has_indices(vm::MapType type) {
    return type == vm::MapType::Array || type == vm::MapType::PercpuArray ||
           type == vm::MapType::ArrayOfMaps || type == vm::MapType::ProgArray ||
           maps::is_redirect_kind(type);
}

bool holds_events(vm::MapType type) {
    return type == vm::MapType::Ringbuf || type == vm::MapType::PerfEventArray ||
           type == vm::MapType::UserRingbuf;
}

bool is_queue(vm::MapType type) {
    return type == vm::MapType::Queue || type == vm::MapType::Stack;
}

class NodeWorld final : public ExplainWorld, public vm::BeforeAccess {
public:
    explicit NodeWorld(api::Client client) : client_(std::move(client)) {}
    ~NodeWorld() override { let_go(); }

    Result<void> build() {
        const Result<api::Status> status = client_.status();
        if (!status) return std::unexpected(status.error());
        if (!status->configured || status->generation == 0)
            return fail(ErrorKind::kNotFound, "the node runs no generation yet");
        Result<std::vector<api::MapInfo>> maps = client_.list_maps();
        if (!maps) return std::unexpected(maps.error());
        for (api::MapInfo& map : *maps) infos_[map.handle] = std::move(map);
        note_state(*status);
        make_ports(*status);
        for (const api::Chain& chain : status->chains)
            if (const Result<void> added = add_chain(chain); !added) return added;
        return make_fib(*status);
    }

    // -- vm::BeforeAccess
    void access(vm::Map& map, const vm::HelperInfo& helper, const uint8_t* key) override {
        if (trouble_) return;
        Local* const local = local_of(map);
        if (local == nullptr || holds_events(map.spec().type)) return;
        const bool by_key = key != nullptr;
        if (by_key)
            keep(fetch(*local, Bytes(key, key + map.spec().key_bytes)));
        else if (is_queue(map.spec().type))
            keep(fetch_top(*local, helper));
        else if (map.spec().type == vm::MapType::BloomFilter)
            note(local->info.name +
                 " is a bloom filter, which cannot be read from outside: here "
                 "it holds nothing");
        else
            keep(fetch_all(*local));
    }
    void tail_call(vm::Map& map, uint32_t index) override {
        if (trouble_ || index >= map.spec().entries_max) return;
        Bytes key(sizeof index);
        std::memcpy(key.data(), &index, sizeof index);
        if (Local* const local = local_of(map)) keep(fetch(*local, key));
    }

private:
    /// Chains are explained as they were published; the node may not be running them.
    void note_state(const api::Status& status) {
        if (status.bypass_left_ms != 0)
            standing_notes_.push_back(fmt::format(
                "bypass is on: for another {} s the node forwards everything unfiltered",
                (status.bypass_left_ms + 999) / 1000));
        for (const api::PortInfo& port : status.ports)
            if (!port.out_of_service.empty())
                standing_notes_.push_back(
                    fmt::format("port {} is out of service: {}", port.name, port.out_of_service));
    }

    struct Local {
        api::MapInfo info;
        std::unique_ptr<vm::Map> map;
        std::set<Bytes, KeyLess> asked;
        bool is_whole = false;
    };

    vm::BeforeAccess* before() override { return this; }
    Result<void> trouble() override {
        if (trouble_) return std::unexpected(*trouble_);
        return {};
    }
    TraceNames::Map name_of(const vm::Map& map) const override {
        for (const auto& [handle, local] : locals_)
            if (local.map.get() == &map)
                return {local.info.name, std::make_shared<const vm::MapSpec>(local.info.spec)};
        return {"a map", nullptr};
    }

    void note(std::string text) {
        for (const std::string& known : notes_)
            if (known == text) return;
        notes_.push_back(std::move(text));
    }
    void keep(const Result<void>& outcome) {
        if (!outcome) trouble_ = outcome.error();
    }
    Local* local_of(const vm::Map& map) {
        for (auto& [handle, local] : locals_)
            if (local.map.get() == &map) return &local;
        return nullptr;
    }

    // -- maps
    Result<vm::Map*> map_at(api::Handle handle) {
        if (const auto known = locals_.find(handle); known != locals_.end())
            return known->second.map.get();
        const auto info = infos_.find(handle);
        if (info == infos_.end())
            return fail(ErrorKind::kNotFound,
                        fmt::format("map {} went away meanwhile; try again", handle));
        vm::MapSpec spec = info->second.spec;
        if (!has_indices(spec.type) && !holds_events(spec.type) && !is_queue(spec.type))
            spec.entries_max = std::min(spec.entries_max, kLocalEntriesMax);
        if (spec.is_global_data) {
            Result<std::optional<Bytes>> value = client_.lookup(handle, Bytes(spec.key_bytes));
            if (!value) return fail_in("map " + info->second.name, value.error());
            if (*value) spec.contents = std::move(**value);
        }
        Result<std::unique_ptr<vm::Map>> made = maps::create_map(spec, info->second.cpu_slots);
        if (!made) return fail_in("map " + info->second.name, made.error());
        Local& local = locals_[handle];
        local.info = info->second;
        local.map = std::move(*made);
        local.is_whole = spec.is_global_data;
        return local.map.get();
    }

    /// What the node holds for this key goes into the map here.
    Result<void> fetch(Local& local, const Bytes& key) {
        if (local.is_whole || !local.asked.insert(key).second) return {};
        const Result<std::optional<Bytes>> value = client_.lookup(local.info.handle, key);
        if (!value) {
            // An index beyond the end is for the program to stumble over.
            if (value.error().kind == ErrorKind::kResource ||
                value.error().kind == ErrorKind::kInvalid)
                return {};
            return fail_in("map " + local.info.name, value.error());
        }
        return *value ? put(local, key, **value) : Result<void>{};
    }

    Result<void> put(Local& local, const Bytes& key, const Bytes& value) {
        vm::Map& map = *local.map;
        const vm::MapType type = map.spec().type;
        int status = 0;
        if (type == vm::MapType::ProgArray || vm::is_map_in_map(type)) {
            uint32_t handle = 0;
            std::memcpy(&handle, value.data(), std::min(value.size(), sizeof handle));
            if (type == vm::MapType::ProgArray) {
                const Result<const ExplainProgram*> program = program_at(handle);
                if (!program) return std::unexpected(program.error());
                status = map.bind_program(key.data(), (*program)->runnable.get(), handle);
            } else {
                const Result<vm::Map*> inner = map_at(handle);
                if (!inner) return std::unexpected(inner.error());
                status = map.bind_map(key.data(), *inner, handle);
            }
        } else if (vm::has_targets(type)) {
            return put_target(local, key, value);
        } else {
            status = map.control_update(key.data(), value, vm::kUpdateAny);
        }
        if (status == 0) return {};
        return fail(ErrorKind::kResource,
                    fmt::format("map {}: {}", local.info.name, std::strerror(-status)));
    }

    /// A number, and behind it the handle of a program that runs on what goes there.
    Result<void> put_target(Local& local, const Bytes& key, const Bytes& value) {
        const auto target = maps::Target::from(value.data(), value.size());
        const vm::Runnable* runnable = nullptr;
        if (target.program_id != 0) {
            const Result<const ExplainProgram*> program = program_at(target.program_id);
            if (!program) return std::unexpected(program.error());
            runnable = (*program)->runnable.get();
        }
        const int status =
            static_cast<maps::TargetMap&>(*local.map).set_target(key.data(), target, runnable);
        if (status == 0) return {};
        return fail(ErrorKind::kResource,
                    fmt::format("map {}: {}", local.info.name, std::strerror(-status)));
    }

    Result<void> fetch_all(Local& local) {
        if (local.is_whole) return {};
        local.is_whole = true;
        std::optional<Bytes> after;
        uint32_t elements = 0;
        do {
            const Result<api::MapElements> page =
                client_.dump(local.info.handle, after, api::kBatchElementsMax);
            if (!page) return fail_in("map " + local.info.name, page.error());
            for (const auto& [key, value] : page->elements)
                if (const Result<void> held = put(local, key, value); !held) return held;
            elements += static_cast<uint32_t>(page->elements.size());
            after = page->after;
        } while (after && elements < kWholeMapMax);
        if (after) note(fmt::format("only {} elements of {} were read", elements, local.info.name));
        return {};
    }

    /// Of a queue only its next element can be seen.
    Result<void> fetch_top(Local& local, const vm::HelperInfo& helper) {
        if (local.is_whole || helper.id == number_of(vm::HelperId::map_push_elem)) return {};
        local.is_whole = true;
        const Result<std::optional<Bytes>> top = client_.lookup(local.info.handle, {});
        if (!top) return fail_in("map " + local.info.name, top.error());
        if (*top) local.map->push((*top)->data(), vm::kUpdateAny);
        note(fmt::format("of {} only the next element can be read", local.info.name));
        return {};
    }

    // -- programs
    Result<const ExplainProgram*> program_at(api::Handle handle) {
        if (const auto known = by_handle_.find(handle); known != by_handle_.end())
            return known->second;
        Result<api::ProgramText> text = client_.read_program(handle);
        if (!text) return std::unexpected(text.error());
        const Result<std::shared_ptr<const vm::VerifiedProgram>> proven = prove(text->spec);
        if (!proven) return fail_in("program " + text->name, proven.error());
        std::vector<vm::Map*> maps;
        for (const api::Handle map : text->maps) {
            const Result<vm::Map*> made = map_at(map);
            if (!made) return std::unexpected(made.error());
            maps.push_back(*made);
        }
        const ExplainProgram* const made = &add_program(text->name, text->object, *proven, maps);
        by_handle_[handle] = made;
        return made;
    }

    // -- ports
    void make_ports(const api::Status& status) {
        for (const api::PortConfig& port : status.configure.ports) {
            ExplainPort& made = ports_.emplace_back();
            made.name = port.name;
            made.ifindex = port.ifindex;
            made.pass = port.pass;
            made.pass_port = port.pass_port;
            for (const api::PortInfo& info : status.ports)
                if (info.name == port.name && info.mtu != 0)
                    made.frame_bytes_max = info.mtu + api::kFrameExtraBytes;
        }
    }

    Result<void> add_chain(const api::Chain& chain) {
        for (ExplainPort& port : ports_) {
            if (port.name != chain.port) continue;
            for (const api::Handle handle : chain.programs) {
                const Result<const ExplainProgram*> program = program_at(handle);
                if (!program) return std::unexpected(program.error());
                (chain.egress ? port.egress : port.ingress).push_back(*program);
            }
        }
        return {};
    }

    Result<void> make_fib(const api::Status& status) {
        const Result<api::RoutesRead> routes = client_.read_routes();
        if (!routes) return std::unexpected(routes.error());
        std::vector<vm::Interface> interfaces;
        for (const api::PortInfo& port : status.ports) {
            vm::Interface& made = interfaces.emplace_back();
            made.ifindex = port.ifindex;
            made.mtu = std::max<uint32_t>(port.mtu, vm::kInterfaceMtuMin);
            parse_address(port.mac, made.mac);
        }
        Result<vm::FibSpec> spec =
            api::fib_spec(routes->routes, routes->neighbours, std::move(interfaces));
        if (!spec) return std::unexpected(spec.error());
        Result<std::unique_ptr<const vm::Fib>> fib = vm::Fib::build(std::move(*spec));
        if (!fib) return std::unexpected(fib.error());
        fib_ = std::move(*fib);
        return {};
    }

    api::Client client_;
    std::map<api::Handle, api::MapInfo> infos_;
    std::map<api::Handle, Local> locals_;
    std::map<api::Handle, const ExplainProgram*> by_handle_;
    std::optional<Error> trouble_;
};

}  // namespace

Result<std::unique_ptr<ExplainWorld>> world_of_node(const std::string& run_dir) {
    Result<api::Client> client = api::Client::connect(run_dir + "/" + api::kSocketName);
    if (!client) return std::unexpected(client.error());
    auto world = std::make_unique<NodeWorld>(std::move(*client));
    if (const Result<void> built = world->build(); !built) return std::unexpected(built.error());
    return world;
}

}  // namespace weir::controlplane::cli
