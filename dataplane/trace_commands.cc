#include "dataplane/trace_commands.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::dataplane {
namespace {

/// Programs and maps of a trace that are out of service, kept to name what still comes.
constexpr size_t kRememberedMax = 64;
constexpr uint32_t kPacketsAtOnce = 8;  ///< their records are up to some hundred KiB each

template <typename T>
void remember_all(std::vector<std::shared_ptr<T>>& known,
                  const std::vector<std::shared_ptr<T>>& in_service) {
    for (const std::shared_ptr<T>& item : in_service)
        if (std::ranges::find(known, item) == known.end()) known.push_back(item);
    size_t gone = known.size() - std::min(known.size(), in_service.size());
    std::erase_if(known, [&](const std::shared_ptr<T>& item) {
        if (gone <= kRememberedMax || std::ranges::find(in_service, item) != in_service.end())
            return false;
        --gone;
        return true;
    });
}

Result<void> check_count(const api::TraceStart& request) {
    if (request.count >= 1 && request.count <= kTracePacketsMax) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("trace: count {}, expected 1 to {}", request.count, kTracePacketsMax));
}

}  // namespace

Result<void> TraceCommands::start(Owner owner, const api::TraceStart& request,
                                  Forwarding& forwarding, const Registry& registry, Prover& prover,
                                  std::optional<vm::Rejection>& rejection) {
    if (const Result<void> fits = check_count(request); !fits) return fits;
    if (session_ != nullptr && session_->owner != owner)
        return fail(ErrorKind::kResource, "another trace is running; there is one at a time");
    auto session = std::make_unique<Session>();
    session->owner = owner;
    session->order = std::make_shared<TraceOrder>();
    if (!request.port.empty()) {
        session->order->port = forwarding.port_index(request.port);
        if (session->order->port == forwarding.port_count())
            return fail(ErrorKind::kNotFound,
                        fmt::format("trace: no port is called '{}'", request.port));
    }
    if (request.filter) {
        Result<std::unique_ptr<const PacketFilter>> filter =
            load_filter(*request.filter, prover, rejection);
        if (!filter) return std::unexpected(filter.error());
        session->order->filter = std::move(*filter);
    }
    session->count = request.count;
    session->order->left.store(request.count, std::memory_order_relaxed);
    for (uint32_t worker = 0; worker < forwarding.worker_count(); ++worker)
        session->workers.push_back(std::make_unique<WorkerTrace>(session->order, worker));
    end(forwarding);
    session_ = std::move(session);
    remember(registry);
    for (uint32_t worker = 0; worker < forwarding.worker_count(); ++worker)
        forwarding.arm_trace(worker, session_->workers[worker].get());
    return {};
}

void TraceCommands::disarm(Forwarding& forwarding) {
    for (uint32_t worker = 0; worker < forwarding.worker_count(); ++worker)
        forwarding.arm_trace(worker, nullptr);
}

void TraceCommands::end(Forwarding& forwarding) {
    if (session_ == nullptr) return;
    disarm(forwarding);
    graves_.push_back({maps::begin_grace(), std::move(session_)});
}

void TraceCommands::disconnected(Owner owner, Forwarding& forwarding) {
    if (session_ != nullptr && session_->owner == owner) end(forwarding);
    tend();
}

void TraceCommands::tend() {
    std::erase_if(graves_, [](const Grave& grave) { return maps::grace_passed(grave.token); });
}

void TraceCommands::remember(const Registry& registry) {
    if (session_ == nullptr) return;
    remember_all(session_->programs, registry.published_programs());
    remember_all(session_->maps, registry.published_maps());
}

std::shared_ptr<const LoadedProgram> TraceCommands::find(Handle handle) const {
    if (session_ == nullptr) return nullptr;
    const auto found = std::ranges::find(session_->programs, handle, &LoadedProgram::handle);
    return found == session_->programs.end() ? nullptr : *found;
}

Result<api::TracedPackets> TraceCommands::poll(Owner owner, const api::TracePoll& request,
                                               Forwarding& forwarding, const Registry& registry) {
    if (session_ == nullptr || session_->owner != owner)
        return fail(ErrorKind::kNotFound, "this connection has no trace");
    remember(registry);  // what was put into slots of maps
    api::TracedPackets reply;
    const uint32_t most = std::min(request.packets_max, kPacketsAtOnce);
    for (const auto& worker : session_->workers) {
        while (reply.packets.size() < most) {
            PacketTrace* const trace = worker->take();
            if (trace == nullptr) break;
            reply.packets.push_back(packet_of(*trace, forwarding));
            worker->give_back(trace);
            ++session_->given;
        }
        reply.passed_over += worker->passed_over();
    }
    reply.is_done = session_->given == session_->count;
    if (reply.is_done) disarm(forwarding);
    return reply;
}

api::TracedObject TraceCommands::name_of(const vm::Runnable* program) const {
    for (const auto& loaded : session_->programs)
        if (loaded->compiled->runnable() == program) return {loaded->handle, loaded->name};
    return {};
}

api::TracedObject TraceCommands::name_of(const vm::Map* map) const {
    for (const auto& loaded : session_->maps)
        if (loaded->map.get() == map) return {loaded->handle, loaded->name};
    for (const auto& program : session_->programs)
        for (const auto& loaded : program->maps)
            if (loaded->map.get() == map) return {loaded->handle, loaded->name};
    return {};
}

api::TracedFate TraceCommands::fate_of(const PacketFate& fate, const Forwarding& forwarding) {
    if (fate.kind == PacketFate::Kind::Handed)
        return {.kind = api::FateKind::ToWorker, .worker = fate.at};
    api::TracedFate told{.port = forwarding.port_name(fate.at)};
    const bool is_hosts_end = told.port.empty();  // ports behind the configured ones
    if (fate.kind == PacketFate::Kind::Dropped) {
        told.kind = api::FateKind::Dropped;
        told.reason = kDropReasonNames[static_cast<size_t>(fate.reason)];
        if (is_hosts_end) told.port = "the host";
    } else if (is_hosts_end) {
        told.kind = api::FateKind::ToKernel;
    }
    return told;
}

api::TracedPacket TraceCommands::packet_of(const PacketTrace& trace,
                                           const Forwarding& forwarding) const {
    api::TracedPacket packet;
    packet.generation = trace.generation;
    packet.time_ns = trace.time_ns;
    packet.worker = trace.worker;
    packet.port = forwarding.port_name(trace.port);
    if (packet.port.empty()) packet.port = "the host";
    packet.queue = trace.queue;
    static_assert(kTracedFatesMax <= api::kTracedFatesMax);
    for (const PacketFate& fate : trace.noted()) packet.fates.push_back(fate_of(fate, forwarding));
    packet.record = trace.recorder.record();
    for (const vm::Runnable* program : packet.record.programs)
        packet.programs.push_back(name_of(program));
    for (const vm::Map* map : packet.record.maps) packet.maps.push_back(name_of(map));
    packet.record.programs.clear();
    packet.record.maps.clear();
    return packet;
}

}  // namespace weir::dataplane
