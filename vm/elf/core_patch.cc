#include "vm/elf/core_patch.h"

#include <fmt/format.h>

#include <bit>

namespace weir::vm::elf {

namespace {

// Fields of the opcode byte (RFC 9669, section 3).
constexpr uint8_t kClassMask = 0x07, kSourceReg = 0x08, kSizeMask = 0x18;
constexpr uint8_t kClassLd = 0, kClassLdx = 1, kClassSt = 2, kClassStx = 3, kClassAlu = 4,
                  kClassAlu64 = 7;

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

std::unexpected<Error> unexpected_value(int64_t found, uint64_t expected) {
    return bad(fmt::format("holds {}, but the object's types say {}", found,
                           static_cast<int64_t>(expected)));
}

/// Bytes of W, H, B and DW in the order of the opcode's size bits.
uint32_t access_bytes(uint8_t opcode) {
    constexpr uint32_t kBytes[] = {4, 2, 1, 8};
    return kBytes[(opcode & kSizeMask) >> 3];
}

Result<uint8_t> size_bits(uint32_t bytes) {
    for (uint8_t bits = 0; bits <= kSizeMask; bits = static_cast<uint8_t>(bits + 8))
        if (access_bytes(bits) == bytes) return bits;
    return bad(fmt::format("would load or store {} bytes at once", bytes));
}

Result<void> patch_alu(Insn& insn, const CoreChange& change) {
    if ((insn.opcode & kSourceReg) != 0) return bad("takes no constant");
    if (change.check_before && static_cast<uint64_t>(int64_t{insn.imm}) != change.before)
        return unexpected_value(insn.imm, change.before);
    insn.imm = static_cast<int32_t>(change.after);
    return {};
}

Result<void> patch_access(Insn& insn, const CoreChange& change) {
    if (change.check_before && static_cast<uint64_t>(int64_t{insn.off}) != change.before)
        return unexpected_value(insn.off, change.before);
    if (change.after > INT16_MAX)
        return bad(fmt::format("offset {} does not fit 16 bits", change.after));
    insn.off = static_cast<int16_t>(change.after);
    if (change.bytes_before == change.bytes_after) return {};
    if (access_bytes(insn.opcode) != change.bytes_before)
        return bad(fmt::format("takes {} bytes of a member of {}", access_bytes(insn.opcode),
                               change.bytes_before));
    const auto bits = size_bits(change.bytes_after);
    if (!bits) return std::unexpected(bits.error());
    insn.opcode = static_cast<uint8_t>((insn.opcode & ~kSizeMask) | *bits);
    return {};
}

Result<void> patch_load_imm64(std::span<Insn> insns, size_t at, const CoreChange& change) {
    if (insns[at].opcode != kOpcodeLoadImm64 || at + 1 >= insns.size() || insns[at].src != 0 ||
        insns[at].off != 0 || insns[at + 1] != Insn{.imm = insns[at + 1].imm})
        return bad("is no 64-bit load of a constant");
    const uint64_t found = (uint64_t{static_cast<uint32_t>(insns[at + 1].imm)} << 32) |
                           static_cast<uint32_t>(insns[at].imm);
    if (change.check_before && found != change.before)
        return unexpected_value(std::bit_cast<int64_t>(found), change.before);
    insns[at].imm = static_cast<int32_t>(change.after);
    insns[at + 1].imm = static_cast<int32_t>(change.after >> 32);
    return {};
}

bool is_access(uint8_t opcode) {
    const uint8_t insn_class = opcode & kClassMask;
    return insn_class == kClassLdx || insn_class == kClassSt || insn_class == kClassStx;
}

}  // namespace

void poison_insn(std::span<Insn> insns, size_t at) {
    const bool two_slots = insns[at].opcode == kOpcodeLoadImm64 && at + 1 < insns.size();
    const Insn poison{.opcode = kOpcodeCall, .imm = kPoisonHelper};
    insns[at] = poison;
    if (two_slots) insns[at + 1] = poison;
}

Result<bool> patch_insn(std::span<Insn> insns, size_t at, const CoreChange& change) {
    Insn& insn = insns[at];
    if (change.is_missing || (change.is_misread && is_access(insn.opcode))) {
        poison_insn(insns, at);
        return true;
    }
    Result<void> patched;
    switch (insn.opcode & kClassMask) {
        case kClassAlu:
        case kClassAlu64: patched = patch_alu(insn, change); break;
        case kClassLdx:
        case kClassSt:
        case kClassStx: patched = patch_access(insn, change); break;
        case kClassLd: patched = patch_load_imm64(insns, at, change); break;
        default:
            patched =
                bad(fmt::format("with opcode {:#04x} takes no CO-RE relocation", insn.opcode));
    }
    if (!patched) return std::unexpected(patched.error());
    return false;
}

}  // namespace weir::vm::elf
