#include "dataplane/commands.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "dataplane/api/fib_spec.h"
#include "dataplane/api/fields.h"
#include "dataplane/load.h"
#include "dataplane/out_of_service.h"
#include "dataplane/packet_writes.h"
#include "dataplane/privileges.h"
#include "dataplane/replacement.h"
#include "dataplane/target_commands.h"
#include "maps/numa.h"

namespace weir::dataplane {
namespace {

using api::FrameType;

/// Policy that changes without a publish reaches the replay file after this long.
constexpr auto kReplayDelay = std::chrono::seconds(1);

template <typename Reply>
Result<Bytes> to_bytes(const Result<Reply>& reply) {
    if (!reply) return std::unexpected(reply.error());
    return api::encode(*reply);
}

/// What the file holds is to blame, not the machine: room or memory that is short today may be
/// there tomorrow, and the file is as good as it was.
bool is_unfit(const Error& error) {
    return error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kRejected;
}

std::set<Handle> programs_of(const api::Publish& request) {
    std::set<Handle> programs;
    for (const api::Chain& chain : request.chains)
        programs.insert(chain.programs.begin(), chain.programs.end());
    return programs;
}

jit::CompileOptions compile_options(const api::Configure& configure) {
    using api::SymbolMode;
    const SymbolMode symbols = configure.jit_symbols;
    jit::CompileOptions options;
    options.blind_constants = configure.jit_harden;
    options.perf_symbols = symbols == SymbolMode::Perf || symbols == SymbolMode::All;
    options.gdb_symbols = symbols == SymbolMode::Gdb || symbols == SymbolMode::All;
    return options;
}

}  // namespace

Commands::Commands(std::unique_ptr<Prover> prover, std::string run_dir, std::string version)
    : prover_(std::move(prover)), run_dir_(std::move(run_dir)), version_(std::move(version)) {}

Commands::~Commands() {
    if (has_given_up_) raise_privileges();  // ports are closed now
}

Bytes Commands::answer(Owner owner, const Frame& frame, bool& malformed) {
    rejection_.reset();
    const Result<Bytes> body = dispatch(owner, frame, malformed);
    const std::string name = api::frame_type_name(frame.type);
    if (!body) {
        spdlog::warn("peer {}: {}: {}", owner, name, body.error().message);
        return error_frame(body.error(), std::move(rejection_));
    }
    if (body->size() > api::kFrameBytesMax) {
        return error_frame(
            {ErrorKind::kResource, fmt::format("{}: the reply has {} bytes, a frame holds {}", name,
                                               body->size(), api::kFrameBytesMax)});
    }
    return api::make_frame(api::reply_type(static_cast<FrameType>(frame.type)), *body);
}

template <typename Request>
Result<Bytes> Commands::decode_and_run(Owner owner, const Frame& frame, bool& malformed) {
    const Result<Request> request = api::decode<Request>(frame.body);
    if (!request) {
        malformed = true;
        return fail_in(api::frame_type_name(frame.type), request.error());
    }
    return to_bytes(run(owner, *request));
}

api::Empty Commands::stop(Owner owner) {
    spdlog::info("peer {} asks for shutdown", owner);
    shutdown_ = true;
    return {};
}

Result<Bytes> Commands::dispatch(Owner owner, const Frame& frame, bool& malformed) {
    const auto bare = [&](auto reply) -> Result<Bytes> {
        if (const auto empty = api::decode<api::Empty>(frame.body); !empty) {
            malformed = true;
            return fail_in(api::frame_type_name(frame.type), empty.error());
        }
        return api::encode(reply());
    };
    switch (static_cast<FrameType>(frame.type)) {
        case FrameType::Status: return bare([&] { return status(); });
        case FrameType::ListMaps: return bare([&] { return list_maps(owner); });
        case FrameType::ListPrograms: return bare([&] { return list_programs(); });
        case FrameType::Stats: return bare([&] { return stats(); });
        case FrameType::Shutdown: return bare([&] { return stop(owner); });
        case FrameType::Configure: return decode_and_run<api::Configure>(owner, frame, malformed);
        case FrameType::CreateMap: return decode_and_run<api::MapCreate>(owner, frame, malformed);
        case FrameType::Lookup: return decode_and_run<api::MapLookup>(owner, frame, malformed);
        case FrameType::Update: return decode_and_run<api::MapUpdate>(owner, frame, malformed);
        case FrameType::Erase: return decode_and_run<api::MapErase>(owner, frame, malformed);
        case FrameType::Bind: return decode_and_run<api::SlotBind>(owner, frame, malformed);
        case FrameType::Dump: return decode_and_run<api::MapDump>(owner, frame, malformed);
        case FrameType::LoadProgram:
            return decode_and_run<api::ProgramLoad>(owner, frame, malformed);
        case FrameType::ReadCode: return decode_and_run<api::ReadCode>(owner, frame, malformed);
        case FrameType::Publish: return decode_and_run<api::Publish>(owner, frame, malformed);
        case FrameType::Bypass: return decode_and_run<api::BypassRequest>(owner, frame, malformed);
        case FrameType::SwapTimes:
            return bare([&] { return forwarding_ ? forwarding_->swap_times() : api::SwapTimes{}; });
        case FrameType::Fill: return decode_and_run<api::MapFill>(owner, frame, malformed);
        case FrameType::ReplaceMaps:
            return decode_and_run<api::ReplaceMaps>(owner, frame, malformed);
        case FrameType::TraceStart: return decode_and_run<api::TraceStart>(owner, frame, malformed);
        case FrameType::TracePoll: return decode_and_run<api::TracePoll>(owner, frame, malformed);
        case FrameType::ReadProgram:
            return decode_and_run<api::ReadProgram>(owner, frame, malformed);
        case FrameType::ReadRoutes:
            return bare([&] { return api::RoutesRead{published_.routes, published_.neighbours}; });
        case FrameType::OpenCapture:
        case FrameType::ReadCapture:
        case FrameType::CloseCapture:
        case FrameType::ListCaptures: return dispatch_capture(owner, frame, malformed);
        case FrameType::Error: break;
    }
    malformed = true;
    return fail(ErrorKind::kInvalid,
                fmt::format("frame: type at offset 6 is {}, requests are 1 to {}", frame.type,
                            api::kRequestTypeMax));
}

Result<void> Commands::need_configured() const {
    if (forwarding_) return {};
    return fail(ErrorKind::kInvalid, "this dataplane is not configured yet: CONFIGURE comes first");
}

MapHome Commands::map_home(const api::Configure& configure) const {
    const auto pages = [&] {
        switch (configure.hugepages) {
            case api::HugepageMode::Auto: return maps::HugePages::Auto;
            case api::HugepageMode::Required: return maps::HugePages::Required;
            case api::HugepageMode::Off: break;
        }
        return maps::HugePages::Off;
    };
    return {.directory = run_dir_ + "/maps",
            .policy = {.huge_pages = pages(), .nodes = maps::nodes_of(configure.lcores)}};
}

Result<api::Status> Commands::run(Owner, const api::Configure& request) {
    if (forwarding_) {
        const bool same = api::encode(request) == api::encode(configure_);
        return fail(
            ErrorKind::kInvalid,
            fmt::format(
                "this dataplane is configured already, {}; ports and lcores change with a restart",
                same ? "with exactly this" : "with something else (STATUS says with what)"));
    }
    Result<std::unique_ptr<Forwarding>> started = Forwarding::start(request, run_dir_);
    if (!started) return std::unexpected(started.error());
    forwarding_ = std::move(*started);
    configure_ = request;
    registry_ = std::make_unique<Registry>(forwarding_->cpu_slots(), &forwarding_->timers(),
                                           map_home(request));
    spdlog::info("configured: {} ports, {} workers", request.ports.size(), request.lcores.size());
    return status();
}

Result<api::MapCreated> Commands::run(Owner owner, const api::MapCreate& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    if (request.spec.type == vm::MapType::Cpumap) forwarding_->connect_workers();
    const Result<Handle> handle = registry_->create_map(owner, request);
    if (!handle) return std::unexpected(handle.error());
    spdlog::debug("map {} is handle {}: {}, {} entries", request.name, *handle,
                  vm::map_type_name(request.spec.type), request.spec.entries_max);
    return api::MapCreated{*handle};
}

Result<std::shared_ptr<LoadedMap>> Commands::find_map(Handle handle) const {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    return registry_->map(handle);
}

Result<api::MapLookupReply> Commands::run(Owner, const api::MapLookup& request) {
    const auto map = find_map(request.map);
    if (!map) return std::unexpected(map.error());
    return lookup_element(**map, request.key);
}

Result<api::MapCount> Commands::run(Owner, const api::MapUpdate& request) {
    const auto map = find_map(request.map);
    if (!map) return std::unexpected(map.error());
    if ((request.policy || (*map)->has_targets()) && (*map)->published) replay_is_stale_ = true;
    if ((*map)->has_targets())
        return update_targets(*registry_, **map, request.elements, request.flags, configure_.ports);
    return update_elements(**map, request, on_worker());
}

Result<api::MapCount> Commands::run(Owner, const api::MapFill& request) {
    const auto map = find_map(request.map);
    if (!map) return std::unexpected(map.error());
    if ((*map)->has_targets()) {
        if ((*map)->published) replay_is_stale_ = true;
        return fill_targets(*registry_, **map, request, configure_.ports);
    }
    return fill_elements(**map, request, on_worker());
}

Result<api::MapCount> Commands::run(Owner, const api::MapErase& request) {
    const auto map = find_map(request.map);
    if (!map) return std::unexpected(map.error());
    if ((*map)->published) replay_is_stale_ = true;
    const Result<api::MapCount> erased = erase_elements(**map, request.keys);
    if ((*map)->has_slots() || (*map)->has_targets()) registry_->sweep();
    return erased;
}

Result<api::MapCount> Commands::run(Owner, const api::SlotBind& request) {
    const auto map = find_map(request.map);
    if (!map) return std::unexpected(map.error());
    if ((*map)->published) replay_is_stale_ = true;
    const Result<void> bound = registry_->bind(**map, request.key, request.target);
    if (!bound) return std::unexpected(bound.error());
    return api::MapCount{1};
}

Result<api::MapElements> Commands::run(Owner, const api::MapDump& request) {
    const auto map = find_map(request.map);
    if (!map) return std::unexpected(map.error());
    return dump_elements(**map, request);
}

Result<api::ProgramLoaded> Commands::run(Owner owner, const api::ProgramLoad& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    Result<std::shared_ptr<LoadedProgram>> loaded =
        load_program(request, *registry_, *prover_, compile_options(configure_), rejection_);
    if (!loaded) return std::unexpected(loaded.error());
    LoadedProgram& program = **loaded;
    forwarding_->reset_program_counters(program.slot->number());
    forwarding_->out_of_service().restore_program(program.slot->number());
    registry_->add_program(owner, std::move(*loaded));
    const auto jited_bytes = static_cast<uint32_t>(program.compiled->code().size());
    spdlog::info(
        "program {} is handle {}: {} insns, proven in {} us, compiled in {} us to {} bytes",
        program.name, program.handle, request.spec.insns.size(), program.verify_us,
        program.compile_us, jited_bytes);
    return api::ProgramLoaded{program.handle, program.verify_us, program.compile_us, jited_bytes};
}

Result<void> Commands::add_chain(Generation& generation, const api::Chain& chain) const {
    const char* hook = chain.egress ? "egress" : "ingress";
    const uint32_t port = forwarding_->port_index(chain.port);
    if (port >= forwarding_->port_count()) {
        return fail(ErrorKind::kNotFound,
                    fmt::format("{} chain: no port is called '{}'", hook, chain.port));
    }
    std::vector<ChainEntry>& entries =
        chain.egress ? generation.ports[port].egress : generation.ports[port].ingress;
    if (!entries.empty()) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("port {} has two {} chains", chain.port, hook));
    }
    for (const Handle handle : chain.programs) {
        const Result<std::shared_ptr<LoadedProgram>> program = registry_->program(handle);
        if (!program)
            return fail_in(fmt::format("{} chain of port {}", hook, chain.port), program.error());
        if ((*program)->verified->spec().hook != vm::XdpHook::Device)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{} chain of port {}: program {} is for entries of devmaps or "
                                    "cpumaps",
                                    hook, chain.port, (*program)->name));
        // The entry keeps the whole program alive, with its maps and its slot.
        entries.push_back(make_entry({*program, (*program)->compiled.get()},
                                     (*program)->slot->number(), *(*program)->verified));
        entries.back().skip_on_fault = (*program)->skip_on_fault;
        entries.back().name = (*program)->name;
    }
    leave_out_faulty(chain, generation.ports[port]);
    return {};
}

