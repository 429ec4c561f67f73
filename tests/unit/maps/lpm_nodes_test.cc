#include "maps/lpm_nodes.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "maps/region.h"

namespace weir::maps {
namespace {

class LpmNodesTest : public ::testing::Test {
protected:
    static constexpr LpmNodes::Shape kShape{
        .entries_max = 8, .address_bytes = 16, .value_bytes = 5};
    static constexpr uint64_t kWords[2] = {0x20010db8'00000000, 1};

    /// All that can be had.
    std::vector<uint32_t> take_entries() {
        std::vector<uint32_t> taken;
        while (nodes_.reserve(1, 0)) taken.push_back(nodes_.take_entry(kWords, 128));
        return taken;
    }

    Region memory_ = std::move(*Region::take(LpmNodes::bytes_needed(kShape), "m"));
    LpmNodes nodes_{memory_.data(), kShape};
};

TEST_F(LpmNodesTest, NumbersTellEntriesFromForks) {
    const uint32_t entry = nodes_.take_entry(kWords, 48);
    const uint32_t fork = nodes_.take_fork(kWords, 32);
    EXPECT_NE(entry, kNoNode);
    EXPECT_TRUE(nodes_.is_entry(entry));
    EXPECT_FALSE(nodes_.is_entry(fork));
    EXPECT_EQ(nodes_.at(entry).prefix_bits, 48u);
    EXPECT_EQ(nodes_.at(fork).words[1], 1u);
    EXPECT_EQ(nodes_.at(fork).child[0].load(), kNoNode);
    EXPECT_EQ(nodes_.values().of_or_null(kNoNode), nullptr);
    EXPECT_EQ(nodes_.values().of_or_null(entry), nodes_.values().of(entry));
}

TEST_F(LpmNodesTest, EveryEntryHasMemoryOfItsOwn) {
    const std::vector<uint32_t> taken = take_entries();
    EXPECT_GE(taken.size(), kShape.entries_max);
    std::set<uint8_t*> values;
    for (const uint32_t entry : taken) values.insert(nodes_.values().of(entry));
    EXPECT_EQ(values.size(), taken.size());
    EXPECT_LE(*values.rbegin() + 8, memory_.data() + LpmNodes::bytes_needed(kShape));
    EXPECT_TRUE(nodes_.reserve(0, kShape.entries_max)) << "forks have a pool of their own";
    EXPECT_FALSE(nodes_.reserve(1, 0));
}

TEST_F(LpmNodesTest, NodesComeBackOnceReadersHaveMovedOn) {
    reader_register();
    const std::vector<uint32_t> taken = take_entries();
    for (const uint32_t entry : taken) nodes_.retire(entry);
    EXPECT_FALSE(nodes_.reserve(1, 0));
    reader_quiescent();
    EXPECT_TRUE(nodes_.reserve(1, 0));
    reader_unregister();
    EXPECT_EQ(take_entries().size(), taken.size());
}

}  // namespace
}  // namespace weir::maps
