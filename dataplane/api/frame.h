#pragma once
// The frames of the command socket: a fixed header, then a body whose encoding is in codec.h. All
// numbers little-endian.
//
//   u32 magic "WEIR" | u16 version | u16 type | u32 length of the body | body
//
// A request of type T is answered by one frame of type reply_type(T), or by an Error frame.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane::api {

constexpr const char* kSocketName = "dataplane.sock";  ///< in the run directory
constexpr size_t kFrameHeaderBytes = 12;

enum class FrameType : uint16_t {
    Status = 1,
    Configure,
    CreateMap,
    ListMaps,
    Lookup,
    Update,
    Erase,
    Dump,
    LoadProgram,
    Publish,
    ListPrograms,
    Stats,
    Shutdown,
    Fill,
    ReplaceMaps,
    Bind,
    ReadCode,
    TraceStart,
    TracePoll,
    ReadProgram,
    ReadRoutes,
    Bypass,
    SwapTimes,
    OpenCapture,
    ReadCapture,
    CloseCapture,
    ListCaptures,
    Error = 0xffff,
};
constexpr uint16_t kRequestTypeMax = static_cast<uint16_t>(FrameType::ListCaptures);
constexpr uint16_t kReplyBit = 0x8000;

constexpr uint16_t reply_type(FrameType request) {
    return static_cast<uint16_t>(static_cast<uint16_t>(request) | kReplyBit);
}
/// "CREATE_MAP" of a request type; "type N" of others.
std::string frame_type_name(uint16_t type);

struct FrameHeader {
    uint16_t type = 0;
    uint32_t length = 0;
};

/// Checks magic, version and length; the type is left to the caller. `bytes` has kFrameHeaderBytes
/// bytes.
Result<FrameHeader> read_frame_header(ByteSpan bytes);
/// Body of at most kFrameBytesMax bytes.
Bytes make_frame(uint16_t type, ByteSpan body);
inline Bytes make_frame(FrameType type, ByteSpan body) {
    return make_frame(static_cast<uint16_t>(type), body);
}

// Bodies that messages.h does not have, because the client spells them as arguments.

/// A request without arguments, or a reply without results.
struct Empty {};

struct MapLookup {
    Handle map = 0;
    Bytes key;
};
struct MapLookupReply {
    std::optional<Bytes> value;
};
struct MapUpdate {
    Handle map = 0;
    uint64_t flags = 0;
    bool policy = false;
    std::vector<Element> elements;
};
struct MapErase {
    Handle map = 0;
    std::vector<Bytes> keys;
};
/// Into a slot: of a prog array a program, of a map in map a map. A map in service takes only what
/// is in service. Erase empties slots. A replay restores them as they stand.
struct SlotBind {
    Handle map = 0;
    Bytes key;
    Handle target = 0;
};
/// Many elements in little space: `records` holds key and value, key and value, each as long as the
/// map's definition says; per-CPU kinds take the value into every slot.
struct MapFill {
    Handle map = 0;
    uint64_t flags = 0;
    Bytes records;
};
struct ReplaceMaps {
    std::vector<MapReplacement> replacements;
};
/// Reply to Update, Fill and Erase: how many elements were written or erased.
struct MapCount {
    uint32_t count = 0;
};
struct MapDump {
    Handle map = 0;
    std::optional<Bytes> after;
    uint32_t count_max = 0;
};
struct MapCreated {
    Handle handle = 0;
};
struct MapList {
    std::vector<MapInfo> maps;
};
/// For the machine code of a program in service.
struct ReadCode {
    Handle program = 0;
};
struct ProgramList {
    std::vector<ProgramInfo> programs;
};
struct ErrorReply {
    ErrorKind kind = ErrorKind::kInvalid;
    std::string message;
    std::optional<vm::Rejection> rejection;  ///< of a program that the prover refuses
};

}  // namespace weir::dataplane::api
