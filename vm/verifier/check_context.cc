// The context: six fields of four bytes, read-only (struct xdp_md).

#include <fmt/format.h>

#include "vm/program/context.h"
#include "vm/verifier/checks.h"

namespace weir::vm::verifier {

std::expected<Reg, Fault> load_context(Step& step, const Region& region) {
    if (step.insn.op != Op::kLoad32)
        return fault(
            "context-access",
            fmt::format("context fields are read as u32; this load takes {} bytes at offset {}{}",
                        region.size, region.offset,
                        op_info(step.insn.op).name.starts_with("LoadSx") ? " with a sign" : ""));
    for (const XdpField& field : kXdpFields) {
        if (region.offset != int64_t{field.xdp_md_offset}) continue;
        const auto allowed = context_access({.type = ProgramType::Xdp,
                                             .hook = step.env.program.hook,
                                             .offset = region.offset,
                                             .bytes = 4});
        if (!allowed) return fault("context-access", allowed.error().message);
        switch (field.kind) {
            case XdpFieldKind::PacketStart: return Reg::pointer(RegKind::Packet);
            case XdpFieldKind::PacketEnd: return Reg::pointer(RegKind::PacketEnd);
            case XdpFieldKind::PacketMeta: return Reg::pointer(RegKind::PacketMeta);
            case XdpFieldKind::Scalar: return Reg::scalar(Scalar::below_bits(32));
        }
    }
    return fault("context-access",
                 fmt::format("xdp_md has no field at offset {}; its fields are at 0, 4, … {}",
                             region.offset, kXdpMdBytes - 4));
}

}  // namespace weir::vm::verifier
