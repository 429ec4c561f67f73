// Any bytes as a frame of the command socket, request or reply, and as a replay file: an error with
// its place, or a message that is written and read again as the same bytes.

#include "dataplane/api/codec.h"
#include "dataplane/replay.h"
#include "tests/fuzz/fuzz.h"
#include "vm/base/check.h"

namespace {

using namespace weir;
using namespace weir::dataplane;

template <typename Message>
void read_as(ByteSpan body) {
    const Result<Message> message = api::decode<Message>(body);
    if (!message) {
        WEIR_CHECK(message.error().kind == ErrorKind::kInvalid);
        WEIR_CHECK(message.error().message.find(" at offset ") != std::string::npos);
        return;
    }
    const Bytes once = api::encode(*message);
    const Result<Message> again = api::decode<Message>(once);
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(api::encode(*again) == once);
}

void read_as_type(uint16_t type, ByteSpan body) {
    uint16_t number = 0;
#define WEIR_READ_AS(Message) \
    if (type == number++) read_as<api::Message>(body);
    WEIR_MESSAGES(WEIR_READ_AS)
#undef WEIR_READ_AS
}

}  // namespace

/// Input: a frame, whose type chooses the message by its place in WEIR_MESSAGES.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteSpan input(data, size);
    const Result<Replay> replay = parse_replay("input", input);
    WEIR_CHECK(replay || replay.error().message.find(": at offset ") != std::string::npos);
    if (size < api::kFrameHeaderBytes) return 0;
    const Result<api::FrameHeader> header =
        api::read_frame_header(input.first(api::kFrameHeaderBytes));
    if (!header) {
        WEIR_CHECK(header.error().message.starts_with("frame: "));
        return 0;
    }
    read_as_type(header->type, input.subspan(api::kFrameHeaderBytes));
    return 0;
}
