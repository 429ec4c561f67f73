#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

using jit::Engine;
using vm::MapType;
using vm::Op;

constexpr int32_t kLookup = 1, kProcessorId = 8, kNumaNode = 42;
constexpr uint32_t kNothing = 0xffff;

/// Looks up the index in ingress_ifindex, returns the value's first word, or kNothing.
std::vector<vm::Insn> lookup_program() {
    InsnWriter w;
    w.put(Op::kLoad32, 1, 1, 12)
        .store64(10, -8, 1)
        .mov_reg(2, 10)
        .add(2, -8)
        .load_map(1, 0)
        .call(kLookup);
    w.put(Op::kJeq64Imm, 0, 0, 2, 0).put(Op::kLoad32, 0, 0, 0).exit().mov(0, kNothing).exit();
    return w.insns();
}

uint32_t run_with(const Proven& proven, Engine engine, uint32_t index, uint32_t cpu) {
    TestPacket packet;
    vm::XdpContext context = packet.context();
    context.ingress_ifindex = index;
    vm::RunEnv env;
    env.cpu = cpu;
    return proven.compile(engine)->run(context, env);
}

class EmitInline : public testing::TestWithParam<uint32_t> {};

TEST_P(EmitInline, ArrayLookupFindsEveryElementAndNoneBeyond) {
    const uint32_t value_bytes = GetParam();
    const Proven proven(lookup_program(), {map_spec(MapType::Array, 4, value_bytes, 5)});
    for (uint32_t i = 0; i < 5; ++i) {
        Bytes value(value_bytes);
        value[0] = static_cast<uint8_t>(40 + i);
        ASSERT_EQ(proven.maps[0]->control_update(reinterpret_cast<const uint8_t*>(&i), value,
                                                 vm::kUpdateAny),
                  0);
    }
    for (const uint32_t index : {0u, 1u, 4u, 5u, 0x7fff'ffffu, 0xffff'ffffu}) {
        const uint32_t wanted = index < 5 ? 40 + index : kNothing;
        EXPECT_EQ(run_with(proven, Engine::kJit, index, 0), wanted) << index;
        EXPECT_EQ(run_with(proven, Engine::kInterp, index, 0), wanted) << index;
    }
}

TEST_P(EmitInline, PercpuArrayLookupFindsThisCpusElement) {
    const uint32_t value_bytes = GetParam(), slot_bytes = (value_bytes + 7) / 8 * 8;
    const Proven proven(lookup_program(), {map_spec(MapType::PercpuArray, 4, value_bytes, 3)});
    for (uint32_t i = 0; i < 3; ++i) {
        Bytes value(slot_bytes * kCpuSlots);
        for (uint32_t cpu = 0; cpu < kCpuSlots; ++cpu)
            value[cpu * slot_bytes] = static_cast<uint8_t>(10 * i + cpu + 1);
        ASSERT_EQ(proven.maps[0]->control_update(reinterpret_cast<const uint8_t*>(&i), value,
                                                 vm::kUpdateAny),
                  0);
    }
    for (uint32_t cpu = 0; cpu <= kCpuSlots; ++cpu) {
        for (uint32_t index = 0; index <= 3; ++index) {
            const uint32_t wanted = cpu < kCpuSlots && index < 3 ? 10 * index + cpu + 1 : kNothing;
            EXPECT_EQ(run_with(proven, Engine::kJit, index, cpu), wanted) << cpu << " " << index;
            EXPECT_EQ(run_with(proven, Engine::kInterp, index, cpu), wanted) << cpu << " " << index;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(ValueBytes, EmitInline, testing::Values(4, 8, 24, 64, 1000));

TEST(EmitInlineHelpers, OtherKindsAreCalledDirectly) {
    for (const MapType type : {MapType::Hash, MapType::PercpuHash}) {
        const Proven proven(lookup_program(), {map_spec(type, 4, 8, 16)});
        const uint32_t key = 7;
        Bytes value(8);
        value[0] = 77;
        ASSERT_EQ(proven.maps[0]->control_update(reinterpret_cast<const uint8_t*>(&key), value,
                                                 vm::kUpdateAny),
                  0);
        for (const Engine engine : {Engine::kJit, Engine::kInterp}) {
            EXPECT_EQ(run_with(proven, engine, 7, 2), 77u);
            EXPECT_EQ(run_with(proven, engine, 8, 2), kNothing);
        }
    }
}

TEST(EmitInlineHelpers, EnvironmentIsReadInPlace) {
    InsnWriter w;
    w.call(kProcessorId)
        .mov_reg(6, 0)
        .call(kNumaNode)
        .put(Op::kLsh64Imm, 0, 0, 0, 8)
        .put(Op::kOr64Reg, 0, 6)
        .exit();
    const Proven proven(w.insns(), {});
    TestPacket packet;
    vm::XdpContext context = packet.context();
    vm::RunEnv env;
    env.cpu = 5;
    env.numa_node = 1;
    for (const Engine engine : {Engine::kJit, Engine::kInterp})
        EXPECT_EQ(proven.compile(engine)->run(context, env), 0x105u);
}

}  // namespace
}  // namespace weir::tests
