// The usual case of a look-up in the hash kinds, as HashTable::find_at_once (maps/hash_find.h) has
// it: the first slot with the key's tag holds the key, or there is no such slot and no chain. All
// else is left to the map's own function.
//
//   rax       hash, then element, then the value's address
//   rdx       the multiplications' other half, scratch
//   rcx, r8, r9 (rdi)   the key's first words: hashed and compared without being loaded twice
//   rdi       number of the element, where values lie apart from keys
//   r10, r11  scratch while hashing; then bucket, version
//   rsi       the key's address, where it is not on the stack
//
// Order of loads, which is what readers and writers of the table agree on: version, tags, element
// number, key, version again, each an aligned load of eight bytes at most (so the two halves of the
// tags). x86 performs loads in the order of the code (Intel SDM vol. 3, 9.2.2; AMD APM vol. 2,
// 7.1.1), and stores, too; so each load here acquires and each store of a writer releases, as in
// the C++ code. The tag of a present key stays where it is, so no tag and no chain means absent,
// whatever the version. Marks of LRU kinds are relaxed there, and a plain byte here.

#include <algorithm>
#include <array>
#include <bit>

#include "jit/emit_lookup.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

constexpr uint32_t kWordBytes = 8;
constexpr uint64_t kLineBytes = 64;
constexpr Gp kHash = x86::rax, kFactor = x86::rdx, kBucket = x86::r10, kVersion = x86::r11;
constexpr Gp kElement = x86::rdi;
constexpr std::array<Gp, 4> kWordRegisters = {x86::rcx, x86::r8, x86::r9, kElement};

struct HashLookup {
    const vm::HashLayout& layout;
    KeyPlace key;
    Label missing, otherwise;

    uint32_t words() const { return (layout.key_bytes + kWordBytes - 1) / kWordBytes; }
    KeyPiece word(uint32_t i) const {
        return {i * kWordBytes, std::min(kWordBytes, layout.key_bytes - i * kWordBytes)};
    }
    /// Values that lie behind their keys are at a fixed distance from these.
    bool values_apart() const {
        return layout.planes != 0 || layout.marks != nullptr ||
               layout.value_stride != layout.key_stride;
    }
    uint32_t words_kept() const {
        const auto most = static_cast<uint32_t>(kWordRegisters.size());
        return std::min(words(), values_apart() ? most - 1 : most);
    }
};

void emit_xor_constant(Emission& e, const Gp& to, uint64_t value) {
    emit_constant(e, x86::r11, value);
    e.a.xor_(to, x86::r11);
}

void emit_xor_word(Emission& e, const HashLookup& lookup, uint32_t word, const Gp& to) {
    if (word >= lookup.words()) return;
    Gp reg = x86::r10;
    if (word < lookup.words_kept())
        reg = kWordRegisters[word];
    else
        emit_key_bytes(e, lookup.key, lookup.word(word), reg, x86::r11);
    e.a.xor_(to, reg);
}

/// hash = fold(hash * factor), as KeyHash::fold.
void emit_fold(Emission& e) {
    e.a.mul(kFactor);
    e.a.xor_(kHash, kFactor);
}

/// KeyHash::mix of two words; the hash is 0 before the first.
void emit_mix(Emission& e, const HashLookup& lookup, uint32_t word) {
    const auto& secrets = lookup.layout.secrets;
    if (word == 0) {
        emit_constant(e, kFactor, secrets[1]);
        emit_constant(e, kHash, secrets[0]);
    } else {
        e.a.mov(kFactor, kHash);
        e.a.shr(kFactor, Imm(32));
        emit_xor_constant(e, kFactor, secrets[1]);
        emit_xor_constant(e, kHash, secrets[0]);
    }
    emit_xor_word(e, lookup, word, kHash);
    emit_xor_word(e, lookup, word + 1, kFactor);
    emit_fold(e);
}

/// KeyHash of the key. Afterwards the first words are in their registers.
void emit_key_hash(Emission& e, const HashLookup& lookup) {
    for (uint32_t word = 0; word < lookup.words_kept(); ++word)
        emit_key_bytes(e, lookup.key, lookup.word(word), kWordRegisters[word], kHash);
    for (uint32_t word = 0; word < lookup.words(); word += 2) emit_mix(e, lookup, word);
    emit_xor_constant(e, kHash, lookup.layout.secrets[2]);
    emit_constant(e, kFactor, lookup.layout.secrets[3]);
    emit_fold(e);
}

