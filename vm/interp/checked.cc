// The instrumented interpreter: runs what nobody verified, and stops where the program would touch
// what it was not given, or break a rule that the kernel's verifier would have held it to.

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/interp/check_arguments.h"
#include "vm/interp/code_address.h"
#include "vm/interp/loaded_program.h"
#include "vm/interp/packet_load.h"
#include "vm/interp/step.h"

namespace weir::vm {
namespace {

constexpr uint64_t kBytesPerStep = 64;   ///< of helpers' memory, against the budget of steps
constexpr uint64_t kStepsPerRegion = 8;  ///< a look at one costs as much
constexpr uint32_t kStackAboveTailCall = 256;
constexpr uint16_t kArguments = 0x3e, kFramePointer = 1u << 10, kCalleeSaved = 0x3c0;

struct Checked {
    using Program = LoadedProgram;
    using M = Machine<Checked>;
    static constexpr bool kTranslatesContext = true;

    Checked(ProgramType type, uint64_t context, const XdpContext* packet, uint64_t insns_max)
        : run{type, context, MemoryModel(packet, type == ProgramType::Xdp), {}},
          insns_left(insns_max) {}

    RunState run;
    uint64_t insns_left;
    uint64_t insns = 0;
    uint32_t now = 0;  ///< the slot that runs
    uint32_t callbacks = 0;
    enum class Visits : uint8_t { Nothing, Elements, Samples };
    Visits visits = Visits::Nothing;       ///< what the helper that runs gives to its callback
    uint16_t initialised = kFramePointer;  ///< bit i: ri holds something
    std::array<uint16_t, kFramesMax> callers{};
    std::optional<RunFault> stopped;
    RunWatcher* watcher = nullptr;

    // -- faults
    /// The first one counts.
    bool fault(M& m, std::string what, FaultKind kind = FaultKind::Violation) {
        if (!stopped) stopped = RunFault{m.program->spec().name, now, std::move(what), kind};
        return false;
    }
    bool allowed(M& m, const Allowed& outcome) {
        return outcome.has_value() || fault(m, outcome.error());
    }
    bool spend(M& m, uint64_t steps) {
        if (insns_left < steps) return fault(m, "the budget of steps is spent", FaultKind::Budget);
        insns_left -= steps;
        return true;
    }

    bool may_step(M& m, Slot at) {
        if (stopped) return false;
        const auto index = static_cast<size_t>(at - m.program->code.data());
        now = static_cast<uint32_t>(index);
        if (index == m.program->code.size()) return fault(m, "runs past the end of the program");
        if (!spend(m, 1)) return false;
        ++insns;
        if (watcher != nullptr) [[unlikely]]
            show_step(m);
        const RegisterUse& use = m.program->uses[index];
        const unsigned reads = may_return_nothing(m, at) ? 0u : use.reads;
        if (const unsigned missing = reads & ~unsigned{initialised}; missing != 0)
            return fault(m, fmt::format("r{} is read, but nothing was written to it",
                                        std::countr_zero(missing)));
        if ((use.writes & kFramePointer) != 0)
            return fault(m, "r10 is the frame pointer and cannot be written");
        initialised |= use.writes;
        return true;
    }

    /// A function that the program calls itself: its caller may do without a result, but not read
    /// it.
    static bool may_return_nothing(M& m, Slot at) {
        return at->insn.op == Op::kExit && m.depth > m.entry_depth &&
               m.callers[m.depth - 1].resume != nullptr;
    }
    [[gnu::noinline]] void show_step(M& m) {
        const uint8_t* const low = m.bottom();
        watcher->step({.program = m.program->spec(),
                       .insn = now,
                       .depth = m.depth,
                       .initialised = initialised,
                       .registers = m.r,
                       .stack = {low, m.stack.data() + m.stack.size()},
                       .memory = run.memory});
    }

