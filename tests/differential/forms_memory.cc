// Loads, stores, atomics and wide immediates: every base register in every kind of memory.

#include <algorithm>
#include <array>

#include "tests/differential/forms_parts.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr uint8_t kFrame = 10;

enum class Area { Map, StackByFrame, StackByCopy, Packet };
constexpr std::array kAreas = {Area::Map, Area::StackByFrame, Area::StackByCopy, Area::Packet};
constexpr int32_t kCopyAt = -256;  ///< where a copy of r10 points to

/// Offsets that an access of up to eight bytes has room for on both sides. Encodings change at 127
/// and 128; a multiple of the size on the stack.
std::vector<int16_t> offsets_of(Area area, uint32_t bytes) {
    std::vector<int16_t> all;
    switch (area) {
        case Area::Map:
            all = {0,     1,  7,  8,    120,  126,  127,  128,  129,  255,    256,   32760,
                   32767, -1, -8, -120, -127, -128, -129, -136, -256, -32767, -32768};
            return all;
        case Area::StackByFrame:
            all = {-72, -120, -121, -124, -128, -136, -130, -256, -441, -448};
            break;
        case Area::StackByCopy: all = {0, 8, 2, 1, 120, 127, 128, 136, -8, -128, -136, -192}; break;
        case Area::Packet: all = {112, 119, 120, 126, 127, 128, 129, 160, 184}; return all;
    }
    std::erase_if(all, [bytes](int16_t off) { return off % static_cast<int>(bytes) != 0; });
    return all;
}

/// Where eight bytes around [off, off + bytes) may be read, `off` being an access's.
int16_t wide_offset(Area area, int16_t off) {
    if (area == Area::Packet) return std::min(off, int16_t{184});
    if (area == Area::Map) return std::min(off, int16_t{32760});
    return static_cast<int16_t>(off & ~7);
}

/// Makes `base` point to an area; r10 is it already.
void put_base(InsnWriter& w, Area area, uint8_t base) {
    switch (area) {
        case Area::Map: w.load64(base, kFrame, kFormMemorySlot); return;
        case Area::StackByFrame: return;
        case Area::StackByCopy: w.mov_reg(base, kFrame).add(base, kCopyAt); return;
        case Area::Packet: w.load64(base, kFrame, kFormPacketSlot); return;
    }
}

/// No address may be left.
void forget(InsnWriter& w, uint8_t base) {
    if (base != kFrame) w.mov(base, 0);
}

uint32_t bytes_of(Op op) {
    return vm::op_info(op).bits / 8u;
}

struct Place {
    Area area;
    uint8_t base, other;
    int16_t off;
};

/// Every pair of registers with one offset after the other, and two pairs with all of them.
template <typename Take>
void for_places(uint32_t bytes, bool with_packet, Take take) {
    for (const Area area : kAreas) {
        if (area == Area::Packet && !with_packet) continue;
        const std::vector<int16_t> offsets = offsets_of(area, bytes);
        size_t turn = 0;
        const bool by_frame = area == Area::StackByFrame;
        for (uint8_t base = by_frame ? kFrame : 0; base < (by_frame ? 11 : kFormRegisters); ++base)
            for (uint8_t other = 0; other < kFormRegisters; ++other)
                take(Place{area, base, other, offsets[turn++ % offsets.size()]});
        for (const int16_t off : offsets) {
            take(Place{area, by_frame ? kFrame : uint8_t{7}, 2, off});
            take(Place{area, by_frame ? kFrame : uint8_t{2}, 9, off});
        }
    }
}

Form load_form(Op op, const Place& place) {
    InsnWriter w;
    put_base(w, place.area, place.base);
    w.put(op, place.other, place.base, place.off);
    if (place.other != place.base) forget(w, place.base);
    return make_form(w, place.other, place.other);
}

