// What flags allow: locks in values, frozen maps, maps that one side may only read or only write.

#include <cerrno>
#include <cstdlib>
#include <functional>

#include "tests/differential/kernel_map_pair.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

using vm::MapType;

constexpr int32_t kLookup = 1, kUpdate = 2, kDelete = 3, kPush = 87, kPop = 88, kPeek = 89;

/// Reads under the value's lock.
class LockedKernelSide final : public testing::ControlSide {
public:
    LockedKernelSide(KernelControlSide& plain, uint32_t value_bytes)
        : plain_(plain), value_bytes_(value_bytes) {}
    int lookup(const Bytes& key, Bytes& value) override {
        value.resize(value_bytes_);
        return bpf_map_lookup_elem_flags(plain_.fd(), key.data(), value.data(), vm::kUpdateLock);
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        return plain_.update(key, value, flags);
    }
    int erase(const Bytes& key) override { return plain_.erase(key); }
    int next_key(const Bytes* key, Bytes& next) override { return plain_.next_key(key, next); }

private:
    KernelControlSide& plain_;
    uint32_t value_bytes_;
};

class FlagsAgainstKernel : public KernelPair {};

TEST_F(FlagsAgainstKernel, ValuesWithLocksAndTimersAgree) {
    struct Place {
        uint32_t value_bytes, lock, timer;
    };
    for (const MapType type : {MapType::Array, MapType::Hash})
        for (const Place& place : {Place{24, 0, vm::kNoOffset}, Place{21, 4, vm::kNoOffset},
                                   Place{40, 36, 8}, Place{48, vm::kNoOffset, 16}}) {
            const vm::MapSpec spec{.name = "l",
                                   .type = type,
                                   .key_bytes = 4,
                                   .value_bytes = place.value_bytes,
                                   .entries_max = 20,
                                   .spin_lock_offset = place.lock,
                                   .timer_offset = place.timer};
            ASSERT_NO_FATAL_FAILURE(make(spec));
            LockedKernelSide locked(*kernel_, place.value_bytes);
            const bool has_lock = place.lock != vm::kNoOffset;
            testing::SequenceOptions options = sequence(place.value_bytes, 20'000);
            options.flags_bound = 9;
            testing::ControlSide& reference =
                has_lock ? static_cast<testing::ControlSide&>(locked) : *kernel_;
            ASSERT_NO_FATAL_FAILURE(
                testing::expect_same_sequence(spec, options, reference, *own_side_));
        }
}

TEST_F(FlagsAgainstKernel, TimersInAnLruHashAgree) {
    run({.name = "t",
         .type = MapType::LruHash,
         .key_bytes = 4,
         .value_bytes = 24,
         .entries_max = 20,
         .timer_offset = 8},
        1, 20'000);
}

TEST_F(FlagsAgainstKernel, AFrozenMapIsReadAndNotWritten) {
    for (const MapType type : {MapType::Array, MapType::Hash, MapType::PercpuHash, MapType::LruHash,
                               MapType::LpmTrie, MapType::Queue, MapType::BloomFilter}) {
        const bool keyless = type == MapType::Queue || type == MapType::BloomFilter;
        ASSERT_NO_FATAL_FAILURE(
            make({.name = "f",
                  .type = type,
                  .key_bytes = keyless ? 0u : 8u - 4u * (type == MapType::Array),
                  .value_bytes = 8,
                  .entries_max = 4,
                  .flags = type == MapType::LpmTrie ? vm::kMapNoPrealloc : 0u,
                  .frozen = true}));
        ASSERT_EQ(bpf_map_freeze(kernel_->fd()), 0);
        const Bytes key(8, 0);
        Bytes value(own_->control_value_bytes(), 0), own_value = value;
        EXPECT_EQ(kernel_->update(key, value, 0), own_->control_update(key.data(), value, 0));
        EXPECT_EQ(own_->control_update(key.data(), value, 0), -EPERM);
        EXPECT_EQ(kernel_->erase(key), own_->control_erase(key.data()));
        EXPECT_EQ(kernel_->lookup(key, value), own_->control_lookup(key.data(), own_value))
            << vm::map_type_name(type);
        EXPECT_EQ(value, own_value);
        Bytes next(8), own_next(8);
        if (keyless) continue;
        EXPECT_EQ(kernel_->next_key(nullptr, next), own_->next_key(nullptr, own_next.data()));
    }
}

/// Whole sequences: what is refused changes nothing, what is let through is as ever.
TEST_F(FlagsAgainstKernel, AControlSideMayOnlyReadOrOnlyWrite) {
    for (const uint32_t flag : {vm::kMapRdonly, vm::kMapWronly})
        for (const MapType type : {MapType::Array, MapType::PercpuArray, MapType::Hash,
                                   MapType::PercpuHash, MapType::LruHash, MapType::LpmTrie})
            run({.name = "r",
                 .type = type,
                 .key_bytes = type == MapType::LpmTrie ? 8u : 4u,
                 .value_bytes = 12,
                 .entries_max = 20,
                 .flags = flag | (type == MapType::LpmTrie ? vm::kMapNoPrealloc : 0u)},
                flag, 3'000);
}

// -- what programs may do

using Loader = std::function<void(InsnWriter&, uint8_t reg)>;

/// One helper on a map with a key and a value of 8 bytes; a look-up then reads or writes.
std::vector<vm::Insn> access_program(const Loader& load_map, int32_t helper, bool writes_value) {
    InsnWriter w;
    w.put(vm::Op::kStoreImm64, 10, 0, -8, 0).put(vm::Op::kStoreImm64, 10, 0, -16, 0);
    load_map(w, 1);
    w.mov_reg(2, 10).add(2, -8);
    const bool queue = helper == kPush || helper == kPop || helper == kPeek;
    if (queue) {
        w.mov(3, 0);
    } else {
        w.mov_reg(3, 10).add(3, -16).mov(4, 0);
    }
    w.call(helper);
    if (helper == kLookup) {
        w.put(vm::Op::kJeq64Imm, 0, 0, 1, 0);
        writes_value ? w.put(vm::Op::kStoreImm64, 0, 0, 0, 1) : w.load64(1, 0, 0);
    }
    return w.mov(0, 0).exit().insns();
}

TEST_F(FlagsAgainstKernel, ProgramsMayOnlyReadOrOnlyWrite) {
    uint32_t accepted = 0, refused = 0;
    for (const uint32_t flag : {0u, vm::kMapRdonlyProg, vm::kMapWronlyProg, vm::kMapRdonly})
        for (const MapType type : {MapType::Array, MapType::Hash, MapType::LruHash, MapType::Queue})
            for (const int32_t helper : {kLookup, -kLookup, kUpdate, kDelete, kPush, kPop, kPeek}) {
                const bool queue = type == MapType::Queue;
                const vm::MapSpec spec{.name = "p",
                                       .type = type,
                                       .key_bytes = queue                    ? 0u
                                                    : type == MapType::Array ? 4u
                                                                             : 8u,
                                       .value_bytes = 8,
                                       .entries_max = 4,
                                       .flags = flag};
                ASSERT_NO_FATAL_FAILURE(make(spec));
                const auto code = [&](const Loader& load_map) {
                    return access_program(load_map, std::abs(helper), helper < 0);
                };
                const Fd in_kernel(try_load_xdp(
                    code([&](InsnWriter& w, uint8_t reg) { load_map_fd(w, reg, kernel_->fd()); }),
                    nullptr));
                vm::ProgramSpec program{.name = "p", .section = "xdp"};
                program.insns = code([](InsnWriter& w, uint8_t reg) { w.load_map(reg, 0); });
                program.subprograms = {{.name = "p", .insn = 0}};
                program.maps = {spec};
                const auto proof = vm::verify(program);
                EXPECT_EQ(in_kernel.get() >= 0, proof.has_value())
                    << vm::map_type_name(type) << " flags " << flag << " helper " << helper << ": "
                    << (proof ? "" : proof.error().message);
                ++(proof ? accepted : refused);
            }
    EXPECT_GT(accepted, 20u);
    EXPECT_GT(refused, 40u);
}

}  // namespace
}  // namespace weir::tests
