#pragma once
// The values of a map by element and cpu: one plane for each cpu, so that cores do not share lines.
// Kinds without a slot per cpu have one plane.

#include <cstdint>
#include <optional>
#include <string>

#include "maps/memory.h"
#include "maps/value_fields.h"
#include "vm/base/result.h"
#include "vm/program/lookup_layout.h"
#include "vm/program/spec.h"

namespace weir::maps {

constexpr uint32_t kAllCpus = 0xffffffff;

/// What a writer puts into the slots of an element.
struct SlotValues {
    const uint8_t* base = nullptr;
    uint64_t step = 0;             ///< bytes from one cpu's value to the next; 0: the same for all
    uint32_t only_cpu = kAllCpus;  ///< kAllCpus, or the only one that has a value
};

class ValuePlanes {
public:
    static Result<ValuePlanes> take(const vm::MapSpec& spec, uint32_t elements, uint32_t planes,
                                    MapMemory& memory);

    uint8_t* at(uint32_t element, uint32_t plane) const {
        return memory_.data() + plane * plane_bytes_ + uint64_t{element} * stride_;
    }
    /// An element that exists: slots without a value stay. A timer ends.
    void write(uint32_t element, const SlotValues& values);
    /// A new element: slots without a value become zero, whoever used the element before
    /// (pcpu_init_value in kernel/bpf/hashtab.c).
    void write_new(uint32_t element, const SlotValues& values);
    /// An element that leaves: its timer ends.
    void clear_fields(uint32_t element);
    /// As the control side sees it: of per-CPU kinds all slots, one after the other, padded with
    /// zeroes to `stride`; else the value.
    void read(uint32_t element, uint8_t* to) const;
    struct Place {
        uint32_t element;
        uint32_t plane;
    };
    std::optional<Place> place_of(const uint8_t* value) const;

    /// Says where the values of a hash are.
    void describe(vm::HashLayout& layout) const;

    uint32_t planes() const { return planes_; }
    uint32_t stride() const { return stride_; }  ///< the value's size rounded up to 8
    uint64_t memory_bytes() const { return memory_.bytes(); }

private:
    ValuePlanes(const vm::MapSpec& spec, uint32_t elements, uint32_t planes, Region memory);

    ValueFields fields_;
    uint32_t elements_;
    uint32_t planes_;
    bool padded_;
    uint32_t value_bytes_;
    uint32_t stride_;
    uint64_t plane_bytes_;
    Region memory_;
};

}  // namespace weir::maps
