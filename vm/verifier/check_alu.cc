// Arithmetic on numbers (RFC 9669, sections 4.1 and 4.2) and 64-bit immediates.

#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "vm/verifier/checks.h"
#include "vm/verifier/insn_shape.h"

namespace weir::vm::verifier {
namespace {

/// Copies share an id only if they are the same number: equal bounds alone do not say that.
bool keeps_number(const Scalar& value, int64_t sign_bits, bool is_64) {
    if (sign_bits != 0) {
        const int64_t most = (int64_t{1} << (sign_bits - 1)) - 1;
        if (value.full.smin < -most - 1 || value.full.smax > most) return false;
    }
    return is_64 || value.full.umax <= 0xffffffff;
}

/// So that what is learned of copies, or of pointers that it moves, is learned of all.
void name_number(Step& step, Reg& number) {
    if (!number.is_scalar() || number.id != 0 || number.value.is_constant()) return;
    number.id = step.env.fresh_id();
    number.off = 0;
}

/// Compilers take the lower halves of two packet pointers to get a length in 32 bits.
Checked move_pointer(Step& step, const OpInfo& row, const Reg& source) {
    const bool is_64 = row.bits == 64, plain = row.off <= 0;
    const bool has_half = source.is_packet() || source.kind == RegKind::PacketEnd ||
                          source.kind == RegKind::PacketLow;
    if (!plain || (!is_64 && !has_half))
        return fault(
            "pointer-arithmetic",
            fmt::format("part of {} cannot be taken; move all 64 bits", kind_words(source)));
    step.reg(step.insn.dst) = is_64 ? Reg{source} : lower_half(source);
    return {};
}

/// Another number: nothing that was known of its relations holds.
void forget_relations(Reg& number) {
    number.unlink();
    number.has_length = false;
    number.progress = {};
}

Checked check_move(Step& step, const OpInfo& row) {
    const bool is_64 = row.bits == 64;
    Reg& dst = step.reg(step.insn.dst);
    if (row.format == Format::AluImm) {
        const auto number = static_cast<uint64_t>(step.insn.imm);
        dst = Reg::scalar(Scalar::constant(is_64 ? number : number & 0xffffffff));
        return {};
    }
    const auto source = readable_reg(step, step.insn.src);
    if (!source) return std::unexpected(source.error());
    if ((*source)->is_pointer()) return move_pointer(step, row, **source);
    const bool is_copy = keeps_number((*source)->value, row.off, is_64);
    if (is_copy) name_number(step, **source);
    Reg result = **source;
    result.value = moved(row, result.value);
    if (!is_copy) forget_relations(result);
    dst = result;
    return {};
}

/// How far a sum or difference moves the left number, where nothing is cut off.
struct Shift {
    int64_t low = 0, high = 0;
};
std::optional<Shift> shift_of(AluOp op, bool is_64, const Scalar& left, const Scalar& right) {
    constexpr int64_t kFar = 1 << 30;
    if (op != AluOp::Add && op != AluOp::Sub) return std::nullopt;
    int64_t low = is_64 ? right.full.smin : right.half_smin;
    int64_t high = is_64 ? right.full.smax : right.half_smax;
    if (low < -kFar || high > kFar) return std::nullopt;
    if (op == AluOp::Sub) std::tie(low, high) = std::pair(-high, -low);
    if (is_64) return Shift{low, high};
    const Wide least = Wide{left.full.umin} + low, most = Wide{left.full.umax} + high;
    if (left.full.umax > UINT32_MAX || least < 0 || most > Wide{UINT32_MAX}) return std::nullopt;
    return Shift{low, high};
}

/// What stays known of the left number's relations after it moved.
void move_relations(const Reg& left, const Shift& shift, Reg& result) {
    result.progress = left.progress;
    result.progress.move(shift.low, shift.high);
    if (shift.low != shift.high) return;
    const auto fits = [](int64_t number) { return number >= -(1 << 30) && number <= (1 << 30); };
    if (left.id != 0 && fits(left.off + shift.low)) {
        result.id = left.id;
        result.off = static_cast<int32_t>(left.off + shift.low);
    }
    if (left.has_length && fits(left.length_off - shift.low)) {
        result.has_length = true;
        result.length_id = left.length_id;
        result.length_off = static_cast<int32_t>(left.length_off - shift.low);
    }
}

/// `r <<= 32; r >>= 32` takes the lower half: of a number that fits it, the number itself.
void note_half(Step& step, AluOp op, const Reg& left, const Reg& right, Reg& result) {
    if (!right.is_constant(32)) return;
    if (op == AluOp::Lsh && left.id != 0) {
        result.low_id = left.id;
        result.low_off = left.off;
    }
    if (left.low_id == 0 || (op != AluOp::Rsh && op != AluOp::Arsh)) return;
    for (const Reg& whole : step.frame().regs) {
        if (!whole.is_scalar() || whole.id != left.low_id || whole.off != left.low_off) continue;
        const Range<64>& value = whole.value.full;
        const bool fits = op == AluOp::Rsh ? value.umax <= UINT32_MAX
                                           : value.smin >= INT32_MIN && value.smax <= INT32_MAX;
        if (!fits) return;
        const uint32_t node = step.env.depend.both(result.node, whole.node);
        result = whole;
        result.node = node;
        return;
    }
}

Reg number_result(Step& step, AluOp op, bool is_64, const Reg& left, const Reg& right) {
    const bool is_difference = op == AluOp::Sub || op == AluOp::Xor;
    const bool linked = left.id != 0 && left.id == right.id;
    if (is_64 && is_difference && linked && (op == AluOp::Sub || left.off == right.off)) {
        step.rely_on(left);
        step.rely_on(right);
        return Reg::scalar(Scalar::constant(
            op == AluOp::Sub ? static_cast<uint64_t>(int64_t{left.off} - right.off) : 0));
    }
    Reg result = Reg::scalar(is_64 ? scalar_ops::alu_full(op, left.value, right.value)
                                   : scalar_ops::alu_half(op, left.value, right.value),
                             step.env.depend.both(left.node, right.node));
    if (const auto shift = shift_of(op, is_64, left.value, right.value))
        move_relations(left, *shift, result);
    if (is_64) note_half(step, op, left, right, result);
    return result;
}

Checked check_binary(Step& step, const OpInfo& row, AluOp op) {
    const bool is_64 = row.bits == 64;
    const auto left = readable_reg(step, step.insn.dst);
    if (!left) return std::unexpected(left.error());
    Reg right = Reg::scalar(Scalar::constant(static_cast<uint64_t>(step.insn.imm)));
    if (row.format == Format::AluReg) {
        const auto source = readable_reg(step, step.insn.src);
        if (!source) return std::unexpected(source.error());
        name_number(step, **source);
        right = **source;
    }
    if ((*left)->is_pointer() || right.is_pointer())
        return check_pointer_alu(step, op, is_64, right);
    const bool same = row.format == Format::AluReg && step.insn.src == step.insn.dst;
    if (same && (op == AluOp::Sub || op == AluOp::Xor)) {
        **left = Reg::scalar(Scalar::constant(0));
        return {};
    }
    **left = number_result(step, op, is_64, **left, right);
    return {};
}

Checked check_byte_order(Step& step, const OpInfo& row) {
    const auto reg = scalar_reg(step, step.insn.dst, "a byte swap");
    if (!reg) return std::unexpected(reg.error());
    **reg = Reg::scalar(reordered(row, (*reg)->value), (*reg)->node);
    return {};
}

/// The address of a subprogram, for a helper that calls it back.
Checked load_code_address(Step& step) {
    const int64_t slot = int64_t{step.pc} + 1 + step.insn.imm;
    const auto& subprograms = step.env.program.subprograms;
    const bool inside = slot > 0 && slot < static_cast<int64_t>(step.env.slots.size());
    const uint32_t index = inside ? step.env.cfg.subprogram_of[static_cast<size_t>(slot)] : 0;
    if (!inside || subprograms[index].insn != slot)
        return fault("callback", fmt::format("address of slot {}, which is no function", slot));
    Reg reg = Reg::pointer(RegKind::Function);
    reg.off = static_cast<int32_t>(slot);
    step.reg(step.insn.dst) = reg;
    return {};
}

}  // namespace

Checked check_alu(Step& step) {
    const OpInfo& row = op_info(step.insn.op);
    if (const Checked writable = writable_reg(step.insn.dst); !writable) return writable;
    if (row.format == Format::ByteOrder) return check_byte_order(step, row);
    const AluShape shape = alu_shape(row);
    switch (shape.kind) {
        case AluClass::Move: return check_move(step, row);
        case AluClass::Binary: return check_binary(step, row, shape.op);
        case AluClass::Negate: break;
    }
    const auto reg = scalar_reg(step, step.insn.dst, "negation");
    if (!reg) return std::unexpected(reg.error());
    const Scalar zero = Scalar::constant(0);
    **reg = Reg::scalar(row.bits == 64 ? scalar_ops::alu_full(AluOp::Sub, zero, (*reg)->value)
                                       : scalar_ops::alu_half(AluOp::Sub, zero, (*reg)->value),
                        (*reg)->node);
    return {};
}

Checked check_load_imm64(Step& step) {
    if (const Checked writable = writable_reg(step.insn.dst); !writable) return writable;
    Reg& dst = step.reg(step.insn.dst);
    const bool is_plain = step.insn.op == Op::kLoadImm64;
    if (is_plain) {
        dst = Reg::scalar(Scalar::constant(static_cast<uint64_t>(step.insn.imm)));
        return {};
    }
    if (step.insn.op == Op::kLoadCodeAddr) return load_code_address(step);
    const bool is_value = step.insn.op == Op::kLoadMapValue;
    if (!is_value && step.insn.op != Op::kLoadMap)
        return fault("instruction", fmt::format("{} is not offered: only constants, maps and "
                                                "values of one-element arrays can be loaded",
                                                op_info(step.insn.op).name));
    const auto& maps = step.env.program.maps;
    if (step.insn.imm < 0 || step.insn.imm >= static_cast<int64_t>(maps.size()))
        return fault("map-reference",
                     fmt::format("map index {} does not exist; the program has {} maps",
                                 step.insn.imm, maps.size()));
    const MapSpec& map = maps[static_cast<size_t>(step.insn.imm)];
    if (!is_value && step.insn.next_imm != 0)
        return fault("map-reference",
                     fmt::format("load of map {} has {} in its second half, expected 0", map.name,
                                 step.insn.next_imm));
    Reg reg = Reg::pointer(is_value ? RegKind::MapValue : RegKind::Map);
    reg.map = static_cast<uint16_t>(step.insn.imm);
    if (is_value) {
        if (map.type != MapType::Array || map.entries_max != 1)
            return fault("map-reference",
                         fmt::format("address of a value in map {}, which is no one-element array",
                                     map.name));
        if (step.insn.next_imm < 0 || static_cast<uint32_t>(step.insn.next_imm) >= map.value_bytes)
            return fault("map-bounds",
                         fmt::format("address at offset {} of map {}, whose value has {} bytes",
                                     step.insn.next_imm, map.name, map.value_bytes));
        reg.off = step.insn.next_imm;
    }
    dst = reg;
    return {};
}

}  // namespace weir::vm::verifier
