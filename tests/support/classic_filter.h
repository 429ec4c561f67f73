#pragma once
// A converted classic program in interpreter and machine code, for comparison with libpcap's
// bpf_filter() (vm/cbpf/reference.h).

#include <memory>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "vm/base/bytes.h"
#include "vm/cbpf/check.h"
#include "vm/cbpf/convert.h"

namespace weir::tests {

/// A converted program, verified and compiled.
class ConvertedFilter {
public:
    /// The verifier's refusal is an error with its words.
    static Result<ConvertedFilter> make(const vm::cbpf::ClassicProgram& program,
                                        vm::cbpf::LengthSource length);

    const vm::ProgramSpec& spec() const { return verified_->spec(); }
    uint64_t visited_insns() const { return verified_->proof().visited_insns; }

    /// What each engine returns: interpreter, machine code, machine code in a burst. Without
    /// LengthSource::Metadata, `wire_bytes` must be the packet's size.
    struct Results {
        uint32_t interp = 0, jit = 0, burst = 0;
        bool are(uint32_t wanted) const {
            return interp == wanted && jit == wanted && burst == wanted;
        }
    };
    Results run(ByteSpan packet, uint32_t wire_bytes);

private:
    std::shared_ptr<const vm::VerifiedProgram> verified_;
    std::unique_ptr<jit::CompiledProgram> interp_, jit_;
    Bytes memory_;
};

/// Both listings, for messages.
std::string listing(const vm::cbpf::ClassicProgram& program, const vm::ProgramSpec& spec);

}  // namespace weir::tests
