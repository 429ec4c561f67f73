#include "controlplane/cli/offline_report.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/offline_object.h"

namespace weir::controlplane::cli {
namespace {

TEST(OfflineReport, HasOneEntryPerPacketAndEveryMap) {
    const vm::ObjectSpec object =
        object_of({jumping("first", "last"), returning("last", vm::XDP_TX)});
    Result<std::unique_ptr<OfflineSet>> set =
        OfflineSet::make(object, object.programs[0], kUnverified);
    ASSERT_TRUE(set) << set.error().message;
    std::vector<Bytes> packets = {Bytes(60), Bytes(3)};
    const std::vector<OfflineOutcome> outcomes = (*set)->run(packets, 1);
    const std::vector<CapturedPacket> captured = {{.bytes = packets[0]}, {.bytes = packets[1]}};
    const Json document =
        report_json({.set = **set, .outcomes = outcomes, .packets = captured, .unverified = true});
    EXPECT_EQ(document["packets"][0]["verdict"], "XDP_TX");
    EXPECT_EQ(document["packets"][1]["verdict"], nullptr);
    EXPECT_EQ(document["packets"][1]["len"], 3);
    EXPECT_EQ(document["maps"]["jumps"], Json::parse(R"([["01000000","02000000"]])"));
    EXPECT_EQ(document["unverified"], true);
}

}  // namespace
}  // namespace weir::controlplane::cli
