#pragma once
// A packet of 9,000 bytes as BPF_PROG_TEST_RUN of Linux 6.18 gives it to a program of xdp.frags:
// 3,520 bytes in the linear part, then pages.

#include <vector>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {

class SegmentsFrame : public Frame {
public:
    static constexpr uint32_t kPageBytes = 4096, kPacketBytes = 9'000;

    SegmentsFrame() : Frame(kHeadToLimitBytes), pages_(2 * kPageBytes) {
        constexpr uint32_t kLastBytes = kPacketBytes - kHeadToLimitBytes - kPageBytes;
        segments_[0] = {pages_.data(), kPageBytes, kPageBytes};
        segments_[1] = {pages_.data() + kPageBytes, kLastBytes, kPageBytes};
        for (uint32_t i = 0; i < kPageBytes; ++i)
            pages_[i] = static_cast<uint8_t>(kHeadToLimitBytes + i);
        for (uint32_t i = 0; i < segments_[1].bytes; ++i)
            segments_[1].data[i] = static_cast<uint8_t>(kHeadToLimitBytes + kPageBytes + i);
        context.segments = segments_.data();
        context.segment_count = 2;
    }

private:
    std::vector<uint8_t> pages_;
    std::array<Segment, 2> segments_;
};

}  // namespace weir::vm
