// Loads, stores and atomic operations: which memory a pointer goes to, and what happens to
// registers.

#include <algorithm>

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

PointerKind access_kind(RegKind kind) {
    switch (kind) {
        case RegKind::Context: return PointerKind::Context;
        case RegKind::Stack: return PointerKind::Stack;
        case RegKind::Packet: return PointerKind::Packet;
        case RegKind::PacketMeta: return PointerKind::PacketMeta;
        case RegKind::MapValue: return PointerKind::MapValue;
        case RegKind::Uninit:
        case RegKind::Number:
        case RegKind::PacketEnd:
        case RegKind::PacketLow:
        case RegKind::PacketStale:
        case RegKind::Map:
        case RegKind::MapKey:
        case RegKind::Memory:
        case RegKind::Socket:
        case RegKind::Connection:
        case RegKind::Function:
        case RegKind::DynptrPointer:
        case RegKind::Dynptr:
        case RegKind::Iterator: return PointerKind::None;
    }
    return PointerKind::None;
}

/// Relative to what the pointer's kind begins with.
bool is_aligned(const Region& region) {
    const Tnum place =
        tnum_add(region.pointer.value.full.bits,
                 Tnum::constant(static_cast<uint64_t>(region.pointer.off + region.offset)));
    return ((place.value | place.mask) & (region.size - 1)) == 0;
}

Checked note_access(Step& step, const Region& region) {
    const Reg& pointer = region.pointer;
    if (pointer.kind == RegKind::MapValue) {
        step.env.note_map(step.pc, pointer);
        step.env.note_alignment(step.pc, is_aligned(region));
    }
    return step.env.note_access(step.pc, access_kind(pointer.kind));
}

uint32_t access_bytes(const DecodedInsn& insn) {
    return op_info(insn.op).bits / 8u;
}

bool is_sign_extending(Op op) {
    return op == Op::kLoadSx8 || op == Op::kLoadSx16 || op == Op::kLoadSx32;
}

uint64_t little_endian(const std::string& bytes) {
    uint64_t number = 0;
    for (size_t i = bytes.size(); i > 0; --i)
        number = (number << 8) | static_cast<uint8_t>(bytes[i - 1]);
    return number;
}

/// What a load from memory that is in bounds gives.
std::expected<Reg, Fault> loaded_value(Step& step, const Region& region) {
    if (region.pointer.kind == RegKind::Stack) return load_stack(step, region);
    if (region.pointer.kind == RegKind::MapValue)
        if (const auto bytes = constant_map_bytes(step, region))
            return Reg::scalar(Scalar::constant(little_endian(*bytes)));
    return Reg::scalar(Scalar::below_bits(static_cast<int>(region.size * 8)));
}

Checked store_value(Step& step, const Reg& pointer, const Reg& source) {
    const Region region{pointer, step.insn.off, access_bytes(step.insn)};
    if (pointer.kind == RegKind::Context) {
        if (const Checked stored = store_context(step, region, source); !stored) return stored;
        return step.env.note_access(step.pc, PointerKind::Context);
    }
    if (const Checked bounds = check_region(step, region, Access::Write); !bounds) return bounds;
    if (const Checked noted = note_access(step, region); !noted) return noted;
    if (source.is_pointer()) {
        if (pointer.kind != RegKind::Stack)
            return fault("pointer-leak",
                         fmt::format("{} cannot be stored where others can read it; store a number",
                                     kind_words(source)));
        if (region.size != 8)
            return fault("pointer-leak",
                         fmt::format("{} bytes of {} cannot be stored; store all 8 bytes",
                                     region.size, kind_words(source)));
    }
    if (pointer.kind == RegKind::Stack) return store_stack(step, region, source);
    return {};
}

/// Slices begin at any byte, and the packet's may lie in several pieces.
bool is_record_held(const State& state, const Reg& memory) {
    return std::ranges::any_of(state.references, [&](const Reference& held) {
        return held.kind == Reference::Kind::Record && held.id == memory.ref;
    });
}

/// Atomic operations work on what is known to be aligned.
Checked check_atomic_place(const Step& step, const Region& region) {
    const RegKind kind = region.pointer.kind;
    if (region.pointer.or_null)
        return fault("null-pointer",
                     fmt::format("atomic access through {}; compare it with 0 first",
                                 nullable_words(step.env.program, region.pointer)));
    const bool is_record = kind == RegKind::Memory && is_record_held(step.state(), region.pointer);
    if (kind != RegKind::Stack && kind != RegKind::MapValue && !is_record)
        return fault("atomic", fmt::format("atomic operations work on stack, map values and "
                                           "records of ring buffers, not on {}",
                                           kind_words(region.pointer)));
    if (!is_aligned(region))
        return fault(
            "atomic",
            fmt::format(
                "atomic operation of {} bytes at an offset that may not be a multiple of {}",
                region.size, region.size));
    return {};
}

