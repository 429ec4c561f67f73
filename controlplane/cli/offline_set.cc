#include "controlplane/cli/offline_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "controlplane/cli/object_options.h"
#include "maps/maps.h"
#include "vm/base/limits.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kOfflineTimersMax = 65'536;

/// bpf_printk of an offline run is for the person who runs it.
void print_line(void*, const char* text, uint32_t length) {
    fmt::print(stderr, "{}\n", std::string_view(text, length));
}

bool has_timers(const OfflineMaps& maps) {
    return std::any_of(maps.all().begin(), maps.all().end(),
                       [](const auto& map) { return map->spec().timer_offset != vm::kNoOffset; });
}

}  // namespace

Result<std::unique_ptr<OfflineSet>> OfflineSet::make(const vm::ObjectSpec& object,
                                                     const vm::ProgramSpec& program,
                                                     const OfflineOptions& options) {
    std::shared_ptr<const vm::VerifiedProgram> verified;
    if (!options.unverified) {
        Result<std::shared_ptr<const vm::VerifiedProgram>> proven = prove(program);
        if (!proven) return std::unexpected(proven.error());
        verified = std::move(*proven);
    }
    Result<OfflineMaps> maps = OfflineMaps::make(object, program);
    if (!maps) return std::unexpected(maps.error());
    std::unique_ptr<OfflineSet> set(new OfflineSet(object, program, std::move(*maps)));
    set->verified_ = std::move(verified);
    set->fib_ = options.fib;
    set->env_.fib = set->fib_.get();
    set->env_.printk = print_line;
    if (has_timers(set->maps_)) {
        set->timers_ = std::make_unique<vm::Timers>(kOfflineTimersMax);
        set->env_.timers = set->timers_.get();
    }
    const Result<void> made =
        options.unverified ? set->make_checked() : set->compile(options.engine);
    if (!made) return std::unexpected(made.error());
    return set;
}

Result<void> OfflineSet::fill(const std::string& option) {
    const Result<void> filled =
        maps_.fill(option, [this](const std::string& name) { return find_program(name); });
    return filled ? bind_slots() : filled;
}

Result<void> OfflineSet::compile(std::optional<jit::Engine> engine) {
    const Result<std::vector<vm::Map*>> maps = maps_.of(spec_);
    if (!maps) return std::unexpected(maps.error());
    Result<std::unique_ptr<jit::CompiledProgram>> compiled =
        jit::compile(verified_, *maps, maps::all_helpers(), engine.value_or(jit::Engine::kJit));
    if (!compiled && !engine) {
        fmt::print(stderr, "weir: the interpreter runs {}: {}\n", spec_.name,
                   compiled.error().message);
        compiled = jit::compile(verified_, *maps, maps::all_helpers(), jit::Engine::kInterp);
    }
    if (!compiled) return std::unexpected(compiled.error());
    compiled_ = std::move(*compiled);
    return {};
}

Result<void> OfflineSet::make_checked() {
    if (const Result<BoundProgram> made = find_checked(spec_.name); !made)
        return std::unexpected(made.error());
    return bind_slots();
}

/// A program that a slot names may have slots of its own to fill. Each program comes once.
Result<void> OfflineSet::bind_slots() {
    for (; bound_count_ < checked_.size(); ++bound_count_) {
        const Result<void> bound =
            maps_.bind_programs(checked_[bound_count_]->spec(),
                                [&](const std::string& name) { return find_checked(name); });
        if (!bound) return bound;
    }
    return {};
}

/// Programs that slots name are made when the first slot asks for them.
Result<BoundProgram> OfflineSet::find_checked(const std::string& name) {
    for (size_t i = 0; i < object_.programs.size(); ++i) {
        const vm::ProgramSpec& program = object_.programs[i];
        if (program.name != name) continue;
        const auto id = static_cast<uint32_t>(i + 1);
        for (const std::unique_ptr<vm::CheckedProgram>& checked : checked_)
            if (checked->spec().name == name) return BoundProgram{checked.get(), id};
        if (program.type != spec_.type)
            return fail(ErrorKind::kInvalid,
                        fmt::format("program {} is of type {}, expected {} as {} is", name,
                                    vm::program_type_name(program.type),
                                    vm::program_type_name(spec_.type), spec_.name));
        Result<std::vector<vm::Map*>> maps = maps_.of(program);
        if (!maps) return std::unexpected(maps.error());
        Result<std::unique_ptr<vm::CheckedProgram>> made =
            vm::CheckedProgram::make(program, std::move(*maps), maps::all_helpers());
        if (!made) return fail(made.error().kind, "program " + made.error().message);
        (*made)->report_faults_to([this](const vm::RunFault& fault) { note_timer_fault(fault); });
        checked_.push_back(std::move(*made));
        return BoundProgram{checked_.back().get(), id};
    }
    return fail(ErrorKind::kInvalid,
                fmt::format("value '{}', expected the name of a program", name));
}

