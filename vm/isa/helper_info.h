#pragma once
// The prototypes of helper functions, as data: what the verifier asks of each argument and learns
// from each result. The table is helpers.def; the code behind a row comes in through HelperTable.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::vm {

/// What may stand in r1..r5 (compare enum bpf_arg_type in the kernel's include/linux/bpf.h).
enum class ArgKind : uint8_t {
    None,            ///< no such argument
    Scalar,          ///< any initialised number
    Map,             ///< a map, loaded by a LoadMap instruction or looked up in a map in map
    MapKey,          ///< readable memory of the map's key size
    MapValue,        ///< readable memory of the map's value size
    MapValueOut,     ///< writable memory of the map's value size; a bloom filter reads it
    Context,         ///< the program's context pointer, unchanged
    MemRead,         ///< readable memory; its size is the next argument
    MemReadOrNull,   ///< the same, or null with a size of zero
    MemWrite,        ///< writable memory, may be uninitialised stack; its size is the next argument
    MemWriteOrNull,  ///< writable memory, or null with a size of zero; may be written in part only
    MemReadWrite,    ///< initialised and writable memory; its size is the next argument
    Size,            ///< size of the memory before, at least 1
    SizeOrZero,      ///< size of the memory before
    Unchecked,  ///< not looked at: may hold anything, also nothing (the kernel's ARG_DONTCARE in a
                ///< variadic helper)
    U16Out,     ///< aligned writable memory of 2 bytes, may be uninitialised stack; likewise:
    U32Out,
    U64Out,
    U32InOut,         ///< the same, initialised
    Ipv4Header,       ///< readable memory of 20 bytes
    Ipv6Header,       ///< readable memory of 40 bytes
    TcpHeader,        ///< readable memory of 20 bytes
    ConstString,      ///< zero-terminated text in a map that never changes (.rodata)
    Callback,         ///< a function of the program, loaded by LoadCodeAddr
    CallbackContext,  ///< pointer into the caller's stack, or null
    SpinLock,         ///< the struct bpf_spin_lock in a map's value
    Timer,            ///< the struct bpf_timer in a map's value
    Dynptr,           ///< an initialised struct bpf_dynptr on the stack
    DynptrOut,        ///< 16 bytes of stack that become one
    Iterator,         ///< an initialised struct bpf_iter_num on the stack
    IteratorOut,      ///< 8 bytes of stack that become one
    RecordSize,       ///< a constant: the size of the record returned
    SliceSize,        ///< a constant: the size of the memory returned (and of the memory before)
    Record,           ///< what ringbuf_reserve gave; given back by the call
    Socket,           ///< what sk_lookup_* gave
    Connection,       ///< what a connection look-up gave
};

enum class ReturnKind : uint8_t {
    Scalar,
    MapValueOrNull,    ///< of the map argument; of a map in map the inner map
    RecordOrNull,      ///< writable memory of the RecordSize argument, to be given back
    SliceOrNull,       ///< memory of the SliceSize argument
    NumberOrNull,      ///< readable memory of 4 bytes in the iterator
    SocketOrNull,      ///< to be released
    ConnectionOrNull,  ///< to be released
};

enum class HelperUsers : uint8_t { Any, Xdp, Socket };  ///< program types that may call it

enum class Effect : uint8_t {
    None = 0,
    ChangesPacket = 1,  ///< all packet pointers are void after the call
};

struct HelperInfo {
    uint32_t id;
    std::string_view name;  ///< of a helper without the "bpf_" in front
    HelperUsers users;
    ReturnKind returns;
    std::array<ArgKind, 5> args;
    Effect effects;

    bool changes_packet() const { return effects == Effect::ChangesPacket; }
};

/// nullptr when Weir does not offer a helper of that id; a kfunc of that number.
const HelperInfo* helper_info(int64_t id);
const HelperInfo* kfunc_info(int64_t number);
/// The row of the kfunc with that name (with its "bpf_"), or nullptr.
const HelperInfo* kfunc_by_name(std::string_view name);

/// The kernel's name of any helper id up to 6.18's last, offered or not; empty if there is none.
std::string_view helper_name(int64_t id);

/// Why a call of that helper is refused: "helper 35 (get_current_task) is not offered: there is no
/// current task on a packet", "there is no helper 400"; empty for one that is offered.
std::string helper_refusal(int64_t id);

constexpr uint32_t kHelperIdMax = 255;  ///< table bound; 6.18's last id is 211
constexpr uint32_t kKfuncIdMax = 31;    ///< table bound of kfuncs.def

}  // namespace weir::vm
