// What the record of a run says. That the run itself is the same: the tests of callbacks, tail
// calls and timers, which run traced too, and tests/differential.

#include "jit/traced_run.h"

#include <gtest/gtest.h>

#include "tests/unit/jit/joined.h"

namespace weir::tests {
namespace {

using vm::Space;

class TracedRun : public testing::Test {
protected:
    Joined joined_{Runs::kTraced,
                   {map_spec(vm::MapType::Array, 4, 8, 5), map_spec(vm::MapType::Hash, 4, 8, 5),
                    map_spec(vm::MapType::ProgArray, 4, 4, 2)}};
    const vm::RunRecord& record() { return joined_.recorder.record(); }
    Bytes bytes(const vm::TracedBytes& place) {
        if (place.offset == vm::TracedBytes::kNone) return {};
        return {record().bytes.begin() + place.offset,
                record().bytes.begin() + place.offset + place.bytes};
    }
};

TEST_F(TracedRun, NotesBranchesWithWhatTheyCompared) {
    joined_.run(
        joined_.add("r2 = 7\nif r2 > 5 goto on\nr0 = 1\nexit\non: r0 = 2\n"
                    "if w2 == 8 goto no\nexit\nno: r0 = 3\nexit"));
    ASSERT_EQ(record().steps.size(), 5u);
    const vm::TracedStep& taken = record().steps[1];
    EXPECT_EQ((std::tuple(taken.insn, taken.a.number, taken.b.number, taken.jumped)),
              (std::tuple(1u, 7u, 5u, true)));
    const vm::TracedStep& passed = record().steps[3];
    EXPECT_EQ((std::tuple(passed.a.number, passed.b.number, passed.jumped)),
              (std::tuple(7u, 8u, false)));
    EXPECT_EQ(record().runs[0].retval, 2u);
    EXPECT_EQ(record().steps_total, 5u);
    EXPECT_FALSE(record().is_cut);
}

TEST_F(TracedRun, SaysPointersByWhatTheyLeadTo) {
    joined_.run(
        joined_.add("r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 14\n"
                    "if r4 > r3 goto out\nout: *(u64 *)(r10 - 8) = 1\nr0 = 2\nexit"));
    const auto& steps = record().steps;
    EXPECT_EQ(steps[0].a.space, Space::Packet);
    EXPECT_EQ(steps[0].a.number, 0u);
    EXPECT_EQ(steps[0].b.space, Space::Context);
    EXPECT_EQ(steps[1].a.space, Space::PacketEnd);
    EXPECT_EQ(steps[3].a.number, 14u);
    EXPECT_EQ(steps[4].b.space, Space::PacketEnd);
    EXPECT_EQ(steps[5].b.space, Space::Stack);
    EXPECT_EQ(static_cast<int64_t>(steps[5].b.number), -8);
}

TEST_F(TracedRun, NotesLookUpsUpdatesAndWritesWithKeysAndValues) {
    const auto& program = joined_.add(
        "*(u32 *)(r10 - 4) = 3\nr2 = r10\nr2 += -4\nr1 = map[0] ll\ncall map_lookup_elem\n"
        "if r0 == 0 goto out\nr1 = 5\n*(u64 *)(r0 + 0) = r1\n*(u64 *)(r10 - 16) = 9\n"
        "r1 = map[1] ll\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\n"
        "r1 = map[1] ll\nr2 = r10\nr2 += -4\ncall map_delete_elem\nout: r0 = 1\nexit");
    joined_.run(program);
    ASSERT_EQ(record().calls.size(), 3u);
    const vm::TracedCall& look_up = record().calls[0];
    EXPECT_EQ(record().maps[look_up.map], &joined_.map(0));
    EXPECT_EQ(bytes(look_up.key), (Bytes{3, 0, 0, 0}));
    EXPECT_EQ(bytes(look_up.value), Bytes(8));
    EXPECT_EQ(look_up.result.space, Space::MapValue);
    ASSERT_EQ(record().writes.size(), 1u);
    const vm::TracedWrite& write = record().writes[0];
    EXPECT_EQ((std::tuple(write.before, write.after, write.bytes)), (std::tuple(0u, 5u, 8)));
    EXPECT_EQ(bytes(write.key), (Bytes{3, 0, 0, 0}));
    const vm::TracedCall& update = record().calls[1];
    EXPECT_EQ(bytes(update.value), (Bytes{9, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_TRUE(bytes(update.before).empty());
    EXPECT_EQ(bytes(record().calls[2].before), (Bytes{9, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(joined_.word(0, 3), 5u);
}

TEST_F(TracedRun, FollowsTailCallsOfMachineCodeIntoTheProgramBehindIt) {
    const auto& target = joined_.add("r0 = 77\nexit");
    joined_.bind(1, target, 2);
    const auto& program = joined_.add("r2 = map[2] ll\nr3 = 1\ncall tail_call\nr0 = 2\nexit");
    EXPECT_EQ(joined_.run(program), std::vector<uint32_t>{77});
    ASSERT_EQ(record().programs.size(), 2u);
    EXPECT_EQ(record().programs[1], target.runnable());
    EXPECT_EQ(record().steps.back().program, 1u);
    EXPECT_FALSE(record().calls[0].is_done);
}

TEST_F(TracedRun, ALongRunIsCutAndEndsAsEver) {
    const auto& program = joined_.add(
        "r0 = 0\nr1 = 0\nagain: r0 += 1\n*(u64 *)(r10 - 8) = r0\nif r0 < 9000 goto again\nexit");
    EXPECT_EQ(joined_.run(program), std::vector<uint32_t>{9000});
    EXPECT_TRUE(record().is_cut);
    EXPECT_EQ(record().steps.size(), vm::kTracedStepsMax);
    EXPECT_EQ(record().steps_total, 3u + 3u * 9000u);
}

TEST_F(TracedRun, TakesNoMemoryWhileItRecords) {
    const vm::TracedStep* const steps = record().steps.data();
    const uint8_t* const kept = record().bytes.data();
    const auto& program = joined_.add("r0 = 0\nagain: r0 += 1\nif r0 < 9000 goto again\nexit");
    for (int i = 0; i < 3; ++i) joined_.run(program, 2);
    EXPECT_EQ(record().steps.data(), steps);
    EXPECT_EQ(record().bytes.data(), kept);
}

}  // namespace
}  // namespace weir::tests
