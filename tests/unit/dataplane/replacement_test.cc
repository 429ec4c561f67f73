#include "dataplane/replacement.h"

#include <span>

#include "dataplane/replay.h"
#include "tests/unit/dataplane/commands_fixture.h"
#include "vm/isa/assemble.h"

namespace weir::dataplane {
namespace {

/// Reads key 0 of `left` and of `right`; counts the packet in tally[0] if both values are the same,
/// else in tally[1].
constexpr const char* kComparison = R"(
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = map[0] ll
    call 1
    if r0 == 0 goto out
    r6 = *(u64 *)(r0 + 0)
    r2 = r10
    r2 += -4
    r1 = map[1] ll
    call 1
    if r0 == 0 goto out
    r7 = *(u64 *)(r0 + 0)
    if r6 == r7 goto same
    *(u32 *)(r10 - 4) = 1
same:
    r2 = r10
    r2 += -4
    r1 = map[2] ll
    call 1
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
out:
    r0 = 1
    exit
)";

class ReplacementTest : public CommandsTest {
protected:
    void SetUp() override {
        CommandsTest::SetUp();
        configure();
        left_spec_ = testing_map("left", vm::MapType::Hash, 10);
        right_spec_ = testing_map("right", vm::MapType::LruHash, 10);
    }

    /// The program runs on wan, with `value` behind key 0 of both maps.
    void publish_comparison(uint64_t value) {
        const auto insns = vm::assemble(kComparison);
        ASSERT_TRUE(insns) << insns.error().message;
        vm::ProgramSpec program = testing_program("comparison", *insns);
        program.maps = {left_spec_, right_spec_, testing_map("tally", vm::MapType::PercpuArray, 2)};
        left_ = must(client_->create_map({"fw/left", program.maps[0]}));
        right_ = must(client_->create_map({"fw/right", program.maps[1]}));
        tally_ = must(client_->create_map({"fw/tally", program.maps[2]}));
        fill(left_, value);
        fill(right_, value);
        const auto loaded =
            must(client_->load_program({"fw", program, {left_, right_, tally_}, "fw.o", "abc"}));
        must(client_->publish({{{"wan", false, {loaded.handle}}}, "hash1"}));
    }

    void fill(Handle map, uint64_t value) {
        Bytes record(12);
        std::memcpy(record.data() + 4, &value, sizeof value);
        EXPECT_EQ(must(client_->fill(map, record, 12, 0)), 1u);
    }
    Handle pending(const std::string& name, const vm::MapSpec& spec, uint64_t value) {
        const Handle map = must(client_->create_map({name, spec}));
        fill(map, value);
        return map;
    }
    uint64_t number(Handle map, uint32_t key) {
        const uint8_t bytes[4] = {static_cast<uint8_t>(key), 0, 0, 0};
        const auto value = must(client_->lookup(map, bytes));
        uint64_t sum = 0;
        for (size_t at = 0; value && at < value->size(); at += 8) {
            uint64_t slot = 0;
            std::memcpy(&slot, value->data() + at, sizeof slot);
            sum += slot;
        }
        return sum;
    }
    std::string refusal(const std::vector<api::MapReplacement>& request) {
        const auto replaced = client_->replace_maps(request);
        EXPECT_FALSE(replaced);
        return replaced ? "" : replaced.error().message;
    }

