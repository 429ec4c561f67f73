// Statements of burst programs, and the packets for them.

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/differential/burst_generator.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr int32_t kLookup = 1, kUpdate = 2, kDelete = 3, kPrandom = 7, kCsumDiff = 28,
                  kSpinLock = 93, kSpinUnlock = 94, kBuffLen = 188;
constexpr int16_t kNextKey = 0, kCounter = 8, kNumber = 16;  ///< parts of a value
constexpr size_t kPackets = 70;

int16_t distance(size_t from, size_t to) {
    return static_cast<int16_t>(to - from - 1);
}

bool key_is_index(uint32_t map) {
    return map == kBurstArray || map == kBurstPercpuArray || map == kBurstCounters ||
           map == kBurstGlobals || map == kBurstOuterArray;
}

bool is_lru(uint32_t map) {
    return map == kBurstLru || map == kBurstLruPercpu;
}

void put_number(Bytes& bytes, size_t at, uint64_t number) {
    std::memcpy(&bytes[at], &number, std::min(sizeof number, bytes.size() - at));
}

}  // namespace

/// One with elements that programs look up by key.
uint32_t BurstGenerator::keyed_map() {
    for (;;) {
        const uint32_t map = random_.below(kBurstPercpuArray + 1);
        if (!in_kernel() || !is_lru(map)) return map;
    }
}

void BurstGenerator::fold(uint8_t reg) {
    w_.put(Op::kMul64Imm, 8, 0, 0, 31).put(Op::kXor64Reg, 8, reg);
}

void BurstGenerator::small_number() {
    const auto key = static_cast<int16_t>(kPacketKey + 24 * static_cast<int>(random_.below(2)));
    switch (random_.below(in_function_ ? 3 : 6)) {
        case 0: w_.mov_reg(1, 8); break;
        case 1: w_.load64(1, 10, kLastSlot); break;
        case 2: w_.mov(1, static_cast<int32_t>(random_.below(kBurstKeys))); return;
        default: w_.load64(1, 7, key); break;
    }
    w_.put(Op::kAnd64Imm, 1, 0, 0, kBurstKeys - 1);
}

void BurstGenerator::put_key(uint32_t map) {
    small_number();
    if (map == kBurstLpm) {
        w_.put(Op::kStoreImm32, 10, 0, kKeySlot, 32).put(Op::kStoreReg32, 10, 1, kKeySlot + 4);
    } else {
        if (map == kBurstPercpuArray || map == kBurstOuterArray) w_.put(Op::kAnd64Imm, 1, 0, 0, 7);
        w_.store64(10, kKeySlot, 1);
    }
    change_key(static_cast<int16_t>(map == kBurstLpm ? kKeySlot + 4 : kKeySlot));
    w_.load_map(1, static_cast<int32_t>(map)).mov_reg(2, 10);
    const int32_t detour = random_.one_in(6) ? 8 : 0;
    if (detour != 0) w_.add(2, detour);
    w_.add(2, kKeySlot - detour);
}

/// Back ends may know a key's bytes from the stores in front: one more store, which comes by
/// another name of the stack, or on some paths only.
void BurstGenerator::change_key(int16_t place) {
    const auto byte = static_cast<int32_t>(random_.below(kBurstKeys));
    switch (random_.below(12)) {
        case 0: w_.put(Op::kStoreImm8, 10, 0, place, byte); return;
        case 1: w_.mov_reg(3, 10).add(3, place).put(Op::kStoreImm8, 3, 0, 0, byte); return;
        case 2: w_.mov_reg(3, 10).add(3, place).mov(4, byte).put(Op::kStoreReg8, 3, 4, 0); return;
        case 3: w_.put(Op::kJset64Imm, 8, 0, 1, 1).put(Op::kStoreImm8, 10, 0, place, byte); return;
        case 4:
            w_.put(Op::kStoreImm8, 10, 0, place, byte);
            w_.put(Op::kJset64Imm, 8, 0, 1, 2).put(Op::kStoreImm8, 10, 0, place, byte ^ 1);
            return;
        default: return;
    }
}

