// Proven programs, watched. An Access like the one of proven.cc, whose every answer is the same.

#include "vm/interp/traced.h"

#include <algorithm>
#include <cstring>

#include "vm/base/check.h"
#include "vm/interp/code_address.h"
#include "vm/interp/step.h"

namespace weir::vm {
namespace {

/// A look-up in these marks the element as used, or has nothing to look up.
bool lookup_is_felt(MapType type) {
    switch (type) {
        case MapType::Hash:
        case MapType::Array:
        case MapType::PercpuHash:
        case MapType::PercpuArray:
        case MapType::LpmTrie: return false;
        default: return true;
    }
}

struct Traced {
    using Program = ProvenCode;
    using M = Machine<Traced>;
    static constexpr bool kTranslatesContext = false;

    XdpContext* context;
    RunRecorder& recorder;
    TraceOptions options;
    TracedStep* last = nullptr;  ///< to be completed when its result is known
    Slot last_at = nullptr;
    TracedWrite* written = nullptr;
    const uint8_t* written_at = nullptr;

    [[noreturn]] static void fault(M&, const char*) {
        check_failed(__FILE__, __LINE__, "a proven program has no fault");
    }

    // -- steps
    void show_frame(M& m) { recorder.set_frame(m.r[10], m.stack); }

    static uint64_t read(const uint8_t* from, uint32_t bytes) {
        uint64_t value = 0;
        std::memcpy(&value, from, bytes);
        return value;
    }

    /// What the instruction before did.
    void complete(M& m, Slot next) {
        if (written != nullptr) written->after = read(written_at, written->bytes);
        written = nullptr;
        if (last == nullptr) return;
        switch (op_info(last_at->insn.op).format) {
            case Format::AluImm:
            case Format::AluReg:
            case Format::AluUnary:
            case Format::ByteOrder:
            case Format::LoadImm64:
            case Format::Load: last->a = recorder.value_of(m.r[last_at->insn.dst]); break;
            default: break;
        }
        last->jumped = next != nullptr && next != last_at + last_at->insn.slots();
        last = nullptr;
    }

    void note_memory(Slot at, bool stores, uint64_t operand, uint64_t base) {
        const uint64_t address = base + static_cast<uint64_t>(at->insn.off);
        if (last != nullptr) {
            last->a = recorder.value_of(operand);
            last->b = recorder.value_of(address);
        }
        if (!stores) return;
        written_at = reinterpret_cast<const uint8_t*>(address);
        written = recorder.write(address, op_info(at->insn.op).bits / 8u);
        if (written != nullptr) written->before = read(written_at, written->bytes);
    }

    void note_operands(M& m, Slot at) {
        const DecodedInsn& insn = at->insn;
        const OpInfo& info = op_info(insn.op);
        const auto imm = static_cast<uint64_t>(insn.imm);
        switch (info.format) {
            case Format::JumpImm: note_compared(info.bits, m.r[insn.dst], imm); break;
            case Format::JumpReg: note_compared(info.bits, m.r[insn.dst], m.r[insn.src]); break;
            case Format::MayGoto: note_compared(64, m.may_gotos_left, 0); break;
            case Format::Exit: note_compared(64, m.r[0], 0); break;
            case Format::Load: note_memory(at, false, 0, m.r[insn.src]); break;
            case Format::StoreImm: note_memory(at, true, imm, m.r[insn.dst]); break;
            case Format::StoreReg: note_memory(at, true, m.r[insn.src], m.r[insn.dst]); break;
            case Format::Atomic: {
                const bool loads = info.spelling == "load_acquire";
                note_memory(at, !loads, m.r[insn.src], m.r[loads ? insn.src : insn.dst]);
                break;
            }
            default: break;
        }
    }

    void note_compared(unsigned bits, uint64_t a, uint64_t b) {
        if (last == nullptr) return;
        last->a = bits == 32 ? TracedValue{static_cast<uint32_t>(a)} : recorder.value_of(a);
        last->b = bits == 32 ? TracedValue{static_cast<uint32_t>(b)} : recorder.value_of(b);
    }

    bool may_step(M& m, Slot at) {
        complete(m, at);
        last = recorder.step(m.program->runnable,
                             static_cast<uint32_t>(at - m.program->code.data()), m.depth);
        last_at = at;
        note_operands(m, at);
        return true;
    }

