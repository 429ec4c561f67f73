#pragma once
// What the programs of jit_bench see: 32 frames that a first-level cache holds, and the contents of
// their maps.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vm/program/context.h"

namespace weir::perf {

constexpr size_t kFrameCount = 32;
constexpr size_t kFrameBytes = 118;  ///< Ethernet, IPv4, TCP, 64 bytes
constexpr size_t kFrameHeadroomBytes = 64;

/// Frame `number` of 32: mostly TCP, to ports and from networks that rules know or not. One has a
/// wrong checksum, some have an empty line in what they carry.
std::array<uint8_t, kFrameBytes> frame_of(uint32_t number);

/// All of them, as they are before the first run.
class FrameSet {
public:
    FrameSet();
    FrameSet(const FrameSet&) = delete;
    FrameSet& operator=(const FrameSet&) = delete;

    std::span<vm::XdpContext> contexts() { return contexts_; }
    std::vector<uint8_t> bytes_of(size_t number) const {
        return {contexts_[number].data, contexts_[number].data_end};
    }

private:
    struct alignas(64) Memory {
        std::array<uint8_t, kFrameHeadroomBytes + kFrameBytes> bytes;
    };
    std::array<Memory, kFrameCount> memory_{};
    std::array<vm::XdpContext, kFrameCount> contexts_;
};

struct MapEntry {
    std::string map;
    std::vector<uint8_t> key, value;
};

/// Verdicts for half of the frames' flows among a table of others, and 1000 routes, some to them.
std::vector<MapEntry> map_contents();

}  // namespace weir::perf