    // -- frames
    bool entered(M& m, Slot function) {
        callers[m.depth - 1] = initialised;
        initialised = (initialised & kArguments) | kFramePointer;
        begin_frame(m, function);
        return stack_fits(m);
    }
    /// Of the running program's frames, which are a chain.
    [[gnu::noinline]] bool stack_fits(M& m) {
        StackUse& use = run.memory.stack_use;
        use.seen();
        const auto refusal = use.refusal(m.entry_depth, m.depth + 1, *m.program);
        return !refusal || fault(m, *refusal);
    }
    bool grown_stack_fits(M& m) {
        if (!run.memory.stack_use.grew()) [[likely]]
            return true;
        return stack_fits(m);
    }
    /// The kernel lets a privileged program read stack that it never wrote; here that is zero.
    void begin_frame(M& m, Slot function) {
        run.memory.stack_use.begin(m.depth,
                                   static_cast<uint32_t>(function - m.program->code.data()));
        std::memset(m.bottom(), 0, kStackBytes);
        show_stack(m);
    }
    void show_stack(M& m) {
        run.memory.set_stack(reinterpret_cast<uint64_t>(m.bottom()), m.top(), m.r[10]);
    }
    void exits(M&, Slot) {}
    void left(M& m) {
        const auto low = reinterpret_cast<uint64_t>(m.bottom());
        if (const auto leak = run.holdings.end_frame(low, low + kStackBytes)) fault(m, *leak);
    }
    void returned(M& m) {
        initialised = static_cast<uint16_t>((callers[m.depth] & kCalleeSaved) | kFramePointer |
                                            (initialised & 1));
        m.env.program = m.program;
        show_stack(m);
    }
    void jumped(M& m) {
        left(m);
        begin_frame(m, m.program->code.data());
        m.r[1] = run.context;
        initialised = 1u << 1 | kFramePointer;
        run.memory.learn_maps(m.program->maps);
        m.env.program = m.program;
    }

    // -- memory
    bool is_context(uint64_t address) const {
        return run.context != 0 && address - run.context < context_bytes();
    }
    uint64_t context_bytes() const {
        return run.type == ProgramType::Xdp ? sizeof(XdpContext) : sizeof(SkbContext);
    }
    Result<ContextAccess> context_field(M& m, uint64_t address, uint32_t bytes, bool is_signed,
                                        bool is_store) const {
        return context_access({.type = run.type,
                               .hook = m.program->spec().hook,
                               .offset = static_cast<int64_t>(address - run.context),
                               .bytes = bytes,
                               .is_signed = is_signed,
                               .is_store = is_store});
    }

    template <unsigned bits>
    bool load_context(M& m, uint64_t address, bool is_signed, uint64_t& value) {
        const auto field = context_field(m, address, bits / 8, is_signed, false);
        if (!field) return fault(m, "context: " + field.error().message);
        value = 0;
        std::memcpy(&value, reinterpret_cast<const void*>(run.context + field->native_offset),
                    field->native_bytes);
        constexpr unsigned kUnused = 64 - bits;
        if (is_signed)
            value = static_cast<uint64_t>(static_cast<int64_t>(value << kUnused) >> kUnused);
        return true;
    }

    uint8_t* store_context(M& m, uint64_t address, uint32_t bytes, Touch touch) {
        if (is_atomic(touch)) {
            fault(m, "atomic instructions may not reach into the context");
            return nullptr;
        }
        const auto field = context_field(m, address, bytes, false, true);
        if (field) return reinterpret_cast<uint8_t*>(run.context + field->native_offset);
        fault(m, "context: " + field.error().message);
        return nullptr;
    }

    template <unsigned bits>
    uint8_t* reach(M& m, uint64_t address, Touch touch) {
        constexpr uint64_t kBytes = bits / 8;
        if (is_context(address)) return store_context(m, address, kBytes, touch);
        uint8_t* const memory = run.memory.reach(address, kBytes, touch);
        if (memory == nullptr)
            fault(m, run.memory.refusal(address, kBytes, touch));
        else if (is_atomic(touch) && address % kBytes != 0)
            fault(m, fmt::format("atomic access of {} bytes is not aligned", kBytes));
        grown_stack_fits(m);
        return stopped ? nullptr : memory;
    }

