#include "dataplane/forwarding.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "dataplane/accounts.h"
#include "dataplane/eal.h"
#include "dataplane/host_links.h"
#include "dataplane/link_watch.h"
#include "dataplane/out_of_service.h"
#include "dataplane/ports.h"
#include "dataplane/publication.h"
#include "dataplane/watchdog.h"
#include "dataplane/wiring.h"
#include "dataplane/worker.h"
#include "vm/base/limits.h"

namespace weir::dataplane {
namespace {

using Clock = std::chrono::steady_clock;

api::Counters to_api(const PortCounts& counts) {
    api::Counters out{.rx = counts.rx,
                      .rx_bytes = counts.rx_bytes,
                      .tx = counts.tx,
                      .tx_bytes = counts.tx_bytes,
                      .to_kernel = counts.to_kernel,
                      .cloned = counts.cloned,
                      .in_flight = counts.in_flight + counts.between_workers};
    // Zeroes too: a time series that is missing until the first drop hides that drop from a rate.
    for (size_t i = 0; i < kDropReasons; ++i)
        out.drops.emplace(kDropReasonNames[i], counts.drops[i]);
    for (uint32_t i = 0; i < kVerdicts; ++i)
        out.verdicts.emplace(vm::verdict_name(i), counts.verdicts[i]);
    return out;
}

}  // namespace

/// Members end in reverse order: workers first, EAL last.
struct Forwarding::State {
    api::Configure configure;
    EalPlan plan;
    std::unique_ptr<Eal> eal;
    std::unique_ptr<Ports> ports;
    std::unique_ptr<HostLinks> host;
    std::unique_ptr<LinkWatch> links;
    Wiring wiring;
    std::unique_ptr<Publication> publication;
    vm::Timers timers{kNodeTimersMax};
    std::unique_ptr<OutOfService> out;
    std::vector<std::unique_ptr<Worker>> workers;
    std::optional<Accounts> accounts;
    std::unique_ptr<CpuQueues> cpu_queues;  ///< nullptr: there was no cpumap yet
    std::unique_ptr<Watchdog> watchdog;
    std::unique_ptr<capture::Captures> captures;
    bool running = false;
    std::vector<ProgramCounts> program_baselines = std::vector<ProgramCounts>(kProgramSlotsMax);

