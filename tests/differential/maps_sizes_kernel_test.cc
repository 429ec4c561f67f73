// Sizes from one byte to the largest, maps of one element, batches, and iteration whose current key
// is deleted.

#include <cerrno>

#include "tests/differential/kernel_map_pair.h"

namespace weir::tests {
namespace {

using vm::MapType;

vm::MapSpec spec_of(MapType type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries) {
    return {.name = "s",
            .type = type,
            .key_bytes = key_bytes,
            .value_bytes = value_bytes,
            .entries_max = entries,
            .flags = type == MapType::LpmTrie ? vm::kMapNoPrealloc : 0};
}

class SizesAgainstKernel : public KernelPair {};

TEST_F(SizesAgainstKernel, KeysAgree) {
    for (const uint32_t key_bytes :
         {1u, 2u, 3u, 5u, 7u, 9u, 12u, 15u, 17u, 31u, 63u, 65u, 255u, 509u, 511u, 512u}) {
        for (const MapType type : {MapType::Hash, MapType::PercpuHash, MapType::LruHash})
            run(spec_of(type, key_bytes, 4, 30), key_bytes, 2'000);
    }
    for (const uint32_t address_bytes : {1u, 2u, 3u, 5u, 6u, 9u, 15u, 17u, 33u, 255u, 256u})
        run(spec_of(MapType::LpmTrie, 4 + address_bytes, 4, 30), address_bytes, 2'000);
}

TEST_F(SizesAgainstKernel, ValuesAgree) {
    for (const uint32_t value_bytes : {1u, 2u, 3u, 7u, 9u, 15u, 63u, 65u, 1'000u, 4'095u, 9'001u}) {
        for (const MapType type :
             {MapType::Array, MapType::PercpuArray, MapType::Hash, MapType::PercpuHash,
              MapType::LruHash, MapType::LruPercpuHash, MapType::LpmTrie})
            run(spec_of(type, type == MapType::LpmTrie ? 8 : 4, value_bytes, 12), value_bytes, 600);
    }
}

TEST_F(SizesAgainstKernel, MapsOfOneElementAgree) {
    for (const MapType type :
         {MapType::Array, MapType::PercpuArray, MapType::Hash, MapType::PercpuHash,
          MapType::LruHash, MapType::LruPercpuHash, MapType::LpmTrie})
        run(spec_of(type, type == MapType::LpmTrie ? 8 : 4, 8, 1), 1, 4'000);
}

/// From the control side, as bpf(2) has it: update pushes, look-up peeks.
TEST_F(SizesAgainstKernel, QueuesAndStacksAgree) {
    for (const MapType type : {MapType::Queue, MapType::Stack})
        for (const uint32_t value_bytes : {1u, 3u, 8u, 65u, 1'001u})
            for (const uint32_t entries : {1u, 2u, 7u}) {
                const vm::MapSpec spec = spec_of(type, 0, value_bytes, entries);
                ASSERT_NO_FATAL_FAILURE(make(spec));
                Draw draw(value_bytes);
                uint32_t out = 0;
                for (uint32_t step = 0; step < 2'000 && !HasFailure(); ++step) {
                    Bytes value(value_bytes);
                    for (uint8_t& byte : value) byte = static_cast<uint8_t>(draw(256));
                    const uint64_t flags = draw(3) == 0 ? draw(5) : 0;
                    if (draw(2) == 0) {
                        EXPECT_EQ(kernel_->update({}, value, flags),
                                  own_->control_update(nullptr, value, flags));
                    }
                    Bytes expected(value_bytes), actual(value_bytes);
                    const bool pops = draw(3) == 0;
                    const int status = pops ? bpf_map_lookup_and_delete_elem(kernel_->fd(), nullptr,
                                                                             expected.data())
                                            : kernel_->lookup({}, expected);
                    EXPECT_EQ(status, pops ? own_->pop(actual.data())
                                           : own_->control_lookup(nullptr, actual));
                    if (status != 0) continue;
                    EXPECT_EQ(expected, actual);
                    ++out;
                }
                EXPECT_GT(out, 300u);
            }
}

/// With a known seed, also the answers that are wrong.
TEST_F(SizesAgainstKernel, BloomFiltersAgree) {
    for (const uint32_t value_bytes : {1u, 2u, 3u, 5u, 11u, 16u, 25u, 64u, 1'001u}) {
        for (const uint32_t entries : {1u, 50u, 3'000u}) {
            vm::MapSpec spec = spec_of(MapType::BloomFilter, 0, value_bytes, entries);
            spec.flags = vm::kMapZeroSeed;
            ASSERT_NO_FATAL_FAILURE(make(spec));
            Draw draw(entries);
            uint32_t yes = 0;
            for (uint32_t step = 0; step < 1'000 && !HasFailure(); ++step) {
                Bytes value(value_bytes);
                for (uint8_t& byte : value) byte = static_cast<uint8_t>(draw(16));
                const uint64_t flags = draw(8) == 0 ? draw(4) : 0;
                if (draw(4) == 0) {
                    EXPECT_EQ(kernel_->update({}, value, flags),
                              own_->control_update(nullptr, value, flags));
                }
                Bytes own_value = value;
                const int status = kernel_->lookup({}, value);
                EXPECT_EQ(status, own_->control_lookup(nullptr, own_value));
                yes += status == 0 ? 1 : 0;
            }
            EXPECT_GT(yes, 0u);
        }
    }
}

// -- iteration

/// Deletes each key that iteration comes to, then asks for the next of it (which starts anew), or
/// asks first. Gives the keys that it met.
KeyTexts drain(testing::ControlSide& side, bool asks_first, uint32_t bound) {
    KeyTexts met;
    Bytes key, next;
    int more = side.next_key(nullptr, next);
    while (more == 0 && met.size() < bound) {
        key = next;
        met.insert(text_of(key));
        if (asks_first) more = side.next_key(&key, next);
        EXPECT_EQ(side.erase(key), 0);
        if (!asks_first) more = side.next_key(&key, next);
    }
    return met;
}

TEST_F(SizesAgainstKernel, IterationMeetsEachKeyOnceThoughItDeletesThem) {
    for (const MapType type : {MapType::Hash, MapType::PercpuHash, MapType::LruHash,
                               MapType::LruPercpuHash, MapType::LpmTrie})
        for (const bool asks_first : {false, true}) {
            const vm::MapSpec spec = spec_of(type, 8, 8, 3'000);
            ASSERT_NO_FATAL_FAILURE(make(spec));
            testing::KeyDraw draw(spec, first_seed());
            for (uint32_t i = 0; i < 2'000; ++i) {
                const Bytes key = draw.key(), value = draw.value(own_->control_value_bytes());
                EXPECT_EQ(kernel_->update(key, value, 0), own_side_->update(key, value, 0));
            }
            const uint32_t there = own_->entries();
            const auto expected = drain(*kernel_, asks_first, 4'000);
            const auto met = drain(*own_side_, asks_first, 4'000);
            EXPECT_EQ(expected, met) << vm::map_type_name(type);
            EXPECT_EQ(met.size(), there);
            EXPECT_GT(there, 50u);
            EXPECT_EQ(own_->entries(), 0u);
        }
}

// -- batches

struct Batch {
    Bytes keys, values;
    uint32_t count = 0;
};

class BatchesAgainstKernel : public KernelPair {
protected:
    Batch draw_batch(testing::KeyDraw& draw, uint32_t count) const {
        Batch batch{.count = count};
        for (uint32_t i = 0; i < count; ++i) {
            const Bytes key = draw.key();
            Bytes value = draw.value(own_->control_value_bytes());
            testing::clear_padding(own_->spec(), value);
            batch.keys.insert(batch.keys.end(), key.begin(), key.end());
            batch.values.insert(batch.values.end(), value.begin(), value.end());
        }
        return batch;
    }
    const uint8_t* key_at(const Batch& batch, uint32_t i) const {
        return batch.keys.data() + size_t{i} * own_->spec().key_bytes;
    }
    /// A batch ends at the first element that fails, and says how many went before it. The kernel
    /// takes no flag for its elements but BPF_F_LOCK.
    void same_update(const Batch& batch) {
        uint32_t count = batch.count, own_count = 0;
        const bpf_map_batch_opts options{.sz = sizeof options, .elem_flags = 0, .flags = 0};
        const int status = bpf_map_update_batch(kernel_->fd(), batch.keys.data(),
                                                batch.values.data(), &count, &options);
        const uint32_t bytes = own_->control_value_bytes();
        int own_status = 0;
        for (; own_count < batch.count && own_status == 0; ++own_count)
            own_status = own_->control_update(key_at(batch, own_count),
                                              {batch.values.data() + own_count * bytes, bytes}, 0);
        EXPECT_EQ(status, own_status);
        full_ += status == 0 ? 0 : 1;
        EXPECT_EQ(count, own_status == 0 ? own_count : own_count - 1);
    }
    void same_delete(const Batch& batch) {
        uint32_t count = batch.count, own_count = 0;
        const bpf_map_batch_opts options{.sz = sizeof options, .elem_flags = 0, .flags = 0};
        const int status = bpf_map_delete_batch(kernel_->fd(), batch.keys.data(), &count, &options);
        int own_status = 0;
        for (; own_count < batch.count && own_status == 0; ++own_count)
            own_status = own_->control_erase(key_at(batch, own_count));
        EXPECT_EQ(status, own_status);
        EXPECT_EQ(count, own_status == 0 ? own_count : own_count - 1);
    }
    /// Everything in batches of the kernel, against our iteration.
    void same_contents() {
        const vm::MapSpec& spec = own_->spec();
        testing::Contents expected;
        Batch batch{Bytes(size_t{64} * spec.key_bytes),
                    Bytes(size_t{64} * own_->control_value_bytes()), 64};
        Bytes position(std::max(spec.key_bytes, 4u));
        const bpf_map_batch_opts options{.sz = sizeof options, .elem_flags = 0, .flags = 0};
        for (int status = 0, first = 1; status == 0; first = 0) {
            batch.count = 64;
            status = bpf_map_lookup_batch(kernel_->fd(), first != 0 ? nullptr : position.data(),
                                          position.data(), batch.keys.data(), batch.values.data(),
                                          &batch.count, &options);
            ASSERT_TRUE(status == 0 || status == -ENOENT) << status;
            append(expected, batch);
        }
        testing::Contents actual = testing::dump(*own_side_, spec.entries_max);
        for (auto& [key, value] : expected) testing::clear_padding(spec, value);
        std::sort(expected.begin(), expected.end());
        std::sort(actual.begin(), actual.end());
        EXPECT_EQ(expected, actual);
        elements_ += actual.size();
    }
    void append(testing::Contents& contents, const Batch& batch) const {
        const size_t key_bytes = own_->spec().key_bytes, bytes = own_->control_value_bytes();
        for (uint32_t i = 0; i < batch.count; ++i) {
            const uint8_t* const value = batch.values.data() + i * bytes;
            contents.emplace_back(Bytes(key_at(batch, i), key_at(batch, i) + key_bytes),
                                  Bytes(value, value + bytes));
        }
    }

    uint64_t elements_ = 0, full_ = 0;
};

TEST_F(BatchesAgainstKernel, AreOneOperationAfterTheOther) {
    for (const MapType type :
         {MapType::Array, MapType::Hash, MapType::PercpuHash, MapType::LruHash, MapType::LpmTrie}) {
        const vm::MapSpec spec = spec_of(type, type == MapType::LpmTrie ? 8 : 4, 12, 60);
        ASSERT_NO_FATAL_FAILURE(make(spec));
        testing::KeyDraw draw(spec, first_seed());
        for (uint32_t step = 0; step < 400 && !HasFailure(); ++step) {
            const Batch batch = draw_batch(draw, 1 + draw.below(12));
            if (draw.below(3) == 0 && type != MapType::Array) {
                same_delete(batch);
            } else {
                same_update(batch);
            }
            if (step % 8 == 0) same_contents();
        }
    }
    EXPECT_GT(elements_, 1'000u);
    EXPECT_GT(full_, 20u);
}

}  // namespace
}  // namespace weir::tests
