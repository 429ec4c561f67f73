#pragma once
// A filter that workers run over packets to choose some of them, for a trace or a capture: an XDP
// program that only looks, such as vm/cbpf makes of a pcap expression.

#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/prover.h"
#include "jit/jit.h"
#include "vm/program/verified.h"

namespace weir::dataplane {

/// Immutable; any number of workers may run it at once.
class PacketFilter {
public:
    explicit PacketFilter(std::unique_ptr<const jit::CompiledProgram> compiled)
        : compiled_(std::move(compiled)) {}

    /// Reads the packet that `context` describes (of one in segments the first, linear part) and
    /// changes nothing.
    bool matches(vm::XdpContext& context, vm::RunEnv& env) const {
        return compiled_->run(context, env) != 0;
    }

    const jit::CompiledProgram& program() const { return *compiled_; }

private:
    std::unique_ptr<const jit::CompiledProgram> compiled_;
};

/// Proven by the prover and compiled as a program is. Refused (kRejected) is also what could leave
/// a trace: maps, calls, stores to anything but the stack. Of a refusal by the prover `rejection`
/// says where. Control thread.
Result<std::unique_ptr<const PacketFilter>> load_filter(const vm::ProgramSpec& spec, Prover& prover,
                                                        std::optional<vm::Rejection>& rejection);

}  // namespace weir::dataplane
