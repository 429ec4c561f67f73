#include "maps/lpm_trie.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "maps/region.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

class LpmTrieTest : public ::testing::Test {
protected:
    static constexpr LpmNodes::Shape kShape{
        .entries_max = 16, .address_bytes = 4, .value_bytes = 4};

    static LpmKey key_of(const Prefix4& prefix) {
        LpmKey key;
        EXPECT_TRUE(key.parse(bytes_of(prefix), 4));
        return key;
    }
    uint32_t put(const Prefix4& prefix, uint32_t anchor = kNoNode) {
        const LpmKey key = key_of(prefix);
        const LpmTrie::Place place = trie_.place_of(key, anchor);
        EXPECT_TRUE(nodes_.reserve(1, 1));
        last_ = trie_.put(place, key, bytes_of(prefix.bits), 4);
        return last_.after;
    }
    void remove(const Prefix4& prefix, uint32_t anchor = kNoNode) {
        const LpmKey key = key_of(prefix);
        EXPECT_TRUE(nodes_.reserve(0, 1));
        last_ = trie_.remove(trie_.place_of(key, anchor), key);
    }
    uint32_t find(const Prefix4& prefix) const {
        const LpmKey key = key_of(prefix);
        return trie_.walk<1>(trie_.root(), kNoNode, key.words.data(), key.prefix_bits);
    }
    uint32_t topmost(const Prefix4& area) const {
        return trie_.topmost(kNoNode, key_of(area).words.data(), area.bits);
    }

    Region memory_ = std::move(*Region::take(LpmNodes::bytes_needed(kShape), "m"));
    LpmNodes nodes_{memory_.data(), kShape};
    LpmTrie trie_{nodes_};
    LpmChange last_{};
};

TEST_F(LpmTrieTest, AChangeTellsWhatItReplacedAndWhatCoversIt) {
    const uint32_t wide = put({8, {10}});
    EXPECT_EQ(last_.before, kNoNode);
    EXPECT_EQ(last_.cover, kNoNode);
    const uint32_t narrow = put({24, {10, 1, 2}});
    EXPECT_EQ(last_.cover, wide);
    const uint32_t again = put({24, {10, 1, 2}});
    EXPECT_EQ(last_.before, narrow);
    EXPECT_EQ(last_.after, again);
    EXPECT_EQ(last_.gone[0], narrow);
    EXPECT_EQ(find({32, {10, 1, 2, 3}}), again);
    remove({24, {10, 1, 2}});
    EXPECT_EQ(last_.before, again);
    EXPECT_EQ(last_.after, kNoNode);
    EXPECT_EQ(last_.cover, wide);
    EXPECT_EQ(find({32, {10, 1, 2, 3}}), wide);
}

TEST_F(LpmTrieTest, AnAnchorIsAsGoodAsTheRoot) {
    const uint32_t wide = put({8, {10}});
    const uint32_t left = put({24, {10, 1, 2}}, wide);
    const uint32_t right = put({24, {10, 1, 3}}, wide);
    EXPECT_EQ(last_.anchor, wide);
    EXPECT_EQ(find({32, {10, 1, 2, 9}}), left);
    EXPECT_EQ(find({32, {10, 1, 3, 9}}), right);
    const uint32_t fork = topmost({16, {10, 1}});
    EXPECT_FALSE(nodes_.is_entry(fork));
    EXPECT_TRUE(trie_.covers(fork, key_of({24, {10, 1, 3}})));
    EXPECT_FALSE(trie_.covers(fork, key_of({24, {10, 1, 8}})));
    remove({24, {10, 1, 3}}, fork);
    EXPECT_EQ(last_.anchor, kNoNode) << "the fork went with its second branch";
    EXPECT_EQ(last_.gone, (std::array<uint32_t, 2>{right, fork}));
    EXPECT_EQ(topmost({16, {10, 1}}), left);
}

TEST_F(LpmTrieTest, TheTopmostNodeOfAnAreaIsNoShorterThanTheArea) {
    const uint32_t wide = put({8, {10}});
    const uint32_t narrow = put({20, {10, 1, 16}});
    EXPECT_EQ(topmost({0, {}}), wide);
    EXPECT_EQ(topmost({8, {10}}), wide);
    EXPECT_EQ(topmost({9, {10}}), narrow);
    EXPECT_EQ(topmost({20, {10, 1, 16}}), narrow);
    EXPECT_EQ(topmost({21, {10, 1, 16}}), kNoNode);
    EXPECT_EQ(topmost({16, {10, 2}}), kNoNode);
}

TEST_F(LpmTrieTest, GathersCoversBeforeWhatTheyCover) {
    const uint32_t wide = put({8, {10}});
    const uint32_t inner = put({16, {10, 1}});
    const uint32_t left = put({24, {10, 1, 2}});
    const uint32_t right = put({24, {10, 1, 3}});
    std::array<uint32_t, 5> found;
    EXPECT_EQ(trie_.gather(trie_.root(), 0, found), 4u);
    EXPECT_EQ(found[0], wide);
    EXPECT_EQ(found[1], inner);
    EXPECT_EQ(found[2] + found[3], left + right);
    EXPECT_EQ(trie_.gather(trie_.root(), 16, found), 2u) << "longer ones only";
    EXPECT_TRUE(trie_.holds_more(trie_.root(), 0, 3));
    EXPECT_FALSE(trie_.holds_more(trie_.root(), 0, 4));
}

/// An entry of two branches is replaced by a fork, so that its number and value can be used again.
TEST_F(LpmTrieTest, RemovingAnEntryOfTwoBranchesLeavesAFork) {
    put({8, {10}});
    const uint32_t left = put({16, {10, 1}});
    const uint32_t right = put({16, {10, 200}});
    remove({8, {10}});
    EXPECT_FALSE(nodes_.is_entry(trie_.root()));
    EXPECT_EQ(find({32, {10, 1}}), left);
    EXPECT_EQ(find({32, {10, 200}}), right);
    EXPECT_EQ(find({32, {10, 7}}), kNoNode);
}

}  // namespace
}  // namespace weir::maps
