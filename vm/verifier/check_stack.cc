// The stack: 512 bytes below r10 of every frame, byte by byte; spilled registers keep what is known
// of them.

#include <fmt/format.h>

#include "vm/verifier/checks.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

/// First and last possible start of a region, relative to r10 of its frame.
struct Span {
    int64_t low, high;
    uint32_t size;
    bool is_fixed() const { return low == high; }
    int64_t end() const { return high + size; }
};

Span span_of(const Region& region) {
    const int64_t base = region.pointer.off + region.offset;
    return {base + region.pointer.value.full.smin, base + region.pointer.value.full.smax,
            region.size};
}

/// Where the byte at `offset` (negative) lies.
constexpr uint32_t slot_of(int64_t offset) {
    return static_cast<uint32_t>((-offset - 1) / 8);
}
constexpr uint32_t byte_of(int64_t offset) {
    return 7 - static_cast<uint32_t>((-offset - 1) % 8);
}

StackSlot& grow_to(Frame& frame, uint32_t slot) {
    if (frame.stack.size() <= slot) frame.stack.resize(slot + 1);
    return frame.stack[slot];
}

StackByte byte_at(const Frame& frame, int64_t offset) {
    const uint32_t slot = slot_of(offset);
    return slot < frame.stack.size() ? frame.stack[slot].bytes[byte_of(offset)]
                                     : StackByte::Unwritten;
}

std::string where(const Step& step, const Region& region, int64_t offset) {
    const bool own = region.pointer.frame == step.frame_index();
    return fmt::format("stack byte {} of {}", offset, own ? "this frame" : "a caller's frame");
}

std::unexpected<Fault> unwritten(const Step& step, const Region& region, int64_t offset) {
    const Frame& frame = step.state().frames[region.pointer.frame];
    const Reg held =
        slot_of(offset) < frame.stack.size() ? frame.stack[slot_of(offset)].spill : Reg{};
    if (const Checked there = check_not_void(held, where(step, region, offset)); !there)
        return std::unexpected(there.error());
    return fault(
        "uninitialized",
        fmt::format("{} is read but never written on this path; initialise all {} bytes first",
                    where(step, region, offset), region.size));
}

uint64_t byte_mask(uint32_t first, uint32_t size) {
    const uint64_t ones = size == 8 ? ~uint64_t{0} : (uint64_t{1} << (size * 8)) - 1;
    return ones << (first * 8);
}

void forget_relations(Reg& number) {
    number.unlink();
    number.has_length = false;
    number.progress = {};
}

/// The bytes [first, first + size) of a slot as a register; nullopt where they are bytes of a
/// pointer but not all.
std::optional<Reg> slot_value(const StackSlot& slot, uint32_t first, uint32_t size) {
    bool all_spill = true;
    for (uint32_t i = first; i < first + size; ++i) {
        all_spill = all_spill && slot.bytes[i] == StackByte::Spill;
        if (slot.bytes[i] == StackByte::Spill && slot.holds_pointer() && size != 8)
            return std::nullopt;
    }
    if (!all_spill) return Reg::scalar(Scalar::below_bits(static_cast<int>(size * 8)));
    if (size == 8) return slot.spill;
    Reg part = slot.spill;
    if (first != 0)
        part.value = scalar_ops::alu_full(AluOp::Rsh, part.value, Scalar::constant(first * 8));
    part.value = scalar_ops::zero_extend(part.value, static_cast<int>(size * 8));
    if (first != 0 || slot.spill.value.full.umax > byte_mask(0, size)) forget_relations(part);
    return part;
}

/// What the spilled number's bytes were is forgotten.
void blur_spill(StackSlot& slot) {
    for (StackByte& byte : slot.bytes)
        if (byte == StackByte::Spill) byte = StackByte::Misc;
    slot.spill = Reg{};
}

