// Maps that outlive a dataplane: killed, and started again from its replay file.

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dataplane/replay.h"
#include "tests/unit/dataplane/commands_fixture.h"
#include "vm/program/map.h"

namespace weir::dataplane {
namespace {

namespace fs = std::filesystem;

class PersistenceTest : public CommandsTest {
protected:
    static vm::MapSpec flows(uint32_t entries_max = 1000) {
        return testing_map("flows", vm::MapType::Hash, entries_max);
    }
    static Bytes number(uint64_t value, size_t bytes) {
        Bytes raw(bytes);
        std::memcpy(raw.data(), &value, bytes);
        return raw;
    }
    static api::Element element(uint32_t key) { return {number(key, 4), number(key * 7 + 1, 8)}; }
    std::vector<api::Element> elements(uint32_t begin, uint32_t end) {
        std::vector<api::Element> all;
        for (uint32_t key = begin; key < end; ++key) all.push_back(element(key));
        return all;
    }
    Result<api::Handle> create(const vm::MapSpec& spec,
                               api::Persistence persistence = api::Persistence::Keep) {
        return client_->create_map({"fw/flows", spec, persistence});
    }
    void publish(api::Handle map, const vm::MapSpec& spec) {
        const api::ProgramLoaded loaded = must(client_->load_program(
            {"fw", testing_counter(vm::XDP_DROP, spec), {map}, "fw.o", "abc"}));
        must(client_->publish({{{"wan", false, {loaded.handle}}}, "hash1"}));
        map_ = map;
    }
    void start_over(const std::vector<std::string>& more = {}) {
        client_.reset();
        dataplane_.stop(SIGKILL);
        dataplane_.start(more);
        client_.emplace(dataplane_.connect());
    }
    std::vector<std::string> replay() const {
        return {"--replay", dataplane_.run_dir() + "/" + kReplayName};
    }
    api::MapInfo info() {
        for (const api::MapInfo& map : must(client_->list_maps()))
            if (map.name == "fw/flows" && map.published) return map;
        ADD_FAILURE() << "no map fw/flows";
        return {};
    }
    std::string file() const { return dataplane_.run_dir() + "/maps/fw%2Fflows.map"; }
};

TEST_F(PersistenceTest, AReplayFindsWhatProgramsLearnedAndWhatPolicySays) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(1, 100), vm::kUpdateAny, false));
    must(client_->update(map_, elements(100, 110), vm::kUpdateAny, true));
    must(client_->erase(map_, std::vector<Bytes>{number(5, 4)}));
    EXPECT_TRUE(info().persists);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // policy reaches the replay file
    start_over(replay());
    EXPECT_EQ(info().entries, 108u);
    EXPECT_EQ(info().torn_count, 0u);
    for (uint32_t key = 1; key < 110; ++key) {
        const auto value = must(client_->lookup(info().handle, number(key, 4)));
        ASSERT_EQ(value.has_value(), key != 5) << key;
        ASSERT_EQ(value.value_or(element(key).second), element(key).second);
    }
}

TEST_F(PersistenceTest, TornElementsAreCountedAndShown) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(1, 100), vm::kUpdateAny, false));
    const std::string wanted(reinterpret_cast<const char*>(element(42).second.data()), 8);
    client_.reset();
    dataplane_.stop(SIGKILL);
    std::string bytes;
    {
        std::ifstream in(file(), std::ios::binary);
        bytes.assign(std::istreambuf_iterator<char>(in), {});
    }
    const size_t at = bytes.find(wanted);
    ASSERT_NE(at, std::string::npos);
    {
        std::fstream out(file(), std::ios::in | std::ios::out | std::ios::binary);
        out.seekp(static_cast<std::streamoff>(at - 8));
        out << "\xff\xff\xff\xff";
    }
    dataplane_.start(replay());
    client_.emplace(dataplane_.connect());
    EXPECT_EQ(info().entries, 98u);
    EXPECT_EQ(info().torn_count, 1u);
    EXPECT_NE(dataplane_.log().find("98 elements of"), std::string::npos);
    EXPECT_NE(dataplane_.log().find("1 were torn and are dropped"), std::string::npos);
}

