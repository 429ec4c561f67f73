// What the verifier's facts leave out of the machine code.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

using jit::Engine;
using vm::Op;

/// The code of the single entry up to where `wanted` ends, as text.
std::string code_like(const std::vector<vm::Insn>& insns, const std::string& wanted) {
    const auto compiled = Proven(insns, {}).compile(Engine::kJit);
    std::string text;
    for (size_t i = 0; i < (wanted.size() + 1) / 3; ++i)
        text += fmt::format("{}{:02x}", i == 0 ? "" : " ", compiled->code()[i]);
    return text;
}

uint32_t run(const std::vector<vm::Insn>& insns, Engine engine) {
    TestPacket packet;
    vm::XdpContext context = packet.context();
    vm::RunEnv env;
    return Proven(insns, {}).compile(engine)->run(context, env);
}

void expect_code(const InsnWriter& w, const std::string& wanted) {
    EXPECT_EQ(code_like(w.insns(), wanted), wanted);
    EXPECT_EQ(run(w.insns(), Engine::kJit), run(w.insns(), Engine::kInterp));
}

/// push r12; mov r12, rdx: of programs that need the environment, as where an exit may abort.
const std::string kPrologue = "41 54 49 89 d4 ";

TEST(ProvenCode, ResultsThatNobodyReadsTakeNoCode) {
    InsnWriter w;
    w.mov(3, 7).put(Op::kLoad32, 4, 1, 12).put(Op::kAdd64Reg, 3, 4).load_imm64(5, 1ull << 40);
    w.mov(0, 2).exit();
    expect_code(w, "b8 02 00 00 00 c3");
}

TEST(ProvenCode, AComparisonWithOneOutcomeTakesNoCode) {
    InsnWriter never, always;
    never.put(Op::kLoad32, 2, 1, 12).put(Op::kAnd64Imm, 2, 0, 0, 7);
    never.put(Op::kJgt64Imm, 2, 0, 2, 7).mov_reg(0, 2).exit().mov(0, 1).exit();
    always.put(Op::kLoad32, 2, 1, 12).put(Op::kAnd64Imm, 2, 0, 0, 7);
    always.put(Op::kJlt64Imm, 2, 0, 2, 8).mov(0, 1).exit().mov_reg(0, 2).exit();
    // mov esi, [rdi+40]; and esi, 7; mov rax, rsi; then what tells an abort
    const std::string straight = kPrologue + "8b 77 28 83 e6 07 48 89 f0 44 8d 48";
    expect_code(never, straight);
    expect_code(always, straight);
}

TEST(ProvenCode, ALookupInPlaceLoadsNoMap) {
    InsnWriter w;
    w.put(Op::kStoreImm32, 10, 0, -4, 1).mov_reg(2, 10).add(2, -4).load_map(1, 0).call(1);
    w.put(Op::kJeq64Imm, 0, 0, 1, 0).put(Op::kLoad32, 0, 0, 0).exit();
    const Proven proven(w.insns(), {map_spec(vm::MapType::Array, 4, 8, 4)});
    const auto compiled = proven.compile(Engine::kJit);
    std::array<uint8_t, sizeof(uint64_t)> map;
    const vm::Map* const address = proven.pointers[0];
    std::memcpy(map.data(), &address, sizeof address);
    const std::span<const uint8_t> code = compiled->code();
    EXPECT_EQ(std::search(code.begin(), code.end(), map.begin(), map.end()), code.end());
}

TEST(ProvenCode, ACutOfWhatIsCutAlreadyTakesNoCode) {
    InsnWriter w;
    w.put(Op::kLoad32, 0, 1, 12).put(Op::kAnd32Imm, 0, 0, 0, 7).put(Op::kMov32Reg, 0, 0).exit();
    expect_code(w, kPrologue + "8b 47 28 83 e0 07 44 8d 48");
}

TEST(ProvenCode, ACutOfWhatMayBeLongerStays) {
    InsnWriter w;
    w.put(Op::kLoad32, 0, 1, 12).put(Op::kLsh64Imm, 0, 0, 0, 31).put(Op::kMov32Reg, 0, 0);
    w.put(Op::kRsh64Imm, 0, 0, 0, 30).exit();
    expect_code(w, kPrologue + "8b 47 28 48 c1 e0 1f 89 c0 48 c1 e8 1e");
}

TEST(ProvenCode, ComparesLowerHalvesWhereTheUpperAreZero) {
    InsnWriter w;
    w.put(Op::kLoad32, 2, 1, 12).put(Op::kAnd64Imm, 2, 0, 0, 7).mov(0, 1);
    w.put(Op::kJgt64Imm, 2, 0, 1, 5).mov(0, 2).exit();
    // …; mov eax, 1; cmp esi, 5
    expect_code(w, "8b 77 28 83 e6 07 b8 01 00 00 00 83 fe 05");
}

}  // namespace
}  // namespace weir::tests
