// Which instruction a statement means is looked up in insn.def by format, width and spelling, so
// that a new row needs no new code here.

#include "vm/isa/statement.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

namespace weir::vm {
namespace {

struct Register {
    uint8_t number = 0;
    bool narrow = false;  ///< w0..w10: the low half
    uint8_t bits() const { return narrow ? 32 : 64; }
};

std::optional<Register> register_named(std::string_view word) {
    if (word.size() < 2 || word.size() > 3 || (word[0] != 'r' && word[0] != 'w'))
        return std::nullopt;
    for (uint8_t i = 0; i < kRegisterCount; ++i)
        if (word.substr(1) == fmt::format_int(i).c_str()) return Register{i, word[0] == 'w'};
    return std::nullopt;
}

struct Memory {
    uint8_t base = 0;
    int16_t off = 0;
};

class StatementReader {
public:
    explicit StatementReader(TextCursor& in) : in_(in) {}

    Statement read() {
        if (in_.accept("exit"))
            select(Format::Exit, 0, "exit");
        else if (in_.accept("if"))
            jump_if();
        else if (in_.accept("goto"))
            jump(Format::Goto, "goto");
        else if (in_.accept("gotol"))
            jump(Format::GotoLong, "gotol");
        else if (in_.accept("may_goto"))
            jump(Format::MayGoto, "may_goto");
        else if (in_.accept("callx"))
            call_register();
        else if (in_.accept("call"))
            call();
        else if (in_.accept("lock"))
            lock();
        else if (in_.accept("ld_pseudo"))
            load_pseudo();
        else if (in_.accept("store_release"))
            store_release();
        else if (in_.accept("*"))
            store();
        else
            operate();
        if (!in_.at_end()) in_.expected("the end of the statement");
        return statement_;
    }

private:
    DecodedInsn& insn() { return statement_.insn; }

    /// Chooses the row; `bits` 0 is any width.
    void select(Format format, uint8_t bits, std::string_view spelling) {
        const auto row = std::ranges::find_if(kOps, [&](const OpInfo& each) {
            return each.format == format && (bits == 0 || each.bits == bits) &&
                   each.spelling == spelling;
        });
        if (row == kOps.end())
            in_.expected(fmt::format("an operation other than '{}' of {} bits", spelling, bits));
        else
            insn().op = row->op;
    }

    // ---- operands -------------------------------------------------------------------------------

    Register any_register() {
        const std::optional<Register> found = register_named(in_.peek_word());
        if (!found)
            in_.expected("a register r0..r10 or w0..w10");
        else
            in_.word();
        return found.value_or(Register{});
    }
    uint8_t wide_register() {
        const Register found = any_register();
        if (found.narrow) in_.expected("a 64-bit register before this");
        return found.number;
    }
    Register same_width(Register other) {
        const Register found = any_register();
        if (found.narrow != other.narrow) in_.expected("registers of one width before this");
        return found;
    }
    bool register_next() const { return register_named(in_.peek_word()).has_value(); }

    /// A 32-bit operation takes the same bits written without sign, too.
    int64_t immediate(uint8_t bits) {
        return static_cast<int32_t>(
            in_.number(INT32_MIN, bits == 64 ? INT32_MAX : int64_t{UINT32_MAX}));
    }
    /// "(u32 *)": its word.
    std::string_view access_type() {
        in_.expect("(");
        const std::string_view type = in_.word();
        in_.expect("*");
        in_.expect(")");
        return type;
    }
    uint8_t unsigned_access_bits() {
        const std::string_view type = access_type();
        for (const uint8_t bits : std::to_array<uint8_t>({8, 16, 32, 64}))
            if (type == fmt::format("u{}", bits)) return bits;
        in_.expected("an access of type u8, u16, u32 or u64 before this");
        return 0;
    }
    /// "r3 - 0x18"
    Memory address() {
        Memory memory{.base = wide_register()};
        if (in_.number_next()) memory.off = static_cast<int16_t>(in_.number(INT16_MIN, INT16_MAX));
        return memory;
    }
    Memory address_in_parentheses() {
        in_.expect("(");
        const Memory memory = address();
        in_.expect(")");
        return memory;
    }
    void to_destination(const Memory& memory) {
        insn().dst = memory.base;
        insn().off = memory.off;
    }
    void from_source(const Memory& memory) {
        insn().src = memory.base;
        insn().off = memory.off;
    }
    /// A distance in slots, or a label; "<…>" behind it, as listings have it, is skipped.
    int64_t target(int64_t low, int64_t high) {
        int64_t distance = 0;
        if (in_.number_next())
            distance = in_.number(low, high);
        else
            statement_.label = in_.word();
        if (in_.accept("<")) {
            in_.word();
            if (in_.number_next()) in_.number(INT64_MIN, INT64_MAX);
            in_.expect(">");
        }
        return distance;
    }
    void target_required() {
        if (statement_.label.empty() && !in_.failed() && !had_number_)
            in_.expected("a distance or a label");
    }

