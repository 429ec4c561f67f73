#include "vm/cbpf/check.h"

#include <fmt/format.h>

#include <string>

namespace weir::vm::cbpf {
namespace {

using Checked = Result<void>;

std::unexpected<Error> invalid(size_t pc, const std::string& message) {
    return fail(ErrorKind::kInvalid, fmt::format("instruction {}: {}", pc, message));
}

/// SKF_AD_* by their distance from SKF_AD_OFF (include/uapi/linux/filter.h), in steps of 4.
constexpr auto kAncillaryNames = std::to_array<std::string_view>(
    {"protocol", "packet type", "interface index", "netlink attribute", "nested netlink attribute",
     "mark", "queue", "hardware type", "receive hash", "cpu", "alu xor x", "vlan tag",
     "vlan tag present", "payload offset", "random", "vlan protocol"});

std::unexpected<Error> refuse_negative_offset(size_t pc, uint32_t k) {
    if (k < kAncillaryOffsets)
        return fail(
            ErrorKind::kUnsupported,
            fmt::format("instruction {}: packet offset {:#x} counts from the {} ({}), which "
                        "is not offered; expected an offset from the first byte",
                        pc, k, k < kNetworkHeaderOffsets ? "link header" : "network header",
                        k < kNetworkHeaderOffsets ? "SKF_LL_OFF" : "SKF_NET_OFF"));
    const uint32_t which = k - kAncillaryOffsets;
    const bool named = which % 4 == 0 && which / 4 < kAncillaryNames.size();
    return fail(ErrorKind::kUnsupported,
                fmt::format("instruction {}: ancillary load '{}' (SKF_AD_OFF + {}) is not offered; "
                            "expected a load from the packet's bytes",
                            pc, named ? kAncillaryNames[which / 4] : "unknown", which));
}

Checked check_operand(const ClassicOp& op, const ClassicInsn& insn, size_t pc) {
    const bool reads_packet = op.form == Form::LoadAbsolute || op.form == Form::LoadIndexed ||
                              op.form == Form::LoadXHeader;
    if (reads_packet && insn.k >= kLinkHeaderOffsets) return refuse_negative_offset(pc, insn.k);
    if (op.form == Form::DivideConstant && insn.k == 0)
        return invalid(pc, fmt::format("{} by 0, expected a constant from 1 on", op.spelling));
    if (op.form == Form::ShiftConstant && insn.k > 31)
        return invalid(pc, fmt::format("{} by {}, expected 0 to 31", op.spelling, insn.k));
    const bool uses_scratch = op.form == Form::LoadScratch || op.form == Form::LoadXScratch ||
                              op.form == Form::Store || op.form == Form::StoreX;
    if (uses_scratch && insn.k >= kScratchWords)
        return invalid(pc, fmt::format("scratch word M[{}], expected M[0] to M[{}]", insn.k,
                                       kScratchWords - 1));
    return {};
}

Checked check_jump(const ClassicOp& op, const ClassicInsn& insn, size_t pc, size_t count) {
    const size_t last = count - 1;
    if (op.form == Form::Jump) {
        if (insn.k >> 31 != 0)
            return invalid(pc, fmt::format("ja goes back by {}, expected a jump forward: loops, as "
                                           "'protochain' makes them, are not offered",
                                           -int64_t{static_cast<int32_t>(insn.k)} - 1));
        if (insn.k >= count - pc - 1)
            return invalid(
                pc, fmt::format("ja goes to {}, expected {} to {}", pc + 1 + insn.k, pc + 1, last));
    }
    if (is_branch(op.form))
        for (const uint8_t skip : {insn.jt, insn.jf})
            if (pc + 1 + skip > last)
                return invalid(pc, fmt::format("{} goes to {}, expected {} to {}", op.spelling,
                                               pc + 1 + skip, pc + 1, last));
    return {};
}

Checked check_insn(std::span<const ClassicInsn> insns, size_t pc) {
    const ClassicInsn& insn = insns[pc];
    const ClassicOp* op = classic_op(insn.code);
    if (op == nullptr)
        return invalid(
            pc, fmt::format("code {:#06x}, expected an instruction of classic BPF", insn.code));
    if (const Checked operand = check_operand(*op, insn, pc); !operand) return operand;
    return check_jump(*op, insn, pc, insns.size());
}

/// One pass forward, as jumps go forward only: which scratch words every path to an instruction
/// has written. Like the kernel's check_load_and_stores, it lets a return run on into what
/// follows, and takes what nothing can reach as having everything written.
Checked check_scratch(std::span<const ClassicInsn> insns) {
    constexpr uint16_t kAllWords = 0xffff;
    std::vector<uint16_t> written_at(insns.size(), kAllWords);
    uint16_t written = 0;
    for (size_t pc = 0; pc < insns.size(); ++pc) {
        const ClassicInsn& insn = insns[pc];
        const Form form = classic_op(insn.code)->form;
        written &= written_at[pc];
        if (form == Form::Store || form == Form::StoreX) {
            written = static_cast<uint16_t>(written | 1u << insn.k);
        } else if (form == Form::LoadScratch || form == Form::LoadXScratch) {
            if ((written >> insn.k & 1) == 0)
                return invalid(pc, fmt::format("reads M[{0}], which a path to here has not "
                                               "written; expected a store to M[{0}] before",
                                               insn.k));
        } else if (form == Form::Jump) {
            written_at[pc + 1 + insn.k] &= written;
            written = kAllWords;
        } else if (is_branch(form)) {
            written_at[pc + 1 + insn.jt] &= written;
            written_at[pc + 1 + insn.jf] &= written;
            written = kAllWords;
        }
    }
    return {};
}

}  // namespace

Result<ClassicProgram> check(std::vector<ClassicInsn> insns) {
    if (insns.empty() || insns.size() > kInsnsMax)
        return fail(ErrorKind::kInvalid, fmt::format("{} instructions of classic BPF, expected 1 "
                                                     "to {}",
                                                     insns.size(), kInsnsMax));
    for (size_t pc = 0; pc < insns.size(); ++pc)
        if (const Checked checked = check_insn(insns, pc); !checked)
            return std::unexpected(checked.error());
    const ClassicOp& last = *classic_op(insns.back().code);
    if (!is_return(last.form))
        return invalid(insns.size() - 1,
                       fmt::format("the last one is {}, expected ret", last.spelling));
    if (const Checked scratch = check_scratch(insns); !scratch)
        return std::unexpected(scratch.error());
    return ClassicProgram(std::move(insns));
}

}  // namespace weir::vm::cbpf
