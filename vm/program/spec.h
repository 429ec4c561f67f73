#pragma once
// What an object file, a cBPF expression or a load frame says: programs and maps, not yet proven.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/limits.h"
#include "vm/base/result.h"
#include "vm/isa/insn.h"
#include "vm/program/type_info.h"

namespace weir::vm {

/// Map kinds with the kernel's numbers (enum bpf_map_type).
enum class MapType : uint32_t {
    Hash = 1,
    Array = 2,
    ProgArray = 3,
    PerfEventArray = 4,
    PercpuHash = 5,
    PercpuArray = 6,
    LruHash = 9,
    LruPercpuHash = 10,
    LpmTrie = 11,
    ArrayOfMaps = 12,
    HashOfMaps = 13,
    Devmap = 14,
    Cpumap = 16,
    Xskmap = 17,
    Queue = 22,
    Stack = 23,
    DevmapHash = 25,
    Ringbuf = 27,
    BloomFilter = 30,
    UserRingbuf = 31,
};

/// The kernel's word in lower case ("percpu_array"), also of kinds that are not offered; "map type
/// N" for numbers without one.
std::string map_type_name(MapType type);
/// The reverse, for kinds that are offered.
Result<MapType> map_type_by_name(std::string_view name);
/// Why there is no such map: "maps of type sockmap are not offered: no socket lives on the
/// dataplane", "there is no map type 4711"; empty for kinds that are offered.
std::string map_type_refusal(MapType type);
constexpr bool is_percpu(MapType type) {
    return type == MapType::PercpuHash || type == MapType::PercpuArray ||
           type == MapType::LruPercpuHash;
}

constexpr bool is_map_in_map(MapType type) {
    return type == MapType::ArrayOfMaps || type == MapType::HashOfMaps;
}

/// map_flags, with the kernel's values (include/uapi/linux/bpf.h).
constexpr uint32_t kMapNoPrealloc = 1u << 0;
constexpr uint32_t kMapRdonly = 1u << 3;  ///< read-only for the control side
constexpr uint32_t kMapWronly = 1u << 4;
constexpr uint32_t kMapZeroSeed = 1u << 6;
constexpr uint32_t kMapRdonlyProg = 1u << 7;  ///< read-only for programs
constexpr uint32_t kMapWronlyProg = 1u << 8;
constexpr uint32_t kMapMmapable = 1u << 10;

/// One slot that an object fills before its programs start (libbpf's static initialisation,
/// `.values = {...}`): of a prog array a program, of a map in map a map of the same object.
struct InitialSlot {
    uint32_t index = 0;
    std::string target;  ///< symbol of the program or map
};

constexpr uint32_t kNoOffset = UINT32_MAX;
constexpr uint32_t kSpinLockBytes = 4;  ///< struct bpf_spin_lock
constexpr uint32_t kTimerBytes = 16;    ///< struct bpf_timer

/// A part of a map's value that only helpers may touch.
struct GuardedField {
    std::string_view name;  ///< of the C struct
    uint32_t offset = 0;
    uint32_t bytes = 0;
};

struct MapSpec {
    std::string name;  ///< symbol of the object; global data by its section (".rodata",
                       ///< ".data.cfg", ".bss")
    MapType type = MapType::Array;
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
    uint32_t entries_max = 0;
    uint32_t flags = 0;
    bool frozen = false;  ///< contents never change: the verifier may read constants out of it
    bool is_global_data = false;
    Bytes contents;  ///< first contents of a one-element array (global data); empty: zeroes
    TypeRef key_type, value_type;  ///< null without BTF
    uint64_t extra = 0;            ///< map_extra: hash functions of a bloom filter (0: 5)
    /// Where in a value a struct bpf_spin_lock and a struct bpf_timer lie (BTF says so), else
    /// kNoOffset. An update from either side writes neither; it ends the timer, as in the kernel.
    uint32_t spin_lock_offset = kNoOffset;
    uint32_t timer_offset = kNoOffset;
    std::shared_ptr<const MapSpec> inner;  ///< map in map: what its inner maps are like
    std::vector<InitialSlot> slots;        ///< prog array, map in map; sorted by index

