#pragma once
// Taps without a worker: a burst of frames, and what lies in a lane's ring afterwards.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/capture/tap.h"

namespace weir::dataplane::capture {

/// A filter that is a function of the test's.
class TestFilter : public jit::CompiledProgram {
public:
    using Body = std::function<bool(ByteSpan)>;
    explicit TestFilter(Body body)
        : CompiledProgram({enter, nullptr, false}), body_(std::move(body)) {}
    jit::Engine engine() const override { return jit::Engine::kInterp; }
    std::span<const uint8_t> code() const override { return {}; }

private:
    static uint64_t enter(uint64_t context, uint64_t self, vm::RunEnv*) {
        const auto& packet = *reinterpret_cast<const vm::XdpContext*>(context);
        const auto* filter =
            static_cast<const TestFilter*>(reinterpret_cast<const CompiledProgram*>(self));
        return filter->body_({packet.data, packet.data_end}) ? 1 : 0;
    }
    Body body_;
};

inline PacketBytes view(const Bytes& frame) {
    const auto bytes = static_cast<uint32_t>(frame.size());
    return {.data = frame.data(), .bytes = bytes, .wire_bytes = bytes, .segments = {}};
}

/// A record out of the ring, copied.
struct Seen {
    RecordHeader header;
    std::string program;
    Bytes bytes;
};

class TapTest : public testing::Test {
protected:
    static constexpr uint32_t kRingBytes = 1u << 16;

    Lane& open(const Selection& selection, uint64_t count = 0) {
        lanes_.push_back(std::make_unique<Lane>(std::make_shared<const Selection>(selection),
                                                std::make_shared<Allowance>(count), 0, kRingBytes));
        published_.push_back(lanes_.back().get());
        tap_.publish(&published_);
        EXPECT_EQ(tap_.enter_round(7), &tap_);
        return *lanes_.back();
    }
    static std::vector<Seen> take(Lane& lane) {
        std::vector<Seen> seen;
        while (const RecordHeader* record = lane.ring().peek()) {
            const auto* bytes = reinterpret_cast<const uint8_t*>(record) + sizeof *record;
            seen.push_back({*record,
                            {reinterpret_cast<const char*>(bytes), record->program_bytes},
                            Bytes(bytes + record->program_bytes,
                                  bytes + record->program_bytes + record->captured_bytes)});
            lane.ring().pop();
        }
        return seen;
    }
    /// One packet in a burst of its own, judged and then dropped.
    void drop_one(const Bytes& frame, uint32_t verdict, uint8_t reason, std::string_view program) {
        tap_.begin_burst(0, 0, kNone);
        tap_.received(&frame, view(frame));
        tap_.judged(0, verdict, Hook::Ingress, program);
        tap_.dropped(&frame, reason, 0, view(frame));
        tap_.end_burst();
    }
    /// One packet in a burst of its own, judged and then sent to port 1.
    void send_one(const Bytes& frame, uint32_t verdict, std::string_view program) {
        tap_.begin_burst(0, 0, kNone);
        tap_.received(&frame, view(frame));
        tap_.judged(0, verdict, Hook::Ingress, program);
        tap_.leaves(&frame, 1, view(frame));
        tap_.end_burst();
    }

    Tap tap_{3};
    std::vector<std::unique_ptr<Lane>> lanes_;
    Lanes published_;
};

}  // namespace weir::dataplane::capture
