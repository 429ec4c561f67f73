#include "dataplane/packet_filter.h"

#include <fmt/format.h>

#include "maps/maps.h"
#include "vm/isa/insn.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

using vm::Format;

/// Proven to be safe is not enough: a filter runs beside the programs and must not be felt.
Result<void> check_only_looks(const vm::VerifiedProgram& program) {
    const std::span<const vm::DecodedSlot> slots = program.slots();
    for (size_t i = 0; i < slots.size(); ++i) {
        const vm::InsnFact& fact = program.proof().facts[i];
        if (slots[i].second_slot || !fact.reachable) continue;
        const Format format = op_info(slots[i].insn.op).format;
        const bool stores =
            format == Format::StoreImm || format == Format::StoreReg || format == Format::Atomic;
        if (stores && fact.access != vm::PointerKind::Stack)
            return fail(ErrorKind::kRejected,
                        fmt::format("filter: insn {} stores to memory that is not its stack", i));
        if ((format == Format::Call && slots[i].insn.op != vm::Op::kCallLocal) ||
            format == Format::CallReg)
            return fail(ErrorKind::kRejected,
                        fmt::format("filter: insn {} calls a helper, a filter may not", i));
    }
    return {};
}

Result<void> check_kind(const vm::ProgramSpec& spec) {
    if (spec.type != vm::ProgramType::Xdp)
        return fail(ErrorKind::kRejected,
                    fmt::format("filter: type {}, expected xdp", vm::program_type_name(spec.type)));
    if (!spec.maps.empty())
        return fail(ErrorKind::kRejected,
                    fmt::format("filter: it uses {} maps, expected none", spec.maps.size()));
    return {};
}

}  // namespace

Result<std::unique_ptr<const PacketFilter>> load_filter(const vm::ProgramSpec& spec, Prover& prover,
                                                        std::optional<vm::Rejection>& rejection) {
    if (const Result<void> fits = check_kind(spec); !fits) return std::unexpected(fits.error());
    std::expected<vm::Proof, vm::Rejection> proof = prover.prove(spec);
    if (!proof) {
        rejection = proof.error();
        return fail(ErrorKind::kRejected, fmt::format("filter: insn {}: {} ({})", rejection->insn,
                                                      rejection->message, rejection->rule));
    }
    Result<vm::VerifiedProgram> accepted = vm::accept(spec, std::move(*proof));
    if (!accepted) return fail_in("filter", accepted.error());
    const auto verified = std::make_shared<const vm::VerifiedProgram>(std::move(*accepted));
    if (const Result<void> looks = check_only_looks(*verified); !looks)
        return std::unexpected(looks.error());
    Result<std::unique_ptr<jit::CompiledProgram>> compiled =
        jit::compile(verified, {}, maps::all_helpers(), jit::Engine::kJit);
    if (!compiled && compiled.error().kind == ErrorKind::kUnsupported)
        compiled = jit::compile(verified, {}, maps::all_helpers(), jit::Engine::kInterp);
    if (!compiled) return fail_in("filter", compiled.error());
    return std::make_unique<const PacketFilter>(std::move(*compiled));
}

}  // namespace weir::dataplane
