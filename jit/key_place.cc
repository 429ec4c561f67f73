#include "jit/key_place.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "jit/known_value.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
namespace x86 = asmjit::x86;

constexpr uint8_t kKeyRegister = 2;

bool is_store(Format format) {
    return format == Format::StoreImm || format == Format::StoreReg;
}

}  // namespace

KeyPlace KeyPlace::find(const Emission& e, size_t slot, uint32_t key_bytes) {
    KeyPlace place;
    const std::optional<int32_t> offset = known_frame_offset(e, slot, kKeyRegister);
    if (!offset) return place;
    place.on_stack_ = true;
    place.offset_ = *offset;
    place.note_stores(e, slot, key_bytes);
    return place;
}

/// From the call backwards the first store that covers a byte is taken for the one that wrote it,
/// whatever way the program may take.
void KeyPlace::note_stores(const Emission& e, size_t slot, uint32_t key_bytes) {
    const auto end = static_cast<int32_t>(std::min(key_bytes, kBytesMax));
    std::array<size_t, kBytesMax> writers{};
    int32_t left = end;
    for (size_t looks = 0; left > 0 && looks < kLooksBackMax && slot > e.body.function->begin;
         ++looks) {
        --slot;
        if (!e.input.reachable(slot)) continue;
        const DecodedInsn& insn = e.input.slots[slot].insn;
        const vm::OpInfo& info = vm::op_info(insn.op);
        if (!is_store(info.format) || insn.dst != kFramePointer) continue;
        const int32_t first = std::max(insn.off - offset_, 0);
        const int32_t behind =
            std::min(insn.off - offset_ + static_cast<int32_t>(info.bits / 8), end);
        for (int32_t byte = first; byte < behind; ++byte) {
            size_t& writer = writers[static_cast<size_t>(byte)];
            if (writer != 0) continue;
            writer = slot + 1;
            --left;
        }
    }
    for (uint32_t byte = 1; byte < static_cast<uint32_t>(end); ++byte)
        if (writers[byte] != writers[byte - 1]) begins_ |= uint64_t{1} << byte;
}

x86::Mem KeyPlace::at(uint32_t byte, uint32_t bytes) const {
    const auto within = static_cast<int32_t>(byte);
    return on_stack_ ? x86::ptr(reg64(kFramePointer), offset_ + within, bytes)
                     : x86::ptr(reg64(kKeyRegister), within, bytes);
}

KeyPiece KeyPlace::piece(uint32_t from, uint32_t end) const {
    uint32_t bytes = std::min(end - from, 8u);
    if (from + 1 < kBytesMax && begins_ >> (from + 1) != 0)
        bytes = std::min(bytes, static_cast<uint32_t>(std::countr_zero(begins_ >> (from + 1))) + 1);
    return {from, std::bit_floor(bytes)};
}

void emit_key_bytes(Emission& e, const KeyPlace& key, KeyPiece bytes, const Gp& to,
                    const Gp& scratch) {
    const uint32_t end = bytes.from + bytes.bytes;
    for (uint32_t from = bytes.from; from < end;) {
        const KeyPiece piece = key.piece(from, end);
        const bool is_first = from == bytes.from;
        const Gp part = is_first ? to : scratch;
        if (piece.bytes < 4)
            e.a.movzx(part.r32(), key.at(from, piece.bytes));
        else
            e.a.mov(sized(part, piece.bytes * 8), key.at(from, piece.bytes));
        if (!is_first) {
            e.a.shl(part, asmjit::Imm((from - bytes.from) * 8));
            e.a.or_(to, part);
        }
        from += piece.bytes;
    }
}

}  // namespace weir::jit
