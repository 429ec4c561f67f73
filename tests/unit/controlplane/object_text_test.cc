#include "controlplane/cli/object_text.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/listed_program.h"

namespace weir::controlplane::cli {
namespace {

TEST(ObjectText, ListsHelpersWithWhyTheyAreRefused) {
    vm::ObjectSpec object;
    object.programs = {everything()};
    object.maps = {global_data()};
    const Json document = object_json(object);
    const Json& helpers = document["programs"][0]["helpers"];
    ASSERT_EQ(helpers.size(), 3u);
    EXPECT_EQ(helpers[0], Json::parse(R"({"name":"bpf_ktime_get_ns","id":5})"));
    EXPECT_EQ(helpers[1]["id"], 35);
    EXPECT_NE(helpers[1]["refusal"].get<std::string>().find("no current task"), std::string::npos);
    EXPECT_EQ(helpers[2], Json::parse(R"({"name":"bpf_iter_num_new"})"));
}

TEST(ObjectText, ListsVariablesWithTheirFirstValues) {
    vm::ObjectSpec object;
    object.maps = {global_data()};
    EXPECT_EQ(object_json(object)["globals"],
              Json::parse(R"([{"name":"seen","section":".bss","type":"__u64","value":9}])"));
}

TEST(ObjectText, RefusesAHelperOfTheOtherProgramType) {
    constexpr int32_t kRedirectMap = 51;
    vm::ProgramSpec program;
    program.type = vm::ProgramType::SocketFilter;
    program.insns = tests::InsnWriter().call(kRedirectMap).exit().insns();
    vm::ObjectSpec object;
    object.programs = {program};
    EXPECT_EQ(object_json(object)["programs"][0]["helpers"][0]["refusal"],
              "not for programs of type socket, as in the kernel");
}

TEST(ObjectText, WritesTypesAsInC) {
    auto array = std::make_shared<vm::TypeInfo>();
    array->kind = vm::TypeKind::Array;
    array->element = int_type("__u8", 1);
    array->element_count = 16;
    EXPECT_EQ(type_text(array), "__u8[16]");
    EXPECT_EQ(type_text(nullptr), "");
    EXPECT_EQ(type_text(std::make_shared<vm::TypeInfo>(vm::TypeInfo{.kind = vm::TypeKind::Struct})),
              "struct");
}

}  // namespace
}  // namespace weir::controlplane::cli