/// Whether a slot keeps `kept` of its bytes beside a number of `size` bytes. Constants stay, and so
/// do two halves; of smaller fields the last one counts. A slot is compared as a whole, so that one
/// field that a branch was taken on would make states differ in all the others.
bool stays_beside(const StackSlot& slot, uint64_t kept, const Reg& source, uint32_t size) {
    constexpr uint64_t kLow = 0xffffffff;
    const bool are_halves = size == 4 && (kept == kLow || kept == ~kLow);
    return are_halves || (slot.spill.value.is_constant() && source.value.is_constant());
}

/// Puts a number into part of a slot, beside the known bytes that stay.
void merge_number(Dependencies& depend, StackSlot& slot, uint32_t first, uint32_t size,
                  const Reg& source) {
    uint64_t kept = 0;
    for (uint32_t i = 0; i < 8; ++i)
        if (slot.bytes[i] == StackByte::Spill && (i < first || i >= first + size))
            kept |= byte_mask(i, 1);
    if (kept != 0 && !stays_beside(slot, kept, source, size)) {
        blur_spill(slot);
        kept = 0;
    }
    Reg merged = source;
    merged.value = scalar_ops::zero_extend(source.value, static_cast<int>(size * 8));
    if (source.value.full.umax > byte_mask(0, size)) forget_relations(merged);
    if (first != 0) {
        merged.value = scalar_ops::alu_full(AluOp::Lsh, merged.value, Scalar::constant(first * 8));
        forget_relations(merged);
    }
    if (kept != 0) {
        const Scalar rest = kept == 0xffffffff ? scalar_ops::zero_extend(slot.spill.value, 32)
                                               : scalar_ops::alu_full(AluOp::And, slot.spill.value,
                                                                      Scalar::constant(kept));
        // The bytes are disjoint, so that the sum is the union, and the sum keeps more of the
        // intervals.
        merged.value = scalar_ops::alu_full(AluOp::Add, rest, merged.value);
        merged.node = depend.both(slot.spill.node, source.node);
        forget_relations(merged);
    }
    slot.spill = merged;
    for (uint32_t i = first; i < first + size; ++i) slot.bytes[i] = StackByte::Spill;
}

/// A byte gets a value that nobody knows. The rest of a spilled pointer is lost with it.
void blur_byte(StackSlot& slot, uint32_t index) {
    if (slot.holds_pointer()) slot = StackSlot{};
    slot.bytes[index] = StackByte::Misc;
    slot.spill.progress = {};  // what is left of a counter counts nothing
    if (!slot.has(StackByte::Spill)) slot.spill = Reg{};
}

/// As blur_byte, where the byte may also have kept its value: an unwritten one stays unwritten.
void maybe_blur_byte(StackSlot& slot, uint32_t index) {
    if (slot.holds_pointer()) {
        slot = StackSlot{};
        return;
    }
    if (slot.bytes[index] == StackByte::Unwritten) return;
    blur_byte(slot, index);
}

uint64_t slots_between(int64_t low, int64_t end) {
    uint64_t mask = 0;
    for (uint32_t slot = slot_of(end - 1); slot <= slot_of(low); ++slot)
        mask |= uint64_t{1} << slot;
    return mask;
}

/// Dynptrs in the bytes that may be written end.
Checked end_objects(Step& step, uint8_t frame, const Span& span) {
    for (uint32_t slot = slot_of(span.end() - 1); slot <= slot_of(span.low); ++slot)
        if (const Checked ended = end_object(step, frame, slot); !ended) return ended;
    return {};
}

/// A helper that fills a buffer does not write over objects: it may fail half-way, or be the one
/// that the object is given to.
Checked check_no_objects(const Step& step, const Region& region, const Span& span) {
    const std::vector<StackSlot>& stack = step.state().frames[region.pointer.frame].stack;
    for (uint32_t slot = slot_of(span.end() - 1); slot <= slot_of(span.low); ++slot) {
        if (slot >= stack.size() || !stack[slot].holds_object()) continue;
        const RegKind kind = stack[slot].spill.kind;
        return fault(kind == RegKind::Dynptr ? "dynptr" : "iterator",
                     fmt::format("{} is part of {}, which this write would end",
                                 where(step, region, -8 * (int64_t{slot} + 1)), kind_words(kind)));
    }
    return {};
}

