#include "dataplane/commands.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/commands_fixture.h"

namespace weir::dataplane {
namespace {

TEST_F(CommandsTest, AnswersStatusBeforeItIsConfiguredAndRefusesTheRest) {
    const api::Status status = must(client_->status());
    EXPECT_FALSE(status.configured);
    EXPECT_EQ(status.pid, static_cast<uint32_t>(dataplane_.pid()));
    const auto refused = client_->create_map({"m", testing_map("m", vm::MapType::Hash, 4)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "this dataplane is not configured yet: CONFIGURE comes first");
    EXPECT_EQ(must(client_->stats()).generation, 0u);
}

TEST_F(CommandsTest, ConfiguresOnceAndRemembersHow) {
    configure();
    const api::Status status = must(client_->status());
    EXPECT_TRUE(status.configured);
    ASSERT_EQ(status.configure.ports.size(), 1u);
    EXPECT_EQ(status.configure.ports[0].device, "net_null0");
    const auto again = client_->configure(testing_configure());
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().message.find("configured already, with exactly this"),
              std::string::npos);
}

TEST_F(CommandsTest, SurvivesAConfigureThatIsRefused) {
    api::Configure wrong = testing_configure();
    wrong.ports[0].device = "net_nosuchdriver0";
    EXPECT_FALSE(client_->configure(wrong));
    EXPECT_FALSE(must(client_->status()).configured);
    configure();
}

TEST_F(CommandsTest, RunsAProgramOverTrafficAndCountsIt) {
    configure();
    publish_counter();
    wait_for_runs("fw", 100);
    const api::Stats stats = must(client_->stats());
    EXPECT_EQ(stats.generation, 1u);
    ASSERT_EQ(stats.programs.size(), 1u);
    EXPECT_GT(stats.programs[0].verdicts.at("XDP_DROP"), 0u);
    EXPECT_EQ(stats.programs[0].maps, std::vector<std::string>{"fw/counts"});
    uint64_t dropped = 0;
    for (const auto& [reason, count] : stats.total.drops) dropped += count;
    EXPECT_EQ(stats.total.rx,
              stats.total.tx + stats.total.to_kernel + dropped + stats.total.in_flight);
    const auto value = must(client_->lookup(map_, Bytes(4)));
    ASSERT_TRUE(value);
    uint64_t counted = 0;
    std::memcpy(&counted, value->data(), sizeof counted);
    EXPECT_GE(counted, 100u);
}

TEST_F(CommandsTest, SwapsAProgramAndCarriesItsMapOver) {
    configure();
    publish_counter();
    wait_for_runs("fw", 100);
    const vm::MapSpec spec = testing_map("counts", vm::MapType::PercpuArray, 1);
    const api::ProgramLoaded next = must(
        client_->load_program({"fw", testing_counter(vm::XDP_PASS, spec), {map_}, "fw2.o", "def"}));
    const api::Published published =
        must(client_->publish({{{"wan", false, {next.handle}}}, "hash2"}));
    EXPECT_EQ(published.generation, 2u);
    const auto programs = must(client_->list_programs());
    ASSERT_EQ(programs.size(), 1u);
    EXPECT_EQ(programs[0].handle, next.handle);
    const auto maps = must(client_->list_maps());
    ASSERT_EQ(maps.size(), 1u);
    EXPECT_EQ(maps[0].handle, map_);
    const auto value = must(client_->lookup(map_, Bytes(4)));
    uint64_t counted = 0;
    std::memcpy(&counted, value->data(), sizeof counted);
    EXPECT_GE(counted, 100u);
}

TEST_F(CommandsTest, RefusesABadProgramWithItsRejectionAndKeepsRunning) {
    configure();
    publish_counter();
    vm::ProgramSpec bad = testing_return(2);
    bad.insns.erase(bad.insns.begin());
    vm::Rejection rejection;
    const auto loaded = client_->load_program({"bad", bad, {}, "", ""}, &rejection);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, ErrorKind::kRejected);
    EXPECT_FALSE(rejection.rule.empty());
    EXPECT_EQ(must(client_->stats()).generation, 1u);
}

TEST_F(CommandsTest, RefusesAMapThatIsNotWhatTheProgramSays) {
    configure();
    const vm::MapSpec spec = testing_map("counts", vm::MapType::Array, 1);
    const Handle map = must(client_->create_map({"fw/counts", spec}));
    vm::MapSpec other = spec;
    other.entries_max = 2;
    const auto loaded =
        client_->load_program({"fw", testing_counter(vm::XDP_DROP, other), {map}, "", ""});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(
        loaded.error().message,
        "program fw: map fw/counts (handle 1): max_entries is 2 in the program, 1 in the map");
}

TEST_F(CommandsTest, PublishesNothingOfAWrongRequest) {
    configure();
    publish_counter();
    const auto wrong_port = client_->publish({{{"lan", false, {}}}, ""});
    ASSERT_FALSE(wrong_port);
    EXPECT_EQ(wrong_port.error().message, "ingress chain: no port is called 'lan'");
    const auto wrong_handle = client_->publish({{{"wan", false, {77}}}, ""});
    ASSERT_FALSE(wrong_handle);
    EXPECT_EQ(wrong_handle.error().message, "no program has handle 77");
    const api::Route short_address{.prefix = {10, 0, 0}, .length_bits = 8, .ifindex = 1};
    const auto wrong_route = client_->publish({{}, "", {short_address}, {}});
    ASSERT_FALSE(wrong_route);
    EXPECT_EQ(wrong_route.error().message, "routes[0].prefix: 3 bytes, expected 4 or 16");
    api::Route nowhere = short_address;
    nowhere.prefix.push_back(0);
    nowhere.ifindex = 99;
    EXPECT_FALSE(client_->publish({{}, "", {nowhere}, {}})) << "no port has this ifindex";
    const api::Status status = must(client_->status());
    EXPECT_EQ(status.generation, 1u);
    EXPECT_EQ(status.config_hash, "hash1");
}

TEST_F(CommandsTest, DumpsAMapInBatches) {
    configure();
    const Handle map =
        must(client_->create_map({"set", testing_map("set", vm::MapType::Hash, 10'000)}));
    std::vector<api::Element> elements;
    for (uint32_t i = 0; i < 10'000; ++i) {
        Bytes key(4);
        std::memcpy(key.data(), &i, 4);
        elements.emplace_back(key, Bytes(8, static_cast<uint8_t>(i)));
    }
    EXPECT_EQ(must(client_->update(map, elements, 0, true)), 10'000u);
    std::map<std::string, Bytes> expected, seen;
    for (const auto& [key, value] : elements) expected[{key.begin(), key.end()}] = value;
    std::optional<Bytes> after;
    for (;;) {
        const auto batch = must(client_->dump(map, after, 3000));
        EXPECT_LE(batch.elements.size(), 3000u);
        for (const auto& [key, value] : batch.elements) seen[{key.begin(), key.end()}] = value;
        if (!batch.after) break;
        after = batch.after;
    }
    EXPECT_EQ(seen, expected);
    const std::vector<Bytes> keys = {elements[3].first, elements[3].first};
    EXPECT_EQ(must(client_->erase(map, keys)), 1u);
    EXPECT_EQ(must(client_->list_maps())[0].entries, 9'999u);
}

/// Elements of every page until the end.
std::vector<api::Element> dump_all(api::Client& client, Handle map) {
    std::vector<api::Element> all;
    std::optional<Bytes> after;
    do {
        auto page = must(client.dump(map, after, api::kBatchElementsMax));
        all.insert(all.end(), page.elements.begin(), page.elements.end());
        after = std::move(page.after);
    } while (after);
    return all;
}

TEST_F(CommandsTest, DumpsWhatLiesBehindManyEmptySlots) {
    configure();
    constexpr uint32_t kSlots = 100'000;
    vm::MapSpec spec = testing_map("ports", vm::MapType::Devmap, kSlots);
    spec.value_bytes = 4;
    const Handle map = must(client_->create_map({"ports", spec}));
    EXPECT_TRUE(dump_all(*client_, map).empty());
    std::vector<api::Element> elements;
    for (const uint32_t index : {5u, 50'000u, kSlots - 1}) {
        Bytes key(4);
        std::memcpy(key.data(), &index, sizeof index);
        elements.emplace_back(std::move(key), Bytes{1, 0, 0, 0});
    }
    EXPECT_EQ(must(client_->update(map, elements, 0, false)), elements.size());
    EXPECT_EQ(dump_all(*client_, map), elements);
}

TEST_F(CommandsTest, SaysWhichMapsCannotBeRead) {
    configure();
    vm::MapSpec sockets = testing_map("sockets", vm::MapType::Xskmap, 4);
    sockets.value_bytes = 4;
    const Handle xskmap = must(client_->create_map({"sockets", sockets}));
    EXPECT_EQ(client_->dump(xskmap, std::nullopt, 10).error().message,
              "map sockets (handle 1): key 0x00000000: a xskmap does not offer this");
    vm::MapSpec filter = testing_map("filter", vm::MapType::BloomFilter, 4);
    filter.key_bytes = 0;
    const Handle bloom = must(client_->create_map({"filter", filter}));
    EXPECT_EQ(
        client_->lookup(bloom, {}).error().message,
        "map filter (handle 2): a bloom_filter has no keys: only programs can ask what it holds");
    EXPECT_FALSE(client_->dump(bloom, std::nullopt, 10));
}

TEST_F(CommandsTest, KeepsWhatIsPublishedWhenItsClientDies) {
    configure();
    publish_counter();
    must(client_->create_map({"pending", testing_map("pending", vm::MapType::Hash, 4)}));
    EXPECT_EQ(must(client_->list_maps()).size(), 2u);
    client_.reset();
    client_.emplace(dataplane_.connect());
    const auto maps = must(client_->list_maps());
    ASSERT_EQ(maps.size(), 1u);
    EXPECT_EQ(maps[0].name, "fw/counts");
    EXPECT_TRUE(maps[0].published);
    EXPECT_EQ(must(client_->status()).config_hash, "hash1");
    wait_for_runs("fw", runs_of("fw") + 100);
}

TEST_F(CommandsTest, BootsTheLastGenerationFromItsFile) {
    configure();
    const vm::MapSpec spec = testing_map("blocked", vm::MapType::Hash, 100);
    const Handle map = must(client_->create_map({"fw/blocked", spec}));
    const std::vector<api::Element> policy = {{Bytes{1, 2, 3, 4}, Bytes(8, 1)},
                                              {Bytes{5, 6, 7, 8}, Bytes(8, 2)}};
    must(client_->update(map, policy, 0, true));
    const std::vector<api::Element> learned = {{Bytes{9, 9, 9, 9}, Bytes(8, 3)}};
    must(client_->update(map, learned, 0, false));
    const auto loaded = must(
        client_->load_program({"fw", testing_counter(vm::XDP_DROP, spec), {map}, "fw.o", "abc"}));
    must(client_->publish({{{"wan", false, {loaded.handle}}}, "hash1"}));
    client_.reset();
    EXPECT_EQ(dataplane_.stop(SIGKILL), 128 + SIGKILL);

    dataplane_.start({"--replay", dataplane_.run_dir() + "/" + kReplayName});
    client_.emplace(dataplane_.connect());
    const api::Status status = must(client_->status());
    EXPECT_EQ(status.generation, 1u);
    EXPECT_EQ(status.config_hash, "hash1");
    EXPECT_EQ(status.configure.ports[0].name, "wan");
    const auto maps = must(client_->list_maps());
    ASSERT_EQ(maps.size(), 1u);
    EXPECT_EQ(maps[0].name, "fw/blocked");
    EXPECT_EQ(must(client_->dump(maps[0].handle, std::nullopt, 10)).elements.size(), 2u);
    const auto programs = must(client_->list_programs());
    ASSERT_EQ(programs.size(), 1u);
    EXPECT_EQ(programs[0].object_hash, "abc");
    wait_for_runs("fw", 100);
}

TEST_F(CommandsTest, TakesPolicyThatChangesLaterIntoItsFile) {
    configure();
    publish_counter();
    const auto path = dataplane_.run_dir() + "/" + kReplayName;
    const std::vector<api::Element> policy = {{Bytes(4), Bytes(8, 7)}};
    must(client_->update(map_, policy, 0, true));
    for (int i = 0; i < 500; ++i) {
        const Replay replay = must(read_replay(path));
        if (!replay.maps[0].policy.empty()) {
            EXPECT_EQ(replay.maps[0].policy, policy);
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "the update never reached " << path;
}

TEST_F(CommandsTest, StopsInOrderBySignalAndByFrame) {
    configure();
    publish_counter();
    EXPECT_EQ(dataplane_.stop(SIGTERM), 0);
    EXPECT_FALSE(std::filesystem::exists(dataplane_.socket()));
    dataplane_.start();
    client_.emplace(dataplane_.connect());
    EXPECT_TRUE(client_->shutdown());
    EXPECT_EQ(dataplane_.wait(), 0);
}

TEST_F(CommandsTest, HoldsItsRunDirectoryAgainstASecondOne) {
    DataplaneProcess second(dataplane_.run_dir());
    second.start();
    EXPECT_EQ(second.wait(), 2);
    EXPECT_NE(second.log().find("control socket in use by pid " + std::to_string(dataplane_.pid())),
              std::string::npos)
        << second.log();
    EXPECT_TRUE(client_->status());
}

TEST_F(CommandsTest, TakesOverTheDirectoryOfADeadOne) {
    client_.reset();
    dataplane_.stop(SIGKILL);
    EXPECT_TRUE(std::filesystem::exists(dataplane_.socket()));
    dataplane_.start();
    client_.emplace(dataplane_.connect());
    EXPECT_TRUE(client_->status());
}

TEST_F(CommandsTest, RefusesAReplayFileThatIsCut) {
    configure();
    publish_counter();
    client_.reset();
    dataplane_.stop(SIGKILL);
    const std::string path = temporary_ / "cut.replay";
    std::filesystem::copy_file(dataplane_.run_dir() + "/" + kReplayName, path);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
    dataplane_.start({"--replay", path});
    EXPECT_EQ(dataplane_.wait(), 2);
    EXPECT_EQ(dataplane_.log().find("weir-dataplane: " + path + ": at offset "), 0u)
        << dataplane_.log();
}

}  // namespace
}  // namespace weir::dataplane