Result<std::unique_ptr<Generation>> Commands::build_generation(const api::Publish& request) const {
    auto generation = std::make_unique<Generation>();
    generation->number = forwarding_->generation_number() + 1;
    generation->ports.resize(forwarding_->port_count());
    for (const api::Chain& chain : request.chains) {
        if (Result<void> added = add_chain(*generation, chain); !added)
            return std::unexpected(added.error());
    }
    leave_out_slow(*generation);
    Result<vm::FibSpec> spec =
        api::fib_spec(request.routes, request.neighbours, forwarding_->interfaces());
    if (!spec) return std::unexpected(spec.error());
    Result<std::unique_ptr<const vm::Fib>> fib = vm::Fib::build(std::move(*spec));
    if (!fib) return std::unexpected(fib.error());
    generation->fib = std::move(*fib);
    generation->bypass = bypass_.is_on();
    return generation;
}

Result<api::Published> Commands::publish_again() {
    Result<std::unique_ptr<Generation>> generation = build_generation(published_);
    if (!generation) return std::unexpected(generation.error());
    if (!has_published_)
        for (PortChains& chains : (*generation)->ports)
            chains.ingress_out = OutReason::NoGeneration;
    return publish_now(std::move(*generation));
}

Writer Commands::on_worker() {
    return [this](const std::function<void()>& write) { return forwarding_->run_on_worker(write); };
}

