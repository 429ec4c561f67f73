#include "tests/support/classic_filter.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "vm/cbpf/reference.h"
#include "vm/isa/disassemble.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr size_t kMetadataBytes = sizeof(uint32_t);

const vm::HelperTable& no_helpers() {
    static const vm::HelperTable kNone;
    return kNone;
}

}  // namespace

Result<ConvertedFilter> ConvertedFilter::make(const vm::cbpf::ClassicProgram& program,
                                              vm::cbpf::LengthSource length) {
    vm::ProgramSpec spec = vm::cbpf::convert(program, "filter", length);
    auto proof = vm::verify(spec);
    if (!proof)
        return fail(ErrorKind::kRejected, fmt::format("{} (insn {}, {})", proof.error().message,
                                                      proof.error().insn, proof.error().state));
    Result<vm::VerifiedProgram> verified = vm::accept(std::move(spec), std::move(*proof));
    if (!verified) return std::unexpected(verified.error());
    ConvertedFilter filter;
    filter.verified_ = std::make_shared<const vm::VerifiedProgram>(std::move(*verified));
    auto interp = jit::compile(filter.verified_, {}, no_helpers(), jit::Engine::kInterp);
    if (!interp) return std::unexpected(interp.error());
    auto machine_code = jit::compile(filter.verified_, {}, no_helpers(), jit::Engine::kJit);
    if (!machine_code) return std::unexpected(machine_code.error());
    filter.interp_ = std::move(*interp);
    filter.jit_ = std::move(*machine_code);
    return filter;
}

ConvertedFilter::Results ConvertedFilter::run(ByteSpan packet, uint32_t wire_bytes) {
    memory_.resize(kMetadataBytes + packet.size());
    std::memcpy(memory_.data(), &wire_bytes, kMetadataBytes);
    if (!packet.empty()) std::memcpy(memory_.data() + kMetadataBytes, packet.data(), packet.size());
    vm::XdpContext context{};
    context.frame_start = context.data_meta = memory_.data();
    context.data = memory_.data() + kMetadataBytes;
    context.data_end = context.frame_limit = memory_.data() + memory_.size();
    std::array<vm::XdpContext, 3> contexts = {context, context, context};
    vm::RunEnv env;
    Results results;
    results.interp = interp_->run(contexts[0], env);
    results.jit = jit_->run(contexts[1], env);
    std::array<uint32_t, 1> verdict{}, redirect{};
    jit_->run_burst(std::span(contexts).last(1), verdict, redirect, env);
    results.burst = verdict[0];
    return results;
}

std::string listing(const vm::cbpf::ClassicProgram& program, const vm::ProgramSpec& spec) {
    std::string text;
    const auto insns = program.insns();
    for (size_t i = 0; i < insns.size(); ++i) text += vm::cbpf::disassemble(insns[i], i) + "\n";
    return text + vm::disassemble_program(spec.insns);
}

}  // namespace weir::tests
