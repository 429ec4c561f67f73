#include "maps/value_fields.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

/// A value with everything in it.
struct alignas(8) Value {
    uint32_t before = 0;
    uint32_t lock = 0;
    uint64_t timer[2] = {};
    uint32_t after = 0;
    uint32_t last = 0;
};

vm::MapSpec with_fields(vm::MapType type, uint32_t entries = 4) {
    vm::MapSpec spec = make_spec(type, 4, sizeof(Value), entries);
    spec.spin_lock_offset = offsetof(Value, lock);
    spec.timer_offset = offsetof(Value, timer);
    return spec;
}

std::string refusal(const vm::MapSpec& spec) {
    const auto map = create_map(spec, 2);
    return map ? "" : map.error().message;
}

TEST(ValueFields, AreCheckedWithTheKind) {
    vm::MapSpec spec = make_spec(vm::MapType::LruHash, 4, 24, 4);
    spec.timer_offset = 8;
    EXPECT_EQ(refusal(spec), "");
    spec.timer_offset = 16;
    EXPECT_EQ(refusal(spec),
              "map m (lru_hash): struct bpf_timer at 16 of a value of 24 bytes: it takes 16 bytes "
              "and is aligned to 8");
    spec.timer_offset = vm::kNoOffset;
    spec.spin_lock_offset = 0;
    EXPECT_EQ(refusal(spec), "map m (lru_hash): struct bpf_spin_lock is for array and hash only");
    spec = make_spec(vm::MapType::PercpuArray, 4, 24, 4);
    spec.timer_offset = 0;
    EXPECT_EQ(refusal(spec),
              "map m (percpu_array): struct bpf_timer is for array, hash and lru_hash only");
    spec = make_spec(vm::MapType::Array, 4, 24, 4, vm::kMapRdonlyProg);
    spec.timer_offset = 0;
    EXPECT_EQ(refusal(spec),
              "map m (array): struct bpf_timer needs a map that programs may read and write");
    spec = make_spec(vm::MapType::Array, 4, 24, 4);
    spec.timer_offset = 0;
    spec.spin_lock_offset = 12;
    EXPECT_EQ(refusal(spec), "map m (array): struct bpf_spin_lock lies in struct bpf_timer");
}

TEST(ValueFields, AnUpdateLeavesTheLockAndEndsTheTimer) {
    const auto map = make_map(with_fields(vm::MapType::Array));
    const uint32_t key = 1;
    auto* inside = reinterpret_cast<Value*>(map->lookup(bytes_of(key), 0));
    inside->lock = 1;
    inside->timer[0] = inside->timer[1] = 99;
    const Value given{1, 0xdead, {0xdead, 0xdead}, 2, 3};
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(given), 0, 0), 0);
    EXPECT_EQ(inside->before, 1u);
    EXPECT_EQ(inside->after, 2u);
    EXPECT_EQ(inside->last, 3u);
    EXPECT_EQ(inside->lock, 1u);
    EXPECT_EQ(inside->timer[0] | inside->timer[1], 0u);
}

TEST(ValueFields, TheControlSideDoesNotSeeThem) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::Hash}) {
        const auto map = make_map(with_fields(type));
        const uint32_t key = 1;
        const Value given{1, 2, {3, 4}, 5, 6};
        ASSERT_EQ(map->control_update(bytes_of(key), {bytes_of(given), sizeof given}, 0), 0);
        auto* inside = reinterpret_cast<Value*>(map->lookup(bytes_of(key), 0));
        EXPECT_EQ(inside->lock, 0u);
        inside->lock = 1;
        inside->timer[1] = 9;
        Value seen;
        ASSERT_EQ(
            map->control_lookup(bytes_of(key), {reinterpret_cast<uint8_t*>(&seen), sizeof seen}),
            0);
        EXPECT_EQ(seen.before, 1u);
        EXPECT_EQ(seen.last, 6u);
        EXPECT_EQ(seen.lock | seen.timer[0] | seen.timer[1], 0u);
    }
}

TEST(ValueFields, WhatLeavesAMapLosesItsTimer) {
    vm::MapSpec lru = with_fields(vm::MapType::LruHash, 1);
    lru.spin_lock_offset = vm::kNoOffset;
    for (const vm::MapSpec& spec : {with_fields(vm::MapType::Hash), lru}) {
        const auto map = make_map(spec);
        const uint32_t key = 1, other = 2;
        const Value value{};
        const auto arm = [&] {
            auto* inside = reinterpret_cast<Value*>(map->lookup(bytes_of(key), 0));
            inside->timer[0] = 9;
            return inside;
        };
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
        const Value* held = arm();
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
        EXPECT_EQ(held->timer[0], 0u) << "replaced";
        held = arm();
        ASSERT_EQ(map->erase(bytes_of(key)), 0);
        EXPECT_EQ(held->timer[0], 0u) << "erased";
        if (spec.type != vm::MapType::LruHash) continue;
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
        held = arm();
        ASSERT_EQ(map->update(bytes_of(other), bytes_of(value), 0, 0), 0);
        EXPECT_EQ(held->timer[0], 0u) << "evicted";
    }
}

TEST(ValueFields, ALockedUpdateIsInPlaceAndNeedsALock) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::Hash}) {
        vm::MapSpec spec = with_fields(type);
        const auto map = make_map(spec);
        const uint32_t key = 1;
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(Value{}), 0, 0), 0);
        auto* inside = reinterpret_cast<Value*>(map->lookup(bytes_of(key), 0));
        const Value given{7, 1, {1, 1}, 8, 9};
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(given), vm::kUpdateLock, 0), 0);
        EXPECT_EQ(reinterpret_cast<Value*>(map->lookup(bytes_of(key), 0)), inside);
        EXPECT_EQ(inside->before, 7u);
        EXPECT_EQ(inside->lock, 0u) << "free again";
        EXPECT_EQ(
            map->update(bytes_of(key), bytes_of(given), vm::kUpdateLock | vm::kUpdateNoExist, 0),
            -EEXIST);
        spec.spin_lock_offset = vm::kNoOffset;
        const auto without = make_map(spec);
        EXPECT_EQ(without->update(bytes_of(key), bytes_of(given), vm::kUpdateLock, 0), -EINVAL);
    }
}

TEST(SpinLockHelpers, LockAndUnlockFourBytes) {
    constexpr int64_t kLock = 93, kUnlock = 94;
    alignas(4) uint32_t lock = 0;
    vm::RunEnv env;
    const auto at = reinterpret_cast<uint64_t>(&lock);
    EXPECT_EQ(all_helpers().at(kLock)(at, 0, 0, 0, 0, env), 0u);
    EXPECT_EQ(lock, 1u);
    EXPECT_EQ(all_helpers().at(kUnlock)(at, 0, 0, 0, 0, env), 0u);
    EXPECT_EQ(lock, 0u);
}

}  // namespace
}  // namespace weir::maps
