#include "tests/unit/dataplane/packet_mutator.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/support/packets.h"
#include "vm/base/limits.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kGrowthMax = 4000;
constexpr uint32_t kPartsMax = 24;
/// Values that lengths, types and offsets change their meaning at.
constexpr auto kEdges = std::to_array<uint8_t>({0x00, 0x01, 0x04, 0x05, 0x06, 0x0f, 0x11, 0x2b,
                                                0x2c, 0x3a, 0x3c, 0x40, 0x45, 0x4f, 0x60, 0x7f,
                                                0x80, 0x81, 0x86, 0x88, 0xa8, 0xdd, 0xfe, 0xff});

void end_of_loan(void* memory, void*) {
    std::free(memory);
}

/// Memory of no pool, as zero-copy receivers lend it. The shared information lies at its end.
bool lend(rte_mbuf& buffer, std::span<const uint8_t> bytes) {
    auto length = static_cast<uint16_t>(bytes.size() + sizeof(rte_mbuf_ext_shared_info) + 64);
    void* memory = std::malloc(length);
    if (memory == nullptr) return false;
    rte_mbuf_ext_shared_info* shared =
        rte_pktmbuf_ext_shinfo_init_helper(memory, &length, end_of_loan, nullptr);
    rte_pktmbuf_attach_extbuf(&buffer, memory, RTE_BAD_IOVA, length, shared);
    std::memcpy(memory, bytes.data(), bytes.size());
    buffer.data_off = 0;
    buffer.data_len = static_cast<uint16_t>(bytes.size());
    buffer.pkt_len = buffer.data_len;
    return true;
}

/// What one buffer of the pool takes.
uint32_t room_of(rte_mempool* pool) {
    return rte_pktmbuf_data_room_size(pool) - uint32_t{RTE_PKTMBUF_HEADROOM};
}

struct BufferCheck {
    rte_mempool* pool;
    uint64_t damaged = 0;
};

void check_buffer(rte_mempool*, void* opaque, void* object, unsigned) {
    auto& check = *static_cast<BufferCheck*>(opaque);
    auto* buffer = static_cast<rte_mbuf*>(object);
    const bool whole = buffer->pool == check.pool && buffer->next == nullptr &&
                       buffer->nb_segs == 1 && rte_mbuf_refcnt_read(buffer) == 1 &&
                       (buffer->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) == 0 &&
                       buffer->buf_addr == rte_mbuf_to_baddr(buffer) &&
                       buffer->buf_len == rte_pktmbuf_data_room_size(check.pool);
    check.damaged += whole ? 0 : 1;
}

}  // namespace

PacketMutator::PacketMutator(uint64_t seed) : random_(seed) {
    for (const auto& list : {tests::test_packets(), tests::runt_packets(), tests::jumbo_packets()})
        for (const tests::TestPacket& packet : list) known_.push_back(packet.bytes);
    known_.emplace_back();
}

/// The head of one packet before the tail of another.
void PacketMutator::splice() {
    const Bytes& other = known_[below(static_cast<uint32_t>(known_.size()))];
    if (other.empty() || bytes_.empty()) return;
    const uint32_t from = below(static_cast<uint32_t>(other.size()));
    bytes_.resize(below(static_cast<uint32_t>(bytes_.size())));
    bytes_.insert(bytes_.end(), other.begin() + from, other.end());
}

void PacketMutator::change() {
    if (bytes_.empty()) return;
    // Headers are where it matters.
    const auto length = static_cast<uint32_t>(bytes_.size());
    const uint32_t at = below(below(2) == 0 ? std::min(length, 80u) : length);
    switch (below(8)) {
        case 0: bytes_[at] ^= static_cast<uint8_t>(1u << below(8)); break;
        case 1: bytes_[at] = static_cast<uint8_t>(random_()); break;
        case 2: bytes_[at] = kEdges[below(kEdges.size())]; break;
        case 3: bytes_.resize(at); break;
        case 4: bytes_.resize(length + below(64), static_cast<uint8_t>(random_())); break;
        case 5: bytes_.erase(bytes_.begin() + at); break;
        case 6: {  // a tag, or another header, in the middle
            const auto tag = std::to_array<uint8_t>({0x81, 0x00, 0x00, kEdges[below(24)]});
            bytes_.insert(bytes_.begin() + at, tag.begin(), tag.end());
            break;
        }
        case 7: splice(); break;
    }
}

const Bytes& PacketMutator::next() {
    bytes_ = known_[below(static_cast<uint32_t>(known_.size()))];
    for (uint32_t changes = below(6); changes != 0; --changes) change();
    if (below(64) == 0) bytes_.resize(bytes_.size() + below(kGrowthMax), 0x5a);
    if (below(64) == 0) bytes_.resize(std::min<size_t>(bytes_.size(), below(kFrameBytesMin + 1)));
    return bytes_;
}

rte_mbuf* PacketMutator::part_of(rte_mempool* pool, std::span<const uint8_t> bytes) {
    rte_mbuf* buffer = rte_pktmbuf_alloc(pool);
    if (buffer == nullptr) return nullptr;
    if (below(256) == 0 && lend(*buffer, bytes)) return buffer;
    char* room = rte_pktmbuf_append(buffer, static_cast<uint16_t>(bytes.size()));
    if (room == nullptr) {
        rte_pktmbuf_free(buffer);
        return nullptr;
    }
    if (!bytes.empty()) std::memcpy(room, bytes.data(), bytes.size());
    return buffer;
}

/// Cut at random places, some of them the same.
rte_mbuf* PacketMutator::chain(rte_mempool* pool, const Bytes& bytes) {
    const auto length = static_cast<uint32_t>(bytes.size());
    const bool long_one = length > room_of(pool);
    std::vector<uint32_t> cuts = {0, length};
    for (uint32_t more = below(below(8) == 0 ? kPartsMax : 4) + long_one; more != 0; --more)
        cuts.push_back(below(below(3) == 0 ? std::min(length, 20u) + 1 : length + 1));
    if (long_one) cuts.push_back(length / 2);
    std::ranges::sort(cuts);
    rte_mbuf* head = nullptr;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
        rte_mbuf* part = part_of(pool, std::span(bytes).subspan(cuts[i], cuts[i + 1] - cuts[i]));
        if (part != nullptr && head == nullptr) {
            head = part;
        } else if (part == nullptr || rte_pktmbuf_chain(head, part) != 0) {
            rte_pktmbuf_free(part);
            rte_pktmbuf_free(head);
            return nullptr;
        }
    }
    return head;
}

rte_mbuf* PacketMutator::wrap(rte_mempool* pool, const Bytes& bytes) {
    const bool fits = bytes.size() <= room_of(pool);
    rte_mbuf* packet = fits && below(3) != 0 ? part_of(pool, bytes) : chain(pool, bytes);
    if (packet == nullptr) return nullptr;
    if (below(128) == 0) {  // shared: the original goes away first
        rte_mbuf* clone = rte_pktmbuf_clone(packet, pool);
        rte_pktmbuf_free(packet);
        if (clone == nullptr) return nullptr;
        packet = clone;
    }
    if (below(32) == 0) {
        packet->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
        packet->vlan_tci = static_cast<uint16_t>(random_());
    }
    if (below(32) == 0) rte_pktmbuf_adj(packet, static_cast<uint16_t>(below(20)));
    return packet;
}

uint64_t damaged_buffers(rte_mempool* pool) {
    BufferCheck check{.pool = pool};
    rte_mempool_obj_iter(pool, check_buffer, &check);
    return check.damaged;
}

}  // namespace weir::dataplane::testing
