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
    Result<OfflineMaps> maps = OfflineMaps::make(object, program);
    if (!maps) return std::unexpected(maps.error());
    std::unique_ptr<OfflineSet> set(new OfflineSet(object, program, std::move(*maps)));
    set->is_unverified_ = options.unverified;
    set->engine_ = options.engine;
    set->compile_options_ = options.compile;
    set->fib_ = options.fib;
    set->env_.fib = set->fib_.get();
    set->env_.printk = print_line;
    if (has_timers(set->maps_)) {
        set->timers_ = std::make_unique<vm::Timers>(kOfflineTimersMax);
        set->env_.timers = set->timers_.get();
    }
    if (const Result<BoundProgram> made = set->find_program(program.name); !made)
        return std::unexpected(made.error());
    if (const Result<void> bound = set->bind_slots(); !bound) return std::unexpected(bound.error());
    return set;
}

Result<void> OfflineSet::fill(const std::string& option) {
    const Result<void> filled =
        maps_.fill(option, [this](const std::string& name) { return find_program(name); });
    return filled ? bind_slots() : filled;
}

BoundProgram OfflineSet::Made::bound() const {
    const vm::Runnable* const program = compiled ? compiled->runnable() : checked.get();
    return {program, static_cast<uint32_t>(index + 1)};
}

/// Without an engine that was asked for, the first program's decides, since tail calls stay within
/// one.
Result<std::unique_ptr<jit::CompiledProgram>> OfflineSet::compile(
    const vm::ProgramSpec& program) const {
    if (program.type != vm::ProgramType::Xdp)
        return fail(ErrorKind::kUnsupported,
                    fmt::format("program {} is of type {}, expected xdp; '--engine interp "
                                "--unverified' runs it",
                                program.name, vm::program_type_name(program.type)));
    const Result<std::shared_ptr<const vm::VerifiedProgram>> proven = prove(program);
    if (!proven) return std::unexpected(proven.error());
    const Result<std::vector<vm::Map*>> maps = maps_.of(program);
    if (!maps) return std::unexpected(maps.error());
    const bool is_first = made_.empty();
    const jit::Engine engine =
        is_first ? engine_.value_or(jit::Engine::kJit) : made_[0].compiled->engine();
    Result<std::unique_ptr<jit::CompiledProgram>> compiled =
        jit::compile(*proven, *maps, maps::all_helpers(), engine, compile_options_);
    if (!compiled && is_first && !engine_) {
        fmt::print(stderr, "weir: the interpreter runs {}: {}\n", program.name,
                   compiled.error().message);
        compiled = jit::compile(*proven, *maps, maps::all_helpers(), jit::Engine::kInterp);
    }
    if (compiled && !is_first && (*compiled)->engine() != engine)
        return fail(ErrorKind::kResource, fmt::format("program {} cannot be machine code as {} is",
                                                      program.name, spec_.name));
    return compiled;
}

Result<std::unique_ptr<vm::CheckedProgram>> OfflineSet::make_checked(
    const vm::ProgramSpec& program) {
    Result<std::vector<vm::Map*>> maps = maps_.of(program);
    if (!maps) return std::unexpected(maps.error());
    Result<std::unique_ptr<vm::CheckedProgram>> made =
        vm::CheckedProgram::make(program, std::move(*maps), maps::all_helpers());
    if (!made) return fail(made.error().kind, "program " + made.error().message);
    (*made)->report_faults_to([this](const vm::RunFault& fault) { note_timer_fault(fault); });
    return made;
}

/// A program that a slot names may have slots of its own to fill. Each program comes once.
Result<void> OfflineSet::bind_slots() {
    for (; bound_count_ < made_.size(); ++bound_count_) {
        const Result<void> bound =
            maps_.bind_programs(object_.programs[made_[bound_count_].index],
                                [&](const std::string& name) { return find_program(name); });
        if (!bound) return bound;
    }
    return {};
}

/// Programs that slots name are made when the first slot asks for them.
Result<BoundProgram> OfflineSet::find_program(const std::string& name) {
    const auto found = std::ranges::find(object_.programs, name, &vm::ProgramSpec::name);
    if (found == object_.programs.end())
        return fail(ErrorKind::kInvalid,
                    fmt::format("value '{}', expected the name of a program", name));
    Made made{static_cast<size_t>(found - object_.programs.begin()), nullptr, nullptr};
    for (const Made& each : made_)
        if (each.index == made.index) return each.bound();
    if (found->type != spec_.type)
        return fail(ErrorKind::kInvalid,
                    fmt::format("program {} is of type {}, expected {} as {} is", name,
                                vm::program_type_name(found->type),
                                vm::program_type_name(spec_.type), spec_.name));
    if (is_unverified_) {
        Result<std::unique_ptr<vm::CheckedProgram>> checked = make_checked(*found);
        if (!checked) return std::unexpected(checked.error());
        made.checked = std::move(*checked);
    } else {
        Result<std::unique_ptr<jit::CompiledProgram>> compiled = compile(*found);
        if (!compiled) return std::unexpected(compiled.error());
        made.compiled = std::move(*compiled);
    }
    made_.push_back(std::move(made));
    return made_.back().bound();
}

std::string OfflineSet::refuse_frame(size_t bytes) const {
    if (spec_.type == vm::ProgramType::SocketFilter) return {};
    if (bytes >= kFrameBytesMin && bytes <= kFrameBytesMax) return {};
    return fmt::format("{} bytes, programs see frames of {} to {}", bytes, kFrameBytesMin,
                       kFrameBytesMax);
}

std::vector<OfflineOutcome> OfflineSet::run(std::span<Bytes> packets, uint32_t burst) {
    std::vector<OfflineOutcome> outcomes(packets.size());
    const size_t at_once = is_unverified_ ? 1 : burst;
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
        vm::CheckedResult result = vm::run_checked(*made_[0].checked, context, env_);
        outcome.retval = result.retval;
        outcome.fault = std::move(result.fault);
        return;
    }
    vm::XdpContext context = buffers_[0].load_xdp(packet, spec_.has_frags);
    if (!is_unverified_) {
        outcome.retval = made_[0].compiled->run(context, env_);
    } else {
        vm::CheckedResult result = vm::run_checked(*made_[0].checked, context, env_);
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
    made_[0].compiled->run_burst(std::span(contexts).first(count), std::span(verdicts).first(count),
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
