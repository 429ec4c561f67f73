#pragma once
// What the receiving device said of a packet, from its mbuf, for the bpf_xdp_metadata_rx_* kfuncs.

#include <rte_mbuf.h>

#include <cstdint>

#include "vm/program/context.h"

namespace weir::dataplane {

class RxMetadata {
public:
    /// Finds where timestamps lie, if a driver registered them (rte_mbuf_dyn.h). After the devices
    /// have started.
    RxMetadata();

    /// The RSS hash with its kind; the timestamp, which is in the driver's units (nanoseconds, if
    /// it has no other); the outermost VLAN tag, also where it was put back into the bytes.
    vm::PacketMetadata of(const rte_mbuf& packet) const;

private:
    int timestamp_offset_ = -1;
    uint64_t timestamp_flag_ = 0;  ///< 0: there are none
};

}  // namespace weir::dataplane