void BurstGenerator::write_value() {
    switch (random_.below(4)) {
        case 0: w_.load64(1, 0, kCounter).add(1, 1).store64(0, kCounter, 1); return;
        case 1: w_.mov(1, 1).put(Op::kAtomicAdd64, 0, 1, kCounter); return;
        case 2: w_.store64(0, kNextKey, 8); return;
        case 3:
            w_.mov_reg(1, 8).put(Op::kAtomicXchg64, 0, 1, kNumber);
            fold(1);
            return;
    }
}

void BurstGenerator::use_value() {
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0);
    for (const int16_t part : {kNextKey, kCounter, kNumber}) {
        if (part != kNextKey && random_.one_in(2)) continue;
        w_.load64(1, 0, part);
        if (part == kNextKey) w_.store64(10, kLastSlot, 1);
        fold(1);
    }
    if (writes_values_ && random_.one_in(2)) write_value();
    w_.at(missing).off = distance(missing, w_.size());
}

void BurstGenerator::lookup() {
    const uint32_t map = keyed_map();
    if (!in_function_ && !key_is_index(map) && map != kBurstLpm && random_.one_in(5))
        return lookup_by_packet(map);
    lookup_here(map);
}

void BurstGenerator::lookup_here(uint32_t map) {
    put_key(map);
    w_.call(kLookup);
    use_value();
}

/// The key is where the packet has it.
void BurstGenerator::lookup_by_packet(uint32_t map) {
    w_.load_map(1, static_cast<int32_t>(map)).mov_reg(2, 7);
    w_.add(2, kPacketKey + 24 * static_cast<int32_t>(random_.below(2))).call(kLookup);
    use_value();
}

/// The key is what another value begins with.
void BurstGenerator::lookup_by_value() {
    put_key(keyed_map());
    w_.call(kLookup);
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0).mov_reg(2, 0);
    uint32_t map = keyed_map();
    while (map == kBurstLpm) map = keyed_map();
    w_.load_map(1, static_cast<int32_t>(map)).call(kLookup);
    use_value();
    w_.at(missing).off = distance(missing, w_.size());
}

void BurstGenerator::lookup_inner() {
    if (in_kernel()) return lookup();
    put_key(random_.one_in(2) ? kBurstOuterArray : kBurstOuterHash);
    w_.call(kLookup);
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0).mov_reg(9, 0);
    small_number();
    w_.store64(10, kKeySlot, 1).mov_reg(1, 9).mov_reg(2, 10).add(2, kKeySlot).call(kLookup);
    use_value();
    w_.at(missing).off = distance(missing, w_.size());
}

/// A value that is held over another look-up, or over a deletion, and written then.
void BurstGenerator::two_lookups_at_once() {
    put_key(keyed_map());
    w_.call(kLookup);
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0).mov_reg(9, 0);
    lookup_here(keyed_map());
    if (random_.one_in(2)) update();
    w_.load64(1, 9, kCounter);
    fold(1);
    w_.add(1, 1).store64(9, kCounter, 1);
    w_.at(missing).off = distance(missing, w_.size());
}

void BurstGenerator::lock_and_count() {
    if (in_kernel()) return count();
    put_key(kBurstLocked);
    w_.call(kLookup);
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0).mov_reg(9, 0);
    w_.mov_reg(1, 9).add(1, 16).call(kSpinLock);
    w_.load64(1, 9, kCounter).add(1, 3).store64(9, kCounter, 1);
    fold(1);
    w_.mov_reg(1, 9).add(1, 16).call(kSpinUnlock);
    w_.at(missing).off = distance(missing, w_.size());
}

