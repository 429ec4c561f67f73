#pragma once
// devmap and devmap_hash (kernel/bpf/devmap.c): keys to devices, for bpf_redirect_map. A value is
// struct bpf_devmap_val: an ifindex, and with 8 bytes a program's id. Interface numbers are not
// checked here: only whoever owns the ports knows them.

#include <cstdint>
#include <memory>

#include "maps/hash_table.h"
#include "maps/target_map.h"
#include "vm/base/result.h"

namespace weir::maps {

class Devmap final : public TargetArray {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    /// ifindex 0 empties the entry.
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;

private:
    using TargetArray::TargetArray;
};

class DevmapHash final : public TargetMap {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint64_t memory_bytes() const override {
        return targets_.memory_bytes() + table_->memory_bytes();
    }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }

private:
    DevmapHash(const vm::MapSpec& spec, TargetSlots targets, std::unique_ptr<HashTable> table)
        : TargetMap(spec, std::move(targets)), table_(std::move(table)) {}
    uint32_t slot_of(uint32_t key) const override;
    int insert(const uint8_t* key, const Target& target);

    std::unique_ptr<HashTable> table_;
    ShardedCounter full_;
};

}  // namespace weir::maps
