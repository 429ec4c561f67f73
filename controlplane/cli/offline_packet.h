#pragma once
// The memory of one packet of an offline run, laid out as BPF_PROG_TEST_RUN lays it out
// (net/bpf/test_run.c), so that programs see here what they see in a kernel.

#include <array>

#include "vm/base/bytes.h"
#include "vm/base/limits.h"
#include "vm/program/context.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

constexpr uint32_t kPageBytes = 4096;
constexpr uint32_t kXdpFrameBytes = 40;  ///< struct xdp_frame: adjust_head does not reach into it
/// Linear part: a page less headroom and the kernel's tail (struct skb_shared_info). A shorter
/// packet may grow up to here.
constexpr uint32_t kLinearBytes = kPageBytes - kPacketHeadroomBytes - 320;
constexpr uint32_t kFragmentsMax = (kFrameBytesMax - kLinearBytes + kPageBytes - 1) / kPageBytes;
constexpr uint32_t kOfflineIfindex = 1;

/// Reusable; what it gave is valid until the next load.
class OfflinePacket {
public:
    /// For an XDP program: all in the linear part; of a longer frame a program of xdp.frags gets
    /// what is beyond kLinearBytes as fragments of a page. At most kFrameBytesMax bytes.
    vm::XdpContext load_xdp(ByteSpan bytes, bool has_frags);
    /// For a socket filter on a packet tap (AF_PACKET, SOCK_RAW): offset 0 is the MAC header. Any
    /// length.
    vm::SkbContext load_socket(ByteSpan bytes);

private:
    vm::XdpContext lay_out(ByteSpan linear);

    Bytes linear_, fragments_;  ///< grow to what the longest packet needs
    std::array<vm::Segment, kFragmentsMax> segments_;
};

/// The packet as a program left it.
Bytes packet_bytes_of(const vm::XdpContext& context);

}  // namespace weir::controlplane::cli