void BurstGenerator::update() {
    for (const int16_t part : {kNextKey, kCounter, kNumber}) {
        small_number();
        w_.store64(10, static_cast<int16_t>(kValueSlot + part), 1);
    }
    uint32_t map = random_.one_in(6) ? uint32_t{kBurstInner} : keyed_map();
    put_key(map);
    if (map == kBurstLpm && random_.one_in(2))
        w_.put(Op::kStoreImm32, 10, 0, kKeySlot, 28 + static_cast<int32_t>(random_.below(4)));
    w_.mov_reg(3, 10).add(3, kValueSlot);
    w_.mov(4, random_.one_in(2) ? 0 : static_cast<int32_t>(random_.below(3))).call(kUpdate);
    fold(0);
}

void BurstGenerator::remove() {
    uint32_t map = keyed_map();
    while (key_is_index(map)) map = keyed_map();
    put_key(map);
    w_.call(kDelete);
    fold(0);
}

void BurstGenerator::count() {
    put_key(random_.one_in(2) ? kBurstPercpuArray : kBurstArray);
    w_.call(kLookup);
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0);
    w_.load64(1, 0, kCounter).add(1, 1).store64(0, kCounter, 1);
    if (random_.one_in(2)) fold(1);
    w_.at(missing).off = distance(missing, w_.size());
}

void BurstGenerator::add_at(uint8_t base) {
    const bool is_narrow = counts_in_two_widths_ && random_.one_in(2);
    // Mostly one word, so that both widths meet there and carries show.
    const bool is_first = counts_in_two_widths_ && !random_.one_in(3);
    const uint32_t place = is_narrow ? 4 * random_.below(6) : 8 * random_.below(3);
    const auto off = static_cast<int16_t>(is_first ? 0 : place);
    if (random_.one_in(3)) {
        w_.mov(1, static_cast<int32_t>(random_.next()));
        w_.put(is_narrow ? Op::kAtomicAdd32 : Op::kAtomicAdd64, base, 1, off);
        return;
    }
    w_.put(is_narrow ? Op::kLoad32 : Op::kLoad64, 1, base, off);
    if (random_.one_in(3)) w_.mov_reg(3, 8);
    if (base == 0 && random_.one_in(3)) w_.load_map_value(4, kBurstGlobals, 0).load64(3, 4, 16);
    if (random_.one_in(2))
        w_.put(Op::kAdd64Reg, 1, 8);
    else
        w_.add(1, random_.one_in(4) ? static_cast<int32_t>(random_.next()) : 1);
    w_.put(is_narrow ? Op::kStoreReg32 : Op::kStoreReg64, base, 1, off);
    if (reads_counts_ && random_.one_in(4)) fold(1);
}

void BurstGenerator::count_only() {
    put_key(kBurstCounters);
    w_.call(kLookup);
    const size_t missing = w_.size();
    w_.put(Op::kJeq64Imm, 0, 0, 0, 0);
    add_at(0);
    w_.at(missing).off = distance(missing, w_.size());
}

void BurstGenerator::count_global() {
    w_.load_map_value(2, kBurstGlobals, 0);
    add_at(2);
}

void BurstGenerator::write_packet() {
    if (in_function_) return arithmetic();
    const auto key = static_cast<int16_t>(kPacketKey + 24 * static_cast<int>(random_.below(2)));
    switch (random_.below(3)) {
        case 0: w_.store64(7, 0, 8); return;
        case 1: w_.put(Op::kStoreImm8, 7, 0, key, static_cast<int32_t>(random_.below(16))); return;
        case 2: w_.mov_reg(1, 8).put(Op::kAnd64Imm, 1, 0, 0, 15).store64(7, key, 1); return;
    }
}

void BurstGenerator::move_packet() {
    if (in_function_ || in_loop_) return arithmetic();
    constexpr auto kHelpers = std::to_array<int32_t>({44, 54, 65});  // head, metadata, tail
    constexpr auto kDistances = std::to_array<int32_t>({-8, -4, 0, 4, 8, -3, -32, 16, -300, 100});
    w_.mov_reg(1, 6);
    if (random_.one_in(3))
        w_.mov_reg(2, 8).put(Op::kAnd64Imm, 2, 0, 0, 15).add(2, -8);
    else
        w_.mov(2, kDistances[random_.below(kDistances.size())]);
    w_.call(kHelpers[random_.below(kHelpers.size())]);
    fold(0);
    check_packet();
}

