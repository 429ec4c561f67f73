// Maps: look-ups and their null checks, values at variable places, changes, queues, inner maps.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::Op;

namespace {

constexpr AimedMap kElementMaps[] = {kAimedArray, kAimedHash, kAimedPercpu,
                                     kAimedLru,   kAimedTrie, kAimedGuarded};

vm::MapSpec map_of(const char* name, vm::MapType type, uint32_t key, uint32_t value,
                   uint32_t entries) {
    return {
        .name = name, .type = type, .key_bytes = key, .value_bytes = value, .entries_max = entries};
}

}  // namespace

std::vector<vm::MapSpec> aimed_maps() {
    constexpr uint32_t kValue = kAimedValueBytes;
    std::vector<vm::MapSpec> maps(kAimedMaps);
    maps[kAimedArray] = map_of("array", vm::MapType::Array, 4, kValue, 4);
    maps[kAimedHash] = map_of("hash", vm::MapType::Hash, 8, kValue, 8);
    maps[kAimedPercpu] = map_of("percpu", vm::MapType::PercpuArray, 4, kValue, 3);
    maps[kAimedLru] = map_of("lru", vm::MapType::LruHash, 4, kValue, 8);
    maps[kAimedTrie] = map_of("trie", vm::MapType::LpmTrie, 8, kValue, 8);
    maps[kAimedTrie].flags = vm::kMapNoPrealloc;
    maps[kAimedData] = map_of(".data", vm::MapType::Array, 4, kAimedDataBytes, 1);
    maps[kAimedData].is_global_data = true;
    maps[kAimedRodata] = map_of(".rodata", vm::MapType::Array, 4, 32, 1);
    maps[kAimedRodata].is_global_data = maps[kAimedRodata].frozen = true;
    maps[kAimedRodata].flags = vm::kMapRdonlyProg;
    constexpr std::string_view kText("%d %x\0ab\x07\0\0\0\x20\0\0\0\xff\xff\xff\xff\0\0\0\x80", 24);
    maps[kAimedRodata].contents.assign(kText.begin(), kText.end());
    maps[kAimedRodata].contents.resize(32);
    maps[kAimedGuarded] = map_of("guarded", vm::MapType::Array, 4, kValue, 2);
    maps[kAimedGuarded].spin_lock_offset = kAimedLockOffset;
    maps[kAimedGuarded].timer_offset = kAimedTimerOffset;
    maps[kAimedQueue] = map_of("queue", vm::MapType::Queue, 0, 8, 4);
    maps[kAimedBloom] = map_of("bloom", vm::MapType::BloomFilter, 0, 8, 16);
    maps[kAimedRing] = map_of("ring", vm::MapType::Ringbuf, 0, 0, 4096);
    maps[kAimedEvents] = map_of("events", vm::MapType::PerfEventArray, 4, 4, 2);
    maps[kAimedPrograms] = map_of("programs", vm::MapType::ProgArray, 4, 4, 4);
    maps[kAimedOuter] = map_of("outer", vm::MapType::ArrayOfMaps, 4, 4, 2);
    maps[kAimedOuter].inner = std::make_shared<vm::MapSpec>(maps[kAimedArray]);
    maps[kAimedPorts] = map_of("ports", vm::MapType::Devmap, 4, 4, 4);
    return maps;
}

/// At kAimedKey: a constant, or a number that may be anything.
void AimedGenerator::element_key(AimedMap map) {
    put(Op::kStoreImm64, 10, 0, kAimedKey, 0);
    if (map == kAimedTrie)
        put(Op::kStoreImm32, 10, 0, kAimedKey, static_cast<int32_t>(pick(33)));
    else if (chance(2))
        put(Op::kStoreImm32, 10, 0, kAimedKey, static_cast<int32_t>(pick(5)));
    else
        put(Op::kStoreReg32, 10, number(), kAimedKey);
    stack_address(2, kAimedKey);
    set(2, {});
}

/// r0 is a look-up; afterwards it is a value.
void AimedGenerator::null_check() {
    if (slips()) return;
    switch (pick(6)) {
        case 0: {
            const size_t there = jump(Op::kJne64Imm, 0, 0, 0);
            to_out_.push_back(jump(Op::kGoto));
            return land(there);
        }
        case 1: {  // a copy is checked
            const uint8_t copy = scratch_beside(0);
            w_.mov_reg(copy, 0);
            set(copy, {});
            to_out_.push_back(jump(Op::kJeq64Imm, copy, 0, 0));
            return;
        }
        case 2:  // and what was spilled is used
            w_.store64(10, kAimedKept, 0);
            to_out_.push_back(jump(Op::kJeq64Imm, 0, 0, 0));
            w_.load64(0, 10, kAimedKept);
            return;
        default: to_out_.push_back(jump(Op::kJeq64Imm, 0, 0, 0));
    }
}

