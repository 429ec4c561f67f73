// Fields of struct __sk_buff, and what a program may do with its context.

#include "vm/program/context.h"

#include <fmt/format.h>

namespace weir::vm {
namespace {

constexpr std::string_view kNoSocket = "is known only to a socket of the host";
constexpr std::string_view kNotForFilters = "is not for socket filters";

constexpr uint32_t kFrameBytes = sizeof(XdpContext);

constexpr SkbField field(std::string_view name, uint32_t offset, uint32_t native_offset) {
    return {name, offset, 4, native_offset, SkbFieldKind::Scalar, {}};
}
constexpr SkbField zero(std::string_view name, uint32_t offset) {
    return field(name, offset, offsetof(SkbContext, zero));
}
constexpr SkbField refused(std::string_view name, uint32_t offset, uint32_t bytes,
                           std::string_view why) {
    return {name, offset, bytes, 0, SkbFieldKind::Refused, why};
}

/// By offset. A packet off the wire has its VLAN tags in its bytes, and no mark, priority, traffic
/// class or segmentation offload: those fields are 0.
constexpr auto kSkbFields = std::to_array<SkbField>({
    field("len", 0, offsetof(SkbContext, len)),
    field("pkt_type", 4, offsetof(SkbContext, pkt_type)),
    zero("mark", 8),
    field("queue_mapping", 12, offsetof(SkbContext, queue_mapping)),
    field("protocol", 16, offsetof(SkbContext, protocol_be16)),
    zero("vlan_present", 20),
    zero("vlan_tci", 24),
    zero("vlan_proto", 28),
    zero("priority", 32),
    field("ingress_ifindex", 36, offsetof(XdpContext, ingress_ifindex)),
    field("ifindex", 40, offsetof(SkbContext, ifindex)),
    zero("tc_index", 44),
    {"cb", 48, 20, offsetof(SkbContext, cb), SkbFieldKind::Scratch, {}},
    field("hash", 68, offsetof(SkbContext, hash)),
    refused("tc_classid", 72, 4, kNotForFilters),
    {"data", 76, 4, offsetof(XdpContext, data), SkbFieldKind::PacketStart, {}},
    {"data_end", 80, 4, offsetof(XdpContext, data_end), SkbFieldKind::PacketEnd, {}},
    refused("napi_id", 84, 4, kNoSocket),
    refused("family", 88, 4, kNoSocket),
    refused("remote_ip4", 92, 4, kNoSocket),
    refused("local_ip4", 96, 4, kNoSocket),
    refused("remote_ip6", 100, 16, kNoSocket),
    refused("local_ip6", 116, 16, kNoSocket),
    refused("remote_port", 132, 4, kNoSocket),
    refused("local_port", 136, 4, kNoSocket),
    refused("data_meta", 140, 4, kNotForFilters),
    refused("flow_keys", 144, 8, kNotForFilters),
    refused("tstamp", 152, 8, kNotForFilters),
    refused("wire_len", 160, 4, kNotForFilters),
    zero("gso_segs", 164),
    refused("sk", 168, 8, kNoSocket),
    zero("gso_size", 176),
    refused("tstamp_type", 180, 1, kNotForFilters),
    refused("hwtstamp", 184, 8, kNotForFilters),
});
static_assert(offsetof(SkbContext, len) >= kFrameBytes);

constexpr bool are_in_order() {
    for (size_t i = 1; i < kSkbFields.size(); ++i)
        if (kSkbFields[i].offset < kSkbFields[i - 1].offset + kSkbFields[i - 1].bytes) return false;
    return kSkbFields.back().offset + kSkbFields.back().bytes <= kSkbBytes;
}
static_assert(are_in_order());

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::kRejected, std::move(message));
}

std::string words(const ContextRequest& request) {
    return fmt::format("{} of {} byte{}{} at offset {}", request.is_store ? "store" : "load",
                       request.bytes, request.bytes == 1 ? "" : "s",
                       request.is_signed ? " with a sign" : "", request.offset);
}

const XdpField* xdp_field_at(int64_t offset) {
    for (const XdpField& each : kXdpFields)
        if (offset >= each.xdp_md_offset && offset < int64_t{each.xdp_md_offset} + 4) return &each;
    return nullptr;
}

Result<ContextAccess> xdp_access(const ContextRequest& request) {
    const XdpField* found = xdp_field_at(request.offset);
    if (found == nullptr)
        return refuse(fmt::format("{}: xdp_md has no field there, its size is {}", words(request),
                                  kXdpMdBytes));
    if (request.is_store)
        return refuse(
            fmt::format("{}: field {} of xdp_md is read-only", words(request), found->name));
    const bool is_pointer = found->kind != XdpFieldKind::Scalar;
    if (request.bytes != 4 || request.offset != found->xdp_md_offset ||
        (request.is_signed && is_pointer))
        return refuse(fmt::format("{}: field {} of xdp_md is read as u32 at offset {}",
                                  words(request), found->name, found->xdp_md_offset));
    if (found->name == "egress_ifindex" && request.hook != XdpHook::Devmap)
        return refuse(fmt::format(
            "{}: field egress_ifindex of xdp_md is known only to programs of section xdp/devmap",
            words(request)));
    return ContextAccess{found->native_offset, found->native_bytes, is_pointer};
}

/// As bpf_skb_is_valid_access: aligned to its size; stores go to cb alone, whole words outside of
/// it.
Result<ContextAccess> skb_access(const ContextRequest& request) {
    const SkbField* found = skb_field_at(request.offset);
    if (found == nullptr)
        return refuse(fmt::format("{}: __sk_buff has no field there", words(request)));
    const auto bad = [&](std::string_view why) {
        return refuse(
            fmt::format("{}: field {} of __sk_buff {}", words(request), found->name, why));
    };
    if (found->kind == SkbFieldKind::Refused) return bad(found->why);
    if (request.is_store && found->kind != SkbFieldKind::Scratch) return bad("is read-only");
    const auto inside = static_cast<uint32_t>(request.offset - found->offset);
    if (request.offset % request.bytes != 0) return bad("is read and written aligned");
    if (inside + request.bytes > found->bytes)
        return bad(fmt::format("ends at offset {}", found->offset + found->bytes));
    if (found->kind == SkbFieldKind::PacketStart || found->kind == SkbFieldKind::PacketEnd) {
        if (request.bytes != 4 || request.is_signed) return bad("is read as u32");
        return ContextAccess{found->native_offset, sizeof(uint8_t*), true};
    }
    return ContextAccess{found->native_offset + inside, request.bytes, false};
}

}  // namespace

const SkbField* skb_field_at(int64_t offset) {
    for (const SkbField& each : kSkbFields)
        if (offset >= each.offset && offset < int64_t{each.offset} + each.bytes) return &each;
    return nullptr;
}

Result<ContextAccess> context_access(const ContextRequest& request) {
    switch (request.type) {
        case ProgramType::Xdp: return xdp_access(request);
        case ProgramType::SocketFilter: return skb_access(request);
    }
    return refuse("a program of unknown type has no context");
}

}  // namespace weir::vm
