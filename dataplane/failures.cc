// What is out of service, for the operator: from the workers' reports to programs and ports by
// name, and to the generation without them.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstring>

#include "dataplane/code_place.h"
#include "dataplane/commands.h"
#include "dataplane/out_of_service.h"

namespace weir::dataplane {
namespace {

using Clock = std::chrono::steady_clock;

std::string happened(const Fault& fault) {
    if (fault.kind == FaultKind::Stuck) return "did not end";
    return fmt::format("SIG{} at address {:#x}", ::sigabbrev_np(fault.signal), fault.address);
}

const char* consequence(api::FailMode fail) {
    return fail == api::FailMode::Open ? "its packets are forwarded unfiltered (fail: open)"
                                       : "its packets are dropped (fail: closed)";
}

std::string program_warning(const LoadedProgram& program) {
    return fmt::format(
        "program {} is out of service: {}; {}`weir prog swap {} OBJ` or `weir apply CONFIG` puts "
        "another one in its place",
        program.name, program.fault,
        program.skip_on_fault ? "its chains go on without it (on_fault: skip); " : "",
        program.name);
}

}  // namespace

Result<api::Published> Commands::publish_now(std::unique_ptr<Generation> generation) {
    Result<api::Published> published = forwarding_->publish(std::move(generation));
    if (published) return published;
    Error error = published.error();
    for (uint32_t w = 0; w < configure_.lcores.size(); ++w)
        if (const std::string text = stuck_text(w); !text.empty())
            error.message += fmt::format("; worker {} is stuck {}", w, text);
    return std::unexpected(std::move(error));
}

int Commands::wake_fd() const {
    return forwarding_ ? forwarding_->out_of_service().event_fd() : -1;
}

void Commands::note_fault(const OutReport& report) {
    const auto programs = registry_->published_programs();
    const std::string where = describe_address(programs, report.fault.instruction);
    for (const auto& program : programs) {
        if (program->slot->number() != report.fault.slot) continue;
        if (!program->fault.empty()) return;  // another worker was faster
        program->fault =
            fmt::format("{} in {}, on worker {} in generation {}", happened(report.fault), where,
                        report.worker, forwarding_->generation_number());
        spdlog::error("{}", program_warning(*program));
        return;
    }
    spdlog::error("worker {}: {} in {}, of a program that is gone by now", report.worker,
                  happened(report.fault), where);
}

void Commands::note_overrun(const OutReport& report) {
    const api::PortConfig& port = configure_.ports[report.port];
    const double took_ns = static_cast<double>(report.packet_cycles) * 1e9 /
                           static_cast<double>(forwarding_->tsc_hz());
    std::string text = fmt::format(
        "packets took {:.0f} ns each on worker {}, for {} bursts in a row; chain_budget is {} ns",
        took_ns, report.worker, kBudgetBursts, port.chain_budget_ns);
    spdlog::error("port {}: its chains are out of service: {}", port.name, text);
    over_budget_.emplace(port.name, std::move(text));
}

void Commands::tend_failures() {
    if (!forwarding_) return;
    const std::vector<OutReport> reports = forwarding_->out_of_service().take_reports();
    for (const OutReport& report : reports) {
        if (report.reason == OutReason::Fault) note_fault(report);
        if (report.reason == OutReason::Budget) note_overrun(report);
    }
    note_stuck_workers();
    const Clock::time_point now = Clock::now();
    const bool bypass_ends = bypass_.is_over(now);
    if (bypass_ends) {
        bypass_.end();
        spdlog::warn("bypass is over: packets are filtered again");
    }
    if (bypass_.is_to_be_said(now))
        spdlog::warn("bypass: nothing is filtered for another {} s", bypass_.left_ms(now) / 1000);
    if (reports.empty() && !bypass_ends) return;
    if (const auto published = publish_again(); !published)
        spdlog::error("{}", published.error().message);
}

void Commands::note_stuck_workers() {
    for (uint32_t w = 0; w < configure_.lcores.size(); ++w) {
        const std::string text = stuck_text(w);
        if (text.empty() && stuck_workers_.erase(w) != 0)
            spdlog::warn("worker {} makes rounds again", w);
        if (!text.empty() && stuck_workers_.insert(w).second)
            spdlog::error("worker {} is stuck {}", w, text);
    }
}

/// "for 0.7 s in instruction 3 of program fw"; empty: it is not.
std::string Commands::stuck_text(uint32_t worker) const {
    const WorkerWatch watch = forwarding_->watch(worker);
    if (!watch.is_stuck) return "";
    const std::string where =
        watch.instruction == 0
            ? "where it does not answer"
            : "in " + describe_address(registry_->published_programs(), watch.instruction);
    return fmt::format("for {:.1f} s {}{}", static_cast<double>(watch.stuck_ms) / 1000, where,
                       watch.has_cpu ? "" : ", and gets no CPU time");
}

/// Takes out of the chain what is out of service, or the whole chain.
void Commands::leave_out_faulty(const api::Chain& chain, PortChains& chains) const {
    std::vector<ChainEntry>& entries = chain.egress ? chains.egress : chains.ingress;
    OutReason& out = chain.egress ? chains.egress_out : chains.ingress_out;
    std::vector<ChainEntry> healthy;
    for (size_t i = 0; i < entries.size(); ++i) {
        const LoadedProgram& program = **registry_->program(chain.programs[i]);
        if (program.fault.empty())
            healthy.push_back(entries[i]);
        else if (!program.skip_on_fault)
            out = OutReason::Fault;
    }
    if (out != OutReason::None) healthy.clear();
    entries = std::move(healthy);
}

/// What comes in by a port over its budget meets no chain there, whichever chain was slow.
void Commands::leave_out_slow(Generation& generation) const {
    for (uint32_t p = 0; p < generation.ports.size(); ++p) {
        if (!over_budget_.contains(configure_.ports[p].name)) continue;
        generation.ports[p].ingress.clear();
        generation.ports[p].ingress_out = OutReason::Budget;
    }
}

std::string Commands::out_of_service_text(const api::PortConfig& port) const {
    std::string text;
    if (const auto over = over_budget_.find(port.name); over != over_budget_.end())
        text = over->second;
    for (const api::Chain& chain : published_.chains) {
        if (chain.port != port.name) continue;
        for (const Handle handle : chain.programs) {
            const auto program = registry_->program(handle);
            if (!program || (*program)->fault.empty() || (*program)->skip_on_fault) continue;
            fmt::format_to(std::back_inserter(text), "{}{}: program {}: {}",
                           text.empty() ? "" : "; ", chain.egress ? "egress" : "ingress",
                           (*program)->name, (*program)->fault);
        }
    }
    return text.empty() ? text : fmt::format("{}; {}", text, consequence(port.fail));
}

void Commands::add_failures(api::Status& status) const {
    status.bypass_left_ms = bypass_.left_ms(Clock::now());
    if (status.bypass_left_ms != 0)
        status.warnings.push_back(
            fmt::format("bypass: nothing is filtered for another {} s; `weir bypass off` ends it",
                        (status.bypass_left_ms + 999) / 1000));
    for (size_t p = 0; p < status.ports.size(); ++p) {
        std::string& text = status.ports[p].out_of_service;
        text = out_of_service_text(configure_.ports[p]);
        if (!text.empty())
            status.warnings.push_back(
                fmt::format("port {} is out of service: {}", status.ports[p].name, text));
    }
    for (const auto& program : registry_->published_programs())
        if (!program->fault.empty()) status.warnings.push_back(program_warning(*program));
    for (uint32_t w = 0; w < configure_.lcores.size(); ++w)
        if (const std::string text = stuck_text(w); !text.empty())
            status.warnings.push_back(fmt::format("worker {} is stuck {}", w, text));
}

Result<api::BypassState> Commands::run(Owner owner, const api::BypassRequest& request) {
    if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
    const Clock::time_point now = Clock::now();
    if (!request.change) return api::BypassState{bypass_.left_ms(now)};
    if (request.duration_ms > api::kBypassMsMax)
        return fail(ErrorKind::kInvalid, fmt::format("bypass for {} ms, at most {} are possible",
                                                     request.duration_ms, api::kBypassMsMax));
    const bool was_on = bypass_.is_on();
    if (request.duration_ms == 0)
        bypass_.end();
    else
        bypass_.begin(now, request.duration_ms);
    if (bypass_.is_on() != was_on) {
        if (const auto published = publish_again(); !published)
            return std::unexpected(published.error());
    }
    if (bypass_.is_on())
        spdlog::warn("bypass: peer {} lets everything pass unfiltered for {} s", owner,
                     request.duration_ms / 1000);
    else if (was_on)
        spdlog::warn("bypass: peer {} ends it, packets are filtered again", owner);
    return api::BypassState{bypass_.left_ms(now)};
}

}  // namespace weir::dataplane