Result<api::Published> Commands::run(Owner, const api::Publish& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    const std::set<Handle> programs = programs_of(request);
    if (Result<void> fits = registry_->check_publish(programs); !fits)
        return std::unexpected(fits.error());
    // Chains over their budget get another chance; a program that faulted does not.
    const auto over_budget = std::exchange(over_budget_, {});
    Result<std::unique_ptr<Generation>> generation = build_generation(request);
    if (!generation) {
        over_budget_ = over_budget;
        return std::unexpected(generation.error());
    }
    const uint64_t number = (*generation)->number;
    const Result<api::Published> published = publish_now(std::move(*generation));
    // A worker that does not come to rest is an error, but the new generation runs.
    if (forwarding_->generation_number() == number) {
        published_ = request;
        has_published_ = true;
        for (uint32_t p = 0; p < configure_.ports.size(); ++p)
            forwarding_->out_of_service().restore_port(p);
        registry_->published(programs);
        traces_.remember(*registry_);
        keep_replay();
    }
    if (published)
        spdlog::info("generation {}: {} programs, swapped in {} us", number, programs.size(),
                     published->swap_us);
    return published;
}

Result<api::Published> Commands::run(Owner owner, const api::ReplaceMaps& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    Result<Replacement> replacement = Replacement::prepare(*registry_, owner, request.replacements);
    if (!replacement) return std::unexpected(replacement.error());
    replacement->exchange(*registry_);
    const uint64_t before = forwarding_->generation_number();
    Result<api::Published> published = publish_again();
    if (forwarding_->generation_number() == before) {
        replacement->exchange(*registry_);
        return published;
    }
    replacement->finish(*registry_);
    registry_->published(programs_of(published_));
    traces_.remember(*registry_);
    keep_replay();
    if (published)
        spdlog::info("generation {}: the contents of {} maps replaced, swapped in {} us",
                     published->generation, request.replacements.size(), published->swap_us);
    return published;
}