/// HashTable::bucket_index of the hash.
void emit_bucket(Emission& e, const vm::HashLayout& layout) {
    e.a.mov(x86::edx, x86::eax);
    e.a.imul(x86::rdx, x86::rdx, Imm(layout.bucket_count));
    e.a.shr(x86::rdx, Imm(32));
    emit_scale(e, x86::rdx, layout.bucket_stride);
    emit_constant(e, kBucket, reinterpret_cast<uint64_t>(layout.buckets));
    e.a.add(kBucket, x86::rdx);
}

/// edx: two bits for each slot with the hash's tag, at least one slot.
void emit_slots_with_tag(Emission& e, const vm::HashLayout& layout, const Label& missing) {
    const auto tags = static_cast<int32_t>(layout.tags_offset);
    e.a.shr(kHash, Imm(48));
    e.a.or_(x86::eax, Imm(1));
    e.a.movd(x86::xmm0, x86::eax);
    e.a.pshuflw(x86::xmm0, x86::xmm0, Imm(0));
    e.a.punpcklqdq(x86::xmm0, x86::xmm0);
    e.a.movq(x86::xmm1, x86::qword_ptr(kBucket, tags));
    e.a.movhps(x86::xmm1, x86::qword_ptr(kBucket, tags + 8));
    e.a.pcmpeqw(x86::xmm0, x86::xmm1);
    e.a.pmovmskb(x86::edx, x86::xmm0);
    e.a.test(x86::edx, x86::edx);
    e.a.jz(missing);
}

/// The number of the element in the first of the slots.
void emit_element_number(Emission& e, const vm::HashLayout& layout, const Gp& to) {
    e.a.tzcnt(x86::edx, x86::edx);  // of processors without it bsf, which is the same but for 0
    e.a.mov(to.r32(),
            x86::dword_ptr(kBucket, x86::rdx, 1, static_cast<int32_t>(layout.elements_offset)));
}

/// A word that is in no register.
void emit_compare_pieces(Emission& e, const HashLookup& lookup, KeyPiece word, const Gp& stored) {
    const uint32_t end = word.from + word.bytes;
    for (uint32_t from = word.from; from < end;) {
        const KeyPiece piece = lookup.key.piece(from, end);
        const Gp part = sized(x86::rdx, piece.bytes * 8);
        e.a.mov(part, lookup.key.at(from, piece.bytes));
        e.a.cmp(part, x86::ptr(stored, static_cast<int32_t>(from), piece.bytes));
        e.a.jne(lookup.otherwise);
        from += piece.bytes;
    }
}

/// `stored`: the address of the element's key.
void emit_compare_key(Emission& e, const HashLookup& lookup, const Gp& stored) {
    for (uint32_t word = 0; word < lookup.words_kept(); ++word) {
        e.a.cmp(kWordRegisters[word],
                x86::qword_ptr(stored, static_cast<int32_t>(word * kWordBytes)));
        e.a.jne(lookup.otherwise);
    }
    for (uint32_t word = lookup.words_kept(); word < lookup.words(); ++word)
        emit_compare_pieces(e, lookup, lookup.word(word), stored);
}

void emit_compare_version(Emission& e, const HashLookup& lookup) {
    const auto offset = static_cast<int32_t>(lookup.layout.version_offset);
    e.a.cmp(kVersion.r32(), x86::dword_ptr(kBucket, offset));
    e.a.jne(lookup.otherwise);
}

void emit_value_behind_key(Emission& e, const HashLookup& lookup) {
    const vm::HashLayout& layout = lookup.layout;
    emit_element_number(e, layout, x86::rax);
    emit_scale(e, x86::rax, layout.key_stride);
    // The key is in reach of the value's address, which is the one that is wanted in the end.
    const auto distance = layout.values - layout.keys;
    emit_constant(e, x86::rdx, reinterpret_cast<uint64_t>(layout.keys));
    e.a.add(x86::rax, x86::rdx);
    emit_compare_key(e, lookup, x86::rax);
    emit_compare_version(e, lookup);
    e.a.add(x86::rax, Imm(distance));
}

/// LruNodes::mark: a byte that is set already stays as it is, so that its line stays shared.
void emit_mark(Emission& e, const vm::HashLayout& layout) {
    const Label unmarked = e.a.newLabel(), marked = e.a.newLabel();
    const x86::Mem mark = x86::byte_ptr(x86::rdx, kElement);
    emit_constant(e, x86::rdx, reinterpret_cast<uint64_t>(layout.marks));
    e.a.cmp(mark, Imm(0));
    e.a.je(unmarked);
    e.a.bind(marked);
    e.detours.push_back([unmarked, marked, mark](Emission& at) {
        at.a.bind(unmarked);
        at.a.mov(mark, Imm(1));
        at.a.jmp(marked);
    });
}

