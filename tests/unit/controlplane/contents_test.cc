#include "controlplane/deploy/contents.h"

#include "tests/unit/dataplane/commands_fixture.h"

namespace weir::controlplane {
namespace {

using dataplane::must;

/// A counting program over fw/counts, a per-CPU array of one element, in a real dataplane.
class Contents : public dataplane::CommandsTest {
protected:
    void SetUp() override {
        CommandsTest::SetUp();
        configure();
        publish_counter();
    }
    dataplane::api::MapInfo counts() { return must(client_->list_maps()).at(0); }
    std::string refusal(const std::vector<NewContents>& contents) {
        const auto replaced = replace_contents(*client_, contents);
        EXPECT_FALSE(replaced);
        EXPECT_EQ(must(client_->list_maps()).size(), 1u) << "nothing is left of what was refused";
        return replaced ? "" : replaced.error().message;
    }
};

TEST_F(Contents, AreReplacedAndTheProgramGoesOnWithThem) {
    wait_for_runs("fw", 100);
    Bytes record(12);
    record[11] = 0x10;  // 2^60 in every slot
    const auto replaced = replace_contents(*client_, {{counts(), record}});
    ASSERT_TRUE(replaced) << replaced.error().message;
    EXPECT_EQ(replaced->generation, 2u);
    const uint64_t runs = runs_of("fw");
    wait_for_runs("fw", runs + 100);
    const Bytes value = *must(client_->lookup(counts().handle, Bytes(4)));
    uint64_t counted = 0;
    std::memcpy(&counted, value.data(), sizeof counted);
    EXPECT_GT(counted, 1ull << 60);
    EXPECT_LT(counted, (1ull << 60) + runs_of("fw")) << "the count from before is gone";
}

TEST_F(Contents, ThatDoNotFitAreRefusedBeforeAnythingIsMade) {
    EXPECT_EQ(refusal({{counts(), Bytes(13)}}),
              "map fw/counts: 13 bytes are not a multiple of a record's 12 (key 4, value 8)");
    EXPECT_EQ(refusal({{counts(), Bytes(24)}}),
              "map fw/counts: 2 elements, expected at most 1 (max_entries)");
}

TEST_F(Contents, OfOneMapTwiceAreRefused) {
    EXPECT_EQ(refusal({{counts(), Bytes(12)}, {counts(), Bytes(12)}}),
              "map fw/counts is named twice, expected each map once");
}

TEST_F(Contents, ThatTheMapRefusesChangeNothing) {
    Bytes record(12);
    record[0] = 1;  // an index that does not exist
    const auto replaced = replace_contents(*client_, {{counts(), record}});
    ASSERT_FALSE(replaced);
    EXPECT_EQ(replaced.error().message,
              "element 1 of 1: map fw/counts (handle 2): key 0x01000000: the index is beyond "
              "the end: max_entries is 1");
    EXPECT_EQ(must(client_->status()).generation, 1u);
}

}  // namespace
}  // namespace weir::controlplane
