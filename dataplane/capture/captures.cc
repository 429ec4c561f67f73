#include "dataplane/capture/captures.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <system_error>
#include <thread>

namespace weir::dataplane::capture {
namespace {

using Clock = std::chrono::steady_clock;
/// Of one capture, over all workers; each has its share as a ring.
constexpr size_t kRingsBytes = 64u << 20;
constexpr uint32_t kRingBytesMax = 4u << 20;
constexpr uint32_t kRingBytesMin = 128u << 10;
constexpr uint64_t kRestMs = 1000;  ///< a worker's round takes microseconds
/// The output of an ended capture is complete after so long, or is given up.
constexpr auto kLastWrites = std::chrono::milliseconds(2 * kLastWordsMs);
/// A capture that is over can be read for so long.
constexpr auto kRemembered = std::chrono::seconds(10);

static_assert(kRingBytesMin >= 2 * record_bytes(kNameBytesMax, kSnapBytesMax));

uint32_t ring_bytes(size_t workers) {
    const size_t share = std::bit_floor(kRingsBytes / std::max<size_t>(workers, 1));
    return static_cast<uint32_t>(std::clamp<size_t>(share, kRingBytesMin, kRingBytesMax));
}

Result<uint8_t> verdict_bits(const std::vector<std::string>& names) {
    uint8_t bits = 0;
    for (const std::string& name : names) {
        uint8_t found = 0;
        for (uint8_t verdict = 0; verdict <= vm::XDP_REDIRECT; ++verdict)
            if (vm::verdict_name(verdict) == name) found = static_cast<uint8_t>(1u << verdict);
        if (found == 0)
            return fail(ErrorKind::kInvalid,
                        fmt::format("verdict '{}', expected XDP_ABORTED, XDP_DROP, XDP_PASS, "
                                    "XDP_TX or XDP_REDIRECT",
                                    name));
        bits |= found;
    }
    return bits;
}

/// A bit for each of `names` by its place in `known`.
template <typename Known>
Result<uint64_t> bits_of(const std::vector<std::string>& names, const Known& known,
                         const char* what) {
    uint64_t bits = 0;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(known, name);
        if (found == known.end()) {
            std::string all;
            for (const auto& each : known) all.append(all.empty() ? "" : ", ").append(each);
            return fail(ErrorKind::kNotFound,
                        fmt::format("no {} is called '{}', there are: {}", what, name, all));
        }
        bits |= uint64_t{1} << (found - known.begin());
    }
    return bits;
}

}  // namespace

struct Captures::Capture {
    uint32_t id = 0;
    Owner owner = 0;
    api::CaptureOpen request;
    std::vector<std::unique_ptr<Lane>> lanes;  ///< by worker
    std::unique_ptr<Writer> writer;
    bool closed = false;  ///< the workers are told to leave it
    Clock::time_point closed_at{};

    std::vector<Lane*> lane_pointers() const {
        std::vector<Lane*> pointers;
        for (const auto& lane : lanes) pointers.push_back(lane.get());
        return pointers;
    }
    api::CaptureInfo info() const;
};

/// What was lost after a ring is read before the rings' counts, which then cover it.
api::CaptureInfo Captures::Capture::info() const {
    api::CaptureInfo info{.id = id, .filter_text = request.filter_text, .point = request.point};
    info.finished = writer->finished();
    info.ended = writer->ended();
    info.failed = writer->failed();
    info.trouble = writer->trouble();
    info.written_bytes = writer->written_bytes();
    info.written = writer->written();
    const uint64_t lost = writer->lost();
    uint64_t taken = 0, refused = 0;
    for (const auto& lane : lanes) {
        const Counts counts = lane->counts();
        info.matched += counts.matched;
        info.skipped += counts.skipped;
        taken += counts.taken;
        refused += counts.refused;
    }
    info.captured = taken - lost;
    info.dropped = refused + lost;
    if (closed && info.ended.empty()) info.ended = "closed";
    return info;
}

Captures::Captures(NodeNames names, std::vector<Tap*> taps)
    : names_(std::make_shared<const NodeNames>(std::move(names))), taps_(std::move(taps)) {}

