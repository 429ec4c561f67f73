#include "controlplane/cli/element_table.h"

#include <gtest/gtest.h>

#include "controlplane/config/prefix.h"
#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane::cli {
namespace {

TEST(ElementTable, HasAColumnForEachMember) {
    ElementTable table(typed_map(), CpuView::Summed);
    table.add(Bytes{192, 0, 2, 1, 0, 80, 6, 0}, Bytes{0xe8, 3, 0, 0, 0xfe, 0xff, 1, 2});
    table.add(Bytes{10, 0, 0, 1, 0x1f, 0x90, 17, 0}, Bytes{1, 0, 0, 0, 5, 0, 0, 0});
    EXPECT_EQ(table.take(),
              "key.saddr  key.port  key.protocol  value.rate  value.burst  value.marks\n"
              "192.0.2.1  80        tcp                 1000           -2  [1,2]\n"
              "10.0.0.1   8080      udp                    1            5  [0,0]\n");
}

TEST(ElementTable, WithoutTypesItShowsHexAndNumbers) {
    ElementTable table(plain_map(2, 12), CpuView::Summed);
    table.add(Bytes{2, 1}, Bytes(12, 0xab));
    EXPECT_EQ(table.take(), "key           value\n0x0201 (258)  0xabababababababababababab\n");
}

TEST(ElementTable, KeysOfATrieArePrefixes) {
    ElementTable table(plain_map(20, 4, vm::MapType::LpmTrie), CpuView::Summed);
    table.add(lpm_key(parse_prefix("2001:db8::/32").value()), Bytes{1, 0, 0, 0});
    EXPECT_EQ(table.take(), "key            value\n2001:db8::/32  0x01000000 (1)\n");
}

TEST(ElementTable, PerCpuValuesAreSummedOrApart) {
    const dataplane::api::MapInfo map = typed_map(vm::MapType::PercpuHash, 2);
    const Bytes key = {192, 0, 2, 1, 0, 80, 6, 0};
    const Bytes value = {3, 0, 0, 0, 1, 0, 1, 1, 4, 0, 0, 0, 0xff, 0xff, 2, 2};
    ElementTable summed(map, CpuView::Summed);
    summed.add(key, value);
    EXPECT_EQ(summed.take(),
              "key.saddr  key.port  key.protocol  value.rate  value.burst  value.marks\n"
              "192.0.2.1  80        tcp                    7            0  …\n");
    ElementTable apart(map, CpuView::Apart);
    apart.add(key, value);
    EXPECT_EQ(apart.take(),
              "key.saddr  key.port  key.protocol  cpu  value.rate  value.burst  value.marks\n"
              "192.0.2.1  80        tcp             0           3            1  [1,1]\n"
              "192.0.2.1  80        tcp             1           4           -1  [2,2]\n");
}

TEST(TextTable, WritesItsHeadOnceAndHidesControls) {
    TextTable table({{"a", false}, {"b", true}});
    table.add({"x\033[2J", "1"});
    EXPECT_EQ(table.take(), "a      b\nx?[2J  1\n");
    table.add({"y", "22"});
    EXPECT_EQ(table.take(), "y      22\n");
}

}  // namespace
}  // namespace weir::controlplane::cli
