#pragma once
// Between DPDK's mbuf and the context that a program sees. The fast way is here, for inlining; the
// rare cases are in packet.cc.

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/pool.h"
#include "dataplane/verdict.h"
#include "vm/program/context.h"

namespace weir::dataplane {

/// What the fast way cannot deal with: tags that the device took out, buffers that lie elsewhere.
constexpr uint64_t kUnusualFlags =
    RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;

constexpr bool is_unusual(const rte_mbuf& packet) {
    return packet.nb_segs != 1 || (packet.ol_flags & kUnusualFlags) != 0 ||
           packet.data_len < kFrameBytesMin;
}

/// Puts the VLAN tag into the packet's bytes, and makes one contiguous frame of a packet in several
/// buffers, unless it can stay so for a chain that takes segments. False: it must be dropped for
/// `reason`.
bool make_usual(rte_mbuf& packet, bool takes_segments, DropReason& reason);

/// Fills in what the packet says of its first buffer, which holds at least kFrameBytesMin; ifindex
/// and queue are the caller's.
inline void open_packet(const rte_mbuf& packet, vm::XdpContext& context) {
    auto* buffer = static_cast<uint8_t*>(packet.buf_addr);
    context.data = buffer + packet.data_off;
    context.data_end = context.data + packet.data_len;
    context.data_meta = context.data;
    // A buffer of our pool goes on below its start, in the packet's private area.
    const bool own = (packet.ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) == 0;
    context.frame_start = own ? buffer - kPrivateBytes : buffer;
    context.frame_limit = buffer + packet.buf_len;
}

/// True where close_packet does: the frame begins in the buffer and is all in it.
inline bool lies_as_received(const rte_mbuf& packet, const vm::XdpContext& context) {
    return context.data >= static_cast<uint8_t*>(packet.buf_addr) && context.segments == nullptr;
}

/// Writes back where the frame begins and ends now.
inline void close_packet(rte_mbuf& packet, const vm::XdpContext& context) {
    packet.data_off = static_cast<uint16_t>(context.data - static_cast<uint8_t*>(packet.buf_addr));
    packet.data_len = static_cast<uint16_t>(context.data_end - context.data);
    packet.pkt_len = packet.data_len;
}

/// What became of a packet that does not lie as received.
enum class Closed : uint8_t {
    InPlace,
    Moved,  ///< its head had grown into the private area: moved right, into the buffer
    TooLong
};

/// As close_packet, for every packet.
Closed close_any_packet(rte_mbuf& packet, const vm::XdpContext& context);

/// Gives packets back to their pool. All at once where they are what receivers mostly give: one
/// buffer, one owner, one pool.
inline void free_packets(rte_mbuf** packets, uint32_t count) {
    rte_mempool* pool = packets[0]->pool;
    bool simple = true;
    for (uint32_t i = 0; i < count; ++i) {
        const rte_mbuf& packet = *packets[i];
        simple &= packet.pool == pool && packet.nb_segs == 1 &&
                  rte_mbuf_refcnt_read(&packet) == 1 &&
                  (packet.ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) == 0;
    }
    if (__builtin_expect(simple, 1)) {
        rte_mempool_put_bulk(pool, reinterpret_cast<void**>(packets), count);
    } else {
        rte_pktmbuf_free_bulk(packets, count);
    }
}

/// What a burst has in common.
struct BurstSummary {
    uint64_t bytes = 0;
    uint32_t longest = 0;
    /// Of all packets, where each is one buffer with one owner and nothing of it is unusual; else
    /// nullptr.
    rte_mempool* pool = nullptr;
};

/// Gathers a BurstSummary, without a branch: each packet's fields as two vectors.
class Sifter {
public:
    explicit Sifter(rte_mempool* pool) : pool_(pool) {}

