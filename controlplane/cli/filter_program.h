#pragma once
// A filter in this process: a classic program, its conversion proven and compiled, and the memory
// of one packet.

#include <memory>
#include <optional>

#include "jit/jit.h"
#include "vm/base/bytes.h"
#include "vm/cbpf/analysis.h"
#include "vm/cbpf/check.h"
#include "vm/cbpf/convert.h"

namespace weir::controlplane::cli {

class FilterProgram {
public:
    /// Without a wish for an engine, machine code if this machine has a back end.
    static Result<FilterProgram> make(vm::cbpf::ClassicProgram classic,
                                      vm::cbpf::LengthSource length,
                                      std::optional<jit::Engine> engine);

    const vm::cbpf::ClassicProgram& classic() const { return classic_; }
    const vm::ProgramSpec& spec() const { return verified_->spec(); }
    uint64_t visited_insns() const { return verified_->proof().visited_insns; }

    /// What bpf_filter() would return, for a packet of any length. The length on the wire stands
    /// as metadata in front of the packet. What is longer than a program can see goes to libpcap.
    uint32_t run(ByteSpan packet, uint32_t wire_bytes);

private:
    explicit FilterProgram(vm::cbpf::ClassicProgram classic) : classic_(std::move(classic)) {}

    vm::cbpf::ClassicProgram classic_;
    std::shared_ptr<const vm::VerifiedProgram> verified_;
    std::unique_ptr<jit::CompiledProgram> compiled_;
    Bytes memory_;
    vm::RunEnv env_;
};

}  // namespace weir::controlplane::cli
