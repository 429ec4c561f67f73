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
        if (fact.access == PointerKind::Context && slots[pc].insn.op != Op::kLoad32)
            return unfit(fmt::format("insn {} is no load of a context field", pc));
    }
    if (proof.stack_bytes.size() != program.subprograms.size())
        return unfit(fmt::format("{} stack sizes for {} subprograms", proof.stack_bytes.size(),
                                 program.subprograms.size()));
    uint64_t most = 0;
    for (const uint32_t bytes : proof.stack_bytes) {
        if (bytes > kStackBytes) return unfit(fmt::format("a frame of {} bytes", bytes));
        most += bytes;
    }
    if (proof.stack_bytes_total > most)
        return unfit(fmt::format("{} bytes of stack in all", proof.stack_bytes_total));
    return {};
}

const XdpField* field_at(int16_t offset) {
    for (const XdpField& field : kXdpFields)
        if (int64_t{field.xdp_md_offset} == offset) return &field;
    return nullptr;
}

/// The load of an xdp_md field as the load of XdpContext's: same registers, other offset and width.
Result<Insn> native_load(const Insn& load, size_t pc) {
    const XdpField* field = field_at(load.off);
    if (field == nullptr)
        return unfit(fmt::format("insn {} loads from context offset {}", pc, load.off));
    Insn native = load;
    native.opcode = op_info(field->native_bytes == 8 ? Op::kLoad64 : Op::kLoad32).opcode;
    native.off = static_cast<int16_t>(field->native_offset);
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
            const Result<Insn> native = native_load(spec.insns[pc], pc);
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