TEST_F(PersistenceTest, AMapThatNeverWentIntoServiceLeavesTheFileAsItWas) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(1, 50), vm::kUpdateAny, false));
    start_over();
    configure();
    const api::Handle pending = must(create(flows()));
    must(client_->update(pending, elements(50, 90), vm::kUpdateAny, false));
    start_over();
    configure();
    publish(must(create(flows())), flows());
    EXPECT_EQ(info().entries, 49u);
}

TEST_F(PersistenceTest, AFileThatDoesNotFitIsRefusedAndWhatRunsStays) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(1, 50), vm::kUpdateAny, false));
    start_over();
    configure();
    publish_counter();
    const auto changed = create(flows(2000));
    ASSERT_FALSE(changed.has_value());
    EXPECT_EQ(changed.error().message,
              "map fw/flows: " + file() +
                  ": holds a map of another definition (max_entries 1000 -> 2000); remove it, or "
                  "say if_changed: fresh, to start with an empty map");
    fs::resize_file(file(), 5000);
    const auto cut = create(flows());
    ASSERT_FALSE(cut.has_value());
    EXPECT_NE(cut.error().message.find(file() + ": is cut off: it has 5000 bytes"),
              std::string::npos);
    wait_for_runs("fw", 1);
    EXPECT_FALSE(create(testing_map("flows", vm::MapType::Devmap, 4)).has_value());
    publish(must(create(flows(), api::Persistence::None)), flows());
    EXPECT_FALSE(info().persists);
}

TEST_F(PersistenceTest, AReplaySetsADamagedFileAsideAndSaysSo) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(0, 5), 0, true));
    must(client_->update(map_, elements(5, 9), 0, false));
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // the replay has the policy
    client_.reset();
    dataplane_.stop(SIGKILL);
    fs::resize_file(file(), 100);
    dataplane_.start(replay());
    client_.emplace(dataplane_.connect());
    EXPECT_EQ(must(client_->status()).generation, 1u) << "the node filters again by itself";
    EXPECT_EQ(info().entries, 5u) << "policy is back, what programs learned is not";
    EXPECT_EQ(fs::file_size(file() + ".damaged.1"), 100u);
    const auto warnings = must(client_->status()).warnings;
    ASSERT_FALSE(warnings.empty());
    EXPECT_NE(warnings.back().find(file() + ": is cut off: it has 100 bytes"), std::string::npos)
        << warnings.back();
    EXPECT_NE(
        warnings.back().find("; the map began empty, the file is now " + file() + ".damaged.1"),
        std::string::npos);
}

TEST_F(PersistenceTest, AReplayLeavesAWholeFileAloneThatItCannotTakeUpNow) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(0, 9), 0, false));
    client_.reset();
    dataplane_.stop(SIGKILL);
    const int fd = open(file().c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(flock(fd, LOCK_EX), 0);
    dataplane_.start(replay());
    EXPECT_EQ(dataplane_.wait(), 2);
    EXPECT_NE(dataplane_.log().find(file() + ": is in use by another process"), std::string::npos)
        << dataplane_.log();
    EXPECT_FALSE(fs::exists(file() + ".damaged.1"));
    close(fd);
    dataplane_.start(replay());
    client_.emplace(dataplane_.connect());
    EXPECT_EQ(info().entries, 9u);
}

TEST_F(PersistenceTest, ReplacedContentsAreWhatARestartFinds) {
    configure();
    publish(must(create(flows())), flows());
    must(client_->update(map_, elements(1, 50), vm::kUpdateAny, false));
    const api::Handle fresh = must(create(flows()));
    must(client_->update(fresh, elements(60, 80), vm::kUpdateAny, false));
    must(client_->replace_maps(std::vector<api::MapReplacement>{{map_, fresh}}));
    start_over(replay());
    EXPECT_EQ(info().entries, 20u);
}

}  // namespace
}  // namespace weir::dataplane
