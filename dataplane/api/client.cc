#include "dataplane/api/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "dataplane/api/codec.h"
#include "dataplane/api/frame.h"
#include "dataplane/api/stream.h"

namespace weir::dataplane::api {
namespace {

/// CONFIGURE takes hugepages and opens devices; a load is proven and compiled; a publish waits for
/// every worker; a fill writes hundreds of thousands of elements, beside a worker that may have the
/// core.
constexpr uint32_t kSlowTimeoutMs = 60'000;
/// Update frames are filled up to here, so that one batch never holds the dataplane's control
/// thread for long.
constexpr size_t kBatchBytesMax = 4u << 20;

struct Reply {
    uint16_t type = 0;
    Bytes body;
};

Result<Reply> receive_reply(int fd, Deadline deadline) {
    uint8_t raw[kFrameHeaderBytes];
    if (Result<void> got = receive_all(fd, raw, deadline); !got)
        return std::unexpected(got.error());
    Result<FrameHeader> header = read_frame_header(raw);
    if (!header) return std::unexpected(header.error());
    Reply reply{header->type, Bytes(header->length)};
    if (Result<void> got = receive_all(fd, reply.body, deadline); !got)
        return std::unexpected(got.error());
    return reply;
}

/// One field of a reply, or its error.
template <typename Answer, typename Field>
Result<Field> part(Result<Answer> answer, Field Answer::* field) {
    if (!answer) return std::unexpected(std::move(answer.error()));
    return std::move((*answer).*field);
}

}  // namespace

struct Client::Connection {
    int fd = -1;
    std::string socket_path;
    uint32_t timeout_ms = 0;

    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(); }

    void close() {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
    /// The stream is out of step after a lost reply, so the connection ends with it.
    std::unexpected<Error> lost(const Error& error) {
        close();
        return fail(ErrorKind::kResource,
                    fmt::format("dataplane at {}: {}", socket_path, error.message));
    }

    /// `file`: a descriptor that goes along; -1: none.
    template <typename Answer, typename Request>
    Result<Answer> call(FrameType type, const Request& request, vm::Rejection* rejection = nullptr,
                        bool slow = false, int file = -1);
};

template <typename Answer, typename Request>
Result<Answer> Client::Connection::call(FrameType type, const Request& request,
                                        vm::Rejection* rejection, bool slow, int file) {
    if (fd < 0)
        return fail(ErrorKind::kResource,
                    fmt::format("dataplane at {}: the connection is lost", socket_path));
    const Bytes body = encode(request);
    const std::string name = frame_type_name(static_cast<uint16_t>(type));
    if (body.size() > kFrameBytesMax) {
        return fail(ErrorKind::kInvalid, fmt::format("{}: {} bytes, a frame holds {}", name,
                                                     body.size(), kFrameBytesMax));
    }
    const Deadline deadline = deadline_in(slow ? std::max(timeout_ms, kSlowTimeoutMs) : timeout_ms);
    // A dataplane that refuses a peer replies and closes at once: its reply may be there although
    // sending fails.
    const Bytes frame = make_frame(type, body);
    const Result<void> sent =
        file < 0 ? send_all(fd, frame, deadline) : send_with_file(fd, frame, file, deadline);
    Result<Reply> reply = receive_reply(fd, deadline);
    if (!reply) return lost(sent ? reply.error() : sent.error());
    if (reply->type == static_cast<uint16_t>(FrameType::Error)) {
        Result<ErrorReply> error = decode<ErrorReply>(reply->body);
        if (!error) return lost(error.error());
        if (rejection && error->rejection) *rejection = std::move(*error->rejection);
        return fail(error->kind, std::move(error->message));
    }
    if (reply->type != reply_type(type)) {
        return lost({ErrorKind::kResource,
                     fmt::format("{} was answered by {}", name, frame_type_name(reply->type))});
    }
    Result<Answer> answer = decode<Answer>(reply->body);
    if (!answer)
        return lost(
            {ErrorKind::kResource, fmt::format("{} reply: {}", name, answer.error().message)});
    return answer;
}

Client::Client(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const std::string& socket_path, uint32_t timeout_ms) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: a socket's path has at most {} bytes, this one has {}",
                                socket_path, sizeof address.sun_path - 1, socket_path.size()));
    }
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    auto connection = std::make_unique<Connection>();
    connection->socket_path = socket_path;
    connection->timeout_ms = timeout_ms;
    connection->fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        return fail(ErrorKind::kResource, fmt::format("socket: {}", std::strerror(errno)));
    // A full backlog would block here; the send timeout bounds that.
    const timeval timeout{.tv_sec = timeout_ms / 1000,
                          .tv_usec = static_cast<suseconds_t>(timeout_ms % 1000) * 1000};
    ::setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (::connect(connection->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
        return fail(ErrorKind::kResource,
                    fmt::format("no dataplane at {}: {}", socket_path, std::strerror(errno)));
    }
    return Client(std::move(connection));
}

Result<Status> Client::status() {
    return connection_->call<Status>(FrameType::Status, Empty{});
}

Result<Status> Client::configure(const Configure& request) {
    return connection_->call<Status>(FrameType::Configure, request, nullptr, true);
}

Result<Handle> Client::create_map(const MapCreate& request) {
    return part(connection_->call<MapCreated>(FrameType::CreateMap, request, nullptr, true),
                &MapCreated::handle);
}

Result<std::vector<MapInfo>> Client::list_maps() {
    return part(connection_->call<MapList>(FrameType::ListMaps, Empty{}), &MapList::maps);
}

Result<std::optional<Bytes>> Client::lookup(Handle map, ByteSpan key) {
    const MapLookup request{map, Bytes(key.begin(), key.end())};
    return part(connection_->call<MapLookupReply>(FrameType::Lookup, request),
                &MapLookupReply::value);
}

