#include "maps/prog_array.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

class Program final : public vm::Runnable {
public:
    uint64_t call(uint64_t, const std::array<uint64_t, 5>&, vm::RunEnv&) const override {
        return 0;
    }
};

TEST(ProgArray, IsFilledByTheControlSide) {
    const auto map = make_map(make_spec(vm::MapType::ProgArray, 4, 4, 3));
    const Program program;
    const uint32_t key = 2, beyond = 3;
    uint32_t id = 0;
    const std::span<uint8_t> seen(reinterpret_cast<uint8_t*>(&id), 4);
    EXPECT_EQ(map->program_at(2), nullptr);
    EXPECT_EQ(map->control_lookup(bytes_of(key), seen), -ENOENT);
    EXPECT_EQ(map->bind_program(bytes_of(key), &program, 17), 0);
    EXPECT_EQ(map->program_at(2), &program);
    EXPECT_EQ(map->control_lookup(bytes_of(key), seen), 0);
    EXPECT_EQ(id, 17u);
    EXPECT_EQ(map->entries(), 1u);
    EXPECT_EQ(map->bind_program(bytes_of(beyond), &program, 17), -E2BIG);
    EXPECT_EQ(map->program_at(beyond), nullptr);
    EXPECT_EQ(map->control_update(bytes_of(key), {bytes_of(key), 4}, 0), -EOPNOTSUPP);
    EXPECT_EQ(map->control_erase(bytes_of(beyond)), -E2BIG);
    EXPECT_EQ(map->control_erase(bytes_of(key)), 0);
    EXPECT_EQ(map->control_erase(bytes_of(key)), -ENOENT);
    EXPECT_EQ(map->program_at(2), nullptr);
    EXPECT_EQ(map->entries(), 0u);
}

TEST(ProgArray, ProgramsCannotLookIntoIt) {
    const auto map = make_map(make_spec(vm::MapType::ProgArray, 4, 4, 3));
    const uint32_t key = 0;
    EXPECT_EQ(map->lookup(bytes_of(key), 0), nullptr);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), -EOPNOTSUPP);
    EXPECT_EQ(map->erase(bytes_of(key)), -EOPNOTSUPP);
    EXPECT_FALSE(map->array_layout().has_value());
}

}  // namespace
}  // namespace weir::maps
