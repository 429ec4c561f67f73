#pragma once
// The control plane's end of the command socket. One connection, one request at a time, blocking
// with a timeout.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/api/bypass.h"
#include "dataplane/api/capture.h"
#include "dataplane/api/frame.h"
#include "dataplane/api/messages.h"
#include "dataplane/api/trace.h"

namespace weir::dataplane::api {

/// Every call sends one frame and waits for its reply. A lost or hung peer is kResource; what the
/// dataplane refuses comes back with its own kind and message. Not thread-safe; movable.
class Client {
public:
    static Result<Client> connect(const std::string& socket_path, uint32_t timeout_ms = 10'000);
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    Result<Status> status();
    Result<Status> configure(const Configure& request);
    Result<Handle> create_map(const MapCreate& request);
    Result<std::vector<MapInfo>> list_maps();
    /// nullopt: no such key.
    Result<std::optional<Bytes>> lookup(Handle map, ByteSpan key);
    /// All elements or, on error, those before the failing one, which the message names. `policy`:
    /// first contents that belong to the generation to come, also kept for its replay. Any number
    /// of elements; they go in batches.
    Result<uint32_t> update(Handle map, std::span<const Element> elements, uint64_t flags,
                            bool policy);
    /// The same for records of key and value, back to back, each of the lengths that the map's
    /// definition says (per-CPU kinds: one value, for every slot). At least 1 byte a record.
    Result<uint32_t> fill(Handle map, ByteSpan records, uint32_t record_bytes, uint64_t flags);
    /// In one step, with a generation of its own: every packet sees all maps as they were, or all
    /// as `fresh` is. What programs wrote into the old ones since `fresh` was filled is gone with
    /// them.
    Result<Published> replace_maps(std::span<const MapReplacement> replacements);
    /// Into a slot of a prog array a program, of a map in map a map.
    Result<void> bind(Handle map, ByteSpan key, Handle target);
    /// How many of the keys were there; a missing one is no error.
    Result<uint32_t> erase(Handle map, std::span<const Bytes> keys);
    /// Up to `count_max` (and kBatchElementsMax, and a few megabytes of) elements after `after`
    /// (nullopt: from the start), and where to go on.
    Result<MapElements> dump(Handle map, const std::optional<Bytes>& after, uint32_t count_max);
    /// A program that the prover refuses: kRejected, with `rejection` filled in.
    Result<ProgramLoaded> load_program(const ProgramLoad& request,
                                       vm::Rejection* rejection = nullptr);
    Result<Published> publish(const Publish& request);
    Result<std::vector<ProgramInfo>> list_programs();
    /// kUnsupported: the interpreter runs it.
    Result<ProgramCode> read_code(Handle program);
    Result<Stats> stats();
    /// Traces the packets to come; the trace ends with this connection.
    Result<void> start_trace(const TraceStart& request);
    Result<TracedPackets> poll_trace(uint32_t packets_max);
    Result<ProgramText> read_program(Handle program);
    Result<RoutesRead> read_routes();
    /// What is left of it after the request.
    Result<BypassState> bypass(const BypassRequest& request);
    Result<SwapTimes> swap_times();
    /// `output`: what pcapng is written into, by the dataplane itself; the caller keeps its
    /// descriptor. The capture's number. It ends with close_capture and with this connection.
    Result<uint32_t> open_capture(const CaptureOpen& request, int output);
    /// Of any connection's capture.
    Result<CaptureInfo> read_capture(uint32_t id);
    /// Ends a capture of this connection. What was taken is still being written afterwards:
    /// read_capture says when that is over.
    Result<CaptureInfo> close_capture(uint32_t id);
    Result<std::vector<CaptureInfo>> list_captures();
    Result<void> shutdown();

private:
    struct Connection;
    explicit Client(std::unique_ptr<Connection> connection);
    std::unique_ptr<Connection> connection_;
};

}  // namespace weir::dataplane::api
