#pragma once
// Messages to bytes and back. The field lists are in fields.h, which also has the bounds that
// decode() keeps.

#include "dataplane/api/bypass.h"
#include "dataplane/api/capture.h"
#include "dataplane/api/frame.h"
#include "dataplane/api/trace.h"

namespace weir::dataplane::api {

/// The body of a frame. What breaks a bound is written all the same: the other side refuses it by
/// name.
template <typename Message>
Bytes encode(const Message& message);

/// Errors name the field, its offset in the body and what would be right. Bytes left over are an
/// error too. Memory taken is bounded by a small multiple of the body's length.
template <typename Message>
Result<Message> decode(ByteSpan body);

/// Every message that is a frame's body.
// clang-format off
#define WEIR_MESSAGES(APPLY) \
    APPLY(Empty) APPLY(Status) APPLY(Configure) APPLY(MapCreate) APPLY(MapCreated) APPLY(MapList) \
    APPLY(MapLookup) APPLY(MapLookupReply) APPLY(MapUpdate) APPLY(MapFill) APPLY(ReplaceMaps) APPLY(SlotBind) APPLY(MapErase) APPLY(MapCount) \
    APPLY(MapDump) APPLY(MapElements) APPLY(ProgramLoad) APPLY(ProgramLoaded) APPLY(ReadCode) APPLY(ProgramCode) APPLY(Publish) \
    APPLY(Published) APPLY(ProgramList) APPLY(Stats) APPLY(ErrorReply) \
    APPLY(TraceStart) APPLY(TracePoll) APPLY(TracedPackets) APPLY(ReadProgram) APPLY(ProgramText) APPLY(RoutesRead) \
    APPLY(BypassRequest) APPLY(BypassState) APPLY(SwapTimes) \
    APPLY(CaptureOpen) APPLY(CaptureId) APPLY(CaptureInfo) APPLY(CaptureList)
// clang-format on

#define WEIR_DECLARE(Message)                              \
    extern template Bytes encode<Message>(const Message&); \
    extern template Result<Message> decode<Message>(ByteSpan);
WEIR_MESSAGES(WEIR_DECLARE)
#undef WEIR_DECLARE

}  // namespace weir::dataplane::api
