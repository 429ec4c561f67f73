#include "dataplane/capture/writer.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <time.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "vm/helpers/clocks.h"
#include "vm/program/context.h"

namespace weir::dataplane::capture {
namespace {

constexpr size_t kBatchBytes = 256u << 10;
constexpr auto kNap = std::chrono::milliseconds(1);  ///< while the rings are empty
constexpr uint64_t kSynchroniseNs = 1'000'000'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;

uint32_t port_of(const RecordHeader& record) {
    return record.point == Point::Before ? record.in_port : record.out_port;
}

}  // namespace

void TscClock::synchronise() {
    base_ns_ = static_cast<int64_t>(vm::system_clock_ns(CLOCK_REALTIME));
    base_tsc_ = rte_rdtsc();
}

uint64_t TscClock::time_ns(uint64_t tsc) const {
    const auto ticks = static_cast<int64_t>(tsc - base_tsc_);
    const __int128 ns = static_cast<__int128>(ticks) * kNsPerSecond / static_cast<int64_t>(hz_);
    return static_cast<uint64_t>(base_ns_ + static_cast<int64_t>(ns));
}

Writer::Writer(std::shared_ptr<const NodeNames> names, WriterRequest request,
               std::vector<Lane*> lanes, Output output)
    : names_(std::move(names)),
      request_(std::move(request)),
      lanes_(std::move(lanes)),
      output_(std::move(output)),
      clock_(names_->tsc_hz),
      ports_(names_->ports.size()) {}

std::string Writer::ended() const {
    const std::lock_guard lock(texts_);
    return ended_;
}

std::string Writer::trouble() const {
    const std::lock_guard lock(texts_);
    return trouble_;
}

void Writer::say_ended(std::string reason) {
    const std::lock_guard lock(texts_);
    ended_ = std::move(reason);
}

void Writer::begin() {
    began_ns_ = vm::system_clock_ns(CLOCK_REALTIME);
    append_section(batch_, names_->application);
    for (size_t i = 0; i < names_->ports.size(); ++i)
        append_interface(batch_, {.name = names_->ports[i],
                                  .description = names_->devices[i],
                                  .filter = request_.filter_text,
                                  .snap_bytes = request_.snap_bytes});
    const size_t bytes = batch_.size();
    const Output::Written result = output_.write(batch_, finish_);
    written_bytes_.store(result.done, std::memory_order_relaxed);
    batch_.clear();
    // A file without its head is none, whatever there is room for later.
    if (result.done == bytes) return;
    break_off(result.error);
}

void Writer::run() {
    begin();
    for (;;) {
        const bool is_last = finish_.load(std::memory_order_acquire);
        const bool moved = drain();
        if (is_last) break;
        if (!moved) std::this_thread::sleep_for(kNap);
        const auto now = vm::system_clock_ns(CLOCK_MONOTONIC);
        if (now - synchronised_ns_ < kSynchroniseNs) continue;
        synchronised_ns_ = now;
        clock_.synchronise();
    }
    if (!broken_) append_totals();
    output_.close();
    finished_.store(true, std::memory_order_release);
}

Lane* Writer::oldest() const {
    Lane* found = nullptr;
    uint64_t tsc = UINT64_MAX;
    for (Lane* lane : lanes_) {
        const RecordHeader* const record = lane->ring().peek();
        if (record == nullptr || record->tsc >= tsc) continue;
        found = lane;
        tsc = record->tsc;
    }
    return found;
}

/// What there is now, and not what comes meanwhile without end: a batch goes out in between. True
/// when there was something.
bool Writer::drain() {
    bool moved = false;
    while (Lane* const lane = oldest()) {
        moved = true;
        const RecordHeader& record = *lane->ring().peek();
        if (broken_)
            lost_.fetch_add(1, std::memory_order_release);
        else
            append(record);
        lane->ring().pop();
        if (batch_.size() >= kBatchBytes) flush();
    }
    flush();
    return moved;
}

void Writer::append(const RecordHeader& record) {
    const auto* const bytes = reinterpret_cast<const uint8_t*>(&record) + sizeof record;
    describe(record, {reinterpret_cast<const char*>(bytes), record.program_bytes});
    append_packet(batch_, {.interface = port_of(record),
                           .time_ns = clock_.time_ns(record.tsc),
                           .bytes = {bytes + record.program_bytes, record.captured_bytes},
                           .wire_bytes = record.wire_bytes,
                           .outbound = record.point == Point::After,
                           .packet_id = record.packet_id,
                           .queue = record.queue,
                           .verdict = record.verdict == kNone ? nullptr : &record.verdict,
                           .comment = comment_});
    pending_.push_back({batch_.size(), port_of(record)});
}

void Writer::describe(const RecordHeader& record, std::string_view program) {
    comment_.clear();
    const auto out = std::back_inserter(comment_);
    if (record.verdict != kNone)
        fmt::format_to(out, "verdict={} ", vm::verdict_name(record.verdict));
    if (record.reason != kNone) fmt::format_to(out, "reason={} ", names_->reasons[record.reason]);
    if (!program.empty())
        fmt::format_to(out, "program={} hook={} ", program,
                       record.hook == Hook::Ingress ? "ingress" : "egress");
    fmt::format_to(out, "generation={} worker={} at={}", record.generation, record.worker,
                   record.point == Point::Before ? "before" : "after");
    if (record.in_port != kNone) fmt::format_to(out, " in={}", names_->ports[record.in_port]);
    if (record.out_port != kNone) fmt::format_to(out, " out={}", names_->ports[record.out_port]);
}

void Writer::flush() {
    if (batch_.empty()) return;
    settle(output_.write(batch_, finish_));
    batch_.clear();
    pending_.clear();
}

/// Counts what arrived whole; the rest of a block that did not is taken back.
void Writer::settle(const Output::Written& result) {
    size_t whole_bytes = 0;
    uint64_t whole = 0;
    for (const Pending& record : pending_) {
        if (record.end <= result.done) {
            ++whole;
            ++ports_[record.port].written;
            whole_bytes = record.end;
        } else {
            ++ports_[record.port].lost;
        }
    }
    written_.fetch_add(whole, std::memory_order_release);
    written_bytes_.fetch_add(whole_bytes, std::memory_order_relaxed);
    lost_.fetch_add(pending_.size() - whole, std::memory_order_release);
    if (result.error != 0) {
        output_.take_back(result.done - whole_bytes);
        fail_with(result.error);
        return;
    }
    if (request_.count != 0 && written() >= request_.count)
        say_ended(fmt::format("{} packets are captured", request_.count));
    const std::lock_guard lock(texts_);
    trouble_.clear();
}

void Writer::break_off(int error) {
    const bool is_left = error == EPIPE || error == ECONNRESET;
    broken_ = true;
    failed_.store(!is_left, std::memory_order_relaxed);
    say_ended(is_left ? "the reader of the output is gone"
                      : fmt::format("output: {}", std::strerror(error)));
}

void Writer::fail_with(int error) {
    const bool may_pass = error == ENOSPC || error == EDQUOT || error == EFBIG;
    if (!may_pass || request_.when_full == api::WhenFull::End) {
        break_off(error);
        return;
    }
    const std::lock_guard lock(texts_);
    trouble_ = fmt::format("output: {}", std::strerror(error));
}

void Writer::append_totals() {
    const auto now = vm::system_clock_ns(CLOCK_REALTIME);
    for (uint32_t port = 0; port < ports_.size(); ++port) {
        uint64_t dropped = ports_[port].lost;
        for (const Lane* lane : lanes_) dropped += lane->refused(port);
        append_statistics(batch_, {.interface = port,
                                   .begin_ns = began_ns_,
                                   .end_ns = now,
                                   .accepted = ports_[port].written + dropped,
                                   .dropped = dropped});
    }
    const Output::Written result = output_.write(batch_, finish_);
    if (result.error != 0) output_.take_back(result.done);
    written_bytes_.fetch_add(result.error != 0 ? 0 : result.done, std::memory_order_relaxed);
}

}  // namespace weir::dataplane::capture
