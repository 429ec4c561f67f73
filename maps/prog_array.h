#pragma once
// prog_array (kernel/bpf/arraymap.c): what bpf_tail_call jumps into. The control side puts programs
// into slots with bind_program and sees their ids; the engines ask program_at. Programs cannot look
// into one.

#include <cstdint>
#include <memory>
#include <mutex>

#include "maps/bound_slots.h"
#include "vm/base/result.h"
#include "vm/program/lookup_layout.h"
#include "vm/program/map.h"

namespace weir::maps {

class ProgArray final : public vm::Map {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;               ///< nullptr
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EOPNOTSUPP
    int erase(const uint8_t*) override;                                       ///< -EOPNOTSUPP
    const vm::Runnable* program_at(uint32_t index) const override;
    vm::LookupLayout lookup_layout() const override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    /// -EOPNOTSUPP: a number alone is no program; see bind_program.
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    /// A null program empties the slot. -E2BIG beyond the end.
    int bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return slots_.filled(); }
    uint64_t memory_bytes() const override { return slots_.memory_bytes(); }
    uint64_t full_count() const override { return 0; }

private:
    ProgArray(const vm::MapSpec& spec, BoundSlots<const vm::Runnable> slots)
        : Map(spec), slots_(std::move(slots)) {}

    BoundSlots<const vm::Runnable> slots_;
    std::mutex control_;  ///< among the control side
};

}  // namespace weir::maps