bool is_compare(Op op) {
    return op == Op::kAtomicCmpxchg32 || op == Op::kAtomicCmpxchg64;
}

/// The old value goes to the operand's register, or to r0.
void return_old_value(Step& step) {
    const Reg old = Reg::scalar(Scalar::below_bits(op_info(step.insn.op).bits));
    step.reg(is_compare(step.insn.op) ? 0 : step.insn.src) = old;
}

Checked check_read_modify_write(Step& step, const Reg& pointer) {
    const Region region{pointer, step.insn.off, access_bytes(step.insn)};
    const bool compares = is_compare(step.insn.op);
    const bool fetches = (step.insn.imm & 1) != 0;
    if (const auto source = scalar_reg(step, step.insn.src, "an atomic operation"); !source)
        return std::unexpected(source.error());
    if (compares)
        if (const auto expected = scalar_reg(step, 0, "cmpxchg"); !expected)
            return std::unexpected(expected.error());
    if (fetches && !compares)
        if (const Checked writable = writable_reg(step.insn.src); !writable) return writable;
    if (const Checked bounds = check_region(step, region, Access::ReadWrite); !bounds)
        return bounds;
    if (const Checked noted = note_access(step, region); !noted) return noted;
    if (pointer.kind == RegKind::Stack) {
        if (const Checked read = read_stack_bytes(step, region); !read) return read;
        if (const Checked written = overwrite_stack_bytes(step, region, region.size); !written)
            return written;
    }
    if (fetches) return_old_value(step);
    return {};
}

Checked load_from(Step& step, const Reg& pointer) {
    const Region region{pointer, step.insn.off, access_bytes(step.insn)};
    if (const Checked writable = writable_reg(step.insn.dst); !writable) return writable;
    std::expected<Reg, Fault> value;
    if (pointer.kind == RegKind::Context) {
        value = load_context(step, region);
    } else {
        if (const Checked bounds = check_region(step, region, Access::Read); !bounds) return bounds;
        value = loaded_value(step, region);
    }
    if (!value) return std::unexpected(value.error());
    if (const Checked noted = note_access(step, region); !noted) return noted;
    if (is_sign_extending(step.insn.op)) {
        if (value->is_pointer())
            return fault("pointer-leak",
                         fmt::format("a load with a sign takes part of {}", kind_words(*value)));
        *value = Reg::scalar(scalar_ops::sign_extend(value->value, op_info(step.insn.op).bits),
                             value->node);
    }
    step.reg(step.insn.dst) = *value;
    return {};
}

/// Records, slices and iterators' numbers: their size is known exactly.
Checked check_memory_bounds(const Region& region, Access access) {
    const Reg& pointer = region.pointer;
    if (access != Access::Read && !pointer.writable)
        return fault("memory-bounds", "write into memory of a helper that may only be read");
    const Range<64>& variable = pointer.value.full;
    const bool is_far = variable.smin < -kPointerOffsetMax || variable.smax > kPointerOffsetMax;
    const int64_t low = is_far ? 0 : pointer.off + region.offset + variable.smin;
    const int64_t end = is_far ? 0 : pointer.off + region.offset + variable.smax + region.size;
    if (!is_far && low >= 0 && end <= int64_t{pointer.range}) return {};
    return fault(
        "memory-bounds",
        fmt::format("access of {} bytes at offset {}{} of a helper's memory of {} bytes",
                    region.size, pointer.off + region.offset,
                    variable.smin == variable.smax ? "" : " plus a number; bound the number first,",
                    pointer.range));
}

/// Fields of struct bpf_sock (include/uapi/linux/bpf.h) and of struct nf_conn, read as numbers. No
/// look-up gives one here, so that no run comes to such a load.
constexpr int64_t kSocketBytes = 80, kConnectionBytes = 256;

Checked check_object_bounds(const Region& region, Access access, int64_t bytes) {
    const int64_t low = region.pointer.off + region.offset;
    if (access == Access::Read && low >= 0 && low + region.size <= bytes &&
        low % region.size == 0 && region.pointer.value.is_constant(0))
        return {};
    return fault("socket-access",
                 fmt::format("{} of {} bytes at offset {} of {}, whose {} bytes are read aligned",
                             access == Access::Read ? "read" : "write", region.size, low,
                             kind_words(region.pointer), bytes));
}

}  // namespace

