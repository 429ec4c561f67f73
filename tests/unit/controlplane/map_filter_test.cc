#include "controlplane/cli/map_filter.h"

#include <gtest/gtest.h>

#include "controlplane/config/prefix.h"
#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

/// 192.0.2.1, port 80, tcp
const Bytes kKey = {192, 0, 2, 1, 0, 80, 6, 0};
/// rate 1000, burst -2, marks 1 and 2
const Bytes kValue = {0xe8, 3, 0, 0, 0xfe, 0xff, 1, 2};

bool matches(const std::string& where, const MapInfo& map = typed_map(), const Bytes& key = kKey,
             const Bytes& value = kValue) {
    const Result<MapFilter> filter = MapFilter::parse({where}, map);
    EXPECT_TRUE(filter) << filter.error().message;
    return filter && filter->matches(key, value);
}

std::string refusal(const std::string& where, const MapInfo& map = typed_map()) {
    const Result<MapFilter> filter = MapFilter::parse({where}, map);
    return filter ? "accepted" : filter.error().message;
}

TEST(MapFilter, ComparesMembersAsTheirTypesSay) {
    for (const char* holds :
         {"key.port == 80", "key.port=80", "key.port<81", "key.port >= 80", "key.port != 8080",
          "key.protocol == tcp", "key.protocol == 6", "key.saddr == 192.0.2.1",
          "key.saddr > 192.0.1.255", "value.rate > 999", "value.burst == -2", "value.burst < 0",
          "value.marks[1] == 2", "key.saddr in 192.0.2.0/24", "key.saddr in 0.0.0.0/0",
          "key.port == 80 and value.rate == 1000", "key.port==80&&key.protocol=='tcp'"})
        EXPECT_TRUE(matches(holds)) << holds;
    for (const char* not_so :
         {"key.port == 20480", "key.port > 80", "key.protocol == udp", "value.burst > 0",
          "key.saddr in 192.0.2.2/31", "key.saddr != 192.0.2.1", "value.rate <= 999",
          "key.port == 80 and value.rate == 1"})
        EXPECT_FALSE(matches(not_so)) << not_so;
}

TEST(MapFilter, AllConditionsMustHold) {
    const auto filter = MapFilter::parse({"key.port == 80", "value.rate == 1"}, typed_map());
    ASSERT_TRUE(filter);
    EXPECT_FALSE(filter->matches(kKey, kValue));
}

TEST(MapFilter, PrefixesOfATrieAreContainedOrTheSame) {
    const MapInfo trie = plain_map(8, 4, vm::MapType::LpmTrie);
    const Bytes key = lpm_key(parse_prefix("10.1.0.0/16").value());
    EXPECT_TRUE(matches("key in 10.0.0.0/8", trie, key, Bytes(4)));
    EXPECT_TRUE(matches("key in 10.1.0.0/16", trie, key, Bytes(4)));
    EXPECT_FALSE(matches("key in 10.1.0.0/17", trie, key, Bytes(4)));
    EXPECT_FALSE(matches("key in 11.0.0.0/8", trie, key, Bytes(4)));
    EXPECT_TRUE(matches("key == 10.1.0.0/16", trie, key, Bytes(4)));
    EXPECT_FALSE(matches("key == 10.1.0.0/17", trie, key, Bytes(4)));
    EXPECT_TRUE(matches("key != 10.1.0.0/17", trie, key, Bytes(4)));
    EXPECT_NE(refusal("key < 10.0.0.0/8", trie).find("expected ==, != or in"), std::string::npos);
}

TEST(MapFilter, WithoutTypesKeysAndValuesAreNumbersOrAddresses) {
    const MapInfo map = plain_map(4, 8);
    EXPECT_TRUE(matches("key == 192.0.2.1", map, {192, 0, 2, 1}, Bytes(8)));
    EXPECT_TRUE(matches("key in 192.0.2.0/24", map, {192, 0, 2, 1}, Bytes(8)));
    EXPECT_TRUE(matches("value >= 258", map, Bytes(4), {2, 1, 0, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(matches("value > 258", map, Bytes(4), {2, 1, 0, 0, 0, 0, 0, 0}));
}

TEST(MapFilter, PerCpuNumbersAreSummed) {
    const MapInfo map = plain_map(4, 8, vm::MapType::PercpuHash, 2);
    const Bytes value = {3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0};
    EXPECT_TRUE(matches("value == 7", map, Bytes(4), value));
    EXPECT_FALSE(matches("value == 4", map, Bytes(4), value));
}

TEST(MapFilter, SaysWhatIsWrong) {
    EXPECT_EQ(refusal("key.prot == 80"),
              "--where 'key.prot == 80': key: unknown member 'prot', did you mean 'port'?");
    EXPECT_EQ(refusal("port == 80"),
              "--where 'port == 80': value 'port', expected key, value or a member like key.port");
    EXPECT_EQ(refusal("key.port ~ 80"),
              "--where 'key.port ~ 80': value '~ 80' behind key.port, expected ==, !=, <, <=, >, "
              ">= or in");
    EXPECT_EQ(refusal("key.port =="), "--where 'key.port ==': expected a value behind key.port");
    EXPECT_EQ(refusal("key.port == 80 or key.port == 81"),
              "--where 'key.port == 80 or key.port == 81': 'or key.port == 81' is left over, "
              "expected 'and' or the end");
    EXPECT_EQ(refusal("key.port == 65536"),
              "--where 'key.port == 65536': key.port: value \"65536\", expected 0 to 65535 "
              "(__be16)");
    EXPECT_EQ(refusal("key.saddr in 10.0.0.0/33"),
              "--where 'key.saddr in 10.0.0.0/33': value '10.0.0.0/33', expected a prefix like "
              "192.0.2.0/24");
    EXPECT_EQ(refusal("key.port in 10.0.0.0/8"),
              "--where 'key.port in 10.0.0.0/8': key.port has 2 bytes, 'in' expects an address of "
              "4 or 16");
    EXPECT_EQ(refusal("value.marks[2] == 1"),
              "--where 'value.marks[2] == 1': value.marks[2]: expected an index from 0 to 1");
}

}  // namespace
}  // namespace weir::controlplane::cli
