// Control flow of burst programs.

#include "tests/differential/burst_generator.h"

#include <algorithm>

namespace weir::tests {

using vm::MapType;
using vm::Op;

namespace {

constexpr uint32_t kEntriesSmall = 12;        ///< below kBurstKeys: maps run full
constexpr uint32_t kEntriesMany = 200;        ///< maps that never run full
constexpr uint32_t kEntriesBig = 70'000;      ///< where overlap pays
constexpr int32_t kRedirect = 23, kDrop = 1;  // helpers.def; XDP_DROP

vm::MapSpec map_spec(const char* name, MapType type, uint32_t key_bytes, uint32_t entries) {
    vm::MapSpec spec;
    spec.name = name;
    spec.type = type;
    spec.key_bytes = key_bytes;
    spec.value_bytes = kBurstValueBytes;
    spec.entries_max = entries;
    return spec;
}

int16_t distance(size_t from, size_t to) {
    return static_cast<int16_t>(to - from - 1);
}

}  // namespace

std::vector<vm::MapSpec> BurstGenerator::map_specs() {
    constexpr uint32_t kKeyBytes[] = {4, 6, 8, 8, 13, 16, 20};
    const auto key = [&] { return kKeyBytes[random_.below(std::size(kKeyBytes))]; };
    const uint32_t entries = kind_ == BurstKind::kBigMaps ? kEntriesBig : kEntriesSmall;
    std::vector<vm::MapSpec> maps(kBurstMaps);
    maps[kBurstHash] = map_spec("hash", MapType::Hash, key(), entries);
    const uint32_t lru_entries =
        random_.one_in(2) ? kEntriesMany : std::min(entries, kEntriesSmall);
    maps[kBurstLru] = map_spec("lru", MapType::LruHash, key(), std::max(entries, lru_entries));
    maps[kBurstPercpuHash] = map_spec("pc_hash", MapType::PercpuHash, key(), entries);
    maps[kBurstLruPercpu] = map_spec("lru_pc", MapType::LruPercpuHash, key(), lru_entries);
    maps[kBurstLpm] = map_spec("lpm", MapType::LpmTrie, random_.one_in(3) ? 20 : 8, entries);
    maps[kBurstLpm].flags = vm::kMapNoPrealloc;
    maps[kBurstArray] = map_spec("array", MapType::Array, 4, kEntriesSmall);
    maps[kBurstPercpuArray] = map_spec("pc_array", MapType::PercpuArray, 4, 4);
    maps[kBurstCounters] = map_spec("counters", MapType::Array, 4, kEntriesSmall);
    maps[kBurstGlobals] = map_spec(".bss", MapType::Array, 4, 1);
    maps[kBurstGlobals].is_global_data = true;
    maps[kBurstInner] = map_spec("inner", MapType::Hash, 8, kEntriesSmall);
    maps[kBurstInnerOther] = map_spec("inner_other", MapType::Hash, 8, kEntriesSmall);
    maps[kBurstOuterArray] = map_spec("outer", MapType::ArrayOfMaps, 4, 4);
    maps[kBurstOuterHash] = map_spec("outer_hash", MapType::HashOfMaps, 8, kEntriesSmall);
    if (in_kernel()) maps[kBurstOuterArray].type = MapType::Array;
    if (in_kernel()) maps[kBurstOuterHash].type = MapType::Hash;
    for (const uint32_t outer : {kBurstOuterArray, kBurstOuterHash}) {
        maps[outer].value_bytes = 4;
        if (!in_kernel())
            maps[outer].inner = std::make_shared<const vm::MapSpec>(maps[kBurstInner]);
    }
    maps[kBurstLocked] = map_spec("locked", MapType::Hash, 8, kEntriesSmall);
    if (!in_kernel()) maps[kBurstLocked].spin_lock_offset = 16;
    return maps;
}

/// Leaves the program where the packet is too short.
void BurstGenerator::check_packet() {
    w_.put(Op::kLoad32, 7, 6, 0).put(Op::kLoad32, 2, 6, 4).mov_reg(3, 7);
    w_.add(3, static_cast<int32_t>(kPacketBytes));
    exits_.push_back(w_.size());
    w_.put(Op::kJgt64Reg, 3, 2);
}

void BurstGenerator::prologue() {
    w_.mov_reg(6, 1);
    check_packet();
    w_.mov(8, 7).mov(1, 0);
    for (int slot = -8; slot >= kLoopSlot; slot -= 8) w_.store64(10, static_cast<int16_t>(slot), 1);
}

void BurstGenerator::early_exit() {
    if (in_function_ || in_loop_) return arithmetic();
    w_.mov_reg(1, 8).put(Op::kAnd64Imm, 1, 0, 0, 7);
    exits_.push_back(w_.size());
    w_.put(Op::kJeq64Imm, 1, 0, 0, static_cast<int32_t>(random_.below(8)));
}

void BurstGenerator::choose_statements() {
    using B = BurstGenerator;
    constexpr Statement kAll[] = {
        &B::update,        &B::remove,       &B::count,           &B::count_only,
        &B::count_global,  &B::write_packet, &B::move_packet,     &B::random_number,
        &B::arithmetic,    &B::helper,       &B::early_exit,      &B::loop,
        &B::call_function, &B::lookup_inner, &B::lookup_by_value, &B::two_lookups_at_once,
        &B::lock_and_count};
    const uint32_t one_in = 1 + random_.below(8);
    for (const Statement each : kAll)
        if (random_.one_in(one_in)) statements_.push_back(each);
    writes_values_ = random_.one_in(3);
    counts_in_two_widths_ = random_.one_in(4);
    reads_counts_ = random_.one_in(4);
    if (kind_ != BurstKind::kCounting) return;
    statements_ = {&B::count_global, &B::count_only};
    counts_in_two_widths_ = true;
    writes_values_ = reads_counts_ = false;
}

void BurstGenerator::statement() {
    if (statements_.empty() || random_.one_in(2)) return lookup();
    (this->*statements_[random_.below(static_cast<uint32_t>(statements_.size()))])();
}

/// A few rounds; the counter lies on the stack, since calls leave no other register.
void BurstGenerator::loop() {
    if (in_loop_) return lookup();
    in_loop_ = true;
    w_.put(Op::kStoreImm64, 10, 0, kLoopSlot, static_cast<int32_t>(2 + random_.below(3)));
    const size_t top = w_.size();
    for (uint32_t i = 1 + random_.below(3); i > 0; --i) statement();
    w_.load64(1, 10, kLoopSlot).add(1, -1).store64(10, kLoopSlot, 1);
    w_.put(Op::kJne64Imm, 1, 0, distance(w_.size(), top), 0);
    in_loop_ = false;
}

/// uint64_t function(uint64_t so_far, uint64_t last_value)
void BurstGenerator::call_function() {
    if (in_function_ || in_loop_) return lookup();
    w_.mov_reg(1, 8).load64(2, 10, kLastSlot);
    calls_.push_back(w_.size());
    w_.put(Op::kCallLocal).mov_reg(8, 0);
}

void BurstGenerator::function_body() {
    in_function_ = true;
    w_.mov_reg(8, 1).store64(10, kLastSlot, 2).mov(1, 0);
    for (int slot = -16; slot >= kLoopSlot; slot -= 8)
        w_.store64(10, static_cast<int16_t>(slot), 1);
    for (uint32_t i = 1 + random_.below(4); i > 0; --i) statement();
    w_.mov_reg(0, 8).exit();
}

void BurstGenerator::epilogue() {
    w_.load64(1, 10, kLastSlot);
    fold(1);
    if (random_.one_in(4)) {
        w_.mov_reg(1, 8).put(Op::kAnd64Imm, 1, 0, 0, 3).add(1, 1).mov(2, 0).call(kRedirect);
    } else {
        if (random_.one_in(2)) w_.store64(7, 0, 8);
        w_.mov_reg(0, 8);
    }
    w_.exit();
    for (const size_t jump : exits_) w_.at(jump).off = distance(jump, w_.size());
    w_.mov(0, kDrop).exit();
}

void BurstGenerator::body() {
    choose_statements();
    const uint32_t looks_first = random_.below(4);
    for (uint32_t i = 0; i < looks_first; ++i) lookup();
    for (uint32_t i = 1 + random_.below(10); i > 0; --i) statement();
}

vm::ProgramSpec BurstGenerator::generate() {
    vm::ProgramSpec spec;
    spec.name = "burst";
    spec.section = "xdp";
    spec.maps = map_specs();
    spec.subprograms.push_back({"burst", 0});
    prologue();
    body();
    epilogue();
    if (!calls_.empty()) {
        const auto entry = static_cast<int32_t>(w_.size());
        spec.subprograms.push_back({"function", static_cast<uint32_t>(entry)});
        function_body();
        for (const size_t call : calls_) w_.at(call).imm = entry - static_cast<int32_t>(call) - 1;
    }
    spec.insns = w_.insns();
    return spec;
}

vm::ProgramSpec burst_program(uint64_t seed, BurstKind kind) {
    return BurstGenerator(seed, kind).generate();
}

}  // namespace weir::tests
