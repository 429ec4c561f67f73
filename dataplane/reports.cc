// The commands that only read: status, lists, statistics.

#include <unistd.h>

#include "dataplane/commands.h"
#include "dataplane/map_commands.h"
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
    for (uint32_t verdict = 0; verdict < std::size(counters.verdicts); ++verdict) {
        info.verdicts.emplace(vm::verdict_name(verdict), counters.verdicts[verdict]);
    }
    for (const auto& map : program.maps) info.maps.push_back(map->name);
    return info;
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
    }
    for (const std::string& trouble : {prover_->trouble(), replay_trouble_}) {
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
    return stats;
}

}  // namespace weir::dataplane
