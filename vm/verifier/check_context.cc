// The context: fields of struct xdp_md and struct __sk_buff (vm/program/context.h).

#include <fmt/format.h>

#include "vm/program/context.h"
#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

std::expected<ContextAccess, Fault> field_access(const Step& step, const Region& region,
                                                 bool is_store) {
    if (region.pointer.off != 0)
        return fault("context-access", "the context pointer itself cannot be moved");
    const auto allowed =
        context_access({.type = step.env.program.type,
                        .hook = step.env.program.hook,
                        .offset = region.offset,
                        .bytes = region.size,
                        .is_signed = op_info(step.insn.op).name.starts_with("LoadSx"),
                        .is_store = is_store});
    if (!allowed) return fault("context-access", allowed.error().message);
    return *allowed;
}

RegKind packet_pointer(const Step& step, int64_t offset) {
    if (step.is_socket_filter())
        return skb_field_at(offset)->kind == SkbFieldKind::PacketEnd ? RegKind::PacketEnd
                                                                     : RegKind::Packet;
    for (const XdpField& field : kXdpFields) {
        if (offset != int64_t{field.xdp_md_offset}) continue;
        switch (field.kind) {
            case XdpFieldKind::PacketStart: return RegKind::Packet;
            case XdpFieldKind::PacketEnd: return RegKind::PacketEnd;
            case XdpFieldKind::PacketMeta: return RegKind::PacketMeta;
            case XdpFieldKind::Scalar: break;
        }
    }
    return RegKind::Number;
}

}  // namespace

std::expected<Reg, Fault> load_context(Step& step, const Region& region) {
    const auto access = field_access(step, region, false);
    if (!access) return std::unexpected(access.error());
    if (access->is_pointer) return Reg::pointer(packet_pointer(step, region.offset));
    return Reg::scalar(Scalar::below_bits(static_cast<int>(region.size * 8)));
}

Checked store_context(Step& step, const Region& region, const Reg& source) {
    const auto access = field_access(step, region, true);
    if (!access) return std::unexpected(access.error());
    if (source.is_pointer())
        return fault("pointer-leak",
                     fmt::format("{} cannot be stored in the context", kind_words(source)));
    return {};
}

}  // namespace weir::vm::verifier
