// The commands of live captures.

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include "dataplane/api/codec.h"
#include "dataplane/commands.h"
#include "dataplane/packet_filter.h"

namespace weir::dataplane {

Result<api::CaptureId> Commands::open_capture(Owner owner, const api::CaptureOpen& request,
                                              int output) {
    std::shared_ptr<const jit::CompiledProgram> filter;
    if (request.filter) {
        Result<std::unique_ptr<const PacketFilter>> loaded =
            load_filter(*request.filter, *prover_, rejection_);
        if (!loaded) return std::unexpected(loaded.error());
        const std::shared_ptr<const PacketFilter> shared = std::move(*loaded);
        filter = {shared, &shared->program()};
    }
    const Result<uint32_t> id = forwarding_->captures().open(
        owner, request, std::move(filter), Descriptor(::fcntl(output, F_DUPFD_CLOEXEC, 0)));
    if (!id) return std::unexpected(id.error());
    spdlog::info("capture {} begins: {}", *id,
                 request.filter_text.empty() ? "every packet" : request.filter_text);
    return api::CaptureId{*id};
}

Result<api::CaptureInfo> Commands::close_capture(Owner owner, uint32_t id) {
    if (Result<void> closed = forwarding_->captures().close(owner, id); !closed)
        return std::unexpected(closed.error());
    const Result<api::CaptureInfo> info = forwarding_->captures().read(id);
    if (info) spdlog::info("capture {} ends: {} of {} packets", id, info->captured, info->matched);
    return info;
}

Result<Bytes> Commands::dispatch_capture(Owner owner, const Frame& frame, bool& malformed) {
    const auto answer = [&]<typename Request>(Request, auto reply) -> Result<Bytes> {
        const Result<Request> request = api::decode<Request>(frame.body);
        malformed = !request;
        if (!request) return fail_in(api::frame_type_name(frame.type), request.error());
        if (Result<void> ready = need_configured(); !ready) return std::unexpected(ready.error());
        const auto replied = reply(*request);
        if (!replied) return std::unexpected(replied.error());
        return api::encode(*replied);
    };
    const auto type = static_cast<api::FrameType>(frame.type);
    if (type == api::FrameType::OpenCapture)
        return answer(api::CaptureOpen{}, [&](const api::CaptureOpen& request) {
            return open_capture(owner, request, frame.file.get());
        });
    if (type == api::FrameType::CloseCapture)
        return answer(api::CaptureId{}, [&](const api::CaptureId& request) {
            return close_capture(owner, request.id);
        });
    if (type == api::FrameType::ReadCapture)
        return answer(api::CaptureId{}, [&](const api::CaptureId& request) {
            return forwarding_->captures().read(request.id);
        });
    return answer(api::Empty{}, [&](const api::Empty&) -> Result<api::CaptureList> {
        return api::CaptureList{forwarding_->captures().list()};
    });
}

}  // namespace weir::dataplane
