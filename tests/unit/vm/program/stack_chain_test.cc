#include "vm/program/stack_chain.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::vm {
namespace {

TEST(StackChain, CountsFramesInStepsOf16) {
    EXPECT_EQ(counted_stack(0), 0u);
    EXPECT_EQ(counted_stack(1), 16u);
    EXPECT_EQ(counted_stack(16), 16u);
    EXPECT_EQ(counted_stack(17), 32u);
    EXPECT_EQ(counted_stack(512), 512u);
}

TEST(StackChain, FitsUpTo512Bytes) {
    const std::array<ChainFrame, 3> fits = {{{"main", 241}, {"outer", 0}, {"inner", 256}}};
    EXPECT_EQ(stack_chain_refusal(fits), std::nullopt);
    EXPECT_EQ(stack_chain_refusal({}), std::nullopt);
}

TEST(StackChain, NamesEveryFrameOfARefusedChain) {
    const std::array<ChainFrame, 3> deep = {{{"main", 241}, {"outer", 1}, {"inner", 256}}};
    EXPECT_EQ(stack_chain_refusal(deep),
              "the call chain main (256) -> outer (16) -> inner (256) needs 528 bytes of stack, "
              "at most 512 are possible");
}

}  // namespace
}  // namespace weir::vm
