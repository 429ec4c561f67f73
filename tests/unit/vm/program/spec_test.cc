#include "vm/program/spec.h"

#include <gtest/gtest.h>

namespace weir::vm {
namespace {

TEST(MapType, HasTheKernelsWordInBothDirections) {
    for (const MapType type : {MapType::Hash, MapType::Array, MapType::PercpuHash,
                               MapType::PercpuArray, MapType::LruHash, MapType::LpmTrie,
                               MapType::Devmap, MapType::Ringbuf, MapType::BloomFilter}) {
        const Result<MapType> again = map_type_by_name(map_type_name(type));
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, type);
    }
    EXPECT_EQ(map_type_name(MapType::LruPercpuHash), "lru_percpu_hash");
    EXPECT_EQ(map_type_name(static_cast<MapType>(77)), "map type 77");
    const Result<MapType> unknown = map_type_by_name("hsah");
    ASSERT_FALSE(unknown);
    EXPECT_TRUE(unknown.error().message.starts_with(
        "unknown map type 'hsah', expected one of hash, array,"));
}

TEST(ProgramType, HasItsName) {
    EXPECT_EQ(program_type_name(ProgramType::Xdp), "xdp");
    EXPECT_EQ(program_type_name(ProgramType::SocketFilter), "socket");
}

TEST(LineOf, GivesTheLastLineThatStartsAtOrBeforeAnInstruction) {
    ProgramSpec program;
    EXPECT_EQ(line_of(program, 0), nullptr);
    program.lines = {{.insn = 1, .line = 10}, {.insn = 4, .line = 11}};
    EXPECT_EQ(line_of(program, 0), nullptr);
    EXPECT_EQ(line_of(program, 1)->line, 10u);
    EXPECT_EQ(line_of(program, 3)->line, 10u);
    EXPECT_EQ(line_of(program, 4)->line, 11u);
    EXPECT_EQ(line_of(program, 99)->line, 11u);
    program.lines.push_back({.insn = 6, .line = 0});
    EXPECT_EQ(line_of(program, 6), nullptr);
}

}  // namespace
}  // namespace weir::vm
