#include "tests/differential/trial.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "maps/maps.h"
#include "maps/reclaim.h"
#include "tests/support/fact_check.h"
#include "tests/support/insns.h"
#include "tests/support/state_check.h"
#include "vm/base/check.h"
#include "vm/interp/interp.h"
#include "vm/isa/helper_ids.h"

namespace weir::tests {
namespace {

constexpr uint64_t kStepsMax = 20'000;
constexpr size_t kStaleBytes = 192 * 1024;  ///< more than a run's stack

/// Leaves `byte` where the next call will have its frame.
[[gnu::noinline]] void soil_stack(uint8_t byte) {
    volatile uint8_t stale[kStaleBytes];
    for (size_t i = 0; i < kStaleBytes; i += 8) {
        uint64_t word = 0x0101010101010101 * byte;
        std::memcpy(const_cast<uint8_t*>(&stale[i]), &word, sizeof word);
    }
    asm volatile("" : : "r"(&stale[0]) : "memory");
}

/// Two runs of it may differ: by the time, or by the order of elements.
bool is_free(const vm::DecodedInsn& insn, const std::vector<vm::MapSpec>& maps) {
    if (insn.op == vm::Op::kLoadMap)
        return maps[static_cast<size_t>(insn.imm)].type == vm::MapType::LruHash;
    if (insn.op != vm::Op::kCallHelper) return false;
    switch (static_cast<vm::HelperId>(insn.imm)) {
        case vm::HelperId::ktime_get_ns:
        case vm::HelperId::jiffies64:
        case vm::HelperId::ktime_get_boot_ns:
        case vm::HelperId::ktime_get_coarse_ns:
        case vm::HelperId::ktime_get_tai_ns:
        case vm::HelperId::tcp_gen_syncookie:
        case vm::HelperId::tcp_raw_gen_syncookie_ipv4:
        case vm::HelperId::tcp_raw_gen_syncookie_ipv6:
        case vm::HelperId::timer_start:
        case vm::HelperId::for_each_map_elem: return true;
        default: return false;
    }
}

vm::SkbContext filter_context(const vm::XdpContext& frame) {
    vm::SkbContext skb;
    skb.frame = frame;
    skb.len = static_cast<uint32_t>(frame.data_end - frame.data);
    skb.protocol_be16 = 8;
    skb.ifindex = 1;
    skb.network_offset = 14;
    return skb;
}

/// No timer outlives its program.
struct Drop {
    vm::Timers& timers;
    const vm::Runnable& program;
    ~Drop() { timers.drop_program(program); }
};

struct Ended {
    uint32_t retval = 0;
    Bytes packet;
    std::optional<vm::RunFault> fault;
};

}  // namespace

struct Trial::Case {
    const vm::ProgramSpec& program;
    std::vector<vm::DecodedSlot> code;
    std::optional<StateBook> book;
    std::unique_ptr<vm::CheckedProgram> checked;
    std::optional<vm::VerifiedProgram> verified;
    std::optional<std::string> callback_fault;
    bool checks_cost = true;
    bool has_tail_calls = false;
    bool twins_agree = true;  ///< nothing in it depends on time, or takes too much of it
};

Trial::Trial(std::vector<vm::MapSpec> maps)
    : specs_(std::move(maps)), checked_(specs_), left_(specs_), right_(specs_) {
    make_targets();
}

/// One that does nothing, and one that moves the packet's start.
void Trial::make_targets() {
    constexpr auto kAdjustHead = static_cast<int32_t>(vm::HelperId::xdp_adjust_head);
    const InsnWriter idle = InsnWriter().mov(0, 2).exit();
    const InsnWriter moves = InsnWriter().mov(2, 8).call(kAdjustHead).mov(0, 2).exit();
    for (const bool has_frags : {false, true})
        for (const InsnWriter* code : {&idle, &moves}) {
            vm::ProgramSpec spec;
            spec.name = "target";
            spec.has_frags = has_frags;
            spec.maps = specs_;
            spec.subprograms = {{"target", 0}};
            spec.insns = code->insns();
            auto made = vm::CheckedProgram::make(
                spec, {checked_.maps.all().begin(), checked_.maps.all().end()},
                maps::all_helpers());
            WEIR_CHECK(made.has_value());
            targets_.push_back(std::move(*made));
        }
}

/// Slot by slot what this program may call, in every other one nothing.
void Trial::bind_targets(const vm::ProgramSpec& program) {
    const bool is_xdp = program.type == vm::ProgramType::Xdp;
    for (vm::Map* map : checked_.maps.all()) {
        if (map->spec().type != vm::MapType::ProgArray) continue;
        for (uint32_t slot = 0; slot < std::min(map->spec().entries_max, 4u); slot += 2) {
            const auto* const key = reinterpret_cast<const uint8_t*>(&slot);
            map->control_erase(key);
            if (is_xdp)
                map->bind_program(key, targets_[program.has_frags * 2u + slot / 2].get(), 1);
        }
    }
}

void Trial::refill(uint64_t seed) {
    for (Side* side : {&checked_, &left_, &right_}) {
        Random random(seed);
        side->maps.fill(random);
    }
}

namespace {

/// A real packet, cut, with some bytes that matter changed.
Bytes spoilt(std::span<const uint8_t> packet, Random& random) {
    Bytes bytes(packet.begin(), packet.end());
    bytes.resize(std::min(bytes.size(), kTrialPacketMax));
    if (random.one_in(2)) bytes.resize(random.below(static_cast<uint32_t>(bytes.size()) + 1));
    for (uint32_t i = random.below(4); i > 0 && !bytes.empty(); --i)
        bytes[random.below(static_cast<uint32_t>(std::min<size_t>(bytes.size(), 80)))] =
            static_cast<uint8_t>(edge_number(random));
    return bytes;
}

}  // namespace

Trial::Input Trial::make_input(Random& random, uint32_t run, const TrialPlan& plan,
                               bool has_frags) {
    Input input;
    const uint32_t bytes = random.one_in(12) ? random.below(1500) : random.below(101);
    input.packet.resize(bytes);
    fill_bytes(input.packet, random);
    if (!plan.packets.empty() && !random.one_in(4))
        input.packet =
            spoilt(plan.packets[random.below(static_cast<uint32_t>(plan.packets.size()))], random);
    if (random.one_in(2)) input.room = {random.below(64), 0, random.below(64), true};
    if (random.one_in(4)) input.room.meta = 4 * random.below(9);
    input.room.at_end = run % 4 != 3;
    if (has_frags && random.one_in(2))
        input.room.apart = random.below(static_cast<uint32_t>(input.packet.size()) + 1);
    input.seed = random.next();
    return input;
}

vm::RunEnv Trial::environment(Side& side, uint64_t seed) const {
    vm::RunEnv env;
    env.prandom_state = seed | 1;
    env.timers = &side.timers;
    env.syncookies.keys = {{{1, 2}, {3, 4}}};
    return env;
}

std::string Trial::run_checked(Case& trial, const Input& input, bool watched, TrialEnd& end) {
    vm::XdpContext context = checked_.frame.place(input.packet, input.room);
    vm::RunEnv env = environment(checked_, input.seed);
    const bool is_filter = trial.program.type == vm::ProgramType::SocketFilter;
    vm::SkbContext skb = filter_context(context);
    vm::XdpContext& packet = is_filter ? skb.frame : context;
    TraceRecorder recorder(trial.code, packet);
    vm::RunWatcher* const watcher = watched ? &recorder : nullptr;
    const vm::CheckedResult result =
        is_filter ? vm::run_checked(*trial.checked, skb, env, kStepsMax, watcher)
                  : vm::run_checked(*trial.checked, context, env, kStepsMax, watcher);
    const vm::Proof& proof = trial.verified->proof();
    if (result.fault) {
        end = TrialEnd::Faulted;
        if (result.fault->kind == vm::FaultKind::Engine) return {};
        // A long run is no fault where it is proven to be no longer than that.
        if (result.fault->kind == vm::FaultKind::Budget && proof.worst_insns >= kStepsMax)
            return {};
        return fmt::format("insn {}: {}", result.fault->insn, result.fault->message);
    }
    if (trial.checks_cost && !trial.has_tail_calls && result.insns > proof.worst_insns) {
        end = TrialEnd::AgainstFacts;
        return fmt::format("{} instructions, at most {} are proven", result.insns,
                           proof.worst_insns);
    }
    checked_.timers.run_due(vm::kNoDeadline - 1, env);
    if (trial.callback_fault) {
        end = TrialEnd::Faulted;
        return "timer: " + *trial.callback_fault;
    }
    if (!watched) return {};
    const uint64_t address =
        is_filter ? reinterpret_cast<uint64_t>(&skb) : reinterpret_cast<uint64_t>(&context);
    const RunTrace trace = recorder.finish();
    const StateCheckSetup setup{trial.program, trial.code, checked_.maps.all(), address};
    end = TrialEnd::AgainstFacts;
    if (const auto what = against_facts(setup, proof, trace)) return *what;
    end = TrialEnd::OutsideOfStates;
    return outside_of_states(setup, *trial.book, trace).value_or("");
}

std::string Trial::run_twins(const Case& trial, const Input& input) {
    Ended ended[2];
    for (Side* side : {&left_, &right_}) {
        Ended& end = ended[side == &right_];
        vm::XdpContext context = side->frame.place(input.packet, input.room);
        vm::RunEnv env = environment(*side, input.seed);
        soil_stack(side == &left_ ? 0xa5 : 0x3c);
        if (trial.program.type == vm::ProgramType::SocketFilter) {
            vm::SkbContext skb = filter_context(context);
            end.retval =
                vm::interpret(*trial.verified, side->maps.all(), maps::all_helpers(), skb, env);
        } else {
            end.retval =
                vm::interpret(*trial.verified, side->maps.all(), maps::all_helpers(), context, env);
        }
        end.packet.assign(context.data_meta, context.data_end);
    }
    // A socket filter may return an address: it says how much of the packet is kept.
    const bool is_seen = trial.program.type != vm::ProgramType::SocketFilter;
    if (is_seen && ended[0].retval != ended[1].retval)
        return fmt::format("returned {:#x} and {:#x}", ended[0].retval, ended[1].retval);
    if (ended[0].packet != ended[1].packet) return "the packets differ";
    for (size_t i = 0; i < specs_.size(); ++i) {
        if (specs_[i].type != vm::MapType::Array || specs_[i].timer_offset != vm::kNoOffset)
            continue;
        const auto a = left_.maps.at(i)->array_layout(), b = right_.maps.at(i)->array_layout();
        if (a && std::memcmp(a->base, b->base, size_t{a->entries} * a->stride_bytes) != 0)
            return fmt::format("map {} differs", specs_[i].name);
    }
    return {};
}

namespace {

bool has_contracts(const vm::ProgramSpec& program) {
    return std::ranges::any_of(program.subprograms, [](const vm::Subprogram& function) {
        return function.contract.has_value();
    });
}

}  // namespace

std::expected<vm::Proof, TrialResult> Trial::judge(Case& trial, const TrialPlan& plan) {
    const vm::ProgramSpec& program = trial.program;
    if (plan.watched_runs > 0) trial.book.emplace(program.insns.size());
    auto proof = trial.book ? vm::verifier::verify_observed(program, plan.budget, *trial.book)
                            : vm::verify(program, plan.budget);
    if (has_contracts(program)) {
        auto by_contract = vm::verify(program, plan.budget);
        // Stack that is given as memory is bytes like any other, which need not be aligned.
        const bool knows_less =
            proof || proof.error().rule == "budget" || proof.error().rule == "stack-alignment";
        if (by_contract && !knows_less)
            return std::unexpected(TrialResult{
                TrialEnd::Faulted,
                {},
                "by contracts it is accepted, where calls are walked: " + proof.error().message});
        if (by_contract && !proof) trial.book.reset();
        proof = std::move(by_contract);
    }
    if (proof) return std::move(*proof);
    return std::unexpected(
        TrialResult{TrialEnd::Rejected, proof.error().rule, proof.error().message});
}

TrialResult Trial::run(const vm::ProgramSpec& program, uint64_t seed, const TrialPlan& plan) {
    const maps::ReaderScope reader;
    Case trial{.program = program, .code = {}, .book = {}, .checked = {}, .verified = {}};
    trial.checks_cost = plan.checks_cost;
    auto proof = judge(trial, plan);
    if (!proof) return proof.error();
    trial.code = decode_program(program.insns).value();
    auto checked = vm::CheckedProgram::make(
        program, {checked_.maps.all().begin(), checked_.maps.all().end()}, maps::all_helpers());
    if (!checked) return {TrialEnd::NotLoaded, {}, checked.error().message};
    trial.checked = std::move(*checked);
    trial.checked->report_faults_to([&](const vm::RunFault& fault) {
        if (fault.kind == vm::FaultKind::Violation)
            trial.callback_fault = fmt::format("insn {}: {}", fault.insn, fault.message);
    });
    bind_targets(program);
    auto verified = vm::accept(program, std::move(*proof));
    if (!verified) return {TrialEnd::Faulted, {}, "not accepted: " + verified.error().message};
    trial.verified = std::move(*verified);
    trial.twins_agree =
        trial.verified->proof().worst_insns < kStepsMax &&
        std::ranges::none_of(
            trial.code,
            [&](const vm::DecodedSlot& slot) { return is_free(slot.insn, program.maps); });
    trial.has_tail_calls = std::ranges::any_of(trial.code, [](const vm::DecodedSlot& slot) {
        return slot.insn.op == vm::Op::kCallHelper &&
               slot.insn.imm == number_of(vm::HelperId::tail_call);
    });
    refill(seed);
    Random random(seed);
    const Drop drop{checked_.timers, *trial.checked};
    for (uint32_t run = 0; run < plan.runs; ++run) {
        const Input input = make_input(random, run, plan, program.has_frags);
        TrialResult result{TrialEnd::Passed, {}, {}};
        result.what = run_checked(trial, input, trial.book && run < plan.watched_runs, result.end);
        if (result.what.empty() && trial.twins_agree && run < plan.twin_runs) {
            result.end = TrialEnd::Leaked;
            result.what = run_twins(trial, input);
        }
        if (result.what.empty()) continue;
        result.what += fmt::format("\n  run {}, a packet of {} bytes", run, input.packet.size());
        return result;
    }
    return {TrialEnd::Passed, {}, {}};
}

}  // namespace weir::tests
