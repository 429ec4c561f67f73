// Helpers and kfuncs on dynptrs: kernel/bpf/helpers.c, bpf_dynptr_*. A slice of a packet stays
// where it is; one that crosses segments is copied into the program's buffer.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vm/helpers/dynptr.h"
#include "vm/helpers/groups.h"
#include "vm/helpers/segments.h"

namespace weir::vm {
namespace {

uint32_t low(uint64_t value) {
    return static_cast<uint32_t>(value);
}
void* memory_at(uint64_t address) {
    return reinterpret_cast<void*>(address);
}

// -- making ---------------------------------------------------------------------------------------

uint64_t from_mem(uint64_t data, uint64_t bytes, uint64_t flags, uint64_t at, uint64_t, RunEnv&) {
    clear_dynptr(at);
    if (low(bytes) > kDynptrBytesMax) return error_value(-E2BIG);
    if (flags != 0) return error_value(-EINVAL);
    store_dynptr(at, Dynptr::make(DynptrKind::Memory, data, low(bytes)));
    return 0;
}

/// Of a packet above kDynptrBytesMax only the first bytes; no port makes such.
int make_packet_dynptr(uint64_t context, uint64_t flags, uint64_t at, bool readonly) {
    clear_dynptr(at);
    if (flags != 0) return -EINVAL;
    const uint64_t bytes = packet_bytes(*reinterpret_cast<const XdpContext*>(context));
    Dynptr dynptr =
        Dynptr::make(DynptrKind::Packet, context, low(std::min<uint64_t>(bytes, kDynptrBytesMax)));
    if (readonly) dynptr.set_readonly();
    store_dynptr(at, dynptr);
    return 0;
}

uint64_t from_xdp(uint64_t context, uint64_t flags, uint64_t at, uint64_t, uint64_t, RunEnv&) {
    return error_value(make_packet_dynptr(context, flags, at, false));
}

/// Socket filters may not write to their packet.
uint64_t from_skb(uint64_t context, uint64_t flags, uint64_t at, uint64_t, uint64_t, RunEnv&) {
    return error_value(make_packet_dynptr(context, flags, at, true));
}

uint64_t clone(uint64_t from, uint64_t to, uint64_t, uint64_t, uint64_t, RunEnv&) {
    const Dynptr dynptr = load_dynptr(from);
    store_dynptr(to, dynptr);
    return dynptr.is_null() ? error_value(-EINVAL) : 0;
}

// -- reading and writing --------------------------------------------------------------------------

uint64_t read(uint64_t to, uint64_t r2, uint64_t from, uint64_t offset, uint64_t flags,
              RunEnv& env) {
    const uint32_t bytes = low(r2);
    const int error =
        flags != 0 ? -EINVAL : read_dynptr(load_dynptr(from), low(offset), memory_at(to), bytes);
    if (error != 0) leave_unfilled(env, memory_at(to), bytes);
    return error_value(error);
}

/// The kernel looks at the range before it looks at the flags.
uint64_t write(uint64_t to, uint64_t offset, uint64_t from, uint64_t bytes, uint64_t flags,
               RunEnv&) {
    const Dynptr dynptr = load_dynptr(to);
    if (flags != 0 && !dynptr.is_null() && !dynptr.is_readonly()) {
        const int error = check_dynptr_range(dynptr, low(offset), low(bytes));
        return error_value(error != 0 ? error : -EINVAL);
    }
    return error_value(write_dynptr(dynptr, low(offset), memory_at(from), low(bytes)));
}

/// Packets give no such pointer: it would outlive a move of their head.
uint64_t data(uint64_t at, uint64_t offset, uint64_t bytes, uint64_t, uint64_t, RunEnv&) {
    const Dynptr dynptr = load_dynptr(at);
    if (dynptr.kind() == DynptrKind::Packet || dynptr.is_readonly()) return 0;
    return reinterpret_cast<uint64_t>(dynptr_slice(dynptr, low(offset), low(bytes)));
}

uint64_t slice(uint64_t at, uint64_t offset, uint64_t buffer, uint64_t bytes, uint64_t, RunEnv&) {
    const Dynptr dynptr = load_dynptr(at);
    if (uint8_t* const found = dynptr_slice(dynptr, low(offset), low(bytes)))
        return reinterpret_cast<uint64_t>(found);
    if (buffer == 0 || dynptr.kind() != DynptrKind::Packet) return 0;
    const int error = read_dynptr(dynptr, low(offset), memory_at(buffer), low(bytes));
    return error == 0 ? buffer : 0;
}

uint64_t slice_rdwr(uint64_t at, uint64_t offset, uint64_t buffer, uint64_t bytes, uint64_t unused,
                    RunEnv& env) {
    if (load_dynptr(at).is_readonly()) return 0;
    return slice(at, offset, buffer, bytes, unused, env);
}

constexpr uint32_t kPieceBytes = 256;

/// Through a small buffer, piece by piece: what overlaps is copied as the kernel copies it.
int copy_in_pieces(const Dynptr& to, uint32_t to_offset, const Dynptr& from, uint32_t from_offset,
                   uint32_t bytes) {
    std::array<uint8_t, kPieceBytes> buffer;
    for (uint32_t done = 0; done < bytes; done += kPieceBytes) {
        const uint32_t part = std::min(kPieceBytes, bytes - done);
        if (const int error = read_dynptr(from, from_offset + done, buffer.data(), part))
            return error;
        if (const int error = write_dynptr(to, to_offset + done, buffer.data(), part)) return error;
    }
    return 0;
}

uint64_t copy(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5, RunEnv&) {
    const Dynptr to = load_dynptr(r1), from = load_dynptr(r3);
    const uint32_t to_offset = low(r2), from_offset = low(r4), bytes = low(r5);
    uint8_t* const target = to.is_readonly() ? nullptr : dynptr_slice(to, to_offset, bytes);
    const uint8_t* const source = dynptr_slice(from, from_offset, bytes);
    if (source != nullptr && target != nullptr) {
        std::memmove(target, source, bytes);
        return 0;
    }
    if (source != nullptr) return error_value(write_dynptr(to, to_offset, source, bytes));
    if (target != nullptr) return error_value(read_dynptr(from, from_offset, target, bytes));
    if (check_dynptr_range(to, to_offset, bytes) != 0 ||
        check_dynptr_range(from, from_offset, bytes) != 0)
        return error_value(-E2BIG);
    return error_value(copy_in_pieces(to, to_offset, from, from_offset, bytes));
}

uint64_t fill(uint64_t at, uint64_t offset, uint64_t r3, uint64_t value, uint64_t, RunEnv&) {
    const Dynptr dynptr = load_dynptr(at);
    const uint32_t bytes = low(r3);
    if (dynptr.is_readonly()) return error_value(-EINVAL);
    if (uint8_t* const found = dynptr_slice(dynptr, low(offset), bytes)) {
        std::memset(found, static_cast<uint8_t>(value), bytes);
        return 0;
    }
    if (const int error = check_dynptr_range(dynptr, low(offset), bytes)) return error_value(error);
    std::array<uint8_t, kPieceBytes> buffer;
    buffer.fill(static_cast<uint8_t>(value));
    for (uint32_t done = 0; done < bytes; done += kPieceBytes) {
        const uint32_t part = std::min(kPieceBytes, bytes - done);
        if (const int error = write_dynptr(dynptr, low(offset) + done, buffer.data(), part))
            return error_value(error);
    }
    return 0;
}

// -- asking and narrowing -------------------------------------------------------------------------

uint64_t adjust(uint64_t at, uint64_t r2, uint64_t r3, uint64_t, uint64_t, RunEnv&) {
    Dynptr dynptr = load_dynptr(at);
    const uint32_t start = low(r2), end = low(r3);
    if (dynptr.is_null() || start > end) return error_value(-EINVAL);
    if (end > dynptr.size()) return error_value(-ERANGE);
    dynptr.offset += start;
    dynptr.set_size(end - start);
    store_dynptr(at, dynptr);
    return 0;
}

uint64_t is_null(uint64_t at, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return load_dynptr(at).is_null() ? 1 : 0;
}

uint64_t is_rdonly(uint64_t at, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    const Dynptr dynptr = load_dynptr(at);
    return !dynptr.is_null() && dynptr.is_readonly() ? 1 : 0;
}

/// The kernel's result is a u32, also its -EINVAL.
uint64_t size(uint64_t at, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    const Dynptr dynptr = load_dynptr(at);
    return dynptr.is_null() ? low(error_value(-EINVAL)) : dynptr.size();
}

}  // namespace

void add_dynptr_helpers(HelperTable& table) {
    set(table, HelperId::dynptr_from_mem, from_mem);
    set(table, HelperId::dynptr_read, read);
    set(table, HelperId::dynptr_write, write);
    set(table, HelperId::dynptr_data, data);
    set(table, KfuncId::bpf_dynptr_from_xdp, from_xdp);
    set(table, KfuncId::bpf_dynptr_from_skb, from_skb);
    set(table, KfuncId::bpf_dynptr_slice, slice);
    set(table, KfuncId::bpf_dynptr_slice_rdwr, slice_rdwr);
    set(table, KfuncId::bpf_dynptr_adjust, adjust);
    set(table, KfuncId::bpf_dynptr_is_null, is_null);
    set(table, KfuncId::bpf_dynptr_is_rdonly, is_rdonly);
    set(table, KfuncId::bpf_dynptr_size, size);
    set(table, KfuncId::bpf_dynptr_clone, clone);
    set(table, KfuncId::bpf_dynptr_copy, copy);
    set(table, KfuncId::bpf_dynptr_memset, fill);
}

}  // namespace weir::vm
