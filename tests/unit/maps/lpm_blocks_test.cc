#include "maps/lpm_blocks.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "maps/region.h"

namespace weir::maps {
namespace {

using Slots = std::array<uint32_t, kLpmSlots>;

class LpmBlocksTest : public ::testing::Test {
protected:
    static constexpr uint32_t kChunks = 8;

    uint32_t slot_at(uint32_t slot, uint32_t index) const {
        const LpmBlock& block = blocks_.at(slot_number(slot));
        const bool full = slot_kind(slot) == LpmSlotKind::Full;
        return block.slots[full ? index : block.run_of(index)].load();
    }
    /// All the blocks with these slots that fit.
    std::vector<uint32_t> make_all(const Slots& slots) {
        std::vector<uint32_t> made;
        while (const uint32_t slot = blocks_.make(slots.data(), 0, 0, 0)) made.push_back(slot);
        return made;
    }

    Region memory_ = std::move(*Region::take(LpmBlocks::bytes_needed(kChunks), "m"));
    LpmBlocks blocks_{memory_.data(), kChunks};
};

/// `runs` runs, of lengths as equal as can be.
Slots slots_with(uint32_t runs) {
    Slots slots;
    for (uint32_t i = 0; i < kLpmSlots; ++i) slots[i] = 1 + i * runs / kLpmSlots;
    return slots;
}

TEST_F(LpmBlocksTest, ABlockShowsTheSlotsItWasMadeOf) {
    for (const uint32_t runs : {1u, 2u, 6u, 7u, 22u, 54u, 55u, 255u, 256u}) {
        const Slots slots = slots_with(runs);
        const uint32_t made = blocks_.make(slots.data(), 7, 9, 0);
        ASSERT_TRUE(is_block(made));
        EXPECT_EQ(slot_kind(made), runs <= 54 ? LpmSlotKind::Runs : LpmSlotKind::Full) << runs;
        for (uint32_t i = 0; i < kLpmSlots; ++i) ASSERT_EQ(slot_at(made, i), slots[i]) << runs;
        EXPECT_EQ(blocks_.best(made).load(), 7u);
        EXPECT_EQ(blocks_.top(slot_number(made)), 9u);
        blocks_.retire(slot_number(made));
    }
}

TEST_F(LpmBlocksTest, ACellFindsTheLongestPrefix) {
    constexpr LpmCellPrefix kPrefixes[] = {{0x80000000, 1, 11},  {0xc0000000, 2, 12},
                                           {0x0a000000, 8, 13},  {0xc0a80000, 16, 14},
                                           {0x00000000, 32, 15}, {0xc0a80101, 32, 16}};
    for (uint32_t count = 1; count <= std::size(kPrefixes); ++count) {
        const uint32_t made = blocks_.make_cell({kPrefixes, count}, 7, 9, 0);
        ASSERT_TRUE(is_cell(made));
        EXPECT_EQ(blocks_.best(made).load(), 7u);
        const auto find = [&](uint32_t word) {
            const uint32_t number = slot_number(made);
            return slot_kind(made) == LpmSlotKind::Cell4 ? blocks_.cell<4>(number).find(word)
                                                         : blocks_.cell<8>(number).find(word);
        };
        EXPECT_EQ(find(0x80000001), 11u);
        EXPECT_EQ(find(0x40000000), 0u);
        EXPECT_EQ(find(0x00000000), count >= 5 ? 15u : 0u);
        EXPECT_EQ(find(0xc0a80101), count >= 6 ? 16u : count >= 4 ? 14u : count >= 2 ? 12u : 11u);
        std::array<LpmCellPrefix, kLpmCellPrefixes> read;
        ASSERT_EQ(blocks_.read_cell(made, read), count);
        for (uint32_t i = 0; i < count; ++i) {
            EXPECT_EQ(read[i].bits, kPrefixes[i].bits);
            EXPECT_EQ(read[i].length, kPrefixes[i].length);
            EXPECT_EQ(read[i].entry, kPrefixes[i].entry);
        }
    }
}

TEST_F(LpmBlocksTest, MemoryIsBoundedAndServesAnotherSizeOnceItIsFree) {
    const std::vector<uint32_t> small = make_all(slots_with(1));
    EXPECT_EQ(small.size(), kChunks * LpmBlocks::kChunkUnits);
    EXPECT_EQ(blocks_.used_bytes(), small.size() * kLpmUnitBytes);
    EXPECT_EQ(make_all(slots_with(256)).size(), 0u);
    for (const uint32_t slot : small) blocks_.retire(slot_number(slot));
    const std::vector<uint32_t> full = make_all(slots_with(256));
    EXPECT_EQ(full.size(), kChunks * LpmBlocks::kChunkUnits / 17);
}

TEST_F(LpmBlocksTest, BlocksStayAsTheyAreWhileAReaderMayLook) {
    reader_register();
    const std::vector<uint32_t> made = make_all(slots_with(3));
    for (const uint32_t slot : made) blocks_.retire(slot_number(slot));
    EXPECT_EQ(make_all(slots_with(2)).size(), 0u);
    EXPECT_EQ(slot_at(made[0], 255), 3u);
    reader_unregister();
    EXPECT_EQ(make_all(slots_with(2)).size(), made.size());
}

TEST_F(LpmBlocksTest, SpareChunksAreLeftToThoseThatMayTakeThem) {
    const Slots slots = slots_with(256);
    uint32_t made = 0;
    while (blocks_.make(slots.data(), 0, 0, 3) != 0) ++made;
    EXPECT_EQ(made, (kChunks - 3) * LpmBlocks::kChunkUnits / 17);
    EXPECT_NE(blocks_.make(slots.data(), 0, 0, 0), 0u);
}

}  // namespace
}  // namespace weir::maps
