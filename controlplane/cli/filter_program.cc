#include "controlplane/cli/filter_program.h"

#include <fmt/core.h>

#include <cstring>

#include "controlplane/cli/object_options.h"
#include "maps/maps.h"
#include "vm/cbpf/reference.h"

namespace weir::controlplane::cli {

Result<FilterProgram> FilterProgram::make(vm::cbpf::ClassicProgram classic,
                                          vm::cbpf::LengthSource length,
                                          std::optional<jit::Engine> engine) {
    FilterProgram filter(std::move(classic));
    Result<std::shared_ptr<const vm::VerifiedProgram>> proven =
        prove(vm::cbpf::convert(filter.classic_, "filter", length));
    if (!proven) return std::unexpected(proven.error());
    filter.verified_ = std::move(*proven);
    Result<std::unique_ptr<jit::CompiledProgram>> compiled =
        jit::compile(filter.verified_, {}, maps::all_helpers(), engine.value_or(jit::Engine::kJit));
    if (!compiled && !engine) {
        fmt::print(stderr, "weir: the interpreter runs the filter: {}\n", compiled.error().message);
        compiled = jit::compile(filter.verified_, {}, maps::all_helpers(), jit::Engine::kInterp);
    }
    if (!compiled) return std::unexpected(compiled.error());
    filter.compiled_ = std::move(*compiled);
    return filter;
}

uint32_t FilterProgram::run(ByteSpan packet, uint32_t wire_bytes) {
    if (packet.size() > vm::cbpf::kReachBytes)
        return vm::cbpf::run_reference(classic_, packet, wire_bytes);
    memory_.resize(sizeof wire_bytes + packet.size());
    std::memcpy(memory_.data(), &wire_bytes, sizeof wire_bytes);
    if (!packet.empty())
        std::memcpy(memory_.data() + sizeof wire_bytes, packet.data(), packet.size());
    vm::XdpContext context{};
    context.frame_start = context.data_meta = memory_.data();
    context.data = memory_.data() + sizeof wire_bytes;
    context.data_end = context.frame_limit = memory_.data() + memory_.size();
    return compiled_->run(context, env_);
}

}  // namespace weir::controlplane::cli