    ~State();
    Result<void> make_workers();
    void make_captures();
    Result<void> launch();
    ProgramCounts sum_program(uint32_t slot) const;
    api::WorkerStats describe_worker(uint32_t index, const Counters::State& state) const;
    std::vector<api::ChainStats> describe_chains(const std::vector<PortCounts>& by_port) const;
};

Forwarding::State::~State() {
    for (const auto& worker : workers) worker->request_stop();
    if (running) {
        for (uint32_t i = 0; i < workers.size(); ++i) rte_eal_wait_lcore(i);
    }
    watchdog.reset();  // a program that does not end keeps nobody from stopping
    for (auto worker = workers.rbegin(); worker != workers.rend(); ++worker)
        (*worker)->drain();  // hand-overs go downwards
    captures.reset();        // which saw the last drops
    workers.clear();
}

void Forwarding::State::make_captures() {
    capture::NodeNames names{.application = "weir-dataplane",
                             .reasons = {kDropReasonNames.begin(), kDropReasonNames.end()},
                             .tsc_hz = rte_get_tsc_hz()};
    // The hosts' ends stand behind the ports, and have no name of their own.
    for (const Ports::Port& port : ports->all()) {
        const bool is_host_end = names.ports.size() >= configure.ports.size();
        names.ports.push_back(port.request.config.name + (is_host_end ? "-host" : ""));
        names.devices.push_back(port.request.config.device);
    }
    std::vector<capture::Tap*> taps;
    for (const auto& worker : workers) taps.push_back(&worker->tap());
    captures = std::make_unique<capture::Captures>(std::move(names), std::move(taps));
}

Result<void> Forwarding::State::make_workers() {
    Result<Wiring> made =
        wire(*ports, static_cast<uint32_t>(configure.lcores.size()), configure.idle);
    if (!made) return std::unexpected(made.error());
    wiring = std::move(*made);
    std::vector<Accounts::Worker> accounted;
    for (WorkerSetup& setup : wiring.setups) {
        std::vector<QueueOrigin> origins;
        for (const RxSource& rx : setup.rx)
            origins.push_back({rx.port, rx.queue, rx.ring != nullptr, rx.from});
        workers.push_back(std::make_unique<Worker>(std::move(setup), *publication, timers, *out));
        accounted.push_back({&workers.back()->counters(), std::move(origins)});
    }
    accounts.emplace(std::move(accounted), static_cast<uint32_t>(ports->all().size()));
    return {};
}

Result<void> Forwarding::State::launch() {
    running = true;
    for (uint32_t i = 0; i < workers.size(); ++i) {
        const int error = rte_eal_remote_launch(Worker::run, workers[i].get(), i);
        if (error != 0)
            return fail(ErrorKind::kResource,
                        fmt::format("worker {} does not start: {}", i, rte_strerror(-error)));
    }
    std::vector<Worker*> watched;
    for (const auto& worker : workers) watched.push_back(worker.get());
    watchdog = std::make_unique<Watchdog>(std::move(watched), *out);
    return {};
}

api::WorkerStats Forwarding::State::describe_worker(uint32_t index,
                                                    const Counters::State& state) const {
    const Worker& worker = *workers[index];
    api::WorkerStats stats{
        .index = index,
        .lcore = configure.lcores[index],
        .generation = publication->reported(index),
        .polls = worker.polls(),
        .busy_polls = worker.busy_polls(),
        .state =
            watchdog->read(index).is_stuck ? api::WorkerState::Stuck : api::WorkerState::Running,
        .rx_cycles = state.times.rx_cycles,
        .program_cycles = state.times.program_cycles,
        .tx_cycles = state.times.tx_cycles,
        .idle_cycles = state.times.idle_cycles,
        .sleeps = state.times.sleeps,
        .latency = {std::begin(state.times.latency), std::end(state.times.latency)}};
    PortCounts sum;
    std::vector<PortCounts> by_port = state.ports;
    host->fold(by_port, {});
    for (const PortCounts& port : by_port) add(sum, port);
    stats.counters = to_api(sum);
    const std::vector<QueueOrigin>& origins = accounts->origins(index);
    for (size_t i = 0; i < origins.size(); ++i) {
        stats.queues.push_back({.port = ports->all()[origins[i].port].request.config.name,
                                .queue = static_cast<uint16_t>(
                                    origins[i].from_worker ? origins[i].from : origins[i].queue),
                                .distributed = origins[i].from_worker,
                                .rx = state.queues[i].packets});
    }
    return stats;
}

std::vector<api::ChainStats> Forwarding::State::describe_chains(
    const std::vector<PortCounts>& by_port) const {
    std::vector<api::ChainStats> chains;
    for (uint32_t p = 0; p < by_port.size(); ++p) {
        for (const bool egress : {false, true}) {
            api::ChainStats chain{.port = configure.ports[p].name, .egress = egress};
            const uint64_t* counts = egress ? by_port[p].egress_verdicts : by_port[p].verdicts;
            for (uint32_t verdict = 0; verdict < kVerdicts; ++verdict) {
                chain.packets += counts[verdict];
                chain.verdicts.emplace(vm::verdict_name(verdict), counts[verdict]);
            }
            chains.push_back(std::move(chain));
        }
    }
    return chains;
}

ProgramCounts Forwarding::State::sum_program(uint32_t slot) const {
    ProgramCounts sum;
    for (const auto& worker : workers) {
        const ProgramCounts part = worker->counters().read_program(slot);
        sum.runs += part.runs;
        for (size_t i = 0; i < kVerdicts; ++i) sum.verdicts[i] += part.verdicts[i];
    }
    return sum;
}

Forwarding::Forwarding(std::unique_ptr<State> state) : state_(std::move(state)) {}
Forwarding::~Forwarding() = default;

Result<std::unique_ptr<Forwarding>> Forwarding::start(const api::Configure& configure,
                                                      const std::string& run_dir) {
    Result<std::vector<PortRequest>> requests = check_ports(configure.ports);
    if (!requests) return std::unexpected(requests.error());
    std::vector<std::string> pci;
    for (const PortRequest& request : *requests) {
        if (request.device.is_pci()) pci.push_back(request.device.name);
    }
    if (configure.workers_max > kWorkersMax ||
        (configure.workers_max != 0 && configure.workers_max < configure.lcores.size())) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("workers_max: {}, expected {} to {}", configure.workers_max,
                                configure.lcores.size(), kWorkersMax));
    }
    const std::string prefix = eal_file_prefix(run_dir);
    Result<EalPlan> plan = eal_plan(configure, pci, prefix, read_machine());
    if (!plan) return std::unexpected(plan.error());
    auto state = std::make_unique<State>();
    state->configure = configure;
    state->plan = std::move(*plan);
    Result<std::unique_ptr<Eal>> eal = Eal::start(state->plan, run_dir, prefix);
    if (!eal) return std::unexpected(eal.error());
    state->eal = std::move(*eal);
    const auto workers = static_cast<uint32_t>(configure.lcores.size());
    Result<std::unique_ptr<Ports>> ports =
        Ports::open(std::move(*requests), workers, configure.memory_bytes);
    if (!ports) return std::unexpected(ports.error());
    state->ports = std::move(*ports);
    Result<std::unique_ptr<HostLinks>> host = HostLinks::open(*state->ports, workers);
    if (!host) return std::unexpected(host.error());
    state->host = std::move(*host);
    state->publication =
        std::make_unique<Publication>(static_cast<uint32_t>(state->ports->all().size()), workers);
    state->out = std::make_unique<OutOfService>(workers);
    install_fault_handlers();
    if (const Result<void> made = state->make_workers(); !made)
        return std::unexpected(made.error());
    state->make_captures();
    if (const Result<void> launched = state->launch(); !launched)
        return std::unexpected(launched.error());
    state->links = watch_links(*state->ports, static_cast<uint32_t>(configure.ports.size()));
    return std::unique_ptr<Forwarding>(new Forwarding(std::move(state)));
}