/// r0 holds a value of some map.
void AimedGenerator::value_pointer() {
    const AimedMap map = any(kElementMaps);
    element_key(map);
    w_.load_map(1, map);
    if (map == kAimedPercpu && chance(3)) {
        w_.mov(3, static_cast<int32_t>(pick(3)));
        call(HelperId::map_lookup_percpu_elem);
    } else {
        call(HelperId::map_lookup_elem);
    }
    after_call();
    set(0, {});
    null_check();
    const int32_t room = map == kAimedGuarded ? kAimedLockOffset : kAimedValueBytes;
    set(0, {.holds = Holds::Value, .room = room, .map = map});
}

void AimedGenerator::value_access() {
    uint8_t pointer = 0;
    if (chance(3)) {
        pointer = scratch();
        const auto off = static_cast<int32_t>(pick(kAimedDataBytes));
        w_.load_map_value(pointer, kAimedData, off);
        set(pointer, {.holds = Holds::Value,
                      .before = off,
                      .room = kAimedDataBytes - off,
                      .map = kAimedData});
    } else if (fact(0).holds != Holds::Value || chance(2)) {
        value_pointer();
    }
    if (chance(4)) {
        const uint8_t kept = scratch_beside(pointer);
        w_.mov_reg(kept, pointer);
        set(kept, fact(pointer));
    }
    if (chance(3)) {
        const auto moved = static_cast<int32_t>(pick(16));
        w_.add(pointer, moved);
        fact(pointer).before += moved;
        fact(pointer).room -= moved;
    }
    for (uint32_t i = 0; i <= pick(2) && fact(pointer).holds == Holds::Value; ++i)
        access(pointer, fact(pointer).before, fact(pointer).room, false);
}

/// A value at a variable place, added to or taken off.
void AimedGenerator::value_index() {
    value_pointer();
    const uint8_t index = scratch_beside(0);
    locked_ |= 1;
    fresh_number(index);
    const int32_t most = chance(2) ? 7 : chance(2) ? 15 : 3;
    bound(index, most);
    locked_ = static_cast<uint16_t>(locked_ & ~1u);
    const int32_t room = fact(0).room;
    if (fact(0).holds != Holds::Value) return;
    if (chance(4)) {
        w_.add(0, most);
        put(Op::kSub64Reg, 0, index);
        access(0, 0, room - most, false);
    } else {
        if (chance(5)) apply(Op::kMul64Imm, index, 0, 2), w_.mov_reg(index, index);
        const auto reach = static_cast<int32_t>(
            std::min<uint64_t>(fact(index).number.full.umax, kAimedValueBytes));
        put(Op::kAdd64Reg, 0, index);
        access(0, 0, room - reach, false);
    }
    set(0, {});
}

void AimedGenerator::map_change() {
    const AimedMap map = any(kElementMaps);
    if (map != kAimedGuarded) {
        for (int32_t at = 0; at < kAimedValueBytes; at += 8)
            if (!slips()) put(Op::kStoreImm64, 10, 0, kAimedValue + at, edge());
        if (chance(2)) w_.store64(10, kAimedValue, number());
    }
    element_key(map);
    w_.load_map(1, map);
    if (map == kAimedGuarded || chance(3)) {
        call(HelperId::map_delete_elem);
    } else {
        stack_address(3, near(kAimedValue));
        w_.mov(4, static_cast<int32_t>(pick(3)));
        call(HelperId::map_update_elem);
    }
    after_call();
}

void AimedGenerator::queue_use() {
    const AimedMap map = chance(2) ? kAimedQueue : kAimedBloom;
    const bool reads = chance(2);
    if (!reads || map == kAimedBloom) w_.store64(10, kAimedValue, number());
    w_.load_map(1, map);
    stack_address(2, near(kAimedValue));
    w_.mov(3, 0);
    if (reads)
        call(map == kAimedQueue && chance(2) ? HelperId::map_pop_elem : HelperId::map_peek_elem);
    else
        call(HelperId::map_push_elem);
    after_call();
    if (!reads) return;
    const uint8_t back = scratch();
    w_.load64(back, 10, kAimedValue);
    set(back, Fact::of({}));
}

/// A map out of a map, and a value out of that.
void AimedGenerator::inner_map() {
    put(Op::kStoreImm64, 10, 0, kAimedKey, static_cast<int32_t>(pick(2)));
    stack_address(2, kAimedKey);
    w_.load_map(1, kAimedOuter);
    call(HelperId::map_lookup_elem);
    after_call();
    set(0, {});
    null_check();
    w_.mov_reg(1, 0);
    stack_address(2, kAimedKey);
    call(HelperId::map_lookup_elem);
    after_call();
    set(0, {});
    null_check();
    set(0, {.holds = Holds::Value, .room = kAimedValueBytes, .map = kAimedArray});
    access(0, 0, kAimedValueBytes, false);
}

}  // namespace weir::tests
