#pragma once
// Virtual links hand over TCP and UDP whose checksums nobody has computed yet (CHECKSUM_PARTIAL): a
// wire in user space would deliver frames that the receiver throws away. Those frames are
// completed. A sample of received frames is checked, so that the operator can be told of the
// others.

#include <cstdint>
#include <span>

#include "vm/base/bytes.h"

namespace weir::dataplane {

enum class ChecksumState : uint8_t { Absent, Good, Bad };

/// TCP and UDP over IPv4 and IPv6, behind up to two VLAN tags. Absent: other traffic, fragments,
/// extension headers, UDP without a checksum (RFC 768), frames cut short.
ChecksumState check_layer4_checksum(ByteSpan frame);

/// Computes the checksum of such a frame where the sender left it to a device that never came.
/// False, and nothing changed: every other frame, damaged ones included. Not seen: what tunnels
/// carry, SCTP, frames of several buffers.
bool complete_layer4_checksum(std::span<uint8_t> frame);

/// Which received frames are looked at: the first kFirst of a queue, then one of kEvery.
class ChecksumSampler {
public:
    static constexpr uint32_t kFirst = 32;
    static constexpr uint32_t kEvery = 512;

    /// How many of the next `count` frames, from the first, are to be checked now.
    uint32_t take(uint32_t count) {
        if (first_left_ != 0) {
            const uint32_t taken = count < first_left_ ? count : first_left_;
            first_left_ -= taken;
            return taken;
        }
        since_ += count;
        if (since_ < kEvery) return 0;
        since_ = 0;
        return 1;
    }

private:
    uint32_t first_left_ = kFirst;
    uint32_t since_ = 0;
};

}  // namespace weir::dataplane