Result<api::Published> Forwarding::publish(std::unique_ptr<Generation> generation) {
    if (generation->ports.size() != port_count()) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("generation {} has chains for {} ports, there are {}",
                                generation->number, generation->ports.size(), port_count()));
    }
    generation->ports.resize(state_->ports->all().size());  // the hosts' ends have no chains
    for (uint32_t end = port_count(); end < generation->ports.size(); ++end) {
        const uint32_t owner = state_->ports->all()[end].request.pass_port;
        if (generation->ports[owner].ingress_out == OutReason::NoGeneration)
            generation->ports[end].ingress_out = OutReason::NoGeneration;
    }
    const uint64_t number = generation->number;
    const Result<uint64_t> swap_us = state_->publication->publish(std::move(generation));
    if (!swap_us) return std::unexpected(swap_us.error());
    return api::Published{.generation = number, .swap_us = *swap_us};
}

Result<void> Forwarding::run_on_worker(const std::function<void()>& task) {
    constexpr uint64_t kTakeMs = 1000;  // a round takes microseconds
    WorkerTask request{[](void* opaque) { (*static_cast<const std::function<void()>*>(opaque))(); },
                       const_cast<std::function<void()>*>(&task)};
    if (state_->workers.front()->run_between_rounds(request, kTakeMs)) return {};
    return fail(ErrorKind::kResource,
                fmt::format("worker 0 did not come to rest within {} ms", kTakeMs));
}

uint32_t Forwarding::worker_count() const {
    return static_cast<uint32_t>(state_->workers.size());
}

void Forwarding::arm_trace(uint32_t worker, WorkerTrace* trace) {
    state_->workers[worker]->arm(trace);
}

std::string Forwarding::port_name(uint32_t index) const {
    return index < port_count() ? state_->ports->all()[index].request.config.name : "";
}

uint64_t Forwarding::generation_number() const {
    return state_->publication->number();
}

uint32_t Forwarding::cpu_slots() const {
    return state_->configure.workers_max != 0
               ? state_->configure.workers_max
               : static_cast<uint32_t>(state_->configure.lcores.size());
}

OutOfService& Forwarding::out_of_service() {
    return *state_->out;
}

void Forwarding::connect_workers() {
    if (state_->cpu_queues) return;
    state_->cpu_queues = std::make_unique<CpuQueues>(static_cast<uint32_t>(state_->workers.size()));
    for (const auto& worker : state_->workers) worker->connect(state_->cpu_queues.get());
}

WorkerWatch Forwarding::watch(uint32_t worker) const {
    return state_->watchdog->read(worker);
}

api::SwapTimes Forwarding::swap_times() const {
    return state_->publication->swap_times();
}

