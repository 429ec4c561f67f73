// Any bytes as a classic program and a packet: refused with the instruction's number, or converted
// to what the verifier accepts and every engine runs to libpcap's result.
//
// Input: a byte of flags, the number of instructions, the instructions, the packet. With the first
// flag the instructions are bent into shape first, so that more than a few inputs get past the
// check; the second chooses where the length on the wire comes from.

#include <algorithm>
#include <cstring>

#include "tests/fuzz/fuzz.h"
#include "tests/support/classic_filter.h"
#include "vm/base/check.h"
#include "vm/cbpf/reference.h"

namespace {

using namespace weir;
using vm::cbpf::ClassicInsn;
using vm::cbpf::Form;

constexpr uint8_t kBendFlag = 1, kMetadataFlag = 2;

void bend(ClassicInsn& insn, size_t left) {
    insn.code = vm::cbpf::kClassicOps[insn.code % vm::cbpf::kClassicOps.size()].code;
    const auto room = static_cast<uint8_t>(std::min<size_t>(left, 255));
    insn.jt = static_cast<uint8_t>(insn.jt % room);
    insn.jf = static_cast<uint8_t>(insn.jf % room);
    switch (vm::cbpf::classic_op(insn.code)->form) {
        case Form::Jump: insn.k %= room; break;
        case Form::Store:
        case Form::StoreX:
        case Form::LoadScratch:
        case Form::LoadXScratch: insn.k %= vm::cbpf::kScratchWords; break;
        case Form::ShiftConstant: insn.k %= 32; break;
        case Form::DivideConstant: insn.k |= 1; break;
        case Form::LoadAbsolute:
        case Form::LoadIndexed:
        case Form::LoadXHeader:
            if (insn.k >> 24 != 0) insn.k &= 0x3f;
            break;
        default: break;
    }
}

std::vector<ClassicInsn> read_insns(ByteSpan bytes, bool bends) {
    std::vector<ClassicInsn> insns(bytes.size() / sizeof(ClassicInsn));
    if (!insns.empty())
        std::memcpy(static_cast<void*>(insns.data()), bytes.data(),
                    insns.size() * sizeof(ClassicInsn));
    if (!bends) return insns;
    for (size_t pc = 0; pc < insns.size(); ++pc) bend(insns[pc], insns.size() - pc);
    insns.push_back({0x16, 0, 0, 0});
    return insns;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const ByteSpan input = ByteSpan(data, size).subspan(2);
    const size_t insn_bytes =
        std::min(data[1] * sizeof(ClassicInsn), input.size() / sizeof(ClassicInsn) * 8);
    const ByteSpan packet = input.subspan(insn_bytes);
    const auto program =
        vm::cbpf::check(read_insns(input.first(insn_bytes), (data[0] & kBendFlag) != 0));
    if (!program) {
        WEIR_CHECK(program.error().message.find("instruction") != std::string::npos);
        return 0;
    }
    const bool metadata = (data[0] & kMetadataFlag) != 0;
    auto filter =
        tests::ConvertedFilter::make(*program, metadata ? vm::cbpf::LengthSource::Metadata
                                                        : vm::cbpf::LengthSource::PacketBytes);
    WEIR_CHECK(filter.has_value());
    const auto wire_bytes = static_cast<uint32_t>(packet.size() + (metadata ? data[1] : 0));
    const uint32_t wanted = vm::cbpf::run_reference(*program, packet, wire_bytes);
    WEIR_CHECK(filter->run(packet, wire_bytes).are(wanted));
    return 0;
}
