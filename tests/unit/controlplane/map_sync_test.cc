#include "controlplane/deploy/map_sync.h"

#include <gtest/gtest.h>

#include "controlplane/config/prefix.h"
#include "tests/unit/dataplane/dataplane_process.h"
#include "tests/unit/dataplane/temporary_dir.h"
#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

using dataplane::api::Element;
constexpr uint32_t kEntriesMax = 4;

Bytes key(const std::string& prefix) {
    return lpm_key(parse_prefix(prefix).value());
}

std::vector<Element> elements(const std::vector<std::string>& prefixes, uint8_t value = 1) {
    std::vector<Element> all;
    for (const std::string& prefix : prefixes) all.emplace_back(key(prefix), Bytes{value, 0, 0, 0});
    std::sort(all.begin(), all.end(),
              [](const Element& a, const Element& b) { return KeyLess()(a.first, b.first); });
    return all;
}

std::vector<Bytes> keys(const std::vector<std::string>& prefixes) {
    std::vector<Bytes> all;
    for (const auto& [each, value] : elements(prefixes)) all.push_back(each);
    return all;
}

/// A trie of four prefixes in a real dataplane.
class MapSync : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_FALSE(dataplane::DataplaneProcess::binary().empty());
        dataplane_.start();
        client_.emplace(dataplane_.connect());
        const auto configured = client_->configure(dataplane::testing_configure());
        ASSERT_TRUE(configured) << configured.error().message;
        vm::MapSpec spec;
        spec.name = "blocked";
        spec.type = vm::MapType::LpmTrie;
        spec.key_bytes = 8;
        spec.value_bytes = 4;
        spec.entries_max = kEntriesMax;
        spec.flags = vm::kMapNoPrealloc;
        const auto made = client_->create_map({"fw/blocked", spec});
        ASSERT_TRUE(made) << made.error().message;
        map_ = *made;
    }
    void put(const std::vector<Element>& what, bool policy) {
        const auto done = client_->update(map_, what, vm::kUpdateAny, policy);
        ASSERT_TRUE(done) << done.error().message;
    }
    std::vector<Element> held() {
        auto all = dump_map(*client_, map_, UINT32_MAX).value_or(std::vector<Element>{});
        std::sort(all.begin(), all.end());
        return all;
    }
    static std::vector<Element> sorted(std::vector<Element> all) {
        std::sort(all.begin(), all.end());
        return all;
    }
    Result<void> sync(const std::vector<Element>& contents, const std::vector<Bytes>& owned) {
        undo_ = {};
        return sync_map(*client_, map_, contents, owned, kEntriesMax, undo_);
    }

    dataplane::TemporaryDir temporary_;
    dataplane::DataplaneProcess dataplane_{temporary_ / "run"};
    std::optional<dataplane::api::Client> client_;
    dataplane::api::Handle map_ = 0;
    MapUndo undo_;
};

TEST_F(MapSync, ReplacesOwnedKeysAndLeavesOthersAlone) {
    put(elements({"10.0.0.0/8", "10.1.0.0/16"}), true);
    put(elements({"198.51.100.2/32"}, 7), false);
    const std::vector<Element> before = held();
    ASSERT_TRUE(
        sync(elements({"10.1.0.0/16", "192.0.2.0/24"}), keys({"10.0.0.0/8", "10.1.0.0/16"})));
    std::vector<Element> wanted = elements({"10.1.0.0/16", "192.0.2.0/24"});
    wanted.push_back(elements({"198.51.100.2/32"}, 7)[0]);
    EXPECT_EQ(held(), sorted(wanted));
    EXPECT_FALSE(undo_.erase_first);
    ASSERT_TRUE(undo_sync(*client_, undo_));
    EXPECT_EQ(held(), before);
}

TEST_F(MapSync, ReplacesAllOfAFullMapAndTakesItBack) {
    const std::vector<std::string> old = {"10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16",
                                          "10.3.0.0/16"};
    const std::vector<Element> wanted =
        elements({"192.0.2.0/24", "192.0.2.1/32", "198.51.100.0/24", "203.0.113.0/24"});
    put(elements(old), true);
    const std::vector<Element> before = held();
    const Result<void> done = sync(wanted, keys(old));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(undo_.erase_first);
    EXPECT_EQ(held(), sorted(wanted));
    const Result<void> undone = undo_sync(*client_, undo_);
    ASSERT_TRUE(undone) << undone.error().message;
    EXPECT_EQ(held(), before);
}

TEST_F(MapSync, RefusesWhatDoesNotFitBesideOthersAndChangesNothing) {
    put(elements({"10.0.0.0/8"}), true);
    put(elements({"10.1.0.0/16", "10.2.0.0/16"}), false);
    const std::vector<Element> before = held();
    const Result<void> done =
        sync(elements({"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}), keys({"10.0.0.0/8"}));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::kResource);
    EXPECT_EQ(done.error().message,
              "3 elements of the configuration and 2 of others, expected at most 4 (max_entries)");
    EXPECT_EQ(held(), before);
    ASSERT_TRUE(undo_sync(*client_, undo_));
    EXPECT_EQ(held(), before);
}

TEST_F(MapSync, PutsBackAValueThatItChangedAndErasesAllOwnedOfAnEmptySet) {
    put(elements({"10.0.0.0/8"}, 9), false);
    const std::vector<Element> before = held();
    ASSERT_TRUE(sync(elements({"10.0.0.0/8"}), {}));
    EXPECT_EQ(held(), elements({"10.0.0.0/8"}));
    ASSERT_TRUE(undo_sync(*client_, undo_));
    EXPECT_EQ(held(), before);
    ASSERT_TRUE(sync({}, keys({"10.0.0.0/8", "192.0.2.0/24"})));
    EXPECT_TRUE(held().empty());
}

}  // namespace
}  // namespace weir::controlplane