Result<uint32_t> Client::update(Handle map, std::span<const Element> elements, uint64_t flags,
                                bool policy) {
    uint32_t done = 0;
    do {
        MapUpdate request{map, flags, policy, {}};
        size_t bytes = 0;
        while (!elements.empty() && request.elements.size() < kBatchElementsMax &&
               bytes < kBatchBytesMax) {
            bytes += elements.front().first.size() + elements.front().second.size();
            request.elements.push_back(elements.front());
            elements = elements.subspan(1);
        }
        const Result<MapCount> reply = connection_->call<MapCount>(FrameType::Update, request);
        if (!reply) return std::unexpected(reply.error());
        done += reply->count;
    } while (!elements.empty());
    return done;
}

Result<uint32_t> Client::fill(Handle map, ByteSpan records, uint32_t record_bytes, uint64_t flags) {
    uint32_t done = 0;
    const size_t batch_bytes = std::max<size_t>(kBatchBytesMax / record_bytes, 1) * record_bytes;
    do {
        const ByteSpan part = records.first(std::min(records.size(), batch_bytes));
        records = records.subspan(part.size());
        const MapFill request{map, flags, Bytes(part.begin(), part.end())};
        const Result<MapCount> reply =
            connection_->call<MapCount>(FrameType::Fill, request, nullptr, true);
        if (!reply) return std::unexpected(reply.error());
        done += reply->count;
    } while (!records.empty());
    return done;
}

Result<Published> Client::replace_maps(std::span<const MapReplacement> replacements) {
    const ReplaceMaps request{{replacements.begin(), replacements.end()}};
    return connection_->call<Published>(FrameType::ReplaceMaps, request, nullptr, true);
}

Result<void> Client::bind(Handle map, ByteSpan key, Handle target) {
    const SlotBind request{map, Bytes(key.begin(), key.end()), target};
    const Result<MapCount> reply = connection_->call<MapCount>(FrameType::Bind, request);
    if (!reply) return std::unexpected(reply.error());
    return {};
}

Result<uint32_t> Client::erase(Handle map, std::span<const Bytes> keys) {
    uint32_t done = 0;
    do {
        const size_t count = std::min<size_t>(keys.size(), kBatchElementsMax);
        const MapErase request{
            map, std::vector<Bytes>(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(count))};
        keys = keys.subspan(count);
        const Result<MapCount> reply = connection_->call<MapCount>(FrameType::Erase, request);
        if (!reply) return std::unexpected(reply.error());
        done += reply->count;
    } while (!keys.empty());
    return done;
}

Result<MapElements> Client::dump(Handle map, const std::optional<Bytes>& after,
                                 uint32_t count_max) {
    const MapDump request{map, after, std::min(count_max, kBatchElementsMax)};
    return connection_->call<MapElements>(FrameType::Dump, request);
}

Result<ProgramLoaded> Client::load_program(const ProgramLoad& request, vm::Rejection* rejection) {
    return connection_->call<ProgramLoaded>(FrameType::LoadProgram, request, rejection, true);
}

Result<Published> Client::publish(const Publish& request) {
    return connection_->call<Published>(FrameType::Publish, request, nullptr, true);
}

Result<ProgramCode> Client::read_code(Handle program) {
    return connection_->call<ProgramCode>(FrameType::ReadCode, ReadCode{program});
}

Result<std::vector<ProgramInfo>> Client::list_programs() {
    return part(connection_->call<ProgramList>(FrameType::ListPrograms, Empty{}),
                &ProgramList::programs);
}

Result<Stats> Client::stats() {
    return connection_->call<Stats>(FrameType::Stats, Empty{});
}

Result<void> Client::start_trace(const TraceStart& request) {
    const Result<Empty> reply =
        connection_->call<Empty>(FrameType::TraceStart, request, nullptr, true);
    if (!reply) return std::unexpected(reply.error());
    return {};
}

Result<TracedPackets> Client::poll_trace(uint32_t packets_max) {
    return connection_->call<TracedPackets>(FrameType::TracePoll, TracePoll{packets_max});
}

Result<ProgramText> Client::read_program(Handle program) {
    return connection_->call<ProgramText>(FrameType::ReadProgram, ReadProgram{program});
}

Result<RoutesRead> Client::read_routes() {
    return connection_->call<RoutesRead>(FrameType::ReadRoutes, Empty{});
}

Result<BypassState> Client::bypass(const BypassRequest& request) {
    return connection_->call<BypassState>(FrameType::Bypass, request);
}

Result<SwapTimes> Client::swap_times() {
    return connection_->call<SwapTimes>(FrameType::SwapTimes, Empty{});
}

Result<uint32_t> Client::open_capture(const CaptureOpen& request, int output) {
    return part(
        connection_->call<CaptureId>(FrameType::OpenCapture, request, nullptr, true, output),
        &CaptureId::id);
}

Result<CaptureInfo> Client::read_capture(uint32_t id) {
    return connection_->call<CaptureInfo>(FrameType::ReadCapture, CaptureId{id});
}

Result<CaptureInfo> Client::close_capture(uint32_t id) {
    return connection_->call<CaptureInfo>(FrameType::CloseCapture, CaptureId{id});
}

Result<std::vector<CaptureInfo>> Client::list_captures() {
    return part(connection_->call<CaptureList>(FrameType::ListCaptures, Empty{}),
                &CaptureList::captures);
}

Result<void> Client::shutdown() {
    const Result<Empty> reply = connection_->call<Empty>(FrameType::Shutdown, Empty{});
    if (!reply) return std::unexpected(reply.error());
    return {};
}

}  // namespace weir::dataplane::api