Checked check_region(Step& step, const Region& region, Access access) {
    const Reg& pointer = region.pointer;
    if (pointer.or_null)
        return fault("null-pointer",
                     fmt::format("memory access through {}; compare it with 0 first",
                                 nullable_words(step.env.program, pointer)));
    switch (pointer.kind) {
        case RegKind::Stack: return check_stack_bounds(step, region);
        case RegKind::Packet:
        case RegKind::PacketMeta: return check_packet_bounds(step, region, access);
        case RegKind::MapValue: return check_map_value_bounds(step, region, access);
        case RegKind::MapKey: return check_map_key_bounds(step, region, access);
        case RegKind::Memory: return check_memory_bounds(region, access);
        case RegKind::Socket: return check_object_bounds(region, access, kSocketBytes);
        case RegKind::Connection: return check_object_bounds(region, access, kConnectionBytes);
        case RegKind::Number:
            return fault("invalid-pointer",
                         fmt::format("memory access through a number ({}), which points nowhere",
                                     describe_reg(pointer)));
        case RegKind::Uninit:
        case RegKind::Context:
        case RegKind::PacketEnd:
        case RegKind::PacketLow:
        case RegKind::PacketStale:
        case RegKind::Map:
        case RegKind::Function:
        case RegKind::DynptrPointer:
        case RegKind::Dynptr:
        case RegKind::Iterator:
            return fault("invalid-pointer",
                         fmt::format("memory access through {}", kind_words(pointer)));
    }
    return {};
}

Checked check_load(Step& step) {
    const auto pointer = readable_reg(step, step.insn.src);
    if (!pointer) return std::unexpected(pointer.error());
    const Reg copy = **pointer;  // dst may be the same register
    if (copy.kind == RegKind::Stack)
        if (const Checked aligned =
                check_stack_alignment({copy, step.insn.off, access_bytes(step.insn)});
            !aligned)
            return aligned;
    return load_from(step, copy);
}

Checked check_store(Step& step) {
    const auto pointer = readable_reg(step, step.insn.dst);
    if (!pointer) return std::unexpected(pointer.error());
    if ((*pointer)->kind == RegKind::Stack)
        if (const Checked aligned =
                check_stack_alignment({**pointer, step.insn.off, access_bytes(step.insn)});
            !aligned)
            return aligned;
    if (op_info(step.insn.op).format == Format::StoreImm)
        return store_value(step, **pointer,
                           Reg::scalar(Scalar::constant(static_cast<uint64_t>(step.insn.imm))));
    const auto source = readable_reg(step, step.insn.src);
    if (!source) return std::unexpected(source.error());
    if ((*source)->is_scalar() && (*source)->id == 0 && !(*source)->value.is_constant()) {
        (*source)->id = step.env.fresh_id();
        (*source)->off = 0;
    }
    return store_value(step, **pointer, **source);
}

Checked check_atomic(Step& step) {
    const bool is_load = op_info(step.insn.op).spelling == "load_acquire";
    const auto pointer = readable_reg(step, is_load ? step.insn.src : step.insn.dst);
    if (!pointer) return std::unexpected(pointer.error());
    const Reg copy = **pointer;
    if (const Checked place =
            check_atomic_place(step, {copy, step.insn.off, access_bytes(step.insn)});
        !place)
        return place;
    if (is_load) return load_from(step, copy);
    if (op_info(step.insn.op).spelling != "store_release")
        return check_read_modify_write(step, copy);
    const auto source = readable_reg(step, step.insn.src);
    if (!source) return std::unexpected(source.error());
    return store_value(step, copy, **source);
}

namespace {

/// Behind the packet's end such a load returns 0 from its function.
Walked leave_behind_packet(Step& step) {
    Onward onward;
    if (step.state().frames.size() == 1) return onward;
    if (step.frame().caller != Caller::Program)
        return fault("callback",
                     "a callback loads from the packet in the old way, which may end "
                     "it; read the packet through data and data_end");
    onward.other = OtherWay{step.state(), step.frame().call_slot + 1, false};
    State& returned = onward.other->state;
    leave_frame(returned);
    returned.top().regs[0] = Reg::scalar(Scalar::constant(0));
    return onward;
}

}  // namespace

Walked check_packet_load(Step& step) {
    if (!step.is_socket_filter())
        return fault("instruction", fmt::format("instruction {} is not offered to xdp programs",
                                                op_info(step.insn.op).name));
    const auto context = readable_reg(step, 6);
    if (!context) return std::unexpected(context.error());
    if ((*context)->kind != RegKind::Context || (*context)->off != 0)
        return fault(
            "context-access",
            fmt::format(
                "{} needs the context in r6, which is {}", op_info(step.insn.op).name,
                (*context)->off == 0 ? std::string(kind_words(**context)) : "moved away from it"));
    if (op_info(step.insn.op).format == Format::LoadPacketInd)
        if (const auto index = scalar_reg(step, step.insn.src, "the offset in the packet"); !index)
            return std::unexpected(index.error());
    if (const Checked free = check_nothing_held(step, "a load that may end the function"); !free)
        return std::unexpected(free.error());
    auto onward = leave_behind_packet(step);
    for (uint8_t i = 1; i <= 5; ++i) step.reg(i) = Reg{};
    step.reg(0) = Reg::scalar(Scalar::below_bits(op_info(step.insn.op).bits));
    return onward;
}

}  // namespace weir::vm::verifier
