#include "vm/cbpf/reference.h"

#include <pcap/bpf.h>

#include <cstddef>
#include <mutex>

namespace weir::vm::cbpf {

// A ClassicInsn is a bpf_insn by another name, so that a program need not be copied per packet.
static_assert(sizeof(bpf_insn) == sizeof(ClassicInsn));
static_assert(offsetof(bpf_insn, code) == offsetof(ClassicInsn, code));
static_assert(offsetof(bpf_insn, jt) == offsetof(ClassicInsn, jt));
static_assert(offsetof(bpf_insn, jf) == offsetof(ClassicInsn, jf));
static_assert(offsetof(bpf_insn, k) == offsetof(ClassicInsn, k));

uint32_t run_reference(const ClassicProgram& program, ByteSpan packet, uint32_t wire_bytes) {
    static constexpr uint8_t kNothing = 0;
    return bpf_filter(reinterpret_cast<const bpf_insn*>(program.insns().data()),
                      packet.empty() ? &kNothing : packet.data(), wire_bytes,
                      static_cast<u_int>(packet.size()));
}

std::string disassemble(const ClassicInsn& insn, size_t pc) {
    // bpf_image() prints into memory that all callers share.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    const bpf_insn copy{insn.code, insn.jt, insn.jf, insn.k};
    return bpf_image(&copy, static_cast<int>(pc));
}

}  // namespace weir::vm::cbpf
