#include "dataplane/replay.h"

#include <gtest/gtest.h>

#include <cstring>

#include <fstream>
#include <random>

#include "dataplane/api/codec.h"
#include "dataplane/map_commands.h"
#include "maps/maps.h"
#include "tests/unit/dataplane/fixtures.h"
#include "tests/unit/dataplane/temporary_dir.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

class ReplayTest : public testing::Test {
protected:
    /// A registry with gaps in its handles: maps 2 and 3, program 2.
    void SetUp() override {
        const vm::MapSpec spec = testing_map("counts", vm::MapType::Hash, 100);
        ASSERT_TRUE(registry_.create_map(1, {"gone", spec}));
        const Handle other = *registry_.create_map(2, {"fw/other", spec});
        const Handle counts = *registry_.create_map(2, {"fw/counts", spec});
        ASSERT_TRUE(update_elements(**registry_.map(counts),
                                    {counts, 0, true, {{Bytes{1, 2, 3, 4}, Bytes(8, 9)}}},
                                    at_once));
        add_program(1, "gone", testing_return(1), {});
        vm::ProgramSpec program = testing_counter(vm::XDP_DROP, spec);
        program.maps.push_back(spec);
        const Handle handle = add_program(2, "fw", program, {counts, other});
        publish_ = {{{"wan", false, {handle, handle}}}, "hash"};
        registry_.published({handle});
        registry_.disconnected(1);
        configure_.lcores = {3};
        ASSERT_TRUE(write_replay(path_, configure_, registry_, publish_));
    }
    Handle add_program(Owner owner, const std::string& name, const vm::ProgramSpec& spec,
                       const std::vector<Handle>& maps) {
        auto program = std::make_shared<LoadedProgram>();
        program->name = name;
        program->object_hash = "abc";
        for (const Handle map : maps) program->maps.push_back(*registry_.map(map));
        program->slot = std::make_shared<const SlotLease>(*registry_.take_slot());
        const auto proof = vm::verify(spec);
        EXPECT_TRUE(proof) << proof.error().message;
        program->verified = std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *proof));
        return registry_.add_program(owner, std::move(program));
    }
    Bytes file() const {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static Result<Replay> read_bytes(const Bytes& bytes) { return parse_replay("changed", bytes); }

    TemporaryDir temporary_;
    std::string path_ = temporary_ / "confirmed.replay";
    Registry registry_{1};
    api::Configure configure_;
    api::Publish publish_;
};

TEST_F(ReplayTest, ComesBackWithItsHandlesNumberedAnew) {
    const Result<Replay> replay = read_replay(path_);
    ASSERT_TRUE(replay) << replay.error().message;
    EXPECT_EQ(replay->configure.lcores, std::vector<uint32_t>{3});
    ASSERT_EQ(replay->maps.size(), 2u);
    EXPECT_EQ(replay->maps[0].create.name, "fw/other");
    EXPECT_EQ(replay->maps[1].create.name, "fw/counts");
    EXPECT_EQ(replay->maps[1].policy,
              (std::vector<api::Element>{{Bytes{1, 2, 3, 4}, Bytes(8, 9)}}));
    ASSERT_EQ(replay->programs.size(), 1u);
    EXPECT_EQ(replay->programs[0].maps, (std::vector<Handle>{2, 1}));
    EXPECT_EQ(replay->programs[0].object_hash, "abc");
    EXPECT_EQ(replay->publish.chains[0].programs, (std::vector<Handle>{1, 1}));
    EXPECT_EQ(replay->publish.config_hash, "hash");
}

TEST_F(ReplayTest, KeepsManyPolicyElementsInManyFrames) {
    LoadedMap& map = **registry_.map(2);
    map.policy = PolicyLog(4);
    for (uint32_t i = 0; i < 3 * api::kBatchElementsMax; ++i) {
        Bytes key(sizeof i);
        std::memcpy(key.data(), &i, sizeof i);
        map.policy.put(key, Bytes(8, static_cast<uint8_t>(i)));
    }
    ASSERT_TRUE(write_replay(path_, configure_, registry_, publish_));
    const Result<Replay> replay = read_replay(path_);
    ASSERT_TRUE(replay) << replay.error().message;
    EXPECT_EQ(replay->maps[0].policy.size(), 3 * api::kBatchElementsMax);
}

TEST_F(ReplayTest, CutAnywhereIsRefused) {
    const Bytes whole = file();
    for (size_t length = 0; length < whole.size(); ++length) {
        const Result<Replay> replay =
            read_bytes(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)));
        ASSERT_FALSE(replay) << "cut at " << length << " of " << whole.size();
        EXPECT_NE(replay.error().message.find(": at offset "), std::string::npos)
            << replay.error().message;
    }
}

TEST_F(ReplayTest, WithAnyByteChangedIsRefused) {
    Bytes bytes = file();
    std::mt19937 random(3);
    for (uint8_t& byte : bytes) {
        const uint8_t before = byte;
        byte = static_cast<uint8_t>(byte ^ (1 + random() % 255));
        EXPECT_FALSE(read_bytes(bytes));
        byte = before;
    }
}

TEST_F(ReplayTest, NamesFileAndOffset) {
    EXPECT_EQ(read_bytes(Bytes(40, 'x')).error().message,
              "changed: at offset 0: no replay file, which starts with WEIRPLAY");
    Bytes bytes = file();
    bytes[8] = 'X';
    EXPECT_EQ(read_bytes(bytes).error().message,
              "changed: at offset 8: frame: magic at offset 0 is 0x52494558, expected 0x52494557");
    bytes = file();
    bytes.back() ^= 1;
    EXPECT_NE(read_bytes(bytes).error().message.find("checksum"), std::string::npos);
    EXPECT_EQ(read_replay("/nonexistent/x").error().message,
              "/nonexistent/x: cannot be read: No such file or directory");
}

TEST_F(ReplayTest, LeavesTheOldFileWhenTheNewCannotBeWritten) {
    const Bytes before = file();
    std::filesystem::create_directory(path_ + ".new");  // in the way, also of root
    const Result<void> written = write_replay(path_, configure_, registry_, publish_);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, path_ + ".new: cannot be written: Is a directory");
    EXPECT_TRUE(std::ranges::equal(file(), before));
}

}  // namespace
}  // namespace weir::dataplane
