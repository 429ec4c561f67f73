#include "vm/helpers/dynptr.h"

#include <cerrno>
#include <cstring>

#include "vm/helpers/segments.h"

namespace weir::vm {
namespace {

const XdpContext& packet_of(const Dynptr& dynptr) {
    return *reinterpret_cast<const XdpContext*>(dynptr.data);
}
uint8_t* memory_of(const Dynptr& dynptr, uint32_t offset) {
    return reinterpret_cast<uint8_t*>(dynptr.data) + dynptr.offset + offset;
}

}  // namespace

Dynptr load_dynptr(uint64_t at) {
    Dynptr dynptr;
    std::memcpy(&dynptr, reinterpret_cast<const void*>(at), sizeof dynptr);
    return dynptr;
}

void store_dynptr(uint64_t at, const Dynptr& dynptr) {
    std::memcpy(reinterpret_cast<void*>(at), &dynptr, sizeof dynptr);
}

int check_dynptr_range(const Dynptr& dynptr, uint32_t offset, uint32_t bytes) {
    const uint32_t size = dynptr.size();
    return bytes > size || offset > size - bytes ? -E2BIG : 0;
}

int read_dynptr(const Dynptr& from, uint32_t offset, void* to, uint32_t bytes) {
    if (from.is_null()) return -EINVAL;
    if (const int error = check_dynptr_range(from, offset, bytes)) return error;
    switch (from.kind()) {
        case DynptrKind::None: return -EFAULT;
        case DynptrKind::Memory:
        case DynptrKind::Record:
            if (bytes != 0) std::memmove(to, memory_of(from, offset), bytes);
            return 0;
        case DynptrKind::Packet:
            return load_packet(packet_of(from), from.offset + offset, to, bytes);
    }
    return -EFAULT;
}

int write_dynptr(const Dynptr& to, uint32_t offset, const void* from, uint32_t bytes) {
    if (to.is_null() || to.is_readonly()) return -EINVAL;
    if (const int error = check_dynptr_range(to, offset, bytes)) return error;
    switch (to.kind()) {
        case DynptrKind::None: return -EFAULT;
        case DynptrKind::Memory:
        case DynptrKind::Record:
            if (bytes != 0) std::memmove(memory_of(to, offset), from, bytes);
            return 0;
        case DynptrKind::Packet:
            return store_packet(packet_of(to), to.offset + offset, from, bytes);
    }
    return -EFAULT;
}

uint8_t* dynptr_slice(const Dynptr& dynptr, uint32_t offset, uint32_t bytes) {
    if (dynptr.is_null() || check_dynptr_range(dynptr, offset, bytes) != 0) return nullptr;
    switch (dynptr.kind()) {
        case DynptrKind::None: return nullptr;
        case DynptrKind::Memory:
        case DynptrKind::Record: return memory_of(dynptr, offset);
        case DynptrKind::Packet: {
            const uint32_t start = dynptr.offset + offset;
            const XdpContext& packet = packet_of(dynptr);
            const bool inside = check_packet_range(packet, start, bytes) == 0;
            return inside ? packet_pointer(packet, start, bytes) : nullptr;
        }
    }
    return nullptr;
}

}  // namespace weir::vm
