#pragma once
// What a program sees of a packet: the kernel's struct xdp_md on the outside, this struct at run
// time. Loads from xdp_md are rewritten one for one into loads from XdpContext
// (VerifiedProgram::code), as the kernel does in xdp_convert_ctx_access (net/core/filter.c).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::vm {

enum XdpVerdict : uint32_t {
    XDP_ABORTED = 0,
    XDP_DROP = 1,
    XDP_PASS = 2,
    XDP_TX = 3,
    XDP_REDIRECT = 4
};

/// "XDP_DROP"; a value that is no verdict counts as XDP_ABORTED.
constexpr std::string_view verdict_name(uint32_t verdict) {
    constexpr std::array<std::string_view, 5> kNames = {"XDP_ABORTED", "XDP_DROP", "XDP_PASS",
                                                        "XDP_TX", "XDP_REDIRECT"};
    return verdict < kNames.size() ? kNames[verdict] : kNames[XDP_ABORTED];
}

/// What the receiving device said of a packet beside its bytes (the bpf_xdp_metadata_rx_* kfuncs).
struct PacketMetadata {
    bool has_hash = false, has_timestamp = false, has_vlan_tag = false;
    uint32_t hash = 0;
    uint32_t hash_type = 0;  ///< enum xdp_rss_hash_type
    uint64_t timestamp_ns = 0;
    uint16_t vlan_protocol_be16 = 0;
    uint16_t vlan_tci = 0;
};

/// One fragment of a packet behind its first, linear part (compare skb_frag_t).
struct Segment {
    uint8_t* data = nullptr;
    uint32_t bytes = 0;
    uint32_t bytes_max = 0;  ///< adjust_tail lets the last one grow up to here
};

/// One packet for one run. Owned by the worker; valid for the burst. Invariant:
/// frame_start <= data_meta <= data <= data_end <= frame_limit.
/// Only a program of xdp.frags is given segments; helpers shorten and drop them from the end.
struct XdpContext {
    uint8_t* data;
    uint8_t* data_end;
    uint8_t* data_meta;
    uint8_t* frame_start;  ///< adjust_head and adjust_meta reach down to here
    uint8_t* frame_limit;  ///< adjust_tail reaches up to here
    uint32_t ingress_ifindex;
    uint32_t rx_queue_index;
    uint32_t egress_ifindex;
    uint32_t segment_count = 0;
    Segment* segments = nullptr;
    const PacketMetadata* metadata = nullptr;  ///< nullptr: the device says nothing
};

/// What a socket filter sees (the kernel's struct __sk_buff), as far as a packet tap can fill it
/// truly: a packet off the wire has no mark, priority, socket or segmentation offload.
/// The frame comes first: helpers of both program types take either for the packet.
struct SkbContext {
    XdpContext frame;  ///< data: where the filter's offset 0 is (the MAC header on a tap)
    uint32_t len = 0;
    uint32_t pkt_type = 0;  ///< PACKET_HOST, PACKET_BROADCAST, …
    uint32_t queue_mapping = 0;
    uint32_t protocol_be16 = 0;  ///< EtherType in network order
    uint32_t ifindex = 0;
    uint32_t hash = 0;
    uint32_t zero = 0;  ///< fields that are always 0 here
    std::array<uint32_t, 5> cb{};
    int32_t network_offset = 0;  ///< from data to the network header
    int32_t mac_offset = 0;  ///< from data to the MAC header; negative where data lies behind it
    /// Nothing else may lie where __sk_buff's fields have their addresses (kSkbBytes).
    std::array<uint32_t, 16> padding{};
};

enum class XdpFieldKind : uint8_t { PacketStart, PacketEnd, PacketMeta, Scalar };

struct XdpField {
    std::string_view name;
    uint32_t xdp_md_offset;  ///< all fields of xdp_md are u32 and read-only
    uint32_t native_offset;  ///< in XdpContext
    uint32_t native_bytes;
    XdpFieldKind kind;
};

constexpr std::array<XdpField, 6> kXdpFields = {{
    {"data", 0, offsetof(XdpContext, data), 8, XdpFieldKind::PacketStart},
    {"data_end", 4, offsetof(XdpContext, data_end), 8, XdpFieldKind::PacketEnd},
    {"data_meta", 8, offsetof(XdpContext, data_meta), 8, XdpFieldKind::PacketMeta},
    {"ingress_ifindex", 12, offsetof(XdpContext, ingress_ifindex), 4, XdpFieldKind::Scalar},
    {"rx_queue_index", 16, offsetof(XdpContext, rx_queue_index), 4, XdpFieldKind::Scalar},
    {"egress_ifindex", 20, offsetof(XdpContext, egress_ifindex), 4, XdpFieldKind::Scalar},
}};
constexpr uint32_t kXdpMdBytes = 24;

enum class SkbFieldKind : uint8_t {
    Scalar,       ///< read-only number; a load may take a part of it
    Scratch,      ///< cb: the program's own
    PacketStart,  ///< read as u32, gives the packet's pointer
    PacketEnd,
    Refused,  ///< this program type has it not, or no tap can fill it
};

struct SkbField {
    std::string_view name;
    uint32_t offset;  ///< in struct __sk_buff (include/uapi/linux/bpf.h)
    uint32_t bytes;
    uint32_t native_offset;  ///< in SkbContext
    SkbFieldKind kind;
    std::string_view why;  ///< Refused
};

constexpr uint32_t kSkbBytes = 192;
static_assert(sizeof(SkbContext) >= kSkbBytes && offsetof(SkbContext, frame) == 0);

/// The field of __sk_buff that covers this byte, or nullptr: padding, or outside.
const SkbField* skb_field_at(int64_t offset);

/// What one load or store of a context field does at run time.
struct ContextAccess {
    uint32_t native_offset = 0;  ///< in XdpContext or SkbContext
    uint32_t native_bytes = 0;   ///< of the access: 8 where the field is a pointer
    bool is_pointer = false;     ///< into the packet
};

struct ContextRequest {
    ProgramType type = ProgramType::Xdp;
    XdpHook hook = XdpHook::Device;
    int64_t offset = 0;  ///< in xdp_md or __sk_buff
    uint32_t bytes = 0;
    bool is_signed = false;  ///< LoadSx
    bool is_store = false;
};

/// The rules of xdp_is_valid_access and sk_filter_is_valid_access (net/core/filter.c), but that a
/// filter may also read data and data_end. Refused by field name.
Result<ContextAccess> context_access(const ContextRequest& request);

}  // namespace weir::vm
