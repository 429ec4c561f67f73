#include "maps/region.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "maps/memory.h"

namespace weir::maps {
namespace {

/// The number behind `field` of the mapping that holds `address`, as /proc/self/smaps says.
uint64_t mapping_kib(const uint8_t* address, const std::string& field) {
    std::ifstream smaps("/proc/self/smaps");
    bool is_it = false;
    for (std::string line; std::getline(smaps, line);) {
        unsigned long long begin = 0, end = 0, value = 0;
        if (std::sscanf(line.c_str(), "%llx-%llx ", &begin, &end) == 2) {
            const auto at = reinterpret_cast<uintptr_t>(address);
            is_it = begin <= at && at < end;
        } else if (is_it && line.starts_with(field + ":")) {
            std::sscanf(line.c_str() + field.size() + 1, "%llu", &value);
            return value;
        }
    }
    return 0;
}

uint64_t huge_pages_free() {
    std::ifstream meminfo("/proc/meminfo");
    for (std::string line; std::getline(meminfo, line);) {
        unsigned long long value = 0;
        if (std::sscanf(line.c_str(), "HugePages_Free: %llu", &value) == 1) return value;
    }
    return 0;
}

TEST(Region, SmallOnesAreZeroedPages) {
    const Result<Region> region = Region::take(1, "m");
    ASSERT_TRUE(region.has_value());
    EXPECT_EQ(region->bytes(), 4096u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % 4096, 0u);
    for (uint64_t i = 0; i < region->bytes(); ++i) ASSERT_EQ(region->data()[i], 0);
}

TEST(Region, LargeOnesAreAlignedForHugePages) {
    const Result<Region> region = Region::take((2u << 20) + 1, "m");
    ASSERT_TRUE(region.has_value());
    EXPECT_EQ(region->bytes(), 4u << 20);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % (2u << 20), 0u);
    region->data()[region->bytes() - 1] = 1;
}

TEST(Region, RefusesMoreThanTheBound) {
    const Result<Region> region = Region::take(kMapBytesMax + 1, "flows");
    ASSERT_FALSE(region.has_value());
    EXPECT_EQ(region.error().kind, ErrorKind::kResource);
    EXPECT_EQ(region.error().message,
              "map flows: would take 17179869185 bytes of memory, at most 17179869184 are allowed; "
              "lower max_entries or the "
              "value size");
}

/// Reserves pages for the scope where it may (root); others may do the same meanwhile.
class ReservedPages {
public:
    explicit ReservedPages(int64_t count) : count_(count) { change(count_); }
    ~ReservedPages() { change(-count_); }
    ReservedPages(const ReservedPages&) = delete;
    ReservedPages& operator=(const ReservedPages&) = delete;

private:
    static void change(int64_t by) {
        int64_t now = 0;
        std::ifstream(kFile) >> now;
        std::ofstream(kFile) << std::max<int64_t>(now + by, 0);
    }
    static constexpr const char* kFile = "/proc/sys/vm/nr_hugepages";
    int64_t count_;
};

TEST(Region, TakesReservedHugePagesWhereTheyAreFree) {
    const ReservedPages reserved(8);
    if (huge_pages_free() < 8) GTEST_SKIP() << "needs 8 free hugepages, or root to reserve them";
    for (const HugePages mode : {HugePages::Auto, HugePages::Required}) {
        const Result<Region> region = Region::take(3u << 20, "m", {.huge_pages = mode});
        ASSERT_TRUE(region.has_value()) << region.error().message;
        EXPECT_EQ(region->bytes(), 4u << 20);
        EXPECT_EQ(mapping_kib(region->data(), "KernelPageSize"), 2048u);
        EXPECT_EQ(mapping_kib(region->data(), "Private_Hugetlb"), 4096u) << "faulted in";
        EXPECT_EQ(region->data()[(4u << 20) - 1], 0);
    }
}

TEST(Region, LeavesReservedHugePagesToOthersUnlessTold) {
    const Result<Region> region = Region::take(3u << 20, "m");
    ASSERT_TRUE(region.has_value());
    EXPECT_EQ(mapping_kib(region->data(), "KernelPageSize"), 4u);
    EXPECT_EQ(mapping_kib(region->data(), "Rss"), 4096u) << "faulted in";
}

TEST(Region, RefusesWhatLacksRequiredHugePagesWithTheCommandThatReservesThem) {
    const uint64_t pages = huge_pages_free() + 2000;  // others may give some back meanwhile
    const Result<Region> region =
        Region::take(pages << 21, "flows", {.huge_pages = HugePages::Required});
    ASSERT_FALSE(region.has_value());
    EXPECT_EQ(region.error().kind, ErrorKind::kResource);
    std::ostringstream needed;
    needed << " of the " << pages << " hugepages of 2048 KiB that it needs are free; `sysctl -w ";
    EXPECT_NE(region.error().message.find(needed.str()), std::string::npos)
        << region.error().message;
}

TEST(Region, WithoutHugePagesHasSmallOnes) {
    const Result<Region> region = Region::take(4u << 20, "m", {.huge_pages = HugePages::Off});
    ASSERT_TRUE(region.has_value());
    EXPECT_EQ(mapping_kib(region->data(), "KernelPageSize"), 4u);
    EXPECT_EQ(mapping_kib(region->data(), "AnonHugePages"), 0u);
}

TEST(Region, BelowAHugePageNeedsNone) {
    const Result<Region> region = Region::take(1u << 20, "m", {.huge_pages = HugePages::Required});
    ASSERT_TRUE(region.has_value()) << region.error().message;
    EXPECT_EQ(mapping_kib(region->data(), "KernelPageSize"), 4u);
}

TEST(MapMemory, BoundsAllRegionsOfAMapTogether) {
    MapMemory memory("flows");
    ASSERT_TRUE(memory.take(kPageBytes).has_value());
    const Result<Region> region = memory.take(kMapBytesMax);
    ASSERT_FALSE(region.has_value());
    EXPECT_NE(region.error().message.find("map flows: would take 17179873280 bytes"),
              std::string::npos)
        << region.error().message;
}

TEST(Region, MovingHandsTheMemoryOver) {
    Result<Region> region = Region::take(100, "m");
    ASSERT_TRUE(region.has_value());
    uint8_t* data = region->data();
    Region other = std::move(*region);
    EXPECT_EQ(other.data(), data);
    EXPECT_EQ(region->data(), nullptr);
    Region third;
    third = std::move(other);
    EXPECT_EQ(third.data(), data);
}

}  // namespace
}  // namespace weir::maps