/// Reads back around what was written.
Form store_form(const vm::Insn& store, const Place& place) {
    const uint8_t read = other_register(place.base, place.other);
    InsnWriter w;
    put_base(w, place.area, place.base);
    w.append({store}).load64(read, place.base, wide_offset(place.area, place.off));
    forget(w, place.base);
    return make_form(w, place.other, place.other);
}

/// A in memory, B in the register, C in r0 (what compare-and-exchange compares with).
Form atomic_form(Op op, const Place& place) {
    const uint8_t old = other_register(place.base, place.other, 0);
    InsnWriter w;
    put_base(w, place.area, place.base);
    w.store64(place.base, place.off, old).put(op, place.base, place.other, place.off);
    w.load64(old, place.base, place.off);
    forget(w, place.base);
    Form form = make_form(w, old, place.other);
    if (place.other != 0) form.operands[0] = Operand::C;
    return form;
}

}  // namespace

std::vector<Form> load_forms(Op op) {
    std::vector<Form> forms;
    for_places(bytes_of(op), true,
               [&](const Place& place) { forms.push_back(load_form(op, place)); });
    return forms;
}

std::vector<Form> store_forms(Op op) {
    const bool immediate = vm::op_info(op).format == vm::Format::StoreImm;
    std::vector<Form> forms;
    size_t turn = 0;
    for_places(bytes_of(op), true, [&](const Place& place) {
        if (place.base == place.other) return;  // would write an address
        const int32_t imm = form_immediates()[turn++ % form_immediates().size()];
        const vm::Insn store = immediate ? make_insn(op, place.base, 0, place.off, imm)
                                         : make_insn(op, place.base, place.other, place.off);
        forms.push_back(store_form(store, place));
    });
    return forms;
}

std::vector<Form> atomic_forms(Op op) {
    const bool loads = vm::op_info(op).spelling == "load_acquire";
    const bool stores = vm::op_info(op).spelling == "store_release";
    const bool compares = vm::op_info(op).spelling == "cmpxchg";
    std::vector<Form> forms;
    // Aligned as eight bytes are: the old value is written whole. Offsets of the map that are not
    // are left out.
    for_places(8, false, [&](const Place& place) {
        if (place.off % 8 != 0 || (place.base == place.other && !loads)) return;
        if (compares && place.base == 0) return;  // would compare with an address
        if (loads)
            forms.push_back(load_form(op, place));
        else if (stores)
            forms.push_back(store_form(make_insn(op, place.base, place.other, place.off), place));
        else
            forms.push_back(atomic_form(op, place));
    });
    return forms;
}

/// Addresses are not shown, what lies there is.
std::vector<Form> wide_forms(Op op) {
    constexpr int32_t kLookup = 1;
    std::vector<Form> forms;
    for (uint8_t dst = 0; dst < kFormRegisters; ++dst) {
        for (const uint64_t value : form_values()) {
            if (op != Op::kLoadImm64) break;
            forms.push_back(make_form(InsnWriter().load_imm64(dst, value), dst, dst));
        }
        for (const int32_t off : {0, 4, 127, 128, 40'000, kFormMemoryBytes - 8}) {
            if (op != Op::kLoadMapValue) break;
            InsnWriter w;
            w.load_map_value(dst, kFormMemory, off).load64(dst, dst, 0);
            forms.push_back(make_form(w, dst, dst));
        }
        if (op != Op::kLoadMap) continue;
        InsnWriter w;
        w.load_map(dst, kFormMemory).put(Op::kStoreImm64, kFrame, 0, -24, 0).mov_reg(1, dst);
        w.mov_reg(2, kFrame).add(2, -24).call(kLookup).put(Op::kJeq64Imm, 0, 0, 1, 0);
        w.load64(0, 0, 8);
        for (uint8_t i = 1; i <= 5; ++i) w.mov(i, 0);
        if (dst > 5) w.mov(dst, 0);
        forms.push_back(make_form(w, dst, dst));
    }
    return forms;
}

}  // namespace weir::tests
