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

/// What a store writes, if it is the same in every run.
std::optional<uint64_t> stored_constant(const DecodedInsn& insn, const vm::InsnFact& fact) {
    if (vm::op_info(insn.op).format == Format::StoreImm) return static_cast<uint64_t>(insn.imm);
    return fact.src.least == fact.src.most ? std::optional(fact.src.least) : std::nullopt;
}

/// An instruction that may write the stack by another name than r10.
bool may_write_stack(const DecodedInsn& insn, const vm::InsnFact& fact) {
    switch (vm::op_info(insn.op).format) {
        case Format::Call:
        case Format::CallReg:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return true;
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic:
            return fact.access == vm::PointerKind::None || fact.access == vm::PointerKind::Stack;
        default: return false;
    }
}

uint64_t bits_from(int32_t first, int32_t behind) {
    const auto below = [](int32_t bit) {
        return bit >= 64 ? ~uint64_t{0} : (uint64_t{1} << bit) - 1;
    };
    return first < behind ? below(behind) & ~below(first) : 0;
}

}  // namespace

KeyPlace KeyPlace::find(const Emission& e, size_t slot, uint32_t key_bytes) {
    KeyPlace place;
    const std::optional<int32_t> offset = known_frame_offset(e, slot, kKeyRegister);
    if (!offset) return place;
    place.on_stack_ = true;
    place.offset_ = *offset;
    place.note_stores(e, slot, key_bytes);
    place.note_known(e, slot, key_bytes);
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

/// Looks no further back than to where paths meet.
void KeyPlace::note_known(const Emission& e, size_t slot, uint32_t key_bytes) {
    if (e.input.facts.empty()) return;
    const auto end = static_cast<int32_t>(std::min(key_bytes, kBytesMax));
    uint64_t open = bits_from(0, end);
    for (size_t looks = 0; open != 0 && looks < kLooksBackMax; ++looks) {
        if (slot == e.body.function->begin || e.analysis.joins_paths(slot)) return;
        --slot;
        if (e.input.slots[slot].second_slot) continue;
        if (!e.input.reachable(slot)) return;
        const DecodedInsn& insn = e.input.slots[slot].insn;
        const vm::OpInfo& info = vm::op_info(insn.op);
        if (!is_store(info.format) || insn.dst != kFramePointer) {
            if (may_write_stack(insn, e.input.facts[slot])) return;
            continue;
        }
        const std::optional<uint64_t> value = stored_constant(insn, e.input.facts[slot]);
        const int32_t first = insn.off - offset_, bytes = static_cast<int32_t>(info.bits / 8);
        for (int32_t i = 0; i < bytes; ++i) {
            if (first + i < 0 || first + i >= end) continue;
            settle(first + i, open, value ? std::optional(*value >> (8 * i)) : std::nullopt);
        }
    }
}

/// The last store counts.
void KeyPlace::settle(int32_t byte, uint64_t& open, std::optional<uint64_t> value) {
    const uint64_t bit = bits_from(byte, byte + 1);
    if ((open & bit) == 0) return;
    open &= ~bit;
    if (!value) return;
    known_ |= bit;
    values_[static_cast<size_t>(byte)] = static_cast<uint8_t>(*value);
}

std::optional<uint64_t> KeyPlace::known(KeyPiece bytes) const {
    if (bytes.from + bytes.bytes > kBytesMax) return std::nullopt;
    const auto from = static_cast<int32_t>(bytes.from);
    const uint64_t wanted = bits_from(from, from + static_cast<int32_t>(bytes.bytes));
    if ((known_ & wanted) != wanted) return std::nullopt;
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes.bytes; ++i)
        value |= uint64_t{values_[bytes.from + i]} << (8 * i);
    return value;
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

namespace {

void emit_load_piece(Emission& e, const KeyPlace& key, KeyPiece piece, const Gp& to) {
    if (piece.bytes < 4)
        e.a.movzx(to.r32(), key.at(piece.from, piece.bytes));
    else
        e.a.mov(sized(to, piece.bytes * 8), key.at(piece.from, piece.bytes));
}

/// to |= value, or to = value.
void emit_known_part(Emission& e, const Gp& to, uint64_t value, bool is_all, const Gp& scratch) {
    if (is_all) return emit_constant(e, to, value);
    if (value == 0) return;
    if (value <= INT32_MAX) {
        e.a.or_(to, asmjit::Imm(value));
    } else {
        emit_constant(e, scratch, value);
        e.a.or_(to, scratch);
    }
}

}  // namespace

void emit_key_bytes(Emission& e, const KeyPlace& key, KeyPiece bytes, const Gp& to,
                    const Gp& scratch) {
    const uint32_t end = bytes.from + bytes.bytes;
    uint64_t known_part = 0;
    bool is_known = true;
    for (uint32_t from = bytes.from; from < end;) {
        const KeyPiece piece = key.piece(from, end);
        const uint32_t shift = (from - bytes.from) * 8;
        from += piece.bytes;
        if (const std::optional<uint64_t> value = key.known(piece)) {
            known_part |= *value << shift;
            continue;
        }
        const Gp part = is_known ? to : scratch;
        emit_load_piece(e, key, piece, part);
        if (shift != 0) e.a.shl(part, asmjit::Imm(shift));
        if (!is_known) e.a.or_(to, part);
        is_known = false;
    }
    emit_known_part(e, to, known_part, is_known, scratch);
}

}  // namespace weir::jit