Result<BoundProgram> OfflineSet::find_program(const std::string& name) {
    if (compiled_ == nullptr) return find_checked(name);
    return fail(ErrorKind::kUnsupported,
                fmt::format("program '{}' in a prog array: tail calls of proven programs are not "
                            "offered yet, --engine interp --unverified runs them",
                            name));
}

std::string OfflineSet::refuse_frame(size_t bytes) const {
    if (spec_.type == vm::ProgramType::SocketFilter) return {};
    if (bytes >= kFrameBytesMin && bytes <= kFrameBytesMax) return {};
    return fmt::format("{} bytes, programs see frames of {} to {}", bytes, kFrameBytesMin,
                       kFrameBytesMax);
}

std::vector<OfflineOutcome> OfflineSet::run(std::span<Bytes> packets, uint32_t burst) {
    std::vector<OfflineOutcome> outcomes(packets.size());
    const size_t at_once = compiled_ == nullptr ? 1 : burst;
    buffers_.resize(at_once);
    std::vector<size_t> pending;
    const auto flush = [&] {
        if (pending.empty()) return;
        if (at_once == 1)
            run_one(packets[pending[0]], outcomes[pending[0]]);
        else
            run_burst(packets, pending, outcomes);
        pending.clear();
        run_timers();
    };
    for (size_t i = 0; i < packets.size(); ++i) {
        outcomes[i].error = refuse_frame(packets[i].size());
        if (!outcomes[i].error.empty()) continue;
        pending.push_back(i);
        if (pending.size() == at_once) flush();
    }
    flush();
    return outcomes;
}

void OfflineSet::run_one(Bytes& packet, OfflineOutcome& outcome) {
    env_.redirect_ifindex = 0;
    outcome.ran = true;
    if (spec_.type == vm::ProgramType::SocketFilter) {
        vm::SkbContext context = buffers_[0].load_socket(packet);
        vm::CheckedResult result = vm::run_checked(*checked_[0], context, env_);
        outcome.retval = result.retval;
        outcome.fault = std::move(result.fault);
        return;
    }
    vm::XdpContext context = buffers_[0].load_xdp(packet, spec_.has_frags);
    if (compiled_ != nullptr) {
        outcome.retval = compiled_->run(context, env_);
    } else {
        vm::CheckedResult result = vm::run_checked(*checked_[0], context, env_);
        outcome.retval = result.retval;
        outcome.fault = std::move(result.fault);
    }
    if (outcome.retval == vm::XDP_REDIRECT) outcome.redirect_ifindex = env_.redirect_ifindex;
    packet = packet_bytes_of(context);
}

void OfflineSet::run_burst(std::span<Bytes> packets, std::span<const size_t> chosen,
                           std::vector<OfflineOutcome>& outcomes) {
    std::array<vm::XdpContext, kBurstPacketsMax> contexts;
    std::array<uint32_t, kBurstPacketsMax> verdicts{}, redirects{};
    const size_t count = chosen.size();
    for (size_t slot = 0; slot < count; ++slot)
        contexts[slot] = buffers_[slot].load_xdp(packets[chosen[slot]], spec_.has_frags);
    compiled_->run_burst(std::span(contexts).first(count), std::span(verdicts).first(count),
                         std::span(redirects).first(count), env_);
    for (size_t slot = 0; slot < count; ++slot) {
        OfflineOutcome& outcome = outcomes[chosen[slot]];
        outcome.ran = true;
        outcome.retval = verdicts[slot];
        if (outcome.retval == vm::XDP_REDIRECT) outcome.redirect_ifindex = redirects[slot];
        packets[chosen[slot]] = packet_bytes_of(contexts[slot]);
    }
}

void OfflineSet::note_timer_fault(const vm::RunFault& fault) {
    ++timer_faults_.count;
    if (timer_faults_.first.size() < kTimerFaultsKept) timer_faults_.first.push_back(fault);
}

void OfflineSet::run_timers() {
    if (timers_ == nullptr) return;
    const uint64_t now_ns = vm::system_clock_ns(CLOCK_MONOTONIC);
    // A callback that arms itself anew for now waits for the next packet.
    if (timers_->next_deadline_ns() <= now_ns) timers_->run_due(now_ns, env_);
}

}  // namespace weir::controlplane::cli