    // ---- jumps and calls ------------------------------------------------------------------------

    void jump_distance(bool in_immediate) {
        had_number_ = in_.number_next();
        const int64_t distance =
            in_immediate ? target(INT32_MIN, INT32_MAX) : target(INT16_MIN, INT16_MAX);
        target_required();
        if (in_immediate)
            insn().imm = distance;
        else
            insn().off = static_cast<int16_t>(distance);
    }
    void jump(Format format, std::string_view spelling) {
        select(format, 0, spelling);
        jump_distance(format == Format::GotoLong);
    }
    void jump_if() {
        const Register left = any_register();
        const std::string_view comparison = in_.operator_text();
        const bool with_register = register_next();
        select(with_register ? Format::JumpReg : Format::JumpImm, left.bits(), comparison);
        insn().dst = left.number;
        if (with_register)
            insn().src = same_width(left).number;
        else
            insn().imm = immediate(left.bits());
        in_.expect("goto");
        jump_distance(false);
    }
    void call_register() {
        select(Format::CallReg, 0, "callx");
        insn().dst = wide_register();
    }
    void call() {
        insn().op = Op::kCallHelper;
        if (in_.accept("kfunc")) {
            insn().op = Op::kCallKfunc;
            insn().imm = in_.number(INT32_MIN, INT32_MAX);
            if (in_.accept(","))
                insn().off = static_cast<int16_t>(in_.number(INT16_MIN, INT16_MAX));
        } else if (in_.accept("pc")) {
            insn().op = Op::kCallLocal;
            jump_distance(true);
        } else {
            jump_distance(
                true);  // a name becomes a local function or a helper once all labels are known
        }
    }

    // ---- memory ---------------------------------------------------------------------------------

    void lock() {
        in_.expect("*");
        const uint8_t bits = unsigned_access_bits();
        const Memory to = address_in_parentheses();
        select(Format::Atomic, bits, in_.operator_text());
        to_destination(to);
        insn().src = any_register().number;
    }
    void store_release() {
        in_.expect("(");
        const uint8_t bits = unsigned_access_bits();
        to_destination(address_in_parentheses());
        in_.expect(",");
        insn().src = any_register().number;
        in_.expect(")");
        select(Format::Atomic, bits, "store_release");
    }
    void store() {
        const std::string_view type = access_type();
        to_destination(address_in_parentheses());
        in_.expect("=");
        const bool with_register = register_next();
        select(with_register ? Format::StoreReg : Format::StoreImm, 0, type);
        if (with_register)
            insn().src = any_register().number;
        else
            insn().imm = immediate(type == "u64" ? 64 : 32);
    }
    /// dst = *(u32 *)(src + off) or r0 = *(u32 *)skb[…]
    void load(Register dst) {
        const std::string_view type = access_type();
        if (in_.accept("skb")) return load_packet(dst, type);
        select(Format::Load, 0, type);
        if (dst.narrow && (type == "u64" || type.starts_with("s")))
            in_.expected("a 64-bit register for this type");
        insn().dst = dst.number;
        from_source(address_in_parentheses());
    }
    void load_packet(Register dst, std::string_view type) {
        if (dst.number != 0) in_.expected("r0 as the target of a packet load");
        in_.expect("[");
        const bool indirect = register_next();
        select(indirect ? Format::LoadPacketInd : Format::LoadPacketAbs, 0, type);
        if (indirect) insn().src = wide_register();
        if (!indirect || in_.number_next()) insn().imm = immediate(32);
        in_.expect("]");
    }

    // ---- 64-bit immediates ----------------------------------------------------------------------

    /// A number, or for the address of code a label.
    int64_t pseudo_low(int64_t source) {
        had_number_ = source != op_info(Op::kLoadCodeAddr).src || in_.number_next();
        if (had_number_) return immediate(32);
        statement_.label = in_.word();
        target_required();
        return 0;
    }
    void load_pseudo() {
        const uint8_t dst = wide_register();
        in_.expect(",");
        const int64_t source = in_.number(1, 6);
        in_.expect(",");
        const int64_t low = pseudo_low(source);
        const int64_t next = in_.accept(",") ? immediate(32) : 0;
        const auto row = std::ranges::find_if(kOps, [&](const OpInfo& each) {
            return each.format == Format::LoadImm64 && each.src == source;
        });
        if (row != kOps.end()) pseudo(row->op, dst, low, next);
    }
    /// map[1] ll, map[1][0] + 0x8 ll
    void load_map(uint8_t dst) {
        in_.expect("[");
        const int64_t index = immediate(32);
        in_.expect("]");
        const bool value = in_.accept("[");
        if (value) {
            in_.expect("0");
            in_.expect("]");
            in_.expect("+");
        }
        pseudo(value ? Op::kLoadMapValue : Op::kLoadMap, dst, index, value ? immediate(32) : 0);
        in_.expect("ll");
    }
    void pseudo(Op op, uint8_t dst, int64_t low, int64_t next) {
        insn() = {.op = op,
                  .dst = dst,
                  .src = static_cast<uint8_t>(op_info(op).src),
                  .imm = low,
                  .next_imm = static_cast<int32_t>(next)};
    }