void emit_value_apart(Emission& e, const HashLookup& lookup, const Label& no_plane) {
    const vm::HashLayout& layout = lookup.layout;
    emit_element_number(e, layout, kElement);
    emit_element(e, x86::rax, layout.keys, kElement, layout.key_stride, x86::rdx);
    emit_compare_key(e, lookup, x86::rax);
    emit_compare_version(e, lookup);
    if (layout.planes != 0)
        emit_cpu_plane(e, x86::r11, layout.planes, layout.plane_bytes, no_plane);
    if (layout.marks != nullptr) emit_mark(e, layout);
    emit_element(e, x86::rax, layout.values, kElement, layout.value_stride, x86::rdx);
    if (layout.planes != 0) e.a.add(x86::rax, x86::r11);
}

/// Keys of elements that lie in one line of the cache with their values.
bool lies_in_one_line(const vm::HashLayout& layout) {
    return layout.key_stride <= kLineBytes && kLineBytes % layout.key_stride == 0;
}

/// kElement: its number.
void emit_value_request(Emission& e, const vm::HashLayout& layout, const Label& nothing) {
    if (layout.planes != 0) emit_cpu_plane(e, x86::r11, layout.planes, layout.plane_bytes, nothing);
    emit_element(e, x86::rax, layout.values, kElement, layout.value_stride, x86::rdx);
    if (layout.planes != 0) e.a.add(x86::rax, x86::r11);
    e.a.prefetcht0(x86::ptr(x86::rax));
    if (layout.marks == nullptr) return;
    emit_constant(e, x86::rdx, reinterpret_cast<uint64_t>(layout.marks));
    e.a.prefetcht0(x86::ptr(x86::rdx, kElement));
}

}  // namespace

void emit_hash_question(Emission& e, const InlineHashLookup& form, const KeyPlace& key) {
    static_assert(kHashQuestionRegisters[0] == kHash && kHashQuestionRegisters[1] == kBucket);
    emit_key_hash(e, HashLookup{form.layout, key, {}, {}});
    emit_bucket(e, form.layout);
    e.a.prefetcht0(x86::ptr(kBucket));
}

void emit_hash_question_on(Emission& e, const InlineHashLookup& form, const Label& nothing) {
    const vm::HashLayout& layout = form.layout;
    emit_slots_with_tag(e, layout, nothing);
    emit_element_number(e, layout, kElement);
    emit_element(e, x86::rax, layout.keys, kElement, layout.key_stride, x86::rdx);
    e.a.prefetcht0(x86::ptr(x86::rax));
    if (HashLookup{layout, {}, {}, {}}.values_apart())
        emit_value_request(e, layout, nothing);
    else if (!lies_in_one_line(layout))
        e.a.prefetcht0(x86::ptr(x86::rax, static_cast<int32_t>(layout.values - layout.keys)));
}

void emit_hash_lookup(Emission& e, const InlineHashLookup& form, const KeyPlace& key,
                      const LookupExits& exits) {
    const vm::HashLayout& layout = form.layout;
    const HashLookup lookup{layout, key, e.a.newLabel(), e.a.newLabel()};
    const Label absent = e.a.newLabel();
    emit_key_hash(e, lookup);
    emit_bucket(e, layout);
    e.a.mov(kVersion.r32(), x86::dword_ptr(kBucket, static_cast<int32_t>(layout.version_offset)));
    emit_slots_with_tag(e, layout, lookup.missing);
    if (lookup.values_apart())
        emit_value_apart(e, lookup, absent);
    else
        emit_value_behind_key(e, lookup);
    if (!exits.falls_to_present) e.a.jmp(exits.present);

    e.detours.push_back([missing = lookup.missing, otherwise = lookup.otherwise, absent, key, exits,
                         chain = static_cast<int32_t>(layout.chain_offset),
                         nothing = layout.no_element, call = form.otherwise](Emission& at) {
        at.a.bind(missing);
        at.a.cmp(x86::dword_ptr(kBucket, chain), Imm(static_cast<int32_t>(nothing)));
        at.a.jne(otherwise);
        emit_absent(at, absent, exits);
        at.a.bind(otherwise);
        emit_direct_call(at, call, key, exits);
    });
}

}  // namespace weir::jit
