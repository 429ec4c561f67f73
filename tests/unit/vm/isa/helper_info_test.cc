#include "vm/isa/helper_info.h"

#include <gtest/gtest.h>

namespace weir::vm {
namespace {

TEST(HelperName, KnowsEveryIdOfTheKernelAndNoOther) {
    EXPECT_EQ(helper_name(1), "map_lookup_elem");
    EXPECT_EQ(helper_name(209), "user_ringbuf_drain");
    EXPECT_EQ(helper_name(211), "cgrp_storage_delete");
    for (int64_t id = 1; id <= 211; ++id) EXPECT_NE(helper_name(id), "") << id;
    for (const int64_t id : {int64_t{-1}, int64_t{0}, int64_t{212}, INT64_MAX, INT64_MIN})
        EXPECT_EQ(helper_name(id), "");
}

TEST(HelperInfo, OffersOnlyWhatTheTableHas) {
    ASSERT_NE(helper_info(44), nullptr);
    EXPECT_EQ(helper_info(44)->name, "xdp_adjust_head");
    EXPECT_TRUE(helper_info(44)->changes_packet());
    EXPECT_FALSE(helper_info(1)->changes_packet());
    EXPECT_EQ(helper_info(4), nullptr);
    EXPECT_EQ(helper_info(-1), nullptr);
    EXPECT_EQ(helper_info(1'000'000), nullptr);
}

TEST(HelperInfo, LeavesOptionalArgumentsUnchecked) {
    EXPECT_EQ(helper_info(6)->args[2], ArgKind::Unchecked);
    EXPECT_EQ(helper_info(6)->args[1], ArgKind::Size);
}

}  // namespace
}  // namespace weir::vm
