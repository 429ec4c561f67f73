#pragma once
// Classic BPF: instructions over an accumulator A, an index X and sixteen words of scratch memory
// (S. McCanne and V. Jacobson, "The BSD Packet Filter", USENIX Winter 1993; struct sock_filter of
// include/uapi/linux/filter.h).

#include <array>
#include <cstdint>
#include <string_view>

#include "vm/isa/insn.h"

namespace weir::vm::cbpf {

/// As struct sock_filter and libpcap's struct bpf_insn, bit for bit.
struct ClassicInsn {
    uint16_t code = 0;
    uint8_t jt = 0;  ///< a branch: slots to skip when the comparison holds
    uint8_t jf = 0;  ///< and when it does not
    uint32_t k = 0;

    friend bool operator==(const ClassicInsn&, const ClassicInsn&) = default;
};
static_assert(sizeof(ClassicInsn) == 8);

constexpr uint32_t kInsnsMax = 4096;    ///< the kernel's BPF_MAXINSNS
constexpr uint32_t kScratchWords = 16;  ///< the kernel's BPF_MEMWORDS
/// What a packet offset means from here on in the kernel: SKF_LL_OFF (from the link header),
/// SKF_NET_OFF (from the network header) and SKF_AD_OFF (ancillary data), all negative.
constexpr uint32_t kLinkHeaderOffsets = 0xffe00000;
constexpr uint32_t kNetworkHeaderOffsets = 0xfff00000;
constexpr uint32_t kAncillaryOffsets = 0xfffff000;

/// What an instruction does; `p` is the packet.
enum class Form : uint8_t {
    LoadAbsolute,    ///< A = p[k]
    LoadIndexed,     ///< A = p[X + k]
    LoadLength,      ///< A = length of the packet on the wire
    LoadConstant,    ///< A = k
    LoadScratch,     ///< A = M[k]
    LoadXHeader,     ///< X = 4 * (p[k] & 15)
    LoadXLength,     ///< X = length of the packet on the wire
    LoadXConstant,   ///< X = k
    LoadXScratch,    ///< X = M[k]
    Store,           ///< M[k] = A
    StoreX,          ///< M[k] = X
    AluConstant,     ///< A = A op k
    AluX,            ///< A = A op X
    DivideConstant,  ///< A = A op k, where k may not be 0
    DivideX,         ///< A = A op X; X = 0 returns 0
    ShiftConstant,   ///< A = A op k, where k must be below 32
    ShiftX,          ///< A = A op X, and 0 from 32 on
    Negate,          ///< A = -A
    Jump,            ///< skip k
    BranchConstant,  ///< skip jt if A op k, else jf
    BranchX,         ///< skip jt if A op X, else jf
    ReturnConstant,  ///< return k
    ReturnA,         ///< return A
    MoveToX,         ///< X = A
    MoveFromX,       ///< A = X
};

/// One row of insn.def.
struct ClassicOp {
    uint16_t code;
    Form form;
    uint8_t bytes;
    Op op;
    Op inverse;
    std::string_view spelling;
};

inline constexpr auto kClassicOps = std::to_array<ClassicOp>({
#define WEIR_CBPF(code, form, bytes, op, inverse, spelling) \
    {code, Form::form, bytes, Op::k##op, Op::k##inverse, spelling},
#include "vm/cbpf/insn.def"
});

/// The row of a code, or nullptr.
constexpr const ClassicOp* classic_op(uint16_t code) {
    for (const ClassicOp& row : kClassicOps)
        if (row.code == code) return &row;
    return nullptr;
}

constexpr bool is_branch(Form form) {
    return form == Form::BranchConstant || form == Form::BranchX;
}
constexpr bool is_return(Form form) {
    return form == Form::ReturnConstant || form == Form::ReturnA;
}

}  // namespace weir::vm::cbpf
