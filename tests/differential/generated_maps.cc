// Statements over maps.

#include <array>

#include "tests/differential/generated_generator.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr int32_t kLookup = 1, kUpdate = 2, kDelete = 3;  // helpers.def
constexpr uint8_t kValueReg = 0;

struct AtomicPair {
    Op narrow, wide;
    bool fetches, needs_r0;
};
constexpr std::array<AtomicPair, 10> kAtomics = {{
    {Op::kAtomicAdd32, Op::kAtomicAdd64, false, false},
    {Op::kAtomicOr32, Op::kAtomicOr64, false, false},
    {Op::kAtomicAnd32, Op::kAtomicAnd64, false, false},
    {Op::kAtomicXor32, Op::kAtomicXor64, false, false},
    {Op::kAtomicFetchAdd32, Op::kAtomicFetchAdd64, true, false},
    {Op::kAtomicFetchOr32, Op::kAtomicFetchOr64, true, false},
    {Op::kAtomicFetchAnd32, Op::kAtomicFetchAnd64, true, false},
    {Op::kAtomicFetchXor32, Op::kAtomicFetchXor64, true, false},
    {Op::kAtomicXchg32, Op::kAtomicXchg64, true, false},
    {Op::kAtomicCmpxchg32, Op::kAtomicCmpxchg64, false, true},
}};

bool key_is_index(GeneratedMap map) {
    return map == kArrayMap || map == kPercpuArrayMap;
}

}  // namespace

void Generator::atomic_at(uint8_t base, int16_t off, bool wide) {
    const AtomicPair& atomic = kAtomics[random_.below(kAtomics.size())];
    if (atomic.needs_r0 && (base == 0 || !is_scalar(0))) return alu();
    uint8_t src = some_scalar();
    if (atomic.fetches && ((locked_ & (1u << src)) != 0 || src == base)) return alu();
    w_.put(wide ? atomic.wide : atomic.narrow, base, src, off);
}

void Generator::put_map(uint8_t reg, GeneratedMap map) {
    w_.load_map(reg, static_cast<int32_t>(map));
}

/// A small number, so that keys meet again; sometimes one that no array has.
void Generator::put_key(GeneratedMap map) {
    const int32_t mask = key_is_index(map) ? 7 : 15;
    if (random_.one_in(2)) {
        w_.put(Op::kStoreImm64, 10, 0, kKeySlot,
               static_cast<int32_t>(random_.below(static_cast<uint32_t>(mask) + 1)));
    } else {
        const uint8_t value = some_scalar();
        w_.mov_reg(1, value).put(Op::kAnd64Imm, 1, 0, 0, mask).store64(10, kKeySlot, 1);
    }
    put_map(1, map);
    w_.mov_reg(2, 10).add(2, kKeySlot);
}

/// r0 points to the value; some of it is read, written and counted.
void Generator::value_access() {
    const auto off = static_cast<int16_t>(8 * random_.below(kMapValueBytes / 8));
    switch (random_.below(3)) {
        case 0:
            w_.load64(1, kValueReg, off);
            now_scalar(1);
            return;
        case 1: w_.store64(kValueReg, off, some_scalar()); return;
        case 2:
            w_.mov(1, 1).put(Op::kAtomicAdd64, kValueReg, 1, off);
            now_scalar(1);
            return;
    }
}

void Generator::map_lookup(GeneratedMap map) {
    put_key(map);
    w_.call(kLookup);
    after_call();
    known_.scalars = static_cast<uint16_t>(known_.scalars & ~1u);  // r0 is a pointer, or null
    const size_t jump = w_.size();
    w_.put(random_.one_in(2) ? Op::kJeq64Imm : Op::kJne64Imm, kValueReg, 0, 0, 0);
    const bool null_jumps = w_.at(jump).opcode == vm::op_info(Op::kJeq64Imm).opcode;
    if (!null_jumps) {  // value jumps over one goto
        w_.at(jump).off = 1;
        w_.put(Op::kGoto);
    }
    const size_t patch = null_jumps ? jump : jump + 1;
    const Known before = known_;
    const uint32_t accesses = 1 + random_.below(3);
    locked_ = static_cast<uint16_t>(locked_ | (1u << kValueReg));
    for (uint32_t i = 0; i < accesses; ++i) value_access();
    locked_ = static_cast<uint16_t>(locked_ & ~(1u << kValueReg));
    w_.at(patch).off = static_cast<int16_t>(w_.size() - patch - 1);
    known_ = before;
    w_.mov(0, static_cast<int32_t>(map));
    now_scalar(0);
}

void Generator::map_update(GeneratedMap map) {
    for (uint32_t i = 0; i < kMapValueBytes / 8; ++i)
        w_.store64(10, static_cast<int16_t>(kValueSlot + static_cast<int>(8 * i)), some_scalar());
    put_key(map);
    w_.mov_reg(3, 10)
        .add(3, kValueSlot)
        .mov(4, random_.one_in(2) ? 0 : static_cast<int32_t>(random_.below(4)));
    w_.call(kUpdate);
    after_call();
}

void Generator::map_delete() {
    const GeneratedMap map = random_.one_in(2) ? kHashMap : kPercpuHashMap;
    put_key(map);
    w_.call(kDelete);
    after_call();
}

void Generator::globals_access() {
    const uint8_t base = static_cast<uint8_t>(1 + random_.below(5));
    known_.scalars = static_cast<uint16_t>(known_.scalars & ~(1u << base));
    const auto off = static_cast<int32_t>(8 * random_.below(kMapValueBytes / 8));
    w_.load_map_value(base, kGlobalsMap, off);
    if (random_.one_in(2)) {
        w_.store64(base, 0, some_scalar());
    } else if (random_.one_in(2)) {
        locked_ = static_cast<uint16_t>(
            locked_ | (1u << base));  // whatever takes the atomic's place must not write it
        atomic_at(base, 0, true);
        locked_ = static_cast<uint16_t>(locked_ & ~(1u << base));
    }
    w_.load64(base, base, 0);
    now_scalar(base);
}

void Generator::map_statement() {
    const auto map = static_cast<GeneratedMap>(random_.below(kGlobalsMap));
    switch (random_.below(8)) {
        case 0:
        case 1:
        case 2: return map_lookup(map);
        case 3: return map_update(map);
        case 4:
        case 5: return map_update(random_.one_in(3) ? kPercpuHashMap : kHashMap);
        case 6: return map_delete();
        case 7: return globals_access();
    }
}

}  // namespace weir::tests
