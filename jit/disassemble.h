#pragma once
// Machine code as text, for people and tests: a library of its own, which no packet path links.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace weir::jit {

struct MachineInsn {
    uint32_t offset = 0;
    uint32_t bytes = 0;
    std::string text;  ///< as objdump and bpftool write it: "mov %rsp, %rbp"
};

/// What lies at an address: "bpf_ktime_get_ns", or "" for a bare number.
using NameOf = std::function<std::string(uint64_t address)>;

/// The instructions of code[begin, end) as they run at `address`, where the first byte of `code`
/// lies. Addresses that have a name stand there by it: "call
/// bpf_ktime_get_ns", "mov $map[flows], %rdi". Jumps inside the code go to an offset: "jnz 0x2c".
/// Bytes that are no instruction: ".byte 0x06".
std::vector<MachineInsn> disassemble(std::span<const uint8_t> code, uint64_t address,
                                     uint32_t begin, uint32_t end, const NameOf& name_of);

}  // namespace weir::jit