    void add(const rte_mbuf& packet) {
        Words rearm;
        Lengths fields;
        std::memcpy(&rearm, &packet.rearm_data, sizeof rearm);
        std::memcpy(&fields, &packet.rx_descriptor_fields1, sizeof fields);
        const auto halves = reinterpret_cast<Halves>(fields);
        words_ |= rearm;
        sums_ += fields;
        longest_ = halves > longest_ ? halves : longest_;
        shortest_ = halves < shortest_ ? halves : shortest_;
        pools_ |= reinterpret_cast<uintptr_t>(packet.pool) ^ reinterpret_cast<uintptr_t>(pool_);
    }
    BurstSummary summary() const {
        constexpr uint64_t kOneOwnerOneBuffer = 0x0000'0001'0001'0000;  // none has 0 of either
        constexpr uint64_t kOwnersAndBuffers = 0x0000'ffff'ffff'0000;
        constexpr uint32_t kPacketLength = 1, kDataLength = 4;  // in Lengths and in Halves
        const bool is_plain = (words_[0] & kOwnersAndBuffers) == kOneOwnerOneBuffer &&
                              (words_[1] & kUnusualFlags) == 0 && pools_ == 0 &&
                              shortest_[kDataLength] >= kFrameBytesMin;
        return {.bytes = sums_[kPacketLength],
                .longest = longest_[kDataLength],
                .pool = is_plain ? pool_ : nullptr};
    }

private:
    using Words = uint64_t __attribute__((vector_size(16)));    // data_off, refcnt, nb_segs, port;
                                                                // ol_flags
    using Lengths = uint32_t __attribute__((vector_size(16)));  // packet_type, pkt_len, ..., hash
    using Halves = uint16_t __attribute__((vector_size(16)));   // the same; data_len, vlan_tci
    static_assert(offsetof(rte_mbuf, ol_flags) == offsetof(rte_mbuf, rearm_data) + 8);
    static_assert(offsetof(rte_mbuf, pkt_len) == offsetof(rte_mbuf, rx_descriptor_fields1) + 4);
    static_assert(offsetof(rte_mbuf, data_len) == offsetof(rte_mbuf, rx_descriptor_fields1) + 8);

    rte_mempool* pool_;
    Words words_{};
    Lengths sums_{};
    Halves longest_{}, shortest_ = ~longest_;
    uint64_t pools_ = 0;  ///< bits in which any packet's pool differs
};

/// Opens each of `count` packets, not 0, as open_packet does, in one pass without a branch. Where
/// the summary has no pool the contexts must not be used: some packet needs make_usual, or at least
/// a second look. Without room, frame_start and frame_limit are left as they are: only helpers that
/// change packets (vm::Effect::ChangesPacket) read them.
template <bool kWithRoom>
inline BurstSummary open_burst(rte_mbuf* const* packets, uint32_t count, vm::XdpContext* contexts) {
    // Plain moves. Left to itself the compiler gathers two pointers into a vector register first,
    // which takes longer than the two stores.
    const auto keep = [](uint8_t*& field, uint8_t* value) {
        __atomic_store_n(&field, value, __ATOMIC_RELAXED);
    };
    [[maybe_unused]] const uint32_t buffer_bytes =
        packets[0]->buf_len;  // the same for all of a pool
    Sifter sifter(packets[0]->pool);
    for (uint32_t i = 0; i < count; ++i) {
        const rte_mbuf& packet = *packets[i];
        vm::XdpContext& context = contexts[i];
        auto* const buffer = static_cast<uint8_t*>(packet.buf_addr);
        uint8_t* const data = buffer + packet.data_off;
        keep(context.data, data);
        keep(context.data_end, data + packet.data_len);
        keep(context.data_meta, data);
        if constexpr (kWithRoom) {
            keep(context.frame_start, buffer - kPrivateBytes);
            keep(context.frame_limit, buffer + buffer_bytes);
        }
        sifter.add(packet);
    }
    return sifter.summary();
}

/// Gives packets back that a BurstSummary with a pool covers, and that nobody took a reference to
/// since.
inline void free_plain(rte_mempool* pool, rte_mbuf** packets, uint32_t count) {
    rte_mempool_put_bulk(pool, reinterpret_cast<void**>(packets), count);
}

}  // namespace weir::dataplane
