#pragma once
// bloom_filter (kernel/bpf/bloom_filter.c): a set of values that may answer "yes" for a value that
// was never put in, never "no" for one that was. Sizes, hash and (with BPF_F_ZERO_SEED) the very
// answers are the kernel's. As in bpf(2) the control side's update puts a value in, and its look-up
// asks for the value that it is given; both ignore the key, which may be null.

#include <atomic>
#include <cstdint>
#include <memory>

#include "maps/memory.h"
#include "maps/salvage.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map; nobody waits.
class BloomMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;               ///< nullptr
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EINVAL
    int erase(const uint8_t*) override;                                       ///< -EOPNOTSUPP
    int push(const uint8_t* value, uint64_t flags) override;
    int peek(uint8_t* value) override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;            ///< -EOPNOTSUPP
    int next_key(const uint8_t* key, uint8_t* next) override;  ///< -EOPNOTSUPP
    uint32_t entries() const override { return 0; }            ///< nobody knows
    uint64_t memory_bytes() const override { return memory_.bytes(); }
    uint64_t full_count() const override { return 0; }  ///< it only gets less exact
    /// A value that was half put in answers "no", or belongs to nobody. The count is an estimate.
    Salvaged salvage(vm::Map& into) override;

private:
    BloomMap(const vm::MapSpec& spec, Region memory, uint32_t mask, uint32_t hashes, uint32_t seed)
        : Map(spec), memory_(std::move(memory)), mask_(mask), hashes_(hashes), seed_(seed) {}

    uint32_t bit_of(const uint8_t* value, uint32_t hash) const;
    std::atomic<uint64_t>& word_of(uint32_t bit) const;

    Region memory_;
    uint32_t mask_;  ///< bits - 1
    uint32_t hashes_;
    uint32_t seed_;
};

}  // namespace weir::maps