uint64_t Forwarding::tsc_hz() const {
    return rte_get_tsc_hz();
}

capture::Captures& Forwarding::captures() {
    return *state_->captures;
}

vm::Timers& Forwarding::timers() {
    return state_->timers;
}

uint32_t Forwarding::port_count() const {
    return static_cast<uint32_t>(state_->configure.ports.size());
}

uint32_t Forwarding::port_index(const std::string& name) const {
    uint32_t index = 0;
    while (index < port_count() && state_->ports->all()[index].request.config.name != name) ++index;
    return index;
}

api::Stats Forwarding::read_stats() const {
    api::Stats stats;
    stats.generation = generation_number();
    const std::vector<HostLinks::Refused> refused = state_->host->read();
    Accounts::Reading reading = state_->accounts->read();
    state_->host->fold(reading.ports, refused);
    reading.total = {};
    for (const PortCounts& port : reading.ports) add(reading.total, port);
    for (uint32_t w = 0; w < reading.workers.size(); ++w)
        stats.workers.push_back(state_->describe_worker(w, reading.workers[w]));
    for (uint32_t p = 0; p < reading.ports.size(); ++p)
        stats.ports.emplace(state_->configure.ports[p].name, to_api(reading.ports[p]));
    stats.total = to_api(reading.total);
    stats.chains = state_->describe_chains(reading.ports);
    stats.tsc_hz = rte_get_tsc_hz();
    const vm::Timers& timers = state_->timers;
    stats.timers = {.in_use = timers.in_use(),
                    .most = timers.size(),
                    .calls = timers.call_count(),
                    .late = timers.late_count(),
                    .full = timers.full_count()};
    stats.time_ns =
        static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now().time_since_epoch()).count());
    return stats;
}

ProgramCounters Forwarding::program_counters(uint32_t slot) const {
    const ProgramCounts sum = state_->sum_program(slot);
    const ProgramCounts& base = state_->program_baselines[slot];
    ProgramCounters counters{.runs = sum.runs - base.runs};
    for (size_t i = 0; i < kVerdicts; ++i)
        counters.verdicts[i] = sum.verdicts[i] - base.verdicts[i];
    for (const auto& worker : state_->workers) worker->aborts().read(slot, counters.aborted);
    if (counters.aborted.size() > kAbortedPlaces) counters.aborted.resize(kAbortedPlaces);
    return counters;
}

void Forwarding::reset_program_counters(uint32_t slot) {
    state_->program_baselines[slot] = state_->sum_program(slot);
    for (const auto& worker : state_->workers) worker->aborts().reset(slot);
}

std::vector<api::PortInfo> Forwarding::port_infos() const {
    Accounts::Reading reading = state_->accounts->read();
    state_->host->fold(reading.ports, {});
    const std::vector<LinkState> links = state_->links->states();
    std::vector<api::PortInfo> infos;
    for (uint32_t p = 0; p < port_count(); ++p)
        infos.push_back(state_->ports->info(p, reading.ports[p], links[p]));
    return infos;
}

std::vector<vm::Interface> Forwarding::interfaces() const {
    std::vector<vm::Interface> interfaces;
    for (uint32_t p = 0; p < port_count(); ++p) {
        const Ports::Port& port = state_->ports->all()[p];
        interfaces.push_back({.ifindex = port.request.config.ifindex,
                              .mac = state_->ports->mac(p),
                              .mtu = std::max<uint32_t>(port.mtu, vm::kInterfaceMtuMin)});
    }
    return interfaces;
}

std::vector<std::string> Forwarding::warnings() const {
    std::vector<std::string> warnings = state_->plan.warnings;
    warnings.insert(warnings.end(), state_->wiring.warnings.begin(), state_->wiring.warnings.end());
    warnings.insert(warnings.end(), state_->ports->warnings().begin(),
                    state_->ports->warnings().end());
    const auto append = [&](std::vector<std::string> more) {
        warnings.insert(warnings.end(), more.begin(), more.end());
    };
    append(state_->links->warnings());
    const Accounts::Reading reading = state_->accounts->read();
    for (uint32_t p = 0; p < port_count(); ++p)
        append(state_->ports->warnings_of(p, reading.ports[p]));
    return warnings;
}

bool Forwarding::uses_hugepages() const {
    return state_->plan.uses_hugepages;
}

}  // namespace weir::dataplane
