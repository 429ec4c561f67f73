#include "vm/isa/disassemble.h"

#include <bit>

#include <fmt/format.h>

namespace weir::vm {
namespace {

std::string hex(int64_t value) {
    const auto bits = static_cast<uint64_t>(value);
    return value < 0 ? fmt::format("-{:#x}", 0 - bits) : fmt::format("{:#x}", bits);
}

std::string distance(int64_t slots) {
    return (slots < 0 ? "" : "+") + hex(slots);
}

std::string wide(uint8_t reg) {
    return fmt::format("r{}", reg);
}
std::string sized(uint8_t reg, uint8_t bits) {
    return fmt::format("{}{}", bits == 64 ? 'r' : 'w', reg);
}

/// "r3 - 0x18"
std::string address(uint8_t reg, int16_t off) {
    const int distance_bytes = off;
    return fmt::format("r{} {} {:#x}", reg, off < 0 ? '-' : '+',
                       off < 0 ? -distance_bytes : distance_bytes);
}

std::string unary(const OpInfo& row, const DecodedInsn& insn) {
    return fmt::format("{0} = {1}{0}", sized(insn.dst, row.bits), row.spelling);
}

std::string alu_reg(const OpInfo& row, const DecodedInsn& insn) {
    const std::string dst = sized(insn.dst, row.bits);
    const std::string src = sized(insn.src, row.bits);
    if (row.spelling.starts_with("(")) return fmt::format("{} = {}{}", dst, row.spelling, src);
    return fmt::format("{} {} {}", dst, row.spelling, src);
}

std::string call(const DecodedInsn& insn) {
    if (insn.op == Op::kCallLocal) return "call pc" + distance(insn.imm);
    if (insn.op == Op::kCallHelper) return "call " + hex(insn.imm);
    return insn.off == 0 ? "call kfunc " + hex(insn.imm)
                         : fmt::format("call kfunc {}, {}", hex(insn.imm), hex(insn.off));
}

std::string load_imm64(const OpInfo& row, const DecodedInsn& insn) {
    const auto low = static_cast<uint32_t>(insn.imm);
    const auto next = static_cast<uint32_t>(insn.next_imm);
    if (insn.op == Op::kLoadImm64) return fmt::format("{} = {} ll", wide(insn.dst), hex(insn.imm));
    if (insn.op == Op::kLoadMap && next == 0)
        return fmt::format("{} = map[{}] ll", wide(insn.dst), low);
    if (insn.op == Op::kLoadMapValue)
        return fmt::format("{} = map[{}][0] + {:#x} ll", wide(insn.dst), low, next);
    const std::string head =
        fmt::format("ld_pseudo {}, {:#x}, {:#x}", wide(insn.dst), row.src, low);
    return next == 0 ? head : fmt::format("{}, {:#x}", head, next);
}

std::string load_packet_ind(const OpInfo& row, const DecodedInsn& insn) {
    const std::string index =
        insn.imm == 0 ? wide(insn.src)
                      : fmt::format("{} {} {}", wide(insn.src), insn.imm < 0 ? '-' : '+',
                                    hex(insn.imm < 0 ? -insn.imm : insn.imm));
    return fmt::format("r0 = *({} *)skb[{}]", row.spelling, index);
}

std::string atomic(const OpInfo& row, const DecodedInsn& insn) {
    const std::string value = sized(insn.src, row.bits);
    const std::string to = address(insn.dst, insn.off);
    const std::string_view narrow = row.bits == 32 ? "32_32" : "_64";
    if (row.spelling == "xchg") return fmt::format("{0} = xchg{1}({2}, {0})", value, narrow, to);
    if (row.spelling == "cmpxchg")
        return fmt::format("{0} = cmpxchg{1}({2}, {0}, {3})", sized(0, row.bits), narrow, to,
                           value);
    if (row.spelling == "load_acquire")
        return fmt::format("{} = load_acquire((u{} *)({}))", sized(insn.dst, row.bits), row.bits,
                           address(insn.src, insn.off));
    if (row.spelling == "store_release")
        return fmt::format("store_release((u{} *)({}), {})", row.bits, to, value);
    if (row.spelling.starts_with("fetch_"))
        return fmt::format("{0} = atomic_{1}((u{2} *)({3}), {0})", value, row.spelling, row.bits,
                           to);
    return fmt::format("lock *(u{} *)({}) {} {}", row.bits, to, row.spelling, value);
}

}  // namespace

std::string disassemble(const DecodedInsn& insn) {
    const OpInfo& row = op_info(insn.op);
    const std::string dst = sized(insn.dst, row.bits);
    switch (row.format) {
        case Format::AluImm: return fmt::format("{} {} {}", dst, row.spelling, hex(insn.imm));
        case Format::AluReg: return alu_reg(row, insn);
        case Format::AluUnary: return unary(row, insn);
        case Format::ByteOrder: return fmt::format("{0} = {1} {0}", wide(insn.dst), row.spelling);
        case Format::JumpImm:
            return fmt::format("if {} {} {} goto {}", dst, row.spelling, hex(insn.imm),
                               distance(insn.off));
        case Format::JumpReg:
            return fmt::format("if {} {} {} goto {}", dst, row.spelling, sized(insn.src, row.bits),
                               distance(insn.off));
        case Format::Goto:
        case Format::MayGoto: return fmt::format("{} {}", row.spelling, distance(insn.off));
        case Format::GotoLong: return fmt::format("{} {}", row.spelling, distance(insn.imm));
        case Format::Call: return call(insn);
        case Format::CallReg: return fmt::format("{} {}", row.spelling, wide(insn.dst));
        case Format::Exit: return std::string(row.spelling);
        case Format::LoadImm64: return load_imm64(row, insn);
        case Format::LoadPacketAbs:
            return fmt::format("r0 = *({} *)skb[{}]", row.spelling, hex(insn.imm));
        case Format::LoadPacketInd: return load_packet_ind(row, insn);
        case Format::Load:
            return fmt::format("{} = *({} *)({})", wide(insn.dst), row.spelling,
                               address(insn.src, insn.off));
        case Format::StoreImm:
            return fmt::format("*({} *)({}) = {}", row.spelling, address(insn.dst, insn.off),
                               hex(insn.imm));
        case Format::StoreReg:
            return fmt::format("*({} *)({}) = {}", row.spelling, address(insn.dst, insn.off),
                               wide(insn.src));
        case Format::Atomic: return atomic(row, insn);
    }
    return {};
}

std::string disassemble_program(std::span<const Insn> insns, const ListingNotes& notes) {
    std::string text;
    for (size_t pc = 0; pc < insns.size();) {
        if (notes.before) text += notes.before(pc);
        const Result<DecodedInsn> insn = decode(insns, pc);
        text += fmt::format("{:>8}:\t", pc);
        text += insn ? disassemble(*insn)
                     : fmt::format("<unknown> {:#018x}", std::bit_cast<uint64_t>(insns[pc]));
        const JumpTarget target = insn ? jump_target(*insn, pc) : JumpTarget{};
        if (target.exists) text += fmt::format(" <{}>", target.slot);
        const std::string remark = notes.after ? notes.after(pc) : std::string();
        if (!remark.empty()) text += " ; " + remark;
        text += '\n';
        pc += insn ? insn->slots() : 1;
    }
    return text;
}

}  // namespace weir::vm