    /// True where a swap may carry the contents of one over to the other.
    bool same_definition(const MapSpec& other) const {
        return type == other.type && key_bytes == other.key_bytes &&
               value_bytes == other.value_bytes && entries_max == other.entries_max &&
               flags == other.flags && extra == other.extra &&
               spin_lock_offset == other.spin_lock_offset && timer_offset == other.timer_offset &&
               (inner ? other.inner && inner->same_definition(*other.inner) : !other.inner);
    }
};

/// How large a value of such a map may be: global data is a single one.
constexpr uint32_t value_bytes_max(const MapSpec& map) {
    const bool is_single = map.type == MapType::Array && map.entries_max == 1;
    return map.is_global_data && is_single ? kGlobalDataBytesMax : kMapValueBytesMax;
}

/// The guarded field that bytes [low, end) of a value touch, if any.
std::optional<GuardedField> guarded_field_in(const MapSpec& map, int64_t low, int64_t end);

enum class ProgramType : uint32_t { SocketFilter = 1, Xdp = 6 };  ///< enum bpf_prog_type

/// Where an XDP program is meant to run (enum bpf_attach_type): only one behind a devmap knows an
/// egress_ifindex.
enum class XdpHook : uint8_t { Device, Devmap, Cpumap };

std::string_view program_type_name(ProgramType type);  ///< "xdp", "socket"

/// What a global function may be given, by its declaration.
enum class ArgumentKind : uint8_t {
    Number,
    Context,  ///< of the program's type
    Memory,   ///< initialised memory that it may change, or null
};
struct Argument {
    ArgumentKind kind = ArgumentKind::Number;
    uint32_t bytes = 0;  ///< Memory: at least 1
    friend bool operator==(const Argument&, const Argument&) = default;
};
/// A function of this kind may be proven once for all its calls.
struct Contract {
    /// What a call passes in registers: r1 to r5.
    static constexpr uint8_t kArgumentsMax = 5;

    std::vector<Argument> arguments;  ///< at most kArgumentsMax
    bool returns_number = false;      ///< else nothing
    friend bool operator==(const Contract&, const Contract&) = default;
};

struct Subprogram {
    std::string name;
    uint32_t insn = 0;                 ///< its first slot; entry 0 is the program itself at slot 0
    std::optional<Contract> contract;  ///< of global functions whose BTF says enough
};

struct LineInfo {
    uint32_t insn = 0;  ///< first slot that this line covers
    uint32_t line = 0;
    std::string file;
    std::string text;
};

/// One program, linked: its own functions only, local calls resolved, map loads (LoadMap,
/// LoadMapValue) carry an index into `maps` in `imm`; LoadCodeAddr the distance to the callback's
/// first slot, as a local call; CallKfunc the kfunc's number in kfuncs.def, with off 0.
struct ProgramSpec {
    std::string name;  ///< the function's symbol
    std::string section;
    ProgramType type = ProgramType::Xdp;
    XdpHook hook = XdpHook::Device;
    bool has_frags = false;       ///< section xdp.frags
    bool load_by_default = true;  ///< false: its section's name starts with '?'
    std::vector<Insn> insns;
    std::vector<Subprogram> subprograms;  ///< sorted by slot, never empty
    std::vector<LineInfo> lines;          ///< sorted by slot; empty without BTF
    std::vector<MapSpec> maps;            ///< those it refers to, at most kMapsPerProgramMax
};

/// A program of an object that Weir does not offer: listed, not loaded.
struct UnsupportedProgram {
    std::string name;
    std::string section;
    std::string reason;
    uint32_t insn_count = 0;
    std::string type;  ///< as its section says it ("tc", "kprobe"); may be empty
};

struct ObjectSpec {
    std::string license;
    std::vector<MapSpec> maps;  ///< all of the object's, in file order
    std::vector<ProgramSpec> programs;
    std::vector<UnsupportedProgram> unsupported;
    std::vector<std::string> notices;  ///< for stderr: assumptions that the loader made
};

/// Line that covers `insn`, or nullptr.
const LineInfo* line_of(const ProgramSpec& program, uint32_t insn);

/// Byte strings for the command socket and the prover. read_* refuse what breaks the bounds above
/// and in limits.h; they do not prove anything about the instructions.
void write_map_spec(ByteWriter& writer, const MapSpec& map);
Result<MapSpec> read_map_spec(ByteReader& reader);
void write_program_spec(ByteWriter& writer, const ProgramSpec& program);
Result<ProgramSpec> read_program_spec(ByteReader& reader);

}  // namespace weir::vm