Captures::~Captures() {
    for (Tap* tap : taps_) tap->publish(nullptr);
    for (const auto& capture : captures_) capture->writer->finish();
    const auto deadline = Clock::now() + kLastWrites;
    const auto all_finished = [&] {
        return std::ranges::all_of(captures_,
                                   [](const auto& each) { return each->writer->finished(); });
    };
    // A writer that a disk holds for ever keeps its own capture alive, and nothing else.
    while (!all_finished() && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Result<std::shared_ptr<const Selection>> Captures::select(
    const api::CaptureOpen& request, std::shared_ptr<const jit::CompiledProgram> filter) const {
    if (request.sample == 0)
        return fail(ErrorKind::kInvalid, "sample: 0, expected 1 (every packet) or more");
    const Result<uint8_t> verdicts = verdict_bits(request.verdicts);
    if (!verdicts) return std::unexpected(verdicts.error());
    const Result<uint64_t> ports = bits_of(request.ports, names_->ports, "port");
    if (!ports) return std::unexpected(ports.error());
    const Result<uint64_t> reasons = bits_of(request.reasons, names_->reasons, "drop reason");
    if (!reasons) return std::unexpected(reasons.error());
    Selection selection;
    selection.filter = std::move(filter);
    selection.ports = request.ports.empty() ? UINT64_MAX : *ports;
    selection.verdicts = *verdicts;
    selection.reasons = *reasons;
    selection.program = request.program;
    selection.hook = request.hook;
    selection.point = request.point;
    if (request.snap_bytes != 0) selection.snap_bytes = std::min(request.snap_bytes, kSnapBytesMax);
    selection.sample = request.sample;
    return std::make_shared<const Selection>(std::move(selection));
}

Result<uint32_t> Captures::open(Owner owner, const api::CaptureOpen& request,
                                std::shared_ptr<const jit::CompiledProgram> filter,
                                Descriptor descriptor) {
    tend();
    const auto open_count = std::ranges::count_if(
        captures_, [](const auto& each) { return !each->writer->finished(); });
    if (open_count >= api::kCapturesMax)
        return fail(ErrorKind::kResource,
                    fmt::format("{} captures run, the most there may be", api::kCapturesMax));
    Result<std::shared_ptr<const Selection>> selection = select(request, std::move(filter));
    if (!selection) return std::unexpected(selection.error());
    Result<Output> output = Output::take(std::move(descriptor));
    if (!output) return std::unexpected(output.error());
    auto capture = std::make_shared<Capture>();
    capture->id = next_id_;
    capture->owner = owner;
    capture->request = request;
    capture->request.filter.reset();
    const auto allowance = std::make_shared<Allowance>(request.count);
    for (uint32_t worker = 0; worker < taps_.size(); ++worker)
        capture->lanes.push_back(
            std::make_unique<Lane>(*selection, allowance, worker, ring_bytes(taps_.size())));
    capture->writer = std::make_unique<Writer>(names_,
                                               WriterRequest{.filter_text = request.filter_text,
                                                             .snap_bytes = (*selection)->snap_bytes,
                                                             .count = request.count,
                                                             .when_full = request.when_full},
                                               capture->lane_pointers(), std::move(*output));
    try {
        std::thread thread([capture] { capture->writer->run(); });
        pthread_setname_np(thread.native_handle(), "weir-capture");
        thread.detach();  // ends with finish(), and owns what it needs
    } catch (const std::system_error& error) {
        return fail(ErrorKind::kResource, fmt::format("capture's thread: {}", error.what()));
    }
    captures_.push_back(std::move(capture));
    publish();
    return next_id_++;
}

std::shared_ptr<Captures::Capture> Captures::find(uint32_t id) const {
    for (const auto& capture : captures_)
        if (capture->id == id) return capture;
    return nullptr;
}

Result<void> Captures::close(Owner owner, uint32_t id) {
    const std::shared_ptr<Capture> capture = find(id);
    if (!capture) return fail(ErrorKind::kNotFound, fmt::format("no capture has number {}", id));
    if (capture->owner != owner)
        return fail(ErrorKind::kInvalid,
                    fmt::format("capture {} belongs to another connection", id));
    if (capture->closed) return {};
    capture->closed = true;
    capture->closed_at = Clock::now();
    publish();
    return {};
}

Result<api::CaptureInfo> Captures::read(uint32_t id) const {
    const std::shared_ptr<Capture> capture = find(id);
    if (!capture) return fail(ErrorKind::kNotFound, fmt::format("no capture has number {}", id));
    return capture->info();
}

std::vector<api::CaptureInfo> Captures::list() const {
    std::vector<api::CaptureInfo> list;
    for (const auto& capture : captures_)
        if (!capture->writer->finished()) list.push_back(capture->info());
    return list;
}

void Captures::disconnected(Owner owner) {
    for (const auto& capture : captures_)
        if (capture->owner == owner) (void)close(owner, capture->id);
}

void Captures::tend() {
    reclaim();
    const Clock::time_point now = Clock::now();
    std::erase_if(captures_, [&](const auto& capture) {
        return capture->writer->finished() && now - capture->closed_at > kRemembered;
    });
}

/// Every worker looks at the captures that are not closed from its next round on.
void Captures::publish() {
    Retired before{.grace = 0, .lanes = std::move(published_)};
    published_.clear();
    for (uint32_t worker = 0; worker < taps_.size(); ++worker) {
        auto lanes = std::make_unique<Lanes>();
        for (const auto& capture : captures_)
            if (!capture->closed) lanes->push_back(capture->lanes[worker].get());
        taps_[worker]->publish(lanes->empty() ? nullptr : lanes.get());
        published_.push_back(std::move(lanes));
    }
    before.grace = maps::begin_grace();
    retired_.push_back(std::move(before));
    maps::wait_for_readers(kRestMs);
    reclaim();
}

/// A writer may finish once no worker can put anything into its rings.
void Captures::reclaim() {
    std::erase_if(retired_, [](const Retired& each) { return maps::grace_passed(each.grace); });
    if (!retired_.empty()) return;
    for (const auto& capture : captures_)
        if (capture->closed) capture->writer->finish();
}

}  // namespace weir::dataplane::capture