    // -- memory
    template <unsigned>
    uint8_t* reach(M&, uint64_t address, Touch) {
        return reinterpret_cast<uint8_t*>(address);
    }

    bool load_address(M& m, Slot at, uint64_t& value) {
        const DecodedInsn& insn = at->insn;
        if (insn.op == Op::kLoadCodeAddr) {
            const auto slot = static_cast<uint32_t>(at + 1 + insn.imm - m.program->code.data());
            value = m.program->runnable->function_address(slot);
            return true;
        }
        const auto index = static_cast<size_t>(insn.imm);
        WEIR_CHECK(index < m.program->maps.size());
        Map* const map = m.program->maps[index];
        recorder.map_index(map);
        if (insn.op == Op::kLoadMap) {
            value = reinterpret_cast<uint64_t>(map);
            return true;
        }
        recorder.learn(map->direct_value(), map->spec().value_bytes, map, {});
        value =
            reinterpret_cast<uint64_t>(map->direct_value()) + static_cast<uint32_t>(insn.next_imm);
        return true;
    }

    PacketLoad packet_bytes(M&, int32_t, std::span<uint8_t>) const {
        check_failed(__FILE__, __LINE__, "an XDP program loads no packet bytes by LD_ABS");
    }

    // -- calls
    bool call(M& m, Callee callee, int64_t id) {
        const bool is_kfunc = callee == Callee::Kfunc;
        const HelperFn function =
            is_kfunc ? m.program->helpers->kfunc_at(id) : m.program->helpers->at(id);
        const HelperInfo* const info = is_kfunc ? kfunc_info(id) : helper_info(id);
        if (function == nullptr || info == nullptr) fault(m, "unknown helper");
        TracedStep* const step = last;
        last = nullptr;  // a callback's steps come in between
        Map* const map = map_of(m, *info);
        if (options.before != nullptr && map != nullptr)
            options.before->access(*map, *info, key_of(m, *info));
        TracedCall* const noted = recorder.call(id, is_kfunc);
        if (noted != nullptr) note_call(m, *info, map, *noted);
        m.r[0] = function(m.r[1], m.r[2], m.r[3], m.r[4], m.r[5], m.env);
        complete(m, nullptr);  // of the callback's last instruction
        show_frame(m);
        note_result(m, *info, map, noted);
        if (step != nullptr) step->a = noted != nullptr ? noted->result : TracedValue{m.r[0]};
        return true;
    }

    template <typename Visit>
    static void each_argument(const HelperInfo& info, const Visit& visit) {
        for (size_t i = 0; i < info.args.size(); ++i) visit(info.args[i], i + 1);
    }

    static uint64_t argument_of(M& m, const HelperInfo& info, ArgKind wanted) {
        uint64_t found = 0;
        each_argument(info, [&](ArgKind kind, size_t reg) {
            if (kind == wanted) found = m.r[reg];
        });
        return found;
    }
    static Map* map_of(M& m, const HelperInfo& info) {
        return reinterpret_cast<Map*>(argument_of(m, info, ArgKind::Map));
    }
    static const uint8_t* key_of(M& m, const HelperInfo& info) {
        return reinterpret_cast<const uint8_t*>(argument_of(m, info, ArgKind::MapKey));
    }
    static const uint8_t* value_of(M& m, const HelperInfo& info, ArgKind kind) {
        return reinterpret_cast<const uint8_t*>(argument_of(m, info, kind));
    }

    void note_call(M& m, const HelperInfo& info, Map* map, TracedCall& noted) {
        each_argument(info, [&](ArgKind kind, size_t reg) {
            if (kind != ArgKind::None) noted.args[reg - 1] = recorder.value_of(m.r[reg]);
        });
        if (map == nullptr) return;
        noted.map = recorder.map_index(map);
        if (const uint8_t* key = key_of(m, info)) {
            noted.key = recorder.keep(key, map->spec().key_bytes);
            const bool looks = info.returns == ReturnKind::MapValueOrNull;
            if (!looks && !lookup_is_felt(map->spec().type))
                if (const uint8_t* value = map->lookup(key, m.env.cpu))
                    noted.before = recorder.keep(value, map->spec().value_bytes);
        }
        if (const uint8_t* value = value_of(m, info, ArgKind::MapValue))
            noted.value = recorder.keep(value, map->spec().value_bytes);
    }

