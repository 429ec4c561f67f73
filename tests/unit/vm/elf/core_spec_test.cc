#include "vm/elf/core_spec.h"

#include <gtest/gtest.h>

namespace weir::vm::elf {
namespace {

TEST(CoreSpec, TakesFlavorsOffNames) {
    EXPECT_EQ(essential_name("task_struct"), "task_struct");
    EXPECT_EQ(essential_name("task_struct___v5"), "task_struct");
    EXPECT_EQ(essential_name("a___b___c"), "a___b");
    EXPECT_EQ(essential_name("a____b"), "a____b") << "four underscores are no separator";
    EXPECT_EQ(essential_name("___b"), "___b") << "nothing would be left";
    EXPECT_EQ(essential_name("a___"), "a___") << "no flavor follows";
    EXPECT_EQ(essential_name("a___b____c"), "a");
    EXPECT_EQ(essential_name(""), "");
    EXPECT_EQ(essential_name("___"), "___");
}

TEST(CoreSpec, RefusesRecordsOfTypesThatDoNotExist) {
    const auto none = BtfView::parse({});
    ASSERT_TRUE(none);
    const auto spec = parse_core_spec(*none, {.type = 3, .kind = 0});
    ASSERT_FALSE(spec);
    EXPECT_NE(spec.error().message.find("BTF type 3, which does not exist"), std::string::npos);
    const auto kind = parse_core_spec(*none, {.type = 3, .kind = 13});
    ASSERT_FALSE(kind);
    EXPECT_NE(kind.error().message.find("kind 13"), std::string::npos);
}

TEST(CoreSpec, SortsKinds) {
    for (uint32_t i = 0; i <= kCoreKindMax; ++i) {
        const auto kind = static_cast<CoreKind>(i);
        const bool is_field = kind <= CoreKind::FieldRshift;
        EXPECT_EQ(is_field + is_type_kind(kind) + is_enumval_kind(kind), 1) << i;
    }
    EXPECT_TRUE(is_type_kind(CoreKind::TypeMatches));
}

}  // namespace
}  // namespace weir::vm::elf
