// Arithmetic, jumps and calls. A switch over the formats: a row of a new kind does not compile
// until it is here.

#include "tests/differential/forms.h"

#include <algorithm>

#include "jit/insn_class.h"
#include "tests/differential/forms_parts.h"

namespace weir::tests {

using vm::Format;
using vm::Op;

namespace {

constexpr auto kValues = std::to_array<uint64_t>({0,
                                                  1,
                                                  2,
                                                  3,
                                                  7,
                                                  31,
                                                  32,
                                                  33,
                                                  63,
                                                  64,
                                                  0x7f,
                                                  0x80,
                                                  0xff,
                                                  0x100,
                                                  0x7fff,
                                                  0x8000,
                                                  0xffff,
                                                  0x1'0000,
                                                  0x7fff'ffff,
                                                  0x8000'0000,
                                                  0xffff'ffff,
                                                  0x1'0000'0000,
                                                  0x7fff'ffff'ffff'ffff,
                                                  0x8000'0000'0000'0000,
                                                  0xffff'ffff'ffff'ffff,
                                                  0xffff'ffff'ffff'ff80,
                                                  0xffff'ffff'8000'0000,
                                                  0xffff'ffff'7fff'ffff,
                                                  0xffff'fffe'ffff'ffff,
                                                  0x8000'0000'8000'0000,
                                                  0x0123'4567'89ab'cdef,
                                                  0xfedc'ba98'7654'3210});
constexpr auto kImmediates = std::to_array<int32_t>(
    {0,     1,     2,      3,      7,       8,        0x7f,      0x80,      0x81,
     0xff,  0x100, 0x7fff, 0x8000, 0xffff,  0x1'0000, INT32_MAX, -1,        -2,
     -0x7f, -0x80, -0x81,  -0x100, -0x8000, -0x8001,  -0x1'0000, INT32_MIN, INT32_MIN + 1});

/// Whether both verifiers take it: no division by a constant 0, no shift beyond the width.
bool is_shift(Op op) {
    const jit::AluCode code = jit::alu_code(op);
    return code == jit::AluCode::Lsh || code == jit::AluCode::Rsh || code == jit::AluCode::Arsh;
}

bool is_valid_immediate(Op op, int32_t imm) {
    const jit::AluCode code = jit::alu_code(op);
    if (code == jit::AluCode::Div || code == jit::AluCode::Mod) return imm != 0;
    return !is_shift(op) || (imm >= 0 && imm < vm::op_info(op).bits);
}

std::vector<Form> alu_immediate_forms(Op op) {
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst)
        for (const int32_t imm : kImmediates)
            if (is_valid_immediate(op, imm))
                forms.push_back(make_form(InsnWriter().put(op, dst, 0, 0, imm), dst, dst));
    if (!is_shift(op)) return forms;
    for (int32_t amount = 0; amount < vm::op_info(op).bits; ++amount)
        for (const uint8_t dst : {uint8_t{1}, uint8_t{4}})
            forms.push_back(make_form(InsnWriter().put(op, dst, 0, 0, amount), dst, dst));
    return forms;
}

std::vector<Form> alu_register_forms(Op op) {
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst)
        for (uint8_t src = 0; src < kFormRegisters; ++src)
            forms.push_back(make_form(InsnWriter().put(op, dst, src), dst, src));
    return forms;
}

std::vector<Form> alu_unary_forms(Op op) {
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst)
        forms.push_back(make_form(InsnWriter().put(op, dst), dst, dst));
    return forms;
}

/// Not taken: `flag` changes `count` times. Seven bytes of code or so each: around what a short
/// jump reaches.
Form jump_over(vm::Insn jump, uint8_t dst, uint8_t src, int count) {
    const uint8_t flag = other_register(dst, src);
    InsnWriter w;
    jump.off = static_cast<int16_t>(count);
    w.append({jump});
    for (int i = 0; i < count; ++i)
        w.put(i % 2 == 0 ? Op::kXor64Imm : Op::kMul64Imm, flag, 0, 0, 0x1234'5677 + 2 * i);
    return make_form(w, dst, src);
}

/// Taken: goes back, changes `flag`, and leaves from there.
Form jump_back(vm::Insn jump, uint8_t dst, uint8_t src) {
    const uint8_t flag = other_register(dst, src);
    jump.off = -3;
    InsnWriter w;
    w.put(Op::kGoto, 0, 0, 2).mov(flag, 77).put(Op::kGoto, 0, 0, 1).append({jump});
    return make_form(w, dst, src);
}

void add_shapes(std::vector<Form>& forms, const vm::Insn& jump, uint8_t dst, uint8_t src) {
    for (const int count : {2, 16, 17, 18, 19, 20, 60})
        forms.push_back(jump_over(jump, dst, src, count));
    forms.push_back(jump_back(jump, dst, src));
}

std::vector<Form> jump_immediate_forms(Op op) {
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst)
        for (const int32_t imm : kImmediates)
            forms.push_back(jump_over(make_insn(op, dst, 0, 0, imm), dst, dst, 1));
    add_shapes(forms, make_insn(op, 3, 0, 0, -1), 3, 3);
    add_shapes(forms, make_insn(op, 8, 0, 0, 0), 8, 8);
    return forms;
}

std::vector<Form> jump_register_forms(Op op) {
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst)
        for (uint8_t src = 0; src < kFormRegisters; ++src)
            forms.push_back(jump_over(make_insn(op, dst, src), dst, src, 1));
    add_shapes(forms, make_insn(op, 5, 9), 5, 9);
    return forms;
}

/// What is jumped over can be reached, too: the kernel refuses code that cannot.
std::vector<Form> goto_forms(Op op) {
    const auto go = [op](int distance) {
        return make_insn(op, 0, 0, static_cast<int16_t>(distance), distance);
    };
    constexpr uint8_t kChanged = 3, kTested = 4;
    std::vector<Form> forms;
    for (const int count : {0, 1, 2, 17, 18, 19, 60}) {
        InsnWriter w;
        w.put(Op::kJset64Imm, kTested, 0, 1, 4).append({go(count)});
        for (int i = 0; i < count; ++i) w.put(Op::kXor64Imm, kChanged, 0, 0, 0x1234'5677);
        forms.push_back(make_form(w, kChanged, kTested));
    }
    InsnWriter back;
    back.append({go(2)}).mov(kChanged, 77).append({go(1)}).append({go(-3)});
    forms.push_back(make_form(back, kChanged, kTested));
    return forms;
}

/// Counts until the number says that it is enough, long before the budget does.
std::vector<Form> may_goto_forms() {
    InsnWriter w;
    w.mov(3, 0).put(Op::kMayGoto, 0, 0, 2).add(3, 1).put(Op::kJlt64Imm, 3, 0, -3, 10);
    return {make_form(w, 3, 3)};
}

void forget_arguments(InsnWriter& w) {
    for (uint8_t i = 1; i <= 5; ++i) w.mov(i, 0);
}

/// Checksums of what is left out and what comes in, each of so many words of the stack, from a seed
/// of 32 bits.
Form checksum_form(int32_t words_out, int32_t words_in) {
    constexpr int32_t kCsumDiff = 28;
    InsnWriter w;
    w.put(Op::kMov32Reg, 5, 0);
    for (const bool out : {true, false}) {
        const uint8_t address = out ? 1 : 3;
        const int32_t words = out ? words_out : words_in;
        if (words == 0)
            w.mov(address, 0);
        else
            w.mov_reg(address, 10).add(address, kFormStackLow + (out ? 64 : 0));
        w.mov(static_cast<uint8_t>(address + 1), 4 * words);
    }
    w.call(kCsumDiff);
    forget_arguments(w);
    return make_form(w, 0, 7);
}

/// r6..r9 must survive.
std::vector<Form> call_forms(Op op) {
    std::vector<Form> forms;
    for (const int32_t out : {0, 1, 2, 3, 4, 5, 6, 10})
        for (const int32_t in : {0, 1, 2, 3, 4, 5, 6, 10})
            if (op == Op::kCallHelper) forms.push_back(checksum_form(out, in));
    for (int i = 0; op == Op::kCallLocal && i < 2; ++i) {
        InsnWriter w;
        w.put(Op::kCallLocal);  // forms_program.cc says where to
        forget_arguments(w);
        forms.push_back(make_form(w, i == 0 ? 1 : 5, i == 0 ? 2 : 6));
    }
    return forms;
}

/// `first` then `second`; and with a jump over `first` that depends on another number.
void add_pair(std::vector<Form>& forms, const vm::Insn& first, const vm::Insn& second) {
    const uint8_t dst = first.dst & 0xf, src = first.src & 0xf;
    forms.push_back(make_form(InsnWriter().append({first, second}), dst, src));
    const uint8_t other = other_register(dst, src, second.src & 0xf);
    InsnWriter w;
    w.put(Op::kJset64Imm, other, 0, 1, 4).append({first, second});
    forms.push_back(make_form(w, dst, src));
    forms.back().operands[other] = Operand::C;
}

}  // namespace

Form make_form(InsnWriter w, uint8_t dst, uint8_t src) {
    Form form{w.insns(), {}};
    form.operands.fill(Operand::Filler);
    form.operands[src] = Operand::B;
    form.operands[dst] = Operand::A;
    return form;
}

uint8_t other_register(uint8_t a, uint8_t b, uint8_t c) {
    for (uint8_t reg = 2;; ++reg)
        if (reg != a && reg != b && reg != c) return reg;
}

std::span<const uint64_t> form_values() {
    return kValues;
}

std::span<const int32_t> form_immediates() {
    return kImmediates;
}

std::string_view without_forms(Op op) {
    struct Row {
        Op op;
        std::string_view why;
    };
    constexpr auto kRows = std::to_array<Row>({
        {Op::kCallReg, "refused by the verifier"},
        {Op::kCallKfunc, "dynptrs and their kin: the corpus calls them"},
        {Op::kLoadCodeAddr, "callbacks: the corpus has them"},
        {Op::kLoadVarAddr, "resolved by the loader"},
        {Op::kLoadMapByIdx, "resolved by the loader"},
        {Op::kLoadMapValueByIdx, "resolved by the loader"},
        {Op::kLoadPacketAbs32, "of socket filters: cbpf_test"},
        {Op::kLoadPacketAbs16, "of socket filters: cbpf_test"},
        {Op::kLoadPacketAbs8, "of socket filters: cbpf_test"},
        {Op::kLoadPacketInd32, "of socket filters: cbpf_test"},
        {Op::kLoadPacketInd16, "of socket filters: cbpf_test"},
        {Op::kLoadPacketInd8, "of socket filters: cbpf_test"},
        {Op::kExit, "ends every program"},
    });
    const auto row = std::ranges::find(kRows, op, &Row::op);
    return row == kRows.end() ? std::string_view() : row->why;
}

std::vector<Form> forms_of(Op op) {
    if (!without_forms(op).empty()) return {};
    switch (vm::op_info(op).format) {
        case Format::AluImm: return alu_immediate_forms(op);
        case Format::AluReg: return alu_register_forms(op);
        case Format::AluUnary:
        case Format::ByteOrder: return alu_unary_forms(op);
        case Format::JumpImm: return jump_immediate_forms(op);
        case Format::JumpReg: return jump_register_forms(op);
        case Format::Goto:
        case Format::GotoLong: return goto_forms(op);
        case Format::MayGoto: return may_goto_forms();
        case Format::Call: return call_forms(op);
        case Format::LoadImm64: return wide_forms(op);
        case Format::Load: return load_forms(op);
        case Format::StoreImm:
        case Format::StoreReg: return store_forms(op);
        case Format::Atomic: return atomic_forms(op);
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return {};
    }
    return {};
}

std::vector<Form> forms_of_pairs() {
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst) {
        const auto src = static_cast<uint8_t>((dst + 3) % kFormRegisters);
        const vm::Insn move = make_insn(Op::kMov64Reg, dst, src);
        for (const int32_t imm : {0, 14, 127, 128, -128, -129, INT32_MAX, INT32_MIN})
            add_pair(forms, move, make_insn(Op::kAdd64Imm, dst, 0, 0, imm));
        for (const Op op : {Op::kAdd64Reg, Op::kSub64Reg, Op::kMul64Reg, Op::kAdd32Reg,
                            Op::kLsh64Reg, Op::kRsh32Reg, Op::kXor64Reg})
            add_pair(forms, move, make_insn(op, dst, static_cast<uint8_t>((dst + 5) % 10)));
        for (const Op op : {Op::kLsh64Imm, Op::kRsh64Imm, Op::kAnd64Imm, Op::kSub64Imm,
                            Op::kMul64Imm, Op::kAnd32Imm, Op::kRsh32Imm, Op::kAdd32Imm})
            add_pair(forms, move, make_insn(op, dst, 0, 0, 5));
        for (const Op second : {Op::kRsh64Imm, Op::kArsh64Imm})
            for (const int32_t amount : {32, 48, 56})
                add_pair(forms, make_insn(Op::kLsh64Imm, dst, 0, 0, amount),
                         make_insn(second, dst, 0, 0, amount));
        add_pair(forms, make_insn(Op::kMov32Reg, dst, src), make_insn(Op::kBe16, dst));
        add_pair(forms, make_insn(Op::kRsh64Imm, dst, 0, 0, 8),
                 make_insn(Op::kAnd64Imm, dst, 0, 0, 0xff));
    }
    return forms;
}

}  // namespace weir::tests
