#pragma once
// Dynamic pointers: 16 bytes on a program's stack that carry an address and its size, so that
// programs may ask at run time for what a proof cannot know. Laid out as the kernel's struct
// bpf_dynptr_kern (include/linux/bpf.h). Programs never read or write those bytes themselves: the
// verifier, or the checked interpreter, sees to that.

#include <cstdint>

namespace weir::vm {

enum class DynptrKind : uint8_t {
    None = 0,
    Memory = 1,  ///< of a map's value (BPF_DYNPTR_TYPE_LOCAL)
    Record = 2,  ///< of a ring buffer, still to be submitted or discarded
    Packet = 3,  ///< of an XdpContext, over all of its segments; programs of both types
};

/// At most so many bytes stand behind one (the kernel's DYNPTR_MAX_SIZE).
constexpr uint32_t kDynptrBytesMax = (1u << 24) - 1;
constexpr uint32_t kDynptrBytes = 16;

struct Dynptr {
    uint64_t data = 0;           ///< address; of an XdpContext where the kind is Packet; 0: null
    uint32_t size_and_kind = 0;  ///< bits 0-23 size, 28-30 kind, 31 read-only
    uint32_t offset = 0;         ///< into data, grown by bpf_dynptr_adjust

    bool is_null() const { return data == 0; }
    uint32_t size() const { return size_and_kind & kDynptrBytesMax; }
    DynptrKind kind() const { return static_cast<DynptrKind>((size_and_kind >> 28) & 7); }
    bool is_readonly() const { return (size_and_kind >> 31) != 0; }
    void set_size(uint32_t bytes) { size_and_kind = (size_and_kind & ~kDynptrBytesMax) | bytes; }

    void set_readonly() { size_and_kind |= 1u << 31; }

    static Dynptr make(DynptrKind kind, uint64_t data, uint32_t bytes) {
        return {data, bytes | static_cast<uint32_t>(kind) << 28, 0};
    }
};
static_assert(sizeof(Dynptr) == kDynptrBytes);

/// `at` is the address of a program's dynptr. A null one stays behind failed makings, and after a
/// record was given back.
Dynptr load_dynptr(uint64_t at);
void store_dynptr(uint64_t at, const Dynptr& dynptr);
inline void clear_dynptr(uint64_t at) {
    store_dynptr(at, Dynptr{});
}

/// 0, or -E2BIG where `bytes` at `offset` leave it.
int check_dynptr_range(const Dynptr& dynptr, uint32_t offset, uint32_t bytes);
/// bpf_dynptr_read and _write, without the flags: 0, -EINVAL (null, read-only) or -E2BIG. A packet
/// that has become shorter than its dynptr gives -EINVAL. After an error of read_dynptr `to` is as
/// it was.
int read_dynptr(const Dynptr& from, uint32_t offset, void* to, uint32_t bytes);
int write_dynptr(const Dynptr& to, uint32_t offset, const void* from, uint32_t bytes);
/// Address of `bytes` in one piece, or nullptr: out of range, null, or spread over segments.
uint8_t* dynptr_slice(const Dynptr& dynptr, uint32_t offset, uint32_t bytes);

}  // namespace weir::vm
