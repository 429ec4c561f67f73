#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

TEST(CoreHelpers, AnswerFromTheEnvironment) {
    Frame frame(60);
    frame.env.cpu = 5;
    frame.env.numa_node = 1;
    EXPECT_EQ(frame.call_plain(8), 5);
    EXPECT_EQ(frame.call_plain(42), 1);
}

TEST(PrandomU32, SpreadsOverAllBitsAndDependsOnTheSeedOnly) {
    constexpr int kDraws = 4096;
    Frame one(60);
    Frame other(60);
    std::set<int64_t> seen;
    std::array<int, 32> ones{};
    for (int i = 0; i < kDraws; ++i) {
        const int64_t value = one.call_plain(7);
        ASSERT_EQ(value, other.call_plain(7));
        ASSERT_EQ(value >> 32, 0);
        seen.insert(value);
        for (size_t bit = 0; bit < ones.size(); ++bit)
            ones[bit] += static_cast<int>((value >> bit) & 1);
    }
    EXPECT_GT(seen.size(), kDraws - 8u);
    for (const int count : ones) EXPECT_NEAR(count, kDraws / 2, kDraws / 10);
}

/// Rows whose code is in maps/ (maps::all_helpers), and tail_call, which engines do themselves.
bool has_code_elsewhere(int64_t id) {
    constexpr std::array<int64_t, 22> kElsewhere = {1,   2,   3,   12,  25,  51,  87,  88,
                                                    89,  93,  94,  130, 131, 132, 133, 134,
                                                    164, 195, 198, 199, 200, 209};
    return std::ranges::find(kElsewhere, id) != kElsewhere.end();
}

TEST(BaseHelpers, HaveCodeForEveryRowWithoutMapAndForNoOther) {
    HelperTable table;
    add_base_helpers(table);
    for (int64_t id = 0; id <= kHelperIdMax; ++id) {
        const bool expected = helper_info(id) != nullptr && !has_code_elsewhere(id);
        EXPECT_EQ(table.at(id) != nullptr, expected) << id << " " << helper_name(id);
    }
    for (int64_t number = 0; number <= kKfuncIdMax; ++number)
        EXPECT_EQ(table.kfunc_at(number) != nullptr, kfunc_info(number) != nullptr) << number;
}

}  // namespace
}  // namespace weir::vm