    bool load_address(M& m, Slot at, uint64_t& value) {
        if (at->insn.op == Op::kLoadCodeAddr) {
            value = code_address(static_cast<uint64_t>(now + 1 + at->insn.imm));
            return true;
        }
        Map* const map = m.program->maps[static_cast<size_t>(at->insn.imm)];
        value = reinterpret_cast<uint64_t>(map);
        if (at->insn.op == Op::kLoadMap) return true;
        const auto base = reinterpret_cast<uint64_t>(map->direct_value());
        value = base + static_cast<uint32_t>(at->insn.next_imm);
        if (!run.memory.learn(value_region(*map, base)))
            fault(m, "too many regions", FaultKind::Engine);
        return !stopped;
    }

    PacketLoad packet_bytes(M& m, int32_t offset, std::span<uint8_t> out);

    // -- calls
    CallSite call_site(M& m, const HelperInfo& info, bool is_kfunc) const {
        return {.info = info,
                .is_kfunc = is_kfunc,
                .insn = now,
                .arguments = std::span(m.r).subspan<1, 5>(),
                .functions = m.program->spec().subprograms,
                .initialised = initialised};
    }
    bool call(M& m, Callee callee, int64_t id);
    bool tail_target(M& m, const LoadedProgram*& target);
    uint64_t callback(M& m, uint64_t function, const std::array<uint64_t, 5>& arguments);
};

std::string not_offered(Callee callee, int64_t id) {
    if (callee == Callee::Kfunc) return fmt::format("kernel function {} is not offered", id);
    std::string refusal = helper_refusal(id);
    return refusal.empty() ? fmt::format("helper {} has no code here", id) : refusal;
}

/// Regions that finish_call goes over.
uint64_t walks_slices(const RunState& run, const HelperInfo& info) {
    const bool walks = info.changes_packet() || info.returns == ReturnKind::SliceOrNull;
    return walks ? run.memory.slice_walk() : 0;
}

bool Checked::call(M& m, Callee callee, int64_t id) {
    const bool is_kfunc = callee == Callee::Kfunc;
    const HelperInfo* info = is_kfunc ? kfunc_info(id) : helper_info(id);
    const HelperFn function =
        is_kfunc ? m.program->helpers.kfunc_at(id) : m.program->helpers.at(id);
    if (info == nullptr || function == nullptr)
        return fault(m, not_offered(callee, id), FaultKind::Engine);
    CallSite site = call_site(m, *info, is_kfunc);
    if (!allowed(m, check_call(run, site)) || !grown_stack_fits(m) ||
        !spend(m, site.bytes / kBytesPerStep + kStepsPerRegion * walks_slices(run, *info)))
        return false;
    const Visits before = visits;
    const uint32_t at = now;
    visits = site.is(HelperId::for_each_map_elem)    ? Visits::Elements
             : site.is(HelperId::user_ringbuf_drain) ? Visits::Samples
                                                     : Visits::Nothing;
    m.env.callback_failed = false;
    const uint64_t r0 = function(m.r[1], m.r[2], m.r[3], m.r[4], m.r[5], m.env);
    visits = before;
    now = at;
    if (stopped) return false;
    // What it could not take of a call that was allowed was too much for it.
    if (const Allowed finished = finish_call(run, site, r0); !finished)
        return fault(m, finished.error(), FaultKind::Engine);
    m.r[0] = r0;
    initialised = static_cast<uint16_t>((initialised & ~kArguments) | 1);
    return true;
}

/// kernel/bpf/verifier.c: none from callbacks, none while something is to be given back, and few
/// bytes of stack that the target cannot have.
bool Checked::tail_target(M& m, const LoadedProgram*& target) {
    CallSite site = call_site(m, *helper_info(number_of(HelperId::tail_call)), false);
    if (!allowed(m, check_call(run, site))) return false;
    if (callbacks != 0) fault(m, "a callback may not make a tail call");
    if (const uint32_t above = run.memory.stack_use.counted(m.entry_depth, m.depth);
        above >= kStackAboveTailCall)
        fault(m, fmt::format("a tail call with {} bytes of stack in the frames above, expected "
                             "fewer than {}",
                             above, kStackAboveTailCall));
    if (const auto leak = run.holdings.leak()) fault(m, *leak);
    if (stopped) return false;
    initialised &= static_cast<uint16_t>(~(kArguments | 1));
    const auto index = static_cast<uint32_t>(m.r[3]);
    const Runnable* const found =
        index < site.map->spec().entries_max ? site.map->program_at(index) : nullptr;
    if (found == nullptr) return true;
    target = dynamic_cast<const LoadedProgram*>(found);
    if (target == nullptr || target->spec().type != run.type)
        fault(m,
              fmt::format("slot {} of map {} holds no {} program of this engine", index,
                          site.map->spec().name, program_type_name(run.type)),
              FaultKind::Engine);
    else if (target->spec().has_frags != m.program->spec().has_frags)
        fault(m, fmt::format(
                     "slot {} of map {} holds {}, but only one of it and {} is of xdp.frags", index,
                     site.map->spec().name, target->spec().name, m.program->spec().name));
    return !stopped;
}

/// What a callback is given beside its context: an element, while it is visited.
class Visit {
public:
    Visit(MemoryModel& memory, const Map& map, uint64_t key, uint64_t value) : memory_(memory) {
        replaced_ = memory.at(key);
        key_ = {
            .base = key, .bytes = map.spec().key_bytes, .kind = RegionKind::MapKey, .map = &map};
        learned_ = memory.learn(key_) && memory.learn(value_region(map, value));
    }
    ~Visit() {
        memory_.forget(key_.base);
        if (replaced_) memory_.learn(*replaced_);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    bool learned() const { return learned_; }

private:
    MemoryModel& memory_;
    std::optional<Region> replaced_;
    Region key_;
    bool learned_ = false;
};

/// The dynptr of a sample, while it is lent. What was taken of it is void afterwards.
class Loan {
public:
    Loan(RunState& run, uint64_t dynptr, uint32_t insn) : run_(run), before_(run.lent_dynptr) {
        run.lent_dynptr = dynptr;
        run.holdings.make(StackObjectKind::SampleDynptr, dynptr, insn);
        number_ = run.holdings.intact(dynptr)->number;
    }
    ~Loan() {
        run_.lent_dynptr = before_;
        run_.holdings.remove_all(number_);
        run_.memory.forget_slices(number_);
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

private:
    RunState& run_;
    uint64_t before_;
    uint32_t number_ = 0;
};

uint64_t Checked::callback(M& m, uint64_t function, const std::array<uint64_t, 5>& arguments) {
    const uint16_t before = initialised;
    const Visits visited = visits;
    std::optional<Visit> visit;
    std::optional<Loan> loan;
    initialised = kArguments;
    if (visits == Visits::Samples) loan.emplace(run, arguments[0], now);
    if (visits == Visits::Elements) {
        visit.emplace(run.memory, *reinterpret_cast<const Map*>(arguments[0]), arguments[1],
                      arguments[2]);
        if (!visit->learned()) fault(m, "the run touches too many elements", FaultKind::Engine);
    }
    ++callbacks;
    const uint64_t r0 =
        stopped ? 0 : call_back(m, m.program->code.data() + slot_of(function), arguments);
    --callbacks;
    visits = visited;
    initialised = before;
    m.env.callback_failed = stopped.has_value();
    return r0;
}

/// For helpers that follow pointers out of a text's arguments.
bool may_read(RunEnv& env, uint64_t address, uint32_t bytes) {
    auto& m = *static_cast<Machine<Checked>*>(env.engine);
    return m.access.run.memory.may_read(address, bytes);
}

uint64_t call_checked(RunEnv& env, uint64_t function, const std::array<uint64_t, 5>& arguments) {
    auto& m = *static_cast<Machine<Checked>*>(env.engine);
    return m.access.callback(m, function, arguments);
}

/// Under the rules of check_ld_abs (kernel/bpf/verifier.c).
PacketLoad Checked::packet_bytes(M& m, int32_t offset, std::span<uint8_t> out) {
    if (run.type != ProgramType::SocketFilter)
        fault(m, "LD_ABS and LD_IND are for socket filters");
    else if (run.context == 0 || m.r[6] != run.context)
        fault(m, "LD_ABS and LD_IND need the context in r6");
    else if (const auto leak = run.holdings.leak())
        fault(m, *leak);
    if (stopped) return PacketLoad::Fault;
    initialised &= static_cast<uint16_t>(~kArguments);
    const auto& skb = *reinterpret_cast<const SkbContext*>(run.context);
    return load_packet_bytes(skb, offset, out) ? PacketLoad::Done : PacketLoad::Outside;
}

// ---- a run --------------------------------------------------------------------------------------

CheckedResult run_to_end(Machine<Checked>& m, const LoadedProgram& program, Slot entry) {
    Checked& access = m.access;
    const RunScope scope(m.env, m.program, call_checked, may_read, &m);
    m.env.callback_failed = false;
    m.env.stack_is_clean = true;  // begin_frame
    access.run.memory.learn_maps(program.maps);
    access.begin_frame(m, entry);
    run_from(m, entry);
    if (const auto leak = access.run.holdings.leak()) access.fault(m, *leak);
    access.run.holdings.give_everything_back(program.helpers, m.env);
    m.env.stack_is_clean = false;
    return {access.stopped ? 0 : static_cast<uint32_t>(m.r[0]), access.insns,
            std::move(access.stopped)};
}

CheckedResult run_packet(const CheckedProgram& program, ProgramType type, uint64_t context,
                         const XdpContext& packet, RunEnv& env, uint64_t insns_max,
                         RunWatcher* watcher) {
    const auto* const loaded = dynamic_cast<const LoadedProgram*>(&program);
    WEIR_CHECK(loaded != nullptr);  // make() gives no other
    if (program.spec().type != type)
        return {.fault = RunFault{program.spec().name, 0,
                                  fmt::format("a {} program does not take this context",
                                              program_type_name(program.spec().type))}};
    Checked access(type, context, &packet, insns_max);
    access.watcher = watcher;
    Machine<Checked> m(access, *loaded, env);
    m.r[1] = context;
    access.initialised |= 1u << 1;
    return run_to_end(m, *loaded, loaded->code.data());
}

}  // namespace

/// A timer's callback: map, key and value. Its budget of steps is its own.
uint64_t LoadedProgram::call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                             RunEnv& env) const {
    WEIR_CHECK(is_code_address(function) && slot_of(function) < code.size());
    Checked access(spec_.type, 0, nullptr, callback_insns_max_);
    Machine<Checked> m(access, *this, env);
    for (size_t i = 0; i < arguments.size(); ++i) m.r[i + 1] = arguments[i];
    access.initialised |= kArguments;
    access.callbacks = 1;
    const auto* const map = reinterpret_cast<const Map*>(arguments[0]);
    access.run.memory.learn_map(map);
    const Visit visit(access.run.memory, *map, arguments[1], arguments[2]);
    const CheckedResult result = run_to_end(m, *this, code.data() + slot_of(function));
    env.callback_failed = result.fault.has_value();
    if (result.fault && fault_sink_) fault_sink_(*result.fault);
    return result.retval;
}

CheckedResult run_checked(const CheckedProgram& program, XdpContext& context, RunEnv& env,
                          uint64_t insns_max, RunWatcher* watcher) {
    return run_packet(program, ProgramType::Xdp, reinterpret_cast<uint64_t>(&context), context, env,
                      insns_max, watcher);
}

CheckedResult run_checked(const CheckedProgram& program, SkbContext& context, RunEnv& env,
                          uint64_t insns_max, RunWatcher* watcher) {
    return run_packet(program, ProgramType::SocketFilter, reinterpret_cast<uint64_t>(&context),
                      context.frame, env, insns_max, watcher);
}

}  // namespace weir::vm
