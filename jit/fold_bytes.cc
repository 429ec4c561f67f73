// Values put together from neighbouring bytes. The straight code is run over symbols: of every byte
// of a register it is known whether it is zero or which byte of memory it is. Where one register
// then holds neighbours in order, and nobody reads the other registers that were written on the
// way, one load does all of it.

#include <algorithm>
#include <array>
#include <optional>

#include "jit/insn_class.h"
#include "jit/peephole.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
using vm::Op;
namespace x86 = asmjit::x86;

constexpr size_t kWindowMax = 22;  ///< eight loads, seven shifts, seven or
constexpr int32_t kZero = INT32_MIN;

/// Per byte, lowest first: the offset of the byte of memory that it is, or kZero.
using Symbol = std::array<int32_t, 8>;

struct Field {
    int32_t offset = 0;
    uint32_t bytes = 0;
};

std::optional<Field> field_in(const Symbol& symbol) {
    uint32_t bytes = 0;
    while (bytes < symbol.size() && symbol[bytes] != kZero &&
           symbol[bytes] == symbol[0] + static_cast<int32_t>(bytes))
        ++bytes;
    if (bytes != 2 && bytes != 4 && bytes != 8) return std::nullopt;
    const bool zero_above = std::all_of(symbol.begin() + bytes, symbol.end(),
                                        [](int32_t byte) { return byte == kZero; });
    return zero_above ? std::optional(Field{symbol[0], bytes}) : std::nullopt;
}

class ByteRun {
public:
    explicit ByteRun(uint8_t base) : base_(base) {}

    /// False where the instruction is none of those that put bytes together.
    bool step(const DecodedInsn& insn) {
        const vm::OpInfo& info = vm::op_info(insn.op);
        if (insn.op == Op::kLoad8 || insn.op == Op::kLoad16 || insn.op == Op::kLoad32)
            return load(insn, info.bits / 8);
        if (info.format != Format::AluImm && info.format != Format::AluReg) return false;
        if (!is_known(insn.dst)) return false;
        if (info.format == Format::AluImm && alu_code(insn.op) == AluCode::Lsh)
            return shift(insn, info.bits);
        if (info.format == Format::AluReg && alu_code(insn.op) == AluCode::Or)
            return is_known(insn.src) && join(insn, info.bits);
        return false;
    }

    RegisterSet written() const { return written_; }
    const Symbol& of(uint8_t reg) const { return symbols_[reg]; }

private:
    bool is_known(uint8_t reg) const { return (written_ & set_of(reg)) != 0; }

    bool load(const DecodedInsn& insn, uint32_t bytes) {
        if (insn.src != base_ || is_known(base_)) return false;
        Symbol& symbol = symbols_[insn.dst];
        symbol.fill(kZero);
        for (uint32_t i = 0; i < bytes; ++i) symbol[i] = insn.off + static_cast<int32_t>(i);
        written_ |= set_of(insn.dst);
        return true;
    }

    bool shift(const DecodedInsn& insn, uint32_t bits) {
        if (insn.imm % 8 != 0 || insn.imm < 0 || insn.imm >= static_cast<int64_t>(bits))
            return false;
        Symbol& symbol = symbols_[insn.dst];
        const auto by = static_cast<size_t>(insn.imm / 8);
        for (size_t i = symbol.size(); i-- > 0;) symbol[i] = i >= by ? symbol[i - by] : kZero;
        cut(symbol, bits);
        return true;
    }

    bool join(const DecodedInsn& insn, uint32_t bits) {
        Symbol& symbol = symbols_[insn.dst];
        const Symbol other = symbols_[insn.src];
        for (size_t i = 0; i < bits / 8; ++i) {
            if (symbol[i] != kZero && other[i] != kZero) return false;
            if (symbol[i] == kZero) symbol[i] = other[i];
        }
        cut(symbol, bits);
        return true;
    }

    static void cut(Symbol& symbol, uint32_t bits) {
        std::fill(symbol.begin() + bits / 8, symbol.end(), kZero);
    }

    uint8_t base_;
    RegisterSet written_ = 0;
    std::array<Symbol, kNames> symbols_{};
};

}  // namespace

size_t fold_bytes(Emission& e, const Window& w) {
    const DecodedInsn& first = *w.at(0);
    // What the program stored in pieces just now, a wider load would wait for.
    if (first.src == kFramePointer) return 0;
    ByteRun run(first.src);
    size_t taken = 0;
    uint8_t result = 0;
    Field field;
    for (size_t n = 0; n < kWindowMax; ++n) {
        const DecodedInsn* insn = w.at(n);
        if (insn == nullptr || !run.step(*insn)) break;
        const auto others = static_cast<RegisterSet>(run.written() & ~set_of(insn->dst));
        if (n == 0 || (w.live_after(n) & others) != 0) continue;
        if (const std::optional<Field> found = field_in(run.of(insn->dst))) {
            taken = n + 1;
            result = insn->dst;
            field = *found;
        }
    }
    if (taken == 0) return 0;
    const x86::Mem source = x86::ptr(reg64(first.src), field.offset, field.bytes);
    if (field.bytes == 2)
        e.a.movzx(reg64(result).r32(), source);
    else
        e.a.mov(sized(reg64(result), field.bytes * 8), source);
    return taken;
}

}  // namespace weir::jit
