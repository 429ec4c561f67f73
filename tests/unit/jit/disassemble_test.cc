#include "jit/disassemble.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::jit {
namespace {

constexpr uint64_t kAddress = 0x7f00'0000'1000;

std::string no_name(uint64_t) {
    return {};
}

std::vector<std::string> texts(std::span<const uint8_t> code, const NameOf& name_of) {
    std::vector<std::string> lines;
    for (const MachineInsn& insn :
         disassemble(code, kAddress, 0, static_cast<uint32_t>(code.size()), name_of))
        lines.push_back(insn.text);
    return lines;
}

TEST(Disassemble, SpellsInstructionsAsObjdumpDoes) {
    constexpr std::array<uint8_t, 17> code = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x8b,
                                              0x47, 0x04, 0xb8, 0x02, 0x00, 0x00, 0x00, 0xc3};
    EXPECT_EQ(texts(code, no_name),
              (std::vector<std::string>{"push %rbp", "mov %rsp, %rbp", "sub $0x10, %rsp",
                                        "mov 0x4(%rdi), %eax", "mov $0x2, %eax", "ret"}));
}

TEST(Disassemble, GivesJumpsInsideTheCodeByOffset) {
    constexpr std::array<uint8_t, 3> code = {0x90, 0x75, 0xfd};
    EXPECT_EQ(texts(code, no_name), (std::vector<std::string>{"nop", "jnz 0x0"}));
}

TEST(Disassemble, PutsNamesInPlaceOfAddresses) {
    // call kAddress + 5 + 0x100; mov rdi, 0x7f0000002000
    constexpr std::array<uint8_t, 15> code = {0xe8, 0x00, 0x01, 0x00, 0x00, 0x48, 0xbf, 0x00,
                                              0x20, 0x00, 0x00, 0x00, 0x7f, 0x00, 0x00};
    const NameOf name_of = [](uint64_t address) -> std::string {
        if (address == kAddress + 0x105) return "bpf_ktime_get_ns";
        if (address == 0x7f00'0000'2000) return "map[flows]";
        return {};
    };
    EXPECT_EQ(texts(code, name_of),
              (std::vector<std::string>{"call bpf_ktime_get_ns", "mov $map[flows], %rdi"}));
}

TEST(Disassemble, ListsWhatIsNoInstructionAsBytes) {
    constexpr std::array<uint8_t, 2> code = {0x06, 0xc3};
    const std::vector<MachineInsn> listed = disassemble(code, kAddress, 0, 2, no_name);
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[0].text, ".byte 0x06");
    EXPECT_EQ(listed[1].offset, 1u);
    EXPECT_EQ(listed[1].text, "ret");
}

TEST(Disassemble, StopsAtTheEndOfAnInstructionThatIsCutOff) {
    constexpr std::array<uint8_t, 2> code = {0x48, 0xbf};
    EXPECT_EQ(texts(code, no_name), (std::vector<std::string>{".byte 0x48", ".byte 0xbf"}));
}

}  // namespace
}  // namespace weir::jit
