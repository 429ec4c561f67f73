// Spec and proof become a program that may run.

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/program/context.h"
#include "vm/verifier/spec_check.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {
namespace {

std::unexpected<Error> unfit(const std::string& what) {
    return fail(ErrorKind::kInvalid, "proof does not fit the program: " + what);
}

Result<void> check_facts(const ProgramSpec& program, const Proof& proof,
                         const std::vector<DecodedSlot>& slots) {
    if (proof.facts.size() != slots.size())
        return unfit(fmt::format("{} facts for {} instructions", proof.facts.size(), slots.size()));
    if (!proof.facts.front().reachable) return unfit("the first instruction is not reachable");
    for (size_t pc = 0; pc < slots.size(); ++pc) {
        const InsnFact& fact = proof.facts[pc];
        if (fact.reachable && slots[pc].second_slot)
            return unfit(fmt::format("insn {} is the second half of another", pc));
        if (fact.map != InsnFact::kUnknownMap && fact.map >= program.maps.size())
            return unfit(
                fmt::format("insn {} names map {} of {}", pc, fact.map, program.maps.size()));
        const Format format = op_info(slots[pc].insn.op).format;
        if (fact.access == PointerKind::Context && format != Format::Load &&
            format != Format::StoreReg && format != Format::StoreImm)
            return unfit(fmt::format("insn {} does not access a field of the context", pc));
    }
    if (proof.stack_bytes.size() != program.subprograms.size())
        return unfit(fmt::format("{} stack sizes for {} subprograms", proof.stack_bytes.size(),
                                 program.subprograms.size()));
    for (const TimerCallback& callback : proof.timer_callbacks)
        if (callback.subprogram == 0 || callback.subprogram >= program.subprograms.size() ||
            callback.map >= program.maps.size() ||
            program.maps[callback.map].timer_offset == kNoOffset)
            return unfit(fmt::format("function {} as callback of timers in map {}",
                                     callback.subprogram, callback.map));
    uint64_t most = 0;
    for (const uint32_t bytes : proof.stack_bytes) {
        if (bytes > kStackBytes) return unfit(fmt::format("a frame of {} bytes", bytes));
        most += bytes;
    }
    if (proof.stack_bytes_total > most)
        return unfit(fmt::format("{} bytes of stack in all", proof.stack_bytes_total));
    return {};
}

/// The access to a field of xdp_md or __sk_buff as one to XdpContext's or SkbContext's: same
/// registers, other offset and, of pointers, width.
Result<Insn> native_access(const ProgramSpec& spec, const DecodedInsn& insn, size_t pc) {
    const OpInfo& row = op_info(insn.op);
    const auto access = context_access({.type = spec.type,
                                        .hook = spec.hook,
                                        .offset = insn.off,
                                        .bytes = row.bits / 8u,
                                        .is_signed = row.name.starts_with("LoadSx"),
                                        .is_store = row.format != Format::Load});
    if (!access) return unfit(fmt::format("insn {}: {}", pc, access.error().message));
    Insn native = spec.insns[pc];
    if (access->native_bytes != row.bits / 8u) native.opcode = op_info(Op::kLoad64).opcode;
    native.off = static_cast<int16_t>(access->native_offset);
    return native;
}

}  // namespace

class ProofAcceptor {
public:
    static Result<VerifiedProgram> accept(ProgramSpec spec, Proof proof) {
        if (const verifier::Checked fits = verifier::check_spec(spec); !fits)
            return fail(ErrorKind::kInvalid, fits.error().message);
        const auto slots = decode_program(spec.insns);
        if (!slots) return std::unexpected(slots.error());
        if (const verifier::Checked starts = verifier::check_subprograms(spec, *slots); !starts)
            return fail(ErrorKind::kInvalid, starts.error().message);
        if (const Result<void> fits = check_facts(spec, proof, *slots); !fits)
            return std::unexpected(fits.error());
        VerifiedProgram program;
        program.code_ = spec.insns;
        for (size_t pc = 0; pc < spec.insns.size(); ++pc) {
            if (proof.facts[pc].access != PointerKind::Context) continue;
            const Result<Insn> native = native_access(spec, (*slots)[pc].insn, pc);
            if (!native) return std::unexpected(native.error());
            program.code_[pc] = *native;
        }
        auto rewritten = decode_program(program.code_);
        if (!rewritten) return std::unexpected(rewritten.error());
        program.slots_ = std::move(*rewritten);
        program.spec_ = std::move(spec);
        program.proof_ = std::move(proof);
        return program;
    }
};

Result<VerifiedProgram> accept(ProgramSpec program, Proof proof) {
    return ProofAcceptor::accept(std::move(program), std::move(proof));
}

}  // namespace weir::vm