    vm::MapSpec left_spec_, right_spec_;
    Handle left_ = 0, right_ = 0, tally_ = 0;
};

TEST_F(ReplacementTest, ShowsEachPacketTheOldContentsOfAllMapsOrTheNew) {
    publish_comparison(1);
    wait_for_runs("fw", 100);
    for (uint64_t value = 2; value < 60; ++value) {
        const std::vector<api::MapReplacement> both = {
            {left_, pending("fw/left", left_spec_, value)},
            {right_, pending("fw/right", right_spec_, value)}};
        EXPECT_EQ(must(client_->replace_maps(both)).generation, value);
        EXPECT_EQ(number(left_, 0), value);
        EXPECT_EQ(number(right_, 0), value);
    }
    wait_for_runs("fw", runs_of("fw") + 100);
    EXPECT_GE(number(tally_, 0), 200u) << "counts of the map that stays go on";
    EXPECT_EQ(number(tally_, 1), 0u) << "packets that saw one map old and one new";
    const auto maps = must(client_->list_maps());
    ASSERT_EQ(maps.size(), 3u) << "the replaced ones are gone";
    for (const api::MapInfo& map : maps) EXPECT_TRUE(map.published) << map.name;
    EXPECT_EQ(must(client_->list_programs()).size(), 1u);
    EXPECT_EQ(must(client_->status()).config_hash, "hash1");
}

TEST_F(ReplacementTest, RefusesWhatDoesNotFitAndChangesNothing) {
    publish_comparison(1);
    EXPECT_EQ(refusal({}), "expected at least one map to replace");
    EXPECT_EQ(refusal({{77, 78}}), "no map has handle 77");
    EXPECT_EQ(refusal({{left_, right_}}),
              "map fw/right (handle 2): expected a pending map that this connection made");
    vm::MapSpec larger = left_spec_;
    larger.entries_max = 11;
    const Handle other = pending("fw/left", larger, 2);
    EXPECT_EQ(refusal({{left_, other}}),
              "map fw/left (handle 4): max_entries is 10 in the program, 11 in the map");
    EXPECT_EQ(refusal({{right_, other}}),
              "map fw/left (handle 4): its name differs from that of map fw/right (handle 2)");
    EXPECT_EQ(refusal({{other, left_}}),
              "map fw/left (handle 4): no program of the running "
              "generation uses it, expected a published map");
    Client stranger = dataplane_.connect();
    const Handle of_stranger = must(stranger.create_map({"fw/right", right_spec_}));
    EXPECT_EQ(refusal({{right_, of_stranger}}),
              "map fw/right (handle 5): expected a pending map that this connection made");
    const Handle fresh = pending("fw/right", right_spec_, 2);
    EXPECT_EQ(refusal({{right_, fresh}, {right_, fresh}}), "map fw/right (handle 2): named twice");
    EXPECT_EQ(refusal({{right_, fresh}, {left_, other}}),
              "map fw/left (handle 4): max_entries is 10 in the program, 11 in the map");
    EXPECT_EQ(must(client_->status()).generation, 1u);
    EXPECT_EQ(number(left_, 0), 1u);
    EXPECT_EQ(number(right_, 0), 1u);
}

TEST_F(ReplacementTest, KeepsAsPolicyWhatTheNewContentsHaveOfIt) {
    publish_comparison(1);
    const std::vector<api::Element> policy = {{Bytes(4), Bytes(8, 1)},
                                              {Bytes{9, 0, 0, 0}, Bytes(8, 9)}};
    must(client_->update(left_, policy, 0, true));
    const Handle fresh = pending("fw/left", left_spec_, 5);
    must(client_->replace_maps(std::vector<api::MapReplacement>{{left_, fresh}}));
    const Replay replay = must(read_replay(dataplane_.run_dir() + "/" + kReplayName));
    for (const ReplayMap& map : replay.maps) {
        if (map.create.name != "fw/left") continue;
        const Bytes five = {5, 0, 0, 0, 0, 0, 0, 0};
        EXPECT_EQ(map.policy, (std::vector<api::Element>{{Bytes(4), five}}));
    }
}

TEST_F(ReplacementTest, IsUndoneByNobodysDeath) {
    publish_comparison(1);
    const Handle fresh = pending("fw/left", left_spec_, 5);
    must(client_->replace_maps(std::vector<api::MapReplacement>{{left_, fresh}}));
    client_.reset();
    client_.emplace(dataplane_.connect());
    EXPECT_EQ(number(left_, 0), 5u);
    wait_for_runs("fw", runs_of("fw") + 100);
}

TEST_F(ReplacementTest, WritesUnderAValuesLockOnAWorker) {
    vm::MapSpec spec = testing_map("locked", vm::MapType::Hash, 100);
    spec.spin_lock_offset = 0;
    const Handle map = must(client_->create_map({"locked", spec}));
    std::vector<api::Element> elements;
    for (uint8_t i = 0; i < 100; ++i) elements.emplace_back(Bytes{i, 0, 0, 0}, Bytes(8, i));
    EXPECT_EQ(must(client_->update(map, elements, vm::kUpdateLock, false)), 100u);
    EXPECT_EQ(*must(client_->lookup(map, elements[9].first)), (Bytes{0, 0, 0, 0, 9, 9, 9, 9}));
    const auto plain = must(client_->create_map({"plain", left_spec_}));
    EXPECT_FALSE(client_->update(plain, elements, vm::kUpdateLock, false))
        << "a value without a lock";
}

}  // namespace
}  // namespace weir::dataplane