/// Data may be read, pointers and objects may not.
Checked check_data(const Step& step, const Region& region, int64_t offset) {
    const Frame& frame = step.state().frames[region.pointer.frame];
    switch (byte_at(frame, offset)) {
        case StackByte::Unwritten: return unwritten(step, region, offset);
        case StackByte::Misc: return {};
        case StackByte::Object: {
            const bool is_dynptr = frame.stack[slot_of(offset)].spill.kind == RegKind::Dynptr;
            return fault(is_dynptr ? "dynptr" : "iterator",
                         fmt::format("{} is part of {}, which only helpers may read",
                                     where(step, region, offset),
                                     kind_words(frame.stack[slot_of(offset)].spill.kind)));
        }
        case StackByte::Spill: break;
    }
    if (!frame.stack[slot_of(offset)].holds_pointer()) return {};
    return fault("pointer-leak",
                 fmt::format("{} is part of a spilled pointer, which must not be read as data",
                             where(step, region, offset)));
}

Checked store_at_variable_place(Step& step, const Region& region, const Reg& source,
                                const Span& span) {
    if (source.is_pointer())
        return fault("stack-bounds",
                     "a pointer can be stored on the stack at a constant offset only");
    if (const Checked ended = end_objects(step, region.pointer.frame, span); !ended) return ended;
    Frame& frame = step.state().frames[region.pointer.frame];
    for (int64_t offset = span.low; offset < span.end(); ++offset)
        maybe_blur_byte(grow_to(frame, slot_of(offset)), byte_of(offset));
    forget_lent(step.state(), region.pointer.frame, span.low, span.end());
    return {};
}

}  // namespace

Checked check_stack_bounds(Step& step, const Region& region) {
    const Scalar& variable = region.pointer.value;
    constexpr int64_t kFar = 1 << 29;
    if (variable.full.smin < -kFar || variable.full.smax > kFar)
        return fault("stack-bounds",
                     "stack access at an unbounded offset; bound the index with comparisons first");
    const Span span = span_of(region);
    if (span.low < -int64_t{kStackBytes} || span.end() > 0) {
        if (span.is_fixed())
            return fault(
                "stack-bounds",
                fmt::format(
                    "stack access of {} bytes at offset {} lies outside the {} bytes below r10",
                    region.size, span.low, kStackBytes));
        return fault("stack-bounds", fmt::format("stack access of {} bytes at offset {} to {} may "
                                                 "lie outside the {} bytes below r10; "
                                                 "bound the index first",
                                                 region.size, span.low, span.high, kStackBytes));
    }
    uint32_t& used = step.env.stack_bytes[step.state().frames[region.pointer.frame].subprogram];
    used = std::max(used, static_cast<uint32_t>(-span.low));
    return {};
}

Checked check_stack_alignment(const Region& region) {
    const auto constant = static_cast<uint64_t>(region.pointer.off + region.offset);
    const Tnum place = tnum_add(region.pointer.value.full.bits, Tnum::constant(constant));
    if (((place.value | place.mask) & (region.size - 1)) == 0) return {};
    return fault(
        "stack-alignment",
        fmt::format("stack access of {} bytes at offset {} is not aligned; use a multiple of {}",
                    region.size, region.pointer.off + region.offset, region.size));
}

