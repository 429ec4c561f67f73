#pragma once
// Constant blinding, as the kernel's bpf_jit_harden: no constant of 32 or 64 bits stands in
// code, so that nobody can plant instructions there to jump to. A constant becomes its exclusive or
// with a random key, and another one with the key puts it right.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::jit {

/// Random numbers out of getrandom(2), fetched a few at a time.
class BlindingKeys {
public:
    /// Every call gives another. 0 where the system has no random numbers to give.
    uint64_t next();

private:
    std::array<uint64_t, 32> keys_{};
    size_t left_ = 0;
};

}  // namespace weir::jit
