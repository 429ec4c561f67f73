#pragma once
// The prototypes of helper functions, as data: what the verifier asks of each argument and learns
// from each result. The table is helpers.def; the code behind a row comes in through HelperTable.

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::vm {

/// What may stand in r1..r5 (compare enum bpf_arg_type in the kernel's include/linux/bpf.h).
enum class ArgKind : uint8_t {
    None,           ///< no such argument
    Scalar,         ///< any initialised number
    Map,            ///< a map, loaded by a LoadMap instruction
    MapKey,         ///< readable memory of the map's key size
    MapValue,       ///< readable memory of the map's value size
    Context,        ///< the program's context pointer, unchanged
    MemRead,        ///< readable memory; its size is the next argument
    MemReadOrNull,  ///< the same, or null with a size of zero
    MemWrite,       ///< writable memory, may be uninitialised stack; its size is the next argument
    Size,           ///< size of the memory before, at least 1
    SizeOrZero,     ///< size of the memory before
    Unchecked,  ///< not looked at: may hold anything, also nothing (the kernel's ARG_DONTCARE in a
                ///< variadic helper)
};

enum class ReturnKind : uint8_t { Scalar, MapValueOrNull };

enum class Effect : uint8_t {
    None = 0,
    ChangesPacket = 1,  ///< all packet pointers are void after the call
};

struct HelperInfo {
    uint32_t id;
    std::string_view name;  ///< without the "bpf_" in front
    ReturnKind returns;
    std::array<ArgKind, 5> args;
    Effect effects;

    bool changes_packet() const { return effects == Effect::ChangesPacket; }
};

/// nullptr when Weir does not offer a helper of that id.
const HelperInfo* helper_info(int64_t id);

/// The kernel's name of any helper id up to 6.18's last, offered or not; empty if there is none.
std::string_view helper_name(int64_t id);

constexpr uint32_t kHelperIdMax = 255;  ///< table bound; 6.18's last id is 211

}  // namespace weir::vm