    void note_result(M& m, const HelperInfo& info, Map* map, TracedCall* noted) {
        const auto* const memory = reinterpret_cast<const uint8_t*>(m.r[0]);
        const bool given = memory != nullptr;
        const TracedBytes key = noted != nullptr ? noted->key : TracedBytes{};
        if (info.returns == ReturnKind::MapValueOrNull && given) {
            if (is_map_in_map(map->spec().type)) {
                recorder.map_index(reinterpret_cast<const Map*>(m.r[0]));
            } else {
                recorder.learn(memory, map->spec().value_bytes, map, key);
                if (noted != nullptr) noted->value = recorder.keep(memory, map->spec().value_bytes);
            }
        } else if (info.returns == ReturnKind::RecordOrNull && given) {
            const auto bytes = static_cast<uint32_t>(argument_of(m, info, ArgKind::RecordSize));
            recorder.learn(memory, bytes, nullptr, {});
        }
        if (noted == nullptr) return;
        if (const uint8_t* out = value_of(m, info, ArgKind::MapValueOut); out && m.r[0] == 0)
            noted->value = recorder.keep(out, map->spec().value_bytes);
        noted->result = recorder.value_of(m.r[0]);
        noted->is_done = true;
    }

    bool tail_target(M& m, const ProvenCode*& target) {
        auto& map = *reinterpret_cast<Map*>(m.r[2]);
        const auto index = static_cast<uint32_t>(m.r[3]);
        if (options.before != nullptr) options.before->tail_call(map, index);
        const Runnable* const found =
            index < map.spec().entries_max ? map.program_at(index) : nullptr;
        if (found != nullptr) target = options.find(found);
        if (TracedCall* noted = recorder.call(number_of(HelperId::tail_call), false)) {
            noted->map = recorder.map_index(&map);
            noted->args[2] = TracedValue{index};
            noted->is_done = target == nullptr || m.tail_calls == kTailCallsMax;
        }
        return true;
    }

    bool entered(M& m, Slot) {
        show_frame(m);
        return true;
    }
    void exits(M& m, Slot at) const {
        if (m.depth == m.entry_depth && is_aborted(m.r[0]))
            note_abort(m.env.aborts, m.program->number,
                       static_cast<uint32_t>(at - m.program->code.data()));
    }
    void left(M&) {}
    void returned(M& m) {
        m.env.program = m.program->runnable;
        show_frame(m);
    }
    void jumped(M& m) {
        m.r[1] = reinterpret_cast<uint64_t>(context);
        m.env.program = m.program->runnable;
    }

    /// The slot of a function by the address that its program's engine gives for it.
    static Slot function_at(const ProvenCode& program, uint64_t address) {
        for (const Subprogram& function : program.spec->subprograms)
            if (program.runnable->function_address(function.insn) == address)
                return program.code.data() + function.insn;
        check_failed(__FILE__, __LINE__, "a callback is a function of its program");
    }
};

uint64_t call_traced(RunEnv& env, uint64_t function, const std::array<uint64_t, 5>& arguments) {
    auto& m = *static_cast<Machine<Traced>*>(env.engine);
    const uint64_t result = call_back(m, Traced::function_at(*m.program, function), arguments);
    m.access.complete(m, nullptr);
    m.access.show_frame(m);
    return result;
}

}  // namespace

uint32_t interpret_traced(const ProvenCode& program, XdpContext& context, RunEnv& env,
                          RunRecorder& recorder, const TraceOptions& options) {
    WEIR_CHECK(program.spec != nullptr && program.runnable != nullptr && options.find != nullptr);
    recorder.begin_run(program.runnable, context);
    Traced access{.context = &context, .recorder = recorder, .options = options};
    Machine<Traced> m(access, program, env);
    m.r[1] = reinterpret_cast<uint64_t>(&context);
    access.show_frame(m);
    const RunScope scope(env, program.runnable, call_traced, nullptr, &m);
    run_from(m, program.code.data());
    access.complete(m, nullptr);
    const auto retval = static_cast<uint32_t>(m.r[0]);
    recorder.end_run(retval, context, env);
    return retval;
}

}  // namespace weir::vm
