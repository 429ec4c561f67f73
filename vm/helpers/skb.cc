// Copies out of a socket filter's packet: net/core/filter.c, bpf_skb_load_bytes. After an error the
// buffer is zero there and here.

#include <cerrno>
#include <cstring>

#include "vm/helpers/groups.h"
#include "vm/helpers/segments.h"

namespace weir::vm {
namespace {

constexpr uint32_t kSkbOffsetMax = INT32_MAX;
constexpr uint32_t kStartMac = 0, kStartNet = 1;  ///< enum bpf_hdr_start_off

const SkbContext& skb_of(uint64_t r1) {
    return *reinterpret_cast<const SkbContext*>(r1);
}

uint64_t clear(void* to, uint32_t bytes) {
    std::memset(to, 0, bytes);
    return error_value(-EFAULT);
}

uint64_t skb_load_bytes(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t, RunEnv&) {
    const XdpContext& frame = skb_of(r1).frame;
    const auto offset = static_cast<uint32_t>(r2), bytes = static_cast<uint32_t>(r4);
    auto* const to = reinterpret_cast<uint8_t*>(r3);
    if (offset > kSkbOffsetMax || uint64_t{offset} + bytes > packet_bytes(frame))
        return clear(to, bytes);
    copy_from_packet(frame, offset, to, bytes);
    return 0;
}

/// Sees the linear part only, up to its end; what lies in front of the filter's data counts where
/// the header starts there.
uint64_t skb_load_bytes_relative(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
                                 RunEnv&) {
    const SkbContext& skb = skb_of(r1);
    const auto offset = static_cast<uint32_t>(r2), bytes = static_cast<uint32_t>(r4);
    const auto start = static_cast<uint32_t>(r5);
    auto* const to = reinterpret_cast<uint8_t*>(r3);
    if (offset > kPacketOffsetMax || (start != kStartMac && start != kStartNet))
        return clear(to, bytes);
    const int64_t from = int64_t{start == kStartMac ? skb.mac_offset : skb.network_offset} + offset;
    const int64_t lowest = skb.frame.frame_start - skb.frame.data;
    if (from < lowest || from + int64_t{bytes} > skb.frame.data_end - skb.frame.data)
        return clear(to, bytes);
    std::memmove(to, skb.frame.data + from, bytes);
    return 0;
}

}  // namespace

void add_skb_helpers(HelperTable& table) {
    set(table, HelperId::skb_load_bytes, skb_load_bytes);
    set(table, HelperId::skb_load_bytes_relative, skb_load_bytes_relative);
}

}  // namespace weir::vm