std::expected<Reg, Fault> load_stack(Step& step, const Region& region) {
    const Span span = span_of(region);
    if (!span.is_fixed()) {
        if (const Checked bytes = read_stack_bytes(step, region); !bytes)
            return std::unexpected(bytes.error());
        return Reg::scalar(Scalar::below_bits(static_cast<int>(region.size * 8)));
    }
    const Frame& frame = step.state().frames[region.pointer.frame];
    for (int64_t offset = span.low; offset < span.end(); ++offset) {
        const StackByte byte = byte_at(frame, offset);
        if (byte == StackByte::Spill || byte == StackByte::Misc) continue;
        if (const Checked data = check_data(step, region, offset); !data)
            return std::unexpected(data.error());
    }
    mark_read(step.path, region.pointer.frame, slots_between(span.low, span.end()));
    const std::optional<Reg> value =
        slot_value(frame.stack[slot_of(span.low)], byte_of(span.low), region.size);
    if (!value)
        return fault("pointer-leak",
                     fmt::format("{} is part of a spilled pointer; load all 8 bytes of it",
                                 where(step, region, span.low)));
    return *value;
}

Checked store_stack(Step& step, const Region& region, const Reg& source) {
    if (source.kind == RegKind::Stack && source.frame > region.pointer.frame)
        return fault("pointer-leak",
                     "a pointer to this frame's stack cannot be stored in a caller's frame");
    const Span span = span_of(region);
    if (!span.is_fixed()) return store_at_variable_place(step, region, source, span);
    if (const Checked ended = end_objects(step, region.pointer.frame, span); !ended) return ended;
    StackSlot& slot = grow_to(step.state().frames[region.pointer.frame], slot_of(span.low));
    if (region.size == 8) {
        slot.bytes.fill(StackByte::Spill);
        slot.spill = source;
        mark_written(step.path, region.pointer.frame, slots_between(span.low, span.end()));
    } else {
        if (slot.holds_pointer()) slot = StackSlot{};
        merge_number(step.env.depend, slot, byte_of(span.low), region.size, source);
    }
    // At last: what was stored may be such a slice itself.
    forget_lent(step.state(), region.pointer.frame, span.low, span.end());
    return {};
}

Checked read_stack_bytes(Step& step, const Region& region) {
    if (region.size == 0) return {};
    const Span span = span_of(region);
    for (int64_t offset = span.low; offset < span.end(); ++offset)
        if (const Checked data = check_data(step, region, offset); !data) return data;
    mark_read(step.path, region.pointer.frame, slots_between(span.low, span.end()));
    return {};
}

Checked overwrite_stack_bytes(Step& step, const Region& region, uint32_t sure) {
    if (region.size == 0) return {};
    const Span span = span_of(region);
    if (const Checked free = check_no_objects(step, region, span); !free) return free;
    Frame& frame = step.state().frames[region.pointer.frame];
    for (int64_t offset = span.low; offset < span.end(); ++offset) {
        StackSlot& slot = grow_to(frame, slot_of(offset));
        if (span.is_fixed() && offset < span.low + sure)
            blur_byte(slot, byte_of(offset));
        else
            maybe_blur_byte(slot, byte_of(offset));
    }
    if (!span.is_fixed()) return {};
    uint64_t whole = 0;
    for (int64_t top = -8; top >= span.low; top -= 8)
        if (top + 8 <= span.low + sure) whole |= uint64_t{1} << slot_of(top);
    mark_written(step.path, region.pointer.frame, whole);
    return {};
}

std::optional<std::string> constant_stack_bytes(Step& step, const Region& region) {
    const Span span = span_of(region);
    if (!span.is_fixed()) return std::nullopt;
    const Frame& frame = step.state().frames[region.pointer.frame];
    std::string text;
    for (int64_t offset = span.low; offset < span.end(); ++offset) {
        if (byte_at(frame, offset) == StackByte::Unwritten) return std::nullopt;
        const std::optional<Reg> byte =
            slot_value(frame.stack[slot_of(offset)], byte_of(offset), 1);
        if (!byte || !byte->is_scalar() || !byte->value.is_constant()) return std::nullopt;
        step.rely_on(*byte);
        text.push_back(static_cast<char>(byte->value.full.umin));
    }
    return text;
}

}  // namespace weir::vm::verifier