    // ---- arithmetic and the other forms of "dst = …" --------------------------------------------

    void operate() {
        if (!register_next()) return in_.expected("an instruction");
        const Register dst = any_register();
        const std::string_view operation = in_.operator_text();
        if (operation == "=") return assign(dst);
        const bool with_register = register_next();
        select(with_register ? Format::AluReg : Format::AluImm, dst.bits(), operation);
        insn().dst = dst.number;
        if (with_register)
            insn().src = same_width(dst).number;
        else
            insn().imm = immediate(dst.bits());
    }
    bool negated_register_next() const {
        TextCursor ahead = in_;
        return ahead.accept("-") && register_named(ahead.peek_word()).has_value();
    }
    void assign(Register dst) {
        insn().dst = dst.number;
        if (in_.accept("*"))
            load(dst);
        else if (negated_register_next())
            negate(dst);
        else if (in_.accept("("))
            sign_extend(dst);
        else if (register_next())
            move(dst);
        else if (in_.number_next())
            constant(dst);
        else if (!dst.narrow && in_.accept("map"))
            load_map(dst.number);
        else if (in_.accept("load_acquire"))
            load_acquire(dst);
        else
            named_operation(dst, in_.word());
    }
    void move(Register dst) {
        select(Format::AluReg, dst.bits(), "=");
        insn().src = same_width(dst).number;
    }
    void negate(Register dst) {
        in_.expect("-");
        select(Format::AluUnary, dst.bits(), "-");
        if (same_width(dst).number != dst.number)
            in_.expected("the same register on both sides before this");
    }
    void sign_extend(Register dst) {
        const std::string type = fmt::format("({})", in_.word());
        in_.expect(")");
        select(Format::AluReg, dst.bits(), type);
        insn().off = static_cast<int16_t>(op_info(insn().op).off);
        insn().src = same_width(dst).number;
    }
    void constant(Register dst) {
        TextCursor ahead = in_;
        const int64_t value = ahead.any_number();
        if (!dst.narrow && ahead.accept("ll")) {
            in_ = ahead;
            insn() = {.op = Op::kLoadImm64,
                      .dst = dst.number,
                      .imm = value,
                      .next_imm = static_cast<int32_t>(value >> 32)};
            return;
        }
        select(Format::AluImm, dst.bits(), "=");
        insn().imm = immediate(dst.bits());
    }
    void load_acquire(Register dst) {
        in_.expect("(");
        select(Format::Atomic, unsigned_access_bits(), "load_acquire");
        from_source(address_in_parentheses());
        in_.expect(")");
        insn().dst = dst.number;
    }
    /// le16 r1, atomic_fetch_add(…), xchg_64(…), cmpxchg32_32(…)
    void named_operation(Register dst, std::string_view name) {
        constexpr std::string_view kFetch = "atomic_";
        if (name.starts_with(kFetch)) return fetch(dst, name.substr(kFetch.size()));
        if (name == "xchg32_32" || name == "xchg_64")
            return exchange(dst, name == "xchg_64" ? 64 : 32);
        if (name == "cmpxchg32_32" || name == "cmpxchg_64")
            return compare_exchange(dst, name == "cmpxchg_64" ? 64 : 32);
        select(Format::ByteOrder, 0, name);
        insn().imm = op_info(insn().op).imm;
        if (wide_register() != dst.number || dst.narrow)
            in_.expected("the same 64-bit register on both sides before this");
    }
    void source_of_old_value(Register dst) {
        if (any_register().number != dst.number)
            in_.expected("the register on the left before this");
        insn().src = dst.number;
    }
    void fetch(Register dst, std::string_view spelling) {
        in_.expect("(");
        select(Format::Atomic, unsigned_access_bits(), spelling);
        to_destination(address_in_parentheses());
        in_.expect(",");
        source_of_old_value(dst);
        in_.expect(")");
    }
    void exchange(Register dst, uint8_t bits) {
        select(Format::Atomic, bits, "xchg");
        in_.expect("(");
        to_destination(address());
        in_.expect(",");
        source_of_old_value(dst);
        in_.expect(")");
    }
    void compare_exchange(Register dst, uint8_t bits) {
        select(Format::Atomic, bits, "cmpxchg");
        in_.expect("(");
        to_destination(address());
        in_.expect(",");
        if (any_register().number != 0 || dst.number != 0)
            in_.expected("r0 or w0 as the old value before this");
        in_.expect(",");
        insn().src = any_register().number;
        in_.expect(")");
    }

    TextCursor& in_;
    Statement statement_;
    bool had_number_ = false;
};

}  // namespace

Statement read_statement(TextCursor& cursor) {
    return StatementReader(cursor).read();
}

}  // namespace weir::vm
