#pragma once
// What registers and stack hold on one path through a program that only looks at it: the context,
// addresses near what is known, and numbers.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "vm/base/limits.h"
#include "vm/interp/path_numbers.h"

namespace weir::vm {

constexpr size_t kHeldSlotsMax = 128;  ///< of the stack, in all frames

enum class HeldKind : uint8_t {
    Anything,  ///< nothing is known
    Number,    ///< perhaps an address that was read or that a helper gave
    Context,   ///< the others: an address, its distance in `term`
    Stack,     ///< from the end of frame `object`
    MapValue,  ///< in the value of map `object`
    Packet,    ///< from the packet's start; `object` counts changes of the packet
    Map,       ///< map `object` itself
};

struct Held {
    HeldKind kind = HeldKind::Anything;
    uint32_t object = 0;
    Term term;

    bool is_number() const { return kind == HeldKind::Number; }
    bool is_address() const { return kind > HeldKind::Number; }
};

inline Held held_number(const Term& term) {
    return {HeldKind::Number, 0, term};
}

/// What is known of the stack, by frame and offset from the frame's end (negative).
class HeldStack {
public:
    void store(uint32_t frame, int64_t offset, uint32_t bytes, const Held& held) {
        forget(frame, offset, offset + bytes);
        if (slots_.size() < kHeldSlotsMax) slots_.push_back({frame, offset, bytes, held});
    }
    Held load(uint32_t frame, int64_t offset, uint32_t bytes) const {
        for (const Slot& slot : slots_)
            if (slot.frame == frame && slot.offset == offset && slot.bytes == bytes)
                return slot.held;
        return {};
    }
    void forget(uint32_t frame, int64_t low, int64_t end) {
        std::erase_if(slots_, [&](const Slot& slot) {
            return slot.frame == frame && slot.offset < end && slot.offset + slot.bytes > low;
        });
    }
    void forget_frame(uint32_t frame) { forget(frame, INT64_MIN, INT64_MAX); }
    void forget_all() { slots_.clear(); }

private:
    struct Slot {
        uint32_t frame;
        int64_t offset;
        uint32_t bytes;
        Held held;
    };
    std::vector<Slot> slots_;  ///< none overlap
};

struct ContextPath {
    struct Caller {
        uint32_t resume = 0;
        std::array<Held, 4> saved;  ///< r6..r9
    };
    uint32_t slot = 0;
    std::array<Held, kRegisterCount> r;
    HeldStack stack;
    std::vector<Caller> callers;  ///< below kCallDepthMax
    Facts::Place facts = Facts::kNone;
    uint32_t packet = 0;  ///< how often it has changed
    Term packet_bytes;    ///< of this one

    uint32_t frame() const { return static_cast<uint32_t>(callers.size()); }
    void forget_arguments() { std::fill(r.begin() + 1, r.begin() + 6, Held{}); }
};

}  // namespace weir::vm