void Commands::keep_replay() {
    const std::string path = run_dir_ + "/" + kReplayName;
    const Result<void> written = write_replay(path, configure_, *registry_, published_);
    replay_tried_ = std::chrono::steady_clock::now();
    replay_is_stale_ = !written;  // a full disk may have room later
    if (!written && replay_trouble_.empty())
        spdlog::error("replay file: {}", written.error().message);
    replay_trouble_ =
        written
            ? ""
            : fmt::format(
                  "a restart would not boot this generation: {}; make room or mend the directory",
                  written.error().message);
}

void Commands::tick() {
    tend_failures();
    give_up_privileges_once();
    prover_->tend();
    if (registry_) registry_->tend();
    traces_.tend();
    if (forwarding_) forwarding_->captures().tend();
    if (replay_is_stale_ && forwarding_ && forwarding_->generation_number() > 0 &&
        std::chrono::steady_clock::now() - replay_tried_ > kReplayDelay) {
        keep_replay();
    }
}

/// Once the socket is there and ports run: nothing that comes later needs more.
void Commands::give_up_privileges_once() {
    if (!forwarding_ || has_given_up_) return;
    has_given_up_ = true;
    struct stat run_dir{};
    const bool is_ours = ::stat(run_dir_.c_str(), &run_dir) == 0 && run_dir.st_uid == ::geteuid();
    const bool has_xdp = std::ranges::any_of(configure_.ports, [](const api::PortConfig& port) {
        return port.device.starts_with("net_af_xdp");
    });
    const Result<void> given =
        give_up_privileges({.has_xdp = has_xdp, .foreign_run_dir = !is_ours});
    if (given) return;
    privilege_trouble_ = given.error().message;
    spdlog::warn("{}", privilege_trouble_);
}

