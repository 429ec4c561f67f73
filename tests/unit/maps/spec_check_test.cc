#include "maps/spec_check.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

std::string refusal(const vm::MapSpec& spec) {
    const Result<void> checked = check_common(spec, vm::kMapZeroSeed | kAccessFlags);
    return checked ? "" : checked.error().message;
}

TEST(SpecCheck, SaysWhatIsWrongAndWhatWouldBeRight) {
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, 4, 0)),
              "map m (hash): max_entries is 0, at least 1 is needed");
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, 0, 1)),
              "map m (hash): value size is 0, at least 1 byte is needed");
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, (1u << 20) + 1, 1)),
              "map m (hash): value size 1048577 exceeds 1048576");
    EXPECT_EQ(refusal(make_spec(vm::MapType::PercpuHash, 4, 32769, 1)),
              "map m (percpu_hash): value size 32769 exceeds 32768 per CPU");
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, 4, 1, 0x2000)),
              "map m (hash): flags 0x2000 are not allowed for this kind, only those in 0x1d8 are");
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, 4, 1, vm::kMapRdonly | vm::kMapWronly)),
              "map m (hash): flags 0x18 say both read-only and write-only");
}

TEST(SpecCheck, AcceptsTheLargestOfEach) {
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, 1u << 20, UINT32_MAX, vm::kMapZeroSeed)), "");
    EXPECT_EQ(refusal(make_spec(vm::MapType::PercpuHash, 4, 32768, 1,
                                vm::kMapRdonlyProg | vm::kMapRdonly)),
              "");
    vm::MapSpec data = make_spec(vm::MapType::Array, 4, kGlobalDataBytesMax, 1);
    data.is_global_data = true;
    EXPECT_EQ(refusal(data), "");
    ++data.value_bytes;
    EXPECT_EQ(refusal(data), "map m (array): value size 33554433 exceeds 33554432");
}

TEST(SpecCheck, AccessFlagsRestrictTheControlSide) {
    vm::MapSpec spec = make_spec(vm::MapType::Array, 4, 4, 1);
    EXPECT_EQ(control_read_error(spec), 0);
    EXPECT_EQ(control_write_error(spec), 0);
    spec.frozen = true;
    EXPECT_EQ(control_read_error(spec), 0);
    EXPECT_EQ(control_write_error(spec), -EPERM);
    EXPECT_EQ(control_write_error(make_spec(vm::MapType::Array, 4, 4, 1, vm::kMapRdonly)), -EPERM);
    EXPECT_EQ(control_read_error(make_spec(vm::MapType::Array, 4, 4, 1, vm::kMapWronly)), -EPERM);
}

}  // namespace
}  // namespace weir::maps
