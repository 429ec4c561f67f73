#include "controlplane/telemetry/type_text.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane {
namespace {

TEST(TypeText, IsC) {
    EXPECT_EQ(type_line(flow_type()),
              "struct flow { __be32 saddr; __be16 port; enum protocol protocol; __u8 pad; }");
    EXPECT_EQ(type_text(limit_type(), 2),
              "  struct limit {\n      __u32 rate;\n      __s16 burst;\n      __u8 marks[2];\n  }");
    EXPECT_EQ(type_line(int_type("__u64", 8)), "__u64");
    EXPECT_EQ(type_line(nullptr), "");
    const vm::TypeRef bits = struct_type("b", 1, {{"low", 0, 3, int_type("__u8", 1)}});
    EXPECT_EQ(type_line(bits), "struct b { __u8 low : 3; }");
}

TEST(TypeText, TreesAreReadBack) {
    for (const vm::TypeRef& type : {flow_type(), limit_type(), int_type("__s32", 4, true)}) {
        const Result<vm::TypeRef> read = read_type_tree(Json::parse(type_tree(type).dump()));
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(type_tree(*read), type_tree(type));
        EXPECT_EQ(type_line(*read), type_line(type));
    }
    ASSERT_TRUE(read_type_tree(nullptr));
    EXPECT_EQ(*read_type_tree(nullptr), nullptr);
}

TEST(TypeText, OtherDocumentsAreRefused) {
    for (const char* wrong :
         {"1", "[]", "{}", R"({"kind":"thing"})", R"({"kind":"int","bytes":"x"})",
          R"({"kind":"struct","members":[1]})", R"({"kind":"enum","values":[["a"]]})"})
        EXPECT_FALSE(read_type_tree(Json::parse(wrong))) << wrong;
    std::string deep = R"({"kind":"int"})";
    for (int i = 0; i < 200; ++i) deep = R"({"kind":"array","element":)" + deep + "}";
    EXPECT_FALSE(read_type_tree(Json::parse(deep)));
}

}  // namespace
}  // namespace weir::controlplane
