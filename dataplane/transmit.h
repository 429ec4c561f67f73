#pragma once
// One worker's way out: a buffer per port, emptied at the end of each round into the device or,
// where another worker owns the device's queue, into a ring to that worker.

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/capture/tap.h"
#include "dataplane/counters.h"

namespace weir::dataplane {

constexpr uint32_t kTxBufferPackets = 256;
constexpr uint32_t kHandoverPackets = 1024;
constexpr uint32_t kHostRingPackets = 1024;  ///< a ring from or to the host's end of a port

/// Where a worker's packets for one port go.
struct TxTarget {
    uint16_t port_id = 0;  ///< DPDK's
    uint16_t queue = 0;
    uint32_t frame_bytes_max = 0;  ///< longer frames are dropped
    rte_ring* handover = nullptr;  ///< to the queue's owner; nullptr: the queue is ours
};
/// What other workers hand over for a port whose queue is ours.
struct TxSource {
    uint32_t port = 0;
    rte_ring* handover = nullptr;
};

struct PacketTrace;

class Transmitter {
public:
    Transmitter(Counters& counters, std::vector<TxTarget> targets, std::vector<TxSource> sources);
    ~Transmitter();  ///< frees what is left; call drain() before
    Transmitter(const Transmitter&) = delete;
    Transmitter& operator=(const Transmitter&) = delete;

    /// Who hears of packets that do not leave, until the next call; nullptr: nobody.
    void tap(capture::Tap* tap) { tap_ = tap; }

    /// Of which packet, noted as having left, it is noted if it is dropped at once, until the next
    /// call; nullptr: of none.
    void record(PacketTrace* trace) { recording_ = trace; }

    /// Takes the packet; a full buffer is emptied first, and a packet without room is dropped and
    /// counted.
    void send(uint32_t port, rte_mbuf* packet) {
        Buffer& buffer = buffers_[port];
        if (__builtin_expect(
                packet->pkt_len > buffer.target.frame_bytes_max || buffer.count == kTxBufferPackets,
                0)) {
            send_slowly(port, packet);
            return;
        }
        buffer.packets[buffer.count++] = packet;
        buffer.bytes += packet->pkt_len;
        pending_ |= 1u << port;
    }

    void send_burst(uint32_t port, std::span<rte_mbuf* const> packets) {
        Buffer& buffer = buffers_[port];
        if (__builtin_expect(buffer.count + packets.size() > kTxBufferPackets, 0)) {
            for (rte_mbuf* packet : packets) send(port, packet);
            return;
        }
        uint64_t bytes = 0;
        uint32_t count = buffer.count;
        for (rte_mbuf* packet : packets) {
            if (__builtin_expect(packet->pkt_len > buffer.target.frame_bytes_max, 0)) {
                send_slowly(port, packet);  // drops it
                continue;
            }
            bytes += packet->pkt_len;
            buffer.packets[count++] = packet;
        }
        buffer.bytes += bytes;
        buffer.count = count;
        pending_ |= 1u << port;
    }

    /// The same where the caller knows how many bytes they are and how long the longest is.
    void send_burst(uint32_t port, std::span<rte_mbuf* const> packets, uint64_t bytes,
                    uint32_t longest) {
        Buffer& buffer = buffers_[port];
        if (__builtin_expect(buffer.count + packets.size() > kTxBufferPackets ||
                                 longest > buffer.target.frame_bytes_max,
                             0)) {
            for (rte_mbuf* packet : packets) send(port, packet);
            return;
        }
        std::copy(packets.begin(), packets.end(), buffer.packets + buffer.count);
        buffer.count += static_cast<uint32_t>(packets.size());
        buffer.bytes += bytes;
        pending_ |= 1u << port;
    }

    /// Takes from other workers' rings and empties the buffers of own queues. True when something
    /// moved.
    bool flush_devices();
    /// Hands over what other workers must send. Call after Counters::publish, which then has
    /// counted these packets as handed out before their taker can count them as taken.
    void flush_handovers();
    /// At the end of a worker's life: tries for a moment, then drops the rest as `shutdown`.
    void drain();

private:
    struct Buffer {
        TxTarget target;
        uint32_t count = 0;
        uint64_t bytes = 0;
        uint64_t stalled_since_tsc = 0;  ///< 0: not stalled
        uint64_t handed = 0;             ///< to others, ever
        uint64_t taken = 0;              ///< from others, ever
        rte_mbuf* packets[kTxBufferPackets];
    };

    void send_slowly(uint32_t port, rte_mbuf* packet);
    void flush_device(uint32_t port);
    bool take_handovers();
    void give_up(uint32_t port, DropReason reason);
    void drop(uint32_t port, rte_mbuf* packet, DropReason reason);
    void keep_rest(Buffer& buffer, uint32_t sent);
    void note_in_flight(uint32_t port);

    Counters& counters_;
    capture::Tap* tap_ = nullptr;
    PacketTrace* recording_ = nullptr;
    std::vector<Buffer> buffers_;
    std::vector<TxSource> sources_;
    uint32_t pending_ = 0;  ///< bit per port whose buffer holds packets
    uint64_t stall_bound_tsc_;
};

}  // namespace weir::dataplane
