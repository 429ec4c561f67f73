#pragma once
// array and percpu_array (kernel/bpf/arraymap.c). All elements exist from the start and are never
// deleted; updates are in place, so that a reader may see parts of two writes, though never half of
// an aligned word.

#include <cstdint>
#include <memory>

#include "maps/memory.h"
#include "maps/salvage.h"
#include "maps/value_fields.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Elements one after the other, each rounded up to 8 bytes; per-CPU kinds have one such plane for
/// each cpu slot, so that cores do not share lines. Threads: as vm::Map.
class ArrayMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                   MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override;  ///< -EINVAL, as in the kernel
    uint8_t* direct_value() override;
    std::optional<vm::ArrayLayout> array_layout() const override;
    /// In the order of indices.
    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    bool key_of(const uint8_t* value, uint8_t* key) const override;

    uint32_t control_value_bytes() const override { return slots_ * plain_value_bytes(); }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return spec().entries_max; }
    uint64_t memory_bytes() const override { return memory_.bytes(); }
    uint64_t full_count() const override { return 0; }  ///< nothing is ever inserted
    /// An element whose lock was held is torn, and zero in `into`.
    Salvaged salvage(vm::Map& into) override;

private:
    ArrayMap(const vm::MapSpec& spec, uint32_t slots, Region memory);

    uint32_t plain_value_bytes() const {
        return vm::is_percpu(spec().type) ? stride_ : spec().value_bytes;
    }
    uint8_t* element(uint32_t index, uint32_t slot) const;
    void read(uint32_t index, uint8_t* to) const;
    int update_error(uint32_t index, uint64_t flags) const;
    void write(uint8_t* element, const uint8_t* value, uint64_t flags);

    uint32_t slots_;   ///< planes: cpu slots, or 1
    uint32_t stride_;  ///< value_bytes rounded up to 8
    uint64_t plane_bytes_;
    ValueFields fields_;
    Region memory_;
};

}  // namespace weir::maps
