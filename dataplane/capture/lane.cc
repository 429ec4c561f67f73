#include "dataplane/capture/lane.h"

#include <algorithm>
#include <cstring>

namespace weir::dataplane::capture {
namespace {

RecordHeader header_of(Point point, const BurstFacts& facts, const Decision& decision) {
    RecordHeader header;
    header.tsc = facts.tsc;
    header.generation = facts.generation;
    header.packet_id = facts.first_packet_id;
    header.queue = facts.queue;
    header.worker = facts.worker;
    header.point = point;
    header.hook = decision.hook;
    header.verdict = decision.verdict;
    header.reason = decision.reason;
    header.in_port = facts.in_port;
    header.out_port = decision.out_port;
    return header;
}

}  // namespace

Lane::Lane(std::shared_ptr<const Selection> selection, std::shared_ptr<Allowance> allowance,
           uint32_t worker, uint32_t ring_bytes)
    : selection_(std::move(selection)), allowance_(std::move(allowance)), ring_(ring_bytes) {
    const size_t bytes = size_t{kBurstPacketsMax} * selection_->snap_bytes;
    if (selection_->wants_before()) before_.memory = std::make_unique<uint8_t[]>(bytes);
    if (selection_->wants_after()) after_.memory = std::make_unique<uint8_t[]>(bytes);
    alone_ = std::make_unique<uint8_t[]>(selection_->snap_bytes);
    env_.cpu = worker;
}

bool Lane::passes_filter(const PacketBytes& packet, uint8_t port) {
    if (!selection_->has_port(port)) return false;
    if (!selection_->filter) return true;
    auto* const data = const_cast<uint8_t*>(packet.data);  // a filter only looks
    context_.frame_start = context_.data_meta = context_.data = data;
    context_.frame_limit = context_.data_end = data + packet.bytes;
    return selection_->filter->run(context_, env_) != 0;
}

uint32_t Lane::copy(uint8_t* to, const PacketBytes& packet) const {
    uint32_t room = selection_->snap_bytes;
    uint32_t done = std::min(room, packet.bytes);
    std::memcpy(to, packet.data, done);
    for (const vm::Segment& segment : packet.segments) {
        room = selection_->snap_bytes - done;
        const uint32_t bytes = std::min(room, segment.bytes);
        if (bytes == 0) break;
        std::memcpy(to + done, segment.data, bytes);
        done += bytes;
    }
    return done;
}

void Lane::keep(Snaps& snaps, uint32_t i, const PacketBytes& packet) {
    snaps.open |= uint64_t{1} << i;
    snaps.captured_bytes[i] = copy(&snaps.memory[size_t{i} * selection_->snap_bytes], packet);
    snaps.wire_bytes[i] = packet.wire_bytes;
}

void Lane::offer_before(uint32_t i, const PacketBytes& packet, uint8_t in_port) {
    if (selection_->wants_before() && passes_filter(packet, in_port)) keep(before_, i, packet);
}

void Lane::offer_after(uint32_t i, const PacketBytes& packet, uint8_t out_port) {
    if (!selection_->wants_after()) return;
    // Of a packet that was chosen as it was received, the other half follows.
    const bool chosen =
        selection_->wants_before() ? (before_.open >> i & 1) != 0 : passes_filter(packet, out_port);
    if (chosen) keep(after_, i, packet);
}

bool Lane::take_sample() {
    if (allowance_->is_spent()) return false;
    if (sample_left_ == 0) {
        sample_left_ = selection_->sample - 1;
        return true;
    }
    --sample_left_;
    ++counts_.own().skipped;
    changed_ = true;
    return false;
}

void Lane::take(const RecordHeader& made, std::string_view program, const uint8_t* bytes) {
    if (!allowance_->take()) return;
    RecordHeader header = made;
    header.program_bytes = static_cast<uint8_t>(std::min<size_t>(program.size(), UINT8_MAX));
    header.is_packet = 1;
    header.bytes = record_bytes(header.program_bytes, header.captured_bytes);
    ++counts_.own().matched;
    changed_ = true;
    uint8_t* const room = ring_.reserve(header.bytes);
    if (room == nullptr) {
        allowance_->give_back();
        ++counts_.own().refused;
        const uint8_t port = header.point == Point::Before ? header.in_port : header.out_port;
        refused_[port].store(refused_[port].load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
        return;
    }
    ++counts_.own().taken;
    std::memcpy(room, &header, sizeof header);
    std::copy_n(program.data(), header.program_bytes, room + sizeof header);  // maybe of none
    std::memcpy(room + sizeof header + header.program_bytes, bytes, header.captured_bytes);
}

void Lane::take_kept(Point point, uint32_t i, const BurstFacts& facts, const Decision& decision) {
    const Snaps& snaps = point == Point::Before ? before_ : after_;
    RecordHeader header = header_of(point, facts, decision);
    header.packet_id += i;
    header.captured_bytes = snaps.captured_bytes[i];
    header.wire_bytes = snaps.wire_bytes[i];
    take(header, decision.program, &snaps.memory[size_t{i} * selection_->snap_bytes]);
}

void Lane::settle(const BurstFacts& facts, std::span<const Decision> decisions) {
    for (uint64_t left = before_.open | after_.open; left != 0; left &= left - 1) {
        const auto i = static_cast<uint32_t>(__builtin_ctzll(left));
        const Decision& decision = decisions[i];
        if (!selection_->chooses(decision) || !take_sample()) continue;
        if ((before_.open >> i & 1) != 0) take_kept(Point::Before, i, facts, decision);
        if ((after_.open >> i & 1) != 0) take_kept(Point::After, i, facts, decision);
    }
    before_.open = after_.open = 0;
    publish();
}

void Lane::take_now(Point point, const PacketBytes& packet, const BurstFacts& facts,
                    const Decision& decision) {
    const uint8_t port = point == Point::Before ? facts.in_port : decision.out_port;
    if (!selection_->chooses(decision) || !passes_filter(packet, port) || !take_sample()) return;
    RecordHeader header = header_of(point, facts, decision);
    header.captured_bytes = copy(alone_.get(), packet);
    header.wire_bytes = packet.wire_bytes;
    take(header, decision.program, alone_.get());
    publish();
}

void Lane::publish() {
    if (!changed_) return;
    changed_ = false;
    counts_.publish();
    ring_.commit();
}

}  // namespace weir::dataplane::capture