void BurstGenerator::random_number() {
    if (in_kernel()) return arithmetic();
    w_.call(kPrandom);
    fold(0);
}

/// Sometimes more than a core looks ahead over.
void BurstGenerator::arithmetic() {
    const uint32_t steps = random_.one_in(4) ? 120 : 3;
    w_.mov_reg(1, 8);
    for (uint32_t i = 0; i < steps; ++i) {
        if (i % 3 == 0)
            w_.put(Op::kMul64Imm, 1, 0, 0, static_cast<int32_t>(random_.next() | 1));
        else
            w_.put(i % 3 == 1 ? Op::kAdd64Reg : Op::kXor64Reg, 1, 8);
    }
    fold(1);
}

/// One without effects.
void BurstGenerator::helper() {
    if (in_function_ || random_.one_in(2)) {
        w_.mov(1, 0).mov(2, 0).mov_reg(3, 10).add(3, -64).mov(4, 32).mov(5, 5).call(kCsumDiff);
    } else {
        w_.mov_reg(1, 6).call(kBuffLen);
    }
    fold(0);
}

namespace {

/// A big map outgrows the caches only when it is full enough: of keys that no packet has.
void fill_beyond_caches(const vm::MapSpec& hash, Traffic& traffic) {
    constexpr uint32_t kElements = 40'000;
    if (hash.entries_max <= kElements) return;
    for (uint32_t key = 0; key < kElements; ++key) {
        Fill fill{kBurstHash, Bytes(hash.key_bytes), Bytes(hash.value_bytes), 0};
        put_number(fill.key, 0, kBurstKeys + key);
        traffic.fills.push_back(std::move(fill));
    }
}

}  // namespace

Traffic burst_traffic(uint64_t seed, const vm::ProgramSpec& program) {
    Random random(seed ^ 0x6275'7273'7473);
    const uint32_t flows = 1 + random.below(kBurstKeys);  // 1: every packet is of the same flow
    Traffic traffic;
    // Among several cpus an LRU map that is full may draw what it evicts.
    traffic.cpu_slots = program.maps[kBurstLruPercpu].entries_max > kBurstKeys ? 2 : 1;
    for (size_t i = 0; i < kPackets; ++i) {
        Bytes packet(random.one_in(20) ? kPacketBytes / 2 : kPacketBytes + random.below(40));
        for (size_t at = 0; at < packet.size(); ++at) packet[at] = static_cast<uint8_t>(at);
        std::fill(packet.begin() + kPacketKey, packet.end(), uint8_t{0});
        put_number(packet, kPacketKey, random.below(flows));
        if (packet.size() >= kPacketBytes) put_number(packet, kPacketKey + 24, random.below(flows));
        traffic.packets.push_back(std::move(packet));
    }
    for (uint32_t map = 0; map < kBurstMaps; ++map) {
        const vm::MapSpec& spec = program.maps[map];
        for (uint32_t key = 0; key < 8; ++key) {
            if (key_is_index(map) && key >= spec.entries_max) continue;
            if (key % 2 == 1 && random.one_in(2)) continue;
            Fill fill{map, Bytes(spec.key_bytes), Bytes(vm::is_percpu(spec.type) ? 0 : 24), 0};
            put_number(fill.key, map == kBurstLpm ? 4 : 0, key);
            if (map == kBurstLpm) fill.key[0] = 32;
            if (!fill.value.empty()) put_number(fill.value, 0, random.below(kBurstKeys));
            fill.inner = random.one_in(2) ? kBurstInner : kBurstInnerOther;
            traffic.fills.push_back(std::move(fill));
        }
    }
    fill_beyond_caches(program.maps[kBurstHash], traffic);
    return traffic;
}

}  // namespace weir::tests
