#pragma once
// The captures of this node: opens, lists and ends them, and tells the workers. Control thread
// only. Nothing here waits for a disk or a reader; a worker is waited for as at a publication.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/api/capture.h"
#include "dataplane/capture/tap.h"
#include "dataplane/capture/writer.h"
#include "jit/jit.h"
#include "maps/reclaim.h"
#include "vm/base/descriptor.h"

namespace weir::dataplane::capture {

using Owner = uint64_t;

class Captures {
public:
    /// `taps`: one per worker, which outlive the captures.
    Captures(NodeNames names, std::vector<Tap*> taps);
    /// Ends all, and waits a moment for what is still to be written. The workers have stopped.
    ~Captures();
    Captures(const Captures&) = delete;
    Captures& operator=(const Captures&) = delete;

    /// `filter`: compiled from request.filter; nullptr: all packets. Its number.
    Result<uint32_t> open(Owner owner, const api::CaptureOpen& request,
                          std::shared_ptr<const jit::CompiledProgram> filter, Descriptor output);
    /// No packet is taken any more; what was taken is still written: read() says when that is over.
    /// Of a capture of `owner`.
    Result<void> close(Owner owner, uint32_t id);
    Result<api::CaptureInfo> read(uint32_t id) const;
    std::vector<api::CaptureInfo> list() const;
    /// Closes what the owner opened.
    void disconnected(Owner owner);
    /// Goes on with what could not be done at once; now and then.
    void tend();

private:
    struct Capture;
    /// Out of the workers' sight, until all have moved on.
    struct Retired {
        maps::GraceToken grace;
        std::vector<std::unique_ptr<const Lanes>> lanes;
    };

    Result<std::shared_ptr<const Selection>> select(
        const api::CaptureOpen& request, std::shared_ptr<const jit::CompiledProgram> filter) const;
    std::shared_ptr<Capture> find(uint32_t id) const;
    void publish();
    void reclaim();

    std::shared_ptr<const NodeNames> names_;
    std::vector<Tap*> taps_;
    std::vector<std::shared_ptr<Capture>> captures_;  ///< those that end included
    std::vector<std::unique_ptr<const Lanes>> published_;
    std::vector<Retired> retired_;
    uint32_t next_id_ = 1;
};

}  // namespace weir::dataplane::capture
