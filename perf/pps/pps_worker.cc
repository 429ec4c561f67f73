// Weir's packet side alone, for comparing: one worker, one port that passes to itself, one program
// that returns a constant. Prints "RX NANOSECONDS" (packets received; time of the monotonic clock)
// for every line on stdin; ends with stdin.
//   pps_worker VDEV pass|drop|OBJECT CPUS[/QUEUES] HUGEPAGES(0|1) RUN_DIR

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>

#include "dataplane/forwarding.h"
#include "jit/jit.h"
#include "maps/maps.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir {
namespace {

struct Loaded {
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::shared_ptr<const vm::VerifiedProgram> verified;
    std::shared_ptr<const jit::CompiledProgram> program;
};

vm::ProgramSpec returning(uint32_t verdict) {
    vm::ProgramSpec program;
    program.name = "constant";
    program.section = "xdp";
    program.subprograms = {{program.name, 0}};
    program.insns = {
        {.opcode = 0xb7, .dst = 0, .src = 0, .off = 0, .imm = static_cast<int32_t>(verdict)},
        {.opcode = 0x95}};
    return program;
}

Result<vm::ProgramSpec> find_program(const std::string& what) {
    if (what == "pass") return returning(vm::XDP_PASS);
    if (what == "drop") return returning(vm::XDP_DROP);
    Result<vm::ObjectSpec> object = vm::load_object_file(what, {});
    if (!object) return std::unexpected(object.error());
    if (object->programs.empty()) return fail(ErrorKind::kInvalid, what + ": no program");
    return std::move(object->programs.front());
}

Result<Loaded> load(const std::string& what, uint32_t cpu_slots) {
    Result<vm::ProgramSpec> spec = find_program(what);
    if (!spec) return std::unexpected(spec.error());
    auto proof = vm::verify(*spec);
    if (!proof) return fail(ErrorKind::kRejected, proof.error().message);
    Result<vm::VerifiedProgram> verified = vm::accept(*spec, std::move(*proof));
    if (!verified) return std::unexpected(verified.error());
    Loaded loaded;
    std::vector<vm::Map*> maps;
    for (const vm::MapSpec& map : spec->maps) {
        Result<std::unique_ptr<vm::Map>> made = maps::create_map(map, cpu_slots);
        if (!made) return std::unexpected(made.error());
        maps.push_back(made->get());
        loaded.maps.push_back(std::move(*made));
    }
    loaded.verified = std::make_shared<vm::VerifiedProgram>(std::move(*verified));
    auto compiled = jit::compile(loaded.verified, maps, maps::all_helpers(), jit::Engine::kJit);
    if (!compiled) return std::unexpected(compiled.error());
    loaded.program = std::move(*compiled);
    return loaded;
}

dataplane::api::Configure configure(const std::string& device, const std::string& cpus,
                                    bool hugepages) {
    dataplane::api::Configure made;
    const size_t slash = std::min(cpus.find('/'), cpus.size());
    std::istringstream list(cpus.substr(0, slash));
    for (std::string cpu; std::getline(list, cpu, ',');)
        made.lcores.push_back(static_cast<uint32_t>(std::stoul(cpu)));
    made.idle = dataplane::api::IdleMode::Poll;
    made.hugepages =
        hugepages ? dataplane::api::HugepageMode::Required : dataplane::api::HugepageMode::Off;
    made.memory_bytes = 256u << 20;
    made.ports.resize(1);
    made.ports[0].name = "p0";
    made.ports[0].device = device;
    made.ports[0].pass = dataplane::api::PassKind::Port;
    made.ports[0].pass_port = "p0";
    made.ports[0].ifindex = 1;
    made.ports[0].queues = static_cast<uint16_t>(
        slash == cpus.size() ? made.lcores.size() : std::stoul(cpus.substr(slash + 1)));
    return made;
}

Result<void> run(char** argv) {
    auto forwarding = dataplane::Forwarding::start(
        configure(argv[1], argv[3], argv[4] == std::string("1")), argv[5]);
    if (!forwarding) return std::unexpected(forwarding.error());
    Result<Loaded> loaded = load(argv[2], (*forwarding)->cpu_slots());
    if (!loaded) return std::unexpected(loaded.error());
    auto generation = std::make_unique<dataplane::Generation>();
    generation->number = 1;
    generation->ports.resize(1);
    generation->ports[0].ingress.push_back(
        dataplane::make_entry(loaded->program, 0, *loaded->verified));
    const auto published = (*forwarding)->publish(std::move(generation));
    if (!published) return std::unexpected(published.error());
    for (std::string line; std::getline(std::cin, line);) {
        const dataplane::api::Stats stats = (*forwarding)->read_stats();
        fmt::print("{} {}\n", stats.total.rx, stats.time_ns);
        std::fflush(stdout);
    }
    forwarding->reset();
    return {};
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
    if (argc != 6) {
        fmt::print(
            stderr,
            "usage: pps_worker VDEV pass|drop|OBJECT CPUS[/QUEUES] HUGEPAGES(0|1) RUN_DIR\n");
        return 2;
    }
    const weir::Result<void> done = weir::run(argv);
    if (done) return 0;
    fmt::print(stderr, "pps_worker: {}\n", done.error().message);
    return weir::exit_status(done.error().kind);
}