void Commands::disconnected(Owner owner) {
    if (forwarding_) traces_.disconnected(owner, *forwarding_);
    if (registry_) registry_->disconnected(owner);
    if (forwarding_) forwarding_->captures().disconnected(owner);
}

/// Nobody is there to mend the file when a node boots by itself, and filtering matters more than
/// what a map had learned: it is set aside, and said as long as this process lives.
Result<api::MapCreated> Commands::begin_without_file(Owner owner, const api::MapCreate& request,
                                                     const Error& problem) {
    const Result<std::string> aside = registry_->set_file_aside(request.name);
    if (!aside) return std::unexpected(problem);
    Result<api::MapCreated> created = run(owner, request);
    if (!created) return created;
    lost_files_.push_back(
        fmt::format("{}; the map began empty, the file is now {}", problem.message, *aside));
    spdlog::error("{}", lost_files_.back());
    return created;
}

Result<void> Commands::replay(const Replay& replay) {
    // An owner of its own, as if a connection had said all this.
    constexpr Owner kReplayOwner = UINT64_MAX;
    if (const auto configured = run(kReplayOwner, replay.configure); !configured)
        return std::unexpected(configured.error());
    std::vector<Handle> maps, programs;
    for (const ReplayMap& map : replay.maps) {
        Result<api::MapCreated> created = run(kReplayOwner, map.create);
        if (!created && map.create.persistence != api::Persistence::None &&
            is_unfit(created.error()))
            created = begin_without_file(kReplayOwner, map.create, created.error());
        if (!created) return std::unexpected(created.error());
        maps.push_back(created->handle);
        const Result<api::MapCount> filled =
            run(kReplayOwner, api::MapUpdate{created->handle, vm::kUpdateAny, true, map.policy});
        if (!filled && !map.policy.empty()) return std::unexpected(filled.error());
    }
    for (api::ProgramLoad program : replay.programs) {
        for (Handle& map : program.maps) map = maps[map - 1];
        const Result<api::ProgramLoaded> loaded = run(kReplayOwner, program);
        if (!loaded) return std::unexpected(loaded.error());
        programs.push_back(loaded->handle);
    }
    for (const api::SlotBind& slot : replay.slots) {
        const LoadedMap& map = **registry_->map(maps[slot.map - 1]);
        const std::vector<Handle>& targets = vm::is_map_in_map(map.spec.type) ? maps : programs;
        const auto bound =
            run(kReplayOwner, api::SlotBind{map.handle, slot.key, targets[slot.target - 1]});
        if (!bound) return std::unexpected(bound.error());
    }
    api::Publish publish = replay.publish;
    for (api::Chain& chain : publish.chains) {
        for (Handle& program : chain.programs) program = programs[program - 1];
    }
    const Result<api::Published> published = run(kReplayOwner, publish);
    disconnected(kReplayOwner);
    if (!published) return std::unexpected(published.error());
    return {};
}

}  // namespace weir::dataplane
