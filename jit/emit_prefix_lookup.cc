// The usual case of a look-up by longest prefix, as LpmFib::find (maps/lpm_fib_find.h) has it: the
// key has its full length, and the slot of the first table that its address leads to is an entry.
// All else is left to the map's own function.
//
//   rax       the entry, then the value's address
//   rcx       index into the tables
//   rdx       slot of the larger table, scratch
//   r10, r11  scratch
//
// Slots are read one after the other, the larger table's first, by loads of four bytes, which
// acquire on x86; a writer's stores release, and each change that one address can see is one store.

#include "jit/emit_lookup.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

constexpr uint32_t kLengthBytes = 4;  ///< the prefix length in front of the address
constexpr uint32_t kLargeTableBits = 24;

void emit_check_length(Emission& e, const KeyPlace& key, uint32_t bits, const Label& otherwise) {
    if (key.known({0, kLengthBytes}) == bits) return;
    emit_key_bytes(e, key, {0, kLengthBytes}, x86::rax, x86::rcx);
    e.a.cmp(x86::eax, Imm(bits));
    e.a.jne(otherwise);
}

/// ecx: the address's first `bits` bits, most significant first.
void emit_table_index(Emission& e, const KeyPlace& key, uint32_t bits) {
    const uint32_t bytes = bits == 24 ? 4 : bits / 8;
    emit_key_bytes(e, key, {kLengthBytes, bytes}, x86::rcx, x86::rax);
    if (bits == 8) return;
    if (bits == 16) {
        e.a.rol(x86::cx, Imm(8));
        return;
    }
    e.a.bswap(x86::ecx);
    e.a.shr(x86::ecx, Imm(32 - bits));
}

void emit_load_slot(Emission& e, const Gp& to, const uint32_t* table) {
    emit_constant(e, x86::r10, reinterpret_cast<uint64_t>(table));
    e.a.mov(to.r32(), x86::dword_ptr(x86::r10, x86::rcx, 2));
}

/// eax: the entry, or 0. Flags say which.
void emit_entry(Emission& e, const vm::PrefixLayout& layout, const Label& otherwise) {
    emit_load_slot(e, layout.root != nullptr ? x86::rdx : x86::rax, layout.table);
    if (layout.root == nullptr) {
        e.a.cmp(x86::eax, Imm(layout.entry_max));
        e.a.ja(otherwise);
    } else {
        e.a.shr(x86::ecx, Imm(layout.table_bits - 8));
        emit_load_slot(e, x86::rax, layout.root);
        e.a.cmp(x86::edx, Imm(layout.entry_max));
        e.a.ja(otherwise);
        e.a.test(x86::edx, x86::edx);
        e.a.cmovnz(x86::eax, x86::edx);  // random addresses would make a branch guess wrong
    }
}

}  // namespace

void emit_prefix_lookup(Emission& e, const InlinePrefixLookup& form, const KeyPlace& key,
                        const LookupExits& exits) {
    const vm::PrefixLayout& layout = form.layout;
    const Label otherwise = e.a.newLabel();
    emit_check_length(e, key, layout.address_bytes * 8, otherwise);
    emit_table_index(e, key, layout.table_bits);
    emit_entry(e, layout, otherwise);
    if (exits.is_one()) {
        emit_element(e, x86::rdx, layout.values, x86::rax, layout.value_stride, x86::r10);
        e.a.test(x86::eax, x86::eax);
        e.a.cmovnz(x86::rax, x86::rdx);
    } else {
        e.a.test(x86::eax, x86::eax);
        e.a.jz(exits.absent);
        emit_element(e, x86::rax, layout.values, x86::rax, layout.value_stride, x86::r10);
        if (!exits.falls_to_present) e.a.jmp(exits.present);
    }
    e.detours.push_back([otherwise, key, exits, call = form.otherwise](Emission& at) {
        at.a.bind(otherwise);
        emit_direct_call(at, call, key, exits);
    });
}

bool has_prefix_questions(const InlinePrefixLookup& form, const KeyPlace& key) {
    return form.layout.table_bits == kLargeTableBits && key.is_on_stack() &&
           key.known({0, kLengthBytes}) == form.layout.address_bytes * 8;
}

void emit_prefix_question(Emission& e, const InlinePrefixLookup& form, const KeyPlace& key) {
    emit_table_index(e, key, form.layout.table_bits);
    emit_constant(e, x86::r10, reinterpret_cast<uint64_t>(form.layout.table));
    e.a.prefetcht0(x86::ptr(x86::r10, x86::rcx, 2));
}

void emit_prefix_question_on(Emission& e, const InlinePrefixLookup& form, const KeyPlace& key,
                             const Label& nothing, const Label& otherwise) {
    const vm::PrefixLayout& layout = form.layout;
    emit_table_index(e, key, layout.table_bits);
    emit_entry(e, layout, otherwise);
    e.a.test(x86::eax, x86::eax);
    e.a.jz(nothing);
    emit_element(e, x86::rax, layout.values, x86::rax, layout.value_stride, x86::r10);
    e.a.prefetcht0(x86::ptr(x86::rax));
}

}  // namespace weir::jit
