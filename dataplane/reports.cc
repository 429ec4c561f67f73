// The commands that only read: status, lists, statistics.

#include <fmt/format.h>
#include <unistd.h>

#include "dataplane/commands.h"
#include "dataplane/map_commands.h"
#include "jit/code_names.h"
#include "maps/maps.h"
#include "vm/program/context.h"

namespace weir::dataplane {
namespace {

api::ProgramInfo describe_program(const LoadedProgram& program, const ProgramCounters& counters) {
    const vm::ProgramSpec& spec = program.verified->spec();
    api::ProgramInfo info;
    info.handle = program.handle;
    info.name = program.name;
    info.function = spec.name;
    info.object = program.object;
    info.object_hash = program.object_hash;
    info.type = vm::program_type_name(spec.type);
    info.insns = static_cast<uint32_t>(spec.insns.size());
    info.jited_bytes = static_cast<uint32_t>(program.compiled->code().size());
    info.runs = counters.runs;
    info.aborted = counters.aborted;
    info.fault = program.fault;
    for (uint32_t verdict = 0; verdict < std::size(counters.verdicts); ++verdict) {
        info.verdicts.emplace(vm::verdict_name(verdict), counters.verdicts[verdict]);
    }
    for (const auto& map : program.maps) info.maps.push_back(map->name);
    return info;
}

api::CodeEntry entry_of(jit::CodeEntry entry) {
    switch (entry) {
        case jit::CodeEntry::kSingle: return api::CodeEntry::Single;
        case jit::CodeEntry::kBurst: return api::CodeEntry::Burst;
        case jit::CodeEntry::kSubprogram: return api::CodeEntry::Subprogram;
        case jit::CodeEntry::kAdvance: return api::CodeEntry::Advance;
        case jit::CodeEntry::kComplete: return api::CodeEntry::Complete;
        case jit::CodeEntry::kCallback: return api::CodeEntry::Callback;
    }
    return api::CodeEntry::Single;
}

Result<api::ProgramCode> program_code(const LoadedProgram& program) {
    const jit::CodeMap* const map = program.compiled->code_map();
    if (map == nullptr)
        return fail(
            ErrorKind::kUnsupported,
            fmt::format("program {} has no machine code, the interpreter runs it", program.name));
    api::ProgramCode reply;
    reply.spec = program.verified->spec();
    const std::span<const uint8_t> code = program.compiled->code();
    reply.address = reinterpret_cast<uint64_t>(code.data());
    reply.code.assign(code.begin(), code.end());
    for (const jit::CodeFunction& function : map->functions)
        reply.functions.push_back(
            {entry_of(function.entry), function.subprogram, function.begin, function.end});
    for (const jit::CodePlace& place : map->places)
        reply.places.push_back({place.offset, place.slot});
    std::vector<vm::Map*> maps;
    for (const auto& loaded : program.maps) maps.push_back(loaded->map.get());
    for (jit::CodeName& name : jit::code_names(reply.spec, maps, maps::all_helpers()))
        reply.names.push_back({name.address, name.bytes, std::move(name.name)});
    return reply;
}

}  // namespace

api::Status Commands::status() const {
    using std::chrono::milliseconds;
    api::Status status;
    status.version = version_;
    status.pid = static_cast<uint32_t>(::getpid());
    const auto uptime =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started_);
    status.uptime_ms = static_cast<uint64_t>(uptime.count());
    status.configure = configure_;
    status.configured = forwarding_ != nullptr;
    if (forwarding_) {
        status.generation = forwarding_->generation_number();
        status.config_hash = published_.config_hash;
        status.hugepages = forwarding_->uses_hugepages();
        status.ports = forwarding_->port_infos();
        status.chains = published_.chains;
        status.warnings = forwarding_->warnings();
        for (const auto& program : registry_->published_programs())
            if (program->compiled->engine() == jit::Engine::kInterp)
                status.warnings.push_back(
                    fmt::format("program {} runs in the interpreter, many times slower: its "
                                "machine code could not be made; load it again, or see the log",
                                program->name));
    }
    if (forwarding_) add_failures(status);
    for (const std::string& trouble : {prover_->trouble(), replay_trouble_, privilege_trouble_}) {
        if (!trouble.empty()) status.warnings.push_back(trouble);
    }
    status.warnings.insert(status.warnings.end(), lost_files_.begin(), lost_files_.end());
    return status;
}

api::MapList Commands::list_maps(Owner owner) const {
    api::MapList list;
    if (!registry_) return list;
    for (const auto& map : registry_->maps_seen_by(owner))
        list.maps.push_back(describe_map(*map, registry_->cpu_slots()));
    return list;
}

Result<api::Empty> Commands::run(Owner owner, const api::TraceStart& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    if (const Result<void> started =
            traces_.start(owner, request, *forwarding_, *registry_, *prover_, rejection_);
        !started)
        return std::unexpected(started.error());
    return api::Empty{};
}

Result<api::TracedPackets> Commands::run(Owner owner, const api::TracePoll& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    return traces_.poll(owner, request, *forwarding_, *registry_);
}

/// Also of a program that a trace met and that is not in service any more.
Result<api::ProgramText> Commands::run(Owner, const api::ReadProgram& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    std::shared_ptr<const LoadedProgram> program = traces_.find(request.program);
    if (program == nullptr) {
        const auto found = registry_->program(request.program);
        if (!found) return std::unexpected(found.error());
        program = *found;
    }
    api::ProgramText text{
        program->handle, program->name, program->object, program->verified->spec(), {}};
    for (const auto& map : program->maps) text.maps.push_back(map->handle);
    return text;
}

Result<api::ProgramCode> Commands::run(Owner, const api::ReadCode& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    const auto program = registry_->program(request.program);
    if (!program) return std::unexpected(program.error());
    return program_code(**program);
}

api::ProgramList Commands::list_programs() const {
    api::ProgramList list;
    if (!registry_) return list;
    for (const auto& program : registry_->published_programs()) {
        list.programs.push_back(
            describe_program(*program, forwarding_->program_counters(program->slot->number())));
    }
    return list;
}

api::Stats Commands::stats() const {
    if (!forwarding_) return {};
    api::Stats stats = forwarding_->read_stats();
    stats.programs = list_programs().programs;
    for (api::WorkerStats& worker : stats.workers)
        if (worker.state != api::WorkerState::Running) worker.stuck_in = stuck_text(worker.index);
    return stats;
}

}  // namespace weir::dataplane
