#include "vm/isa/helper_info.h"

#include <gtest/gtest.h>

#include "vm/isa/poison.h"

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

TEST(HelperRefusal, SaysWhyAHelperIsNotOffered) {
    EXPECT_EQ(helper_refusal(35),
              "helper 35 (get_current_task) is not offered: there is no current task on a packet");
    EXPECT_EQ(helper_refusal(212), "there is no helper 212");
    EXPECT_EQ(helper_refusal(0), "there is no helper 0");
    EXPECT_EQ(helper_refusal(INT64_MIN), "there is no helper -9223372036854775808");
    EXPECT_NE(helper_refusal(kPoisonHelper).find("CO-RE relocation"), std::string::npos);
    for (int64_t id = 1; id <= 211; ++id)
        EXPECT_EQ(helper_refusal(id).empty(), helper_info(id) != nullptr) << id;
}

TEST(KfuncInfo, IsFoundByNumberAndName) {
    ASSERT_NE(kfunc_by_name("bpf_dynptr_from_xdp"), nullptr);
    EXPECT_EQ(kfunc_by_name("bpf_dynptr_from_xdp")->users, HelperUsers::Xdp);
    EXPECT_TRUE(kfunc_by_name("bpf_xdp_pull_data")->changes_packet());
    EXPECT_EQ(kfunc_by_name("bpf_task_acquire"), nullptr);
    EXPECT_EQ(kfunc_info(0), nullptr);
    EXPECT_EQ(kfunc_info(kKfuncIdMax + 1), nullptr);
    for (int64_t number = 1; kfunc_info(number) != nullptr; ++number)
        EXPECT_EQ(kfunc_by_name(kfunc_info(number)->name), kfunc_info(number));
}

}  // namespace
}  // namespace weir::vm
