#include "dataplane/wiring.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_lcore.h>

namespace weir::dataplane {
namespace {

constexpr uint64_t kWaitSeconds = 1;  ///< a worker that takes nothing for so long is stuck

uint64_t cycles_of(uint64_t nanoseconds) {
    return static_cast<uint64_t>(static_cast<double>(nanoseconds) *
                                 static_cast<double>(rte_get_tsc_hz()) / 1e9);
}

std::vector<PortRule> rules_of(const Ports& ports) {
    std::vector<PortRule> rules;
    for (const Ports::Port& port : ports.all()) {
        rules.push_back({.ifindex = port.request.config.ifindex,
                         .pass_port = port.request.pass_port,
                         .fail_open = port.request.config.fail == api::FailMode::Open,
                         .chain_budget_cycles = cycles_of(port.request.config.chain_budget_ns)});
    }
    return rules;
}

class Wirer {
public:
    Wirer(const Ports& ports, uint32_t workers) : ports_(ports), workers_(workers) {}

    Result<Wiring> wire(api::IdleMode idle) {
        const std::vector<PortRule> rules = rules_of(ports_);
        std::vector<PortQueues> queues;
        for (const Ports::Port& port : ports_.all()) queues.push_back(port.queues);
        const QueueLayout layout = assign_queues(queues, workers_);
        wiring_.fragmented = std::make_unique<FragmentedPairs>();
        for (uint32_t worker = 0; worker < workers_; ++worker) {
            wiring_.setups.emplace_back();
            WorkerSetup& setup = wiring_.setups.back();
            setup.index = worker;
            setup.numa_node = rte_lcore_to_socket_id(worker);
            setup.idle.mode = idle;
            setup.ports = rules;
        }
        for (uint32_t worker = 0; worker < workers_; ++worker) {
            if (const Result<void> made = add_receive(worker, layout.rx[worker]); !made)
                return std::unexpected(made.error());
            if (const Result<void> made = add_transmit(worker, layout.tx[worker]); !made)
                return std::unexpected(made.error());
        }
        for (WorkerSetup& setup : wiring_.setups) plan_idle(setup);
        return std::move(wiring_);
    }

private:
    /// One that lives with the wiring.
    Result<rte_ring*> add_ring(const std::string& name, uint32_t packets) {
        Result<Ring> ring = make_ring(name, packets, ports_.numa_socket());
        if (!ring) return std::unexpected(ring.error());
        return wiring_.rings.emplace_back(std::move(*ring)).get();
    }

    Result<void> add_receive(uint32_t worker, const std::vector<RxAssignment>& assigned) {
        for (const RxAssignment& rx : assigned) {
            const Ports::Port& port = ports_.all()[rx.port];
            RxSource source{.port = rx.port,
                            .port_id = port.port_id,
                            .queue = rx.queue,
                            .is_finite = port.request.device.is_finite(),
                            .completes_checksums = !port.request.device.interface().empty()};
            if (port.queues.distributed) {
                if (const Result<void> shared = share_out(worker, source); !shared) return shared;
            }
            wiring_.setups[worker].rx.push_back(std::move(source));
        }
        return {};
    }

    /// A ring from `worker` to each of the others, for the packets of one queue.
    Result<void> share_out(uint32_t worker, RxSource& source) {
        std::vector<rte_ring*> rings(workers_);
        for (uint32_t to = 0; to < workers_; ++to) {
            if (to == worker) continue;
            const Result<rte_ring*> ring =
                add_ring(fmt::format("weir_share_{}_{}_{}", source.port, source.queue, to),
                         kDistributorPackets);
            if (!ring) return std::unexpected(ring.error());
            rings[to] = *ring;
            wiring_.setups[to].rx.push_back({.port = source.port,
                                             .port_id = source.port_id,
                                             .queue = source.queue,
                                             .completes_checksums = source.completes_checksums,
                                             .ring = *ring,
                                             .from = worker});
        }
        const Device& device = ports_.all()[source.port].request.device;
        source.distributor = std::make_unique<Distributor>(
            std::move(rings), *wiring_.fragmented,
            device.waits_for_room() ? rte_get_tsc_hz() * kWaitSeconds : 0);
        return {};
    }

    Result<void> add_transmit(uint32_t worker, const std::vector<TxAssignment>& assigned) {
        for (uint32_t p = 0; p < ports_.all().size(); ++p) {
            const Ports::Port& port = ports_.all()[p];
            TxTarget target{.port_id = port.port_id,
                            .queue = assigned[p].queue,
                            .frame_bytes_max = port.frame_bytes_max};
            if (assigned[p].owner != worker) {
                const Result<rte_ring*> ring =
                    add_ring(fmt::format("weir_handover_{}_{}", worker, p), kHandoverPackets);
                if (!ring) return std::unexpected(ring.error());
                target.handover = *ring;
                wiring_.setups[assigned[p].owner].handed_to_us.push_back(
                    {.port = p, .handover = *ring});
            }
            wiring_.setups[worker].tx.push_back(target);
        }
        return {};
    }

    void plan_idle(WorkerSetup& setup) {
        IdleSetup& idle = setup.idle;
        idle.is_short = !setup.handed_to_us.empty();
        for (const RxSource& rx : setup.rx)
            idle.is_short |= rx.ring != nullptr || ports_.all()[rx.port].request.device.is_pci();
        if (idle.mode != api::IdleMode::Monitor) return;
        for (const RxSource& rx : setup.rx) idle.awaited.push_back({rx.ring, rx.port_id, rx.queue});
        for (const TxSource& handed : setup.handed_to_us)
            idle.awaited.push_back({.ring = handed.handover});
        const std::string why = why_no_monitor(idle.awaited);
        if (why.empty()) return;
        idle.mode = api::IdleMode::Adaptive;
        wiring_.warnings.push_back(
            fmt::format("workers.idle: worker {} sleeps while nothing comes, as with adaptive: {}",
                        setup.index, why));
    }

    const Ports& ports_;
    uint32_t workers_;
    Wiring wiring_;
};

}  // namespace

Result<Wiring> wire(const Ports& ports, uint32_t workers, api::IdleMode idle) {
    return Wirer(ports, workers).wire(idle);
}

}  // namespace weir::dataplane
