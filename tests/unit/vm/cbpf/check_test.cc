#include "vm/cbpf/check.h"

#include <gtest/gtest.h>

namespace weir::vm::cbpf {
namespace {

using Insns = std::vector<ClassicInsn>;

constexpr ClassicInsn kReturn{0x06, 0, 0, 1};
constexpr uint16_t kLoadAbs32 = 0x20, kLoadAbs8 = 0x30, kLoadInd8 = 0x50, kHeader = 0xb1;
constexpr uint16_t kLoadMem = 0x60, kLoadXMem = 0x61, kStore = 0x02, kStoreX = 0x03;
constexpr uint16_t kJump = 0x05, kJeq = 0x15, kDivK = 0x34, kModK = 0x94, kLshK = 0x64,
                   kRshK = 0x74;

/// Empty: accepted.
std::string refusal(Insns insns, ErrorKind kind = ErrorKind::kInvalid) {
    const Result<ClassicProgram> program = check(std::move(insns));
    if (program) return "";
    EXPECT_EQ(program.error().kind, kind) << program.error().message;
    return program.error().message;
}

TEST(ClassicCheck, KnowsTheKernelsInstructions) {
    size_t known = 0;
    for (uint32_t code = 0; code <= 0xffff; ++code)
        known += classic_op(static_cast<uint16_t>(code)) != nullptr;
    EXPECT_EQ(known, 49u);
    EXPECT_EQ(refusal({{0x0e, 0, 0, 0}, kReturn}),
              "instruction 0: code 0x000e, expected an instruction of classic BPF");
}

TEST(ClassicCheck, BoundsTheLength) {
    EXPECT_EQ(refusal({}), "0 instructions of classic BPF, expected 1 to 4096");
    EXPECT_EQ(refusal(Insns(4096, kReturn)), "");
    EXPECT_EQ(refusal(Insns(4097, kReturn)),
              "4097 instructions of classic BPF, expected 1 to 4096");
}

TEST(ClassicCheck, KeepsJumpsForwardAndInside) {
    EXPECT_EQ(refusal({{kJump, 0, 0, 0}, kReturn}), "");
    EXPECT_EQ(refusal({{kJump, 0, 0, 1}, kReturn}), "instruction 0: ja goes to 2, expected 1 to 1");
    EXPECT_EQ(refusal({kReturn, {kJump, 0, 0, 0xfffffffe}, kReturn}),
              "instruction 1: ja goes back by 1, expected a jump forward: loops, as 'protochain' "
              "makes them, are not offered");
    EXPECT_EQ(refusal({{kJeq, 0, 1, 0}, kReturn, kReturn}), "");
    EXPECT_EQ(refusal({{kJeq, 0, 2, 0}, kReturn, kReturn}),
              "instruction 0: jeq goes to 3, expected 1 to 2");
    EXPECT_EQ(refusal({{kJeq, 255, 0, 0}, kReturn, kReturn}),
              "instruction 0: jeq goes to 256, expected 1 to 2");
}

TEST(ClassicCheck, NeedsAReturnAtTheEnd) {
    EXPECT_EQ(refusal({{0x16, 0, 0, 0}}), "");
    EXPECT_EQ(refusal({{0x07, 0, 0, 0}}), "instruction 0: the last one is tax, expected ret");
}

TEST(ClassicCheck, RefusesConstantsThatMeanNothing) {
    EXPECT_EQ(refusal({{kDivK, 0, 0, 0}, kReturn}),
              "instruction 0: div by 0, expected a constant from 1 on");
    EXPECT_EQ(refusal({{kModK, 0, 0, 0}, kReturn}),
              "instruction 0: mod by 0, expected a constant from 1 on");
    EXPECT_EQ(refusal({{kLshK, 0, 0, 31}, kReturn}), "");
    EXPECT_EQ(refusal({{kLshK, 0, 0, 32}, kReturn}), "instruction 0: lsh by 32, expected 0 to 31");
    EXPECT_EQ(refusal({{kRshK, 0, 0, 0x80000000}, kReturn}),
              "instruction 0: rsh by 2147483648, expected 0 to 31");
}

TEST(ClassicCheck, KnowsSixteenScratchWords) {
    for (const uint16_t code : {kStore, kStoreX, kLoadMem, kLoadXMem}) {
        EXPECT_EQ(refusal({{kStore, 0, 0, 15}, {code, 0, 0, 15}, kReturn}), "");
        EXPECT_EQ(refusal({{code, 0, 0, 16}, kReturn}),
                  "instruction 0: scratch word M[16], expected M[0] to M[15]");
    }
}

TEST(ClassicCheck, FollowsScratchWordsOnEveryPath) {
    const std::string unwritten =
        "reads M[2], which a path to here has not written; expected a store to M[2] before";
    EXPECT_EQ(refusal({{kLoadMem, 0, 0, 2}, kReturn}), "instruction 0: " + unwritten);
    // One way stores, the other does not.
    EXPECT_EQ(refusal({{kJeq, 0, 1, 0}, {kStore, 0, 0, 2}, {kLoadXMem, 0, 0, 2}, kReturn}),
              "instruction 2: " + unwritten);
    // Both do.
    EXPECT_EQ(refusal({{kJeq, 0, 2, 0},
                       {kStore, 0, 0, 2},
                       {kJump, 0, 0, 1},
                       {kStoreX, 0, 0, 2},
                       {kLoadMem, 0, 0, 2},
                       kReturn}),
              "");
}

TEST(ClassicCheck, RefusesAncillaryDataByName) {
    const auto says = [](uint16_t code, uint32_t k) {
        return refusal({{code, 0, 0, k}, kReturn}, ErrorKind::kUnsupported);
    };
    EXPECT_EQ(says(kLoadAbs32, 0xfffff000),
              "instruction 0: ancillary load 'protocol' (SKF_AD_OFF + 0) is not offered; expected "
              "a load from the packet's bytes");
    EXPECT_NE(says(kLoadAbs8, 0xfffff000 + 44).find("'vlan tag'"), std::string::npos);
    EXPECT_NE(says(kLoadAbs8, 0xfffff000 + 60).find("'vlan protocol'"), std::string::npos);
    EXPECT_NE(says(kLoadAbs8, 0xfffff000 + 64).find("'unknown'"), std::string::npos);
    EXPECT_NE(says(kLoadInd8, 0xffffffff).find("'unknown' (SKF_AD_OFF + 4095)"), std::string::npos);
    EXPECT_EQ(says(kHeader, 0xfff00000),
              "instruction 0: packet offset 0xfff00000 counts from the network header "
              "(SKF_NET_OFF), which is not offered; expected an offset from the first byte");
    EXPECT_NE(says(kLoadInd8, 0xffe00000).find("link header (SKF_LL_OFF)"), std::string::npos);
    EXPECT_EQ(refusal({{kLoadAbs8, 0, 0, 0xffdfffff}, kReturn}), "");
}

}  // namespace
}  // namespace weir::vm::cbpf
