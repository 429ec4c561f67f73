// Helpers that are a few instructions long, in place of a call: vm/helpers/core.cc, packet.cc and
// checksum.cc say what they do. Here is the usual case; for the others, errors included, the helper
// itself is called with the arguments as they were. r0 to r5 are theirs, and what is scratch
// between instructions.

#include <cstddef>

#include "jit/emission.h"
#include "jit/emit_lookup.h"
#include "jit/known_value.h"
#include "vm/base/limits.h"
#include "vm/program/context.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
using vm::HelperId;
namespace x86 = asmjit::x86;

constexpr uint32_t kWordBytes = 4;
/// Of csum_diff, each side: an IPv4 header without options, more than an IPv6 address.
constexpr uint64_t kSumBytesMax = 20;

x86::Mem context_field(size_t offset) {
    return x86::qword_ptr(reg64(1), static_cast<int32_t>(offset));
}

constexpr size_t kData = offsetof(vm::XdpContext, data);
constexpr size_t kDataEnd = offsetof(vm::XdpContext, data_end);
constexpr size_t kDataMeta = offsetof(vm::XdpContext, data_meta);
constexpr size_t kFrameStart = offsetof(vm::XdpContext, frame_start);

void emit_prandom(Emission& e) {
    const x86::Mem state = env_field(offsetof(vm::RunEnv, prandom_state), 8);
    const Gp x = x86::rax, shifted = x86::rdx;
    e.a.mov(x, state);
    const auto mix = [&](bool left, int bits) {
        e.a.mov(shifted, x);
        left ? e.a.shl(shifted, Imm(bits)) : e.a.shr(shifted, Imm(bits));
        e.a.xor_(x, shifted);
    };
    mix(false, 12);
    mix(true, 25);
    mix(false, 27);
    e.a.mov(state, x);
    emit_constant(e, shifted, 0x2545F4914F6CDD1Du);
    e.a.imul(x, shifted);
    e.a.shr(x, Imm(32));
}

void emit_redirect(Emission& e) {
    const Label done = e.a.newLabel();
    e.a.xor_(x86::eax, x86::eax);  // XDP_ABORTED
    e.a.test(reg64(2), reg64(2));
    e.a.short_().jne(done);
    e.a.mov(env_field(offsetof(vm::RunEnv, redirect_ifindex)), reg64(1).r32());
    // The number may be kRedirectByMap.
    e.a.mov(env_field(offsetof(vm::RunEnv, redirect_to) + offsetof(vm::Redirect, map), 8), Imm(0));
    e.a.mov(x86::eax, Imm(vm::XDP_REDIRECT));
    e.a.bind(done);
}

/// Pointers lie in the lower half of the address space, and offsets have 32 bits: sums and
/// differences compare as signed numbers.
void emit_adjust_head(Emission& e, const Label& otherwise) {
    const Gp start = x86::rax, limit = x86::rdx;
    e.a.movsxd(reg64(2), reg64(2).r32());
    e.a.mov(start, context_field(kData));
    e.a.cmp(start, context_field(kDataMeta));
    e.a.jne(otherwise);  // metadata would have to move
    e.a.add(start, reg64(2));
    e.a.cmp(start, context_field(kFrameStart));
    e.a.jl(otherwise);
    e.a.mov(limit, context_field(kDataEnd));
    e.a.sub(limit, Imm(kFrameBytesMin));
    e.a.cmp(start, limit);
    e.a.jg(otherwise);
    e.a.mov(context_field(kDataMeta), start);
    e.a.mov(context_field(kData), start);
    e.a.xor_(x86::eax, x86::eax);
}

void emit_adjust_meta(Emission& e, const Label& otherwise) {
    constexpr uint32_t kMetaBytesMax = 255, kMetaAlignBytes = 4;
    const Gp start = x86::rax, bytes = x86::rdx;
    e.a.movsxd(reg64(2), reg64(2).r32());
    e.a.mov(start, context_field(kDataMeta));
    e.a.add(start, reg64(2));
    e.a.cmp(start, context_field(kFrameStart));
    e.a.jl(otherwise);
    e.a.mov(bytes, context_field(kData));
    e.a.sub(bytes, start);
    e.a.cmp(bytes, Imm(kMetaBytesMax));
    e.a.ja(otherwise);  // negative ones, too
    e.a.test(bytes.r8(), Imm(kMetaAlignBytes - 1));
    e.a.jnz(otherwise);
    e.a.mov(context_field(kDataMeta), start);
    e.a.xor_(x86::eax, x86::eax);
}

void emit_if_in_one_piece(Emission& e, const Label& otherwise) {
    e.a.cmp(x86::dword_ptr(reg64(1), offsetof(vm::XdpContext, segment_count)), Imm(0));
    e.a.jne(otherwise);
}

/// Shorter or the same: growing means to write zeroes.
void emit_adjust_tail(Emission& e, const Label& otherwise) {
    const Gp end = x86::rax, least = x86::rdx;
    emit_if_in_one_piece(e, otherwise);
    e.a.movsxd(reg64(2), reg64(2).r32());
    e.a.test(reg64(2), reg64(2));
    e.a.jg(otherwise);
    e.a.mov(end, context_field(kDataEnd));
    e.a.add(end, reg64(2));
    e.a.mov(least, context_field(kData));
    e.a.add(least, Imm(kFrameBytesMin));
    e.a.cmp(end, least);
    e.a.jl(otherwise);
    e.a.mov(context_field(kDataEnd), end);
    e.a.xor_(x86::eax, x86::eax);
}

void emit_get_buff_len(Emission& e, const Label& otherwise) {
    emit_if_in_one_piece(e, otherwise);
    e.a.mov(x86::rax, context_field(kDataEnd));
    e.a.sub(x86::rax, context_field(kData));
}

/// One's complement sum of the words at `from` on top of `sum`, which holds 32 bits before and
/// after.
void emit_sum(Emission& e, const Gp& sum, const Gp& from, uint64_t bytes) {
    const Gp word = x86::r10;
    for (uint32_t at = 0; at < bytes; at += kWordBytes) {
        e.a.mov(word.r32(), x86::dword_ptr(from, static_cast<int32_t>(at)));
        e.a.add(sum, word);
    }
    if (bytes == 0) return;
    e.a.mov(word, sum);
    e.a.shr(word, Imm(32));
    e.a.add(sum.r32(), word.r32());
    e.a.adc(sum.r32(), Imm(0));
}

/// sum = its two halves added, twice: 16 bits.
void emit_fold(Emission& e, const Gp& sum) {
    for (int i = 0; i < 2; ++i) {
        e.a.movzx(x86::r10d, sum.r16());
        e.a.shr(sum.r32(), Imm(16));
        e.a.add(sum.r32(), x86::r10d);
    }
}

void emit_csum_diff(Emission& e, uint64_t old_bytes, uint64_t new_bytes) {
    const Gp sum = x86::rax, old_sum = x86::r11, seed = reg64(5);
    e.a.mov(sum.r32(), seed.r32());
    if (old_bytes != 0 && new_bytes == 0) {
        e.a.not_(sum.r32());
        emit_sum(e, sum, reg64(1), old_bytes);
        e.a.not_(sum.r32());
    } else {
        emit_sum(e, sum, reg64(3), new_bytes);
    }
    if (old_bytes != 0 && new_bytes != 0) {
        e.a.xor_(old_sum.r32(), old_sum.r32());
        emit_sum(e, old_sum, reg64(1), old_bytes);
        e.a.not_(old_sum.r32());
        e.a.add(sum.r32(), old_sum.r32());
        e.a.adc(sum.r32(), Imm(0));
    }
    emit_fold(e, sum);
}

/// Of whole words and few.
bool emit_known_csum_diff(Emission& e, size_t slot) {
    const std::optional<uint64_t> old_bytes = known_constant(e, slot, 2);
    const std::optional<uint64_t> new_bytes = known_constant(e, slot, 4);
    const auto fits = [](const std::optional<uint64_t>& bytes) {
        return bytes && *bytes <= kSumBytesMax && *bytes % kWordBytes == 0;
    };
    if (!fits(old_bytes) || !fits(new_bytes)) return false;
    emit_csum_diff(e, *old_bytes, *new_bytes);
    return true;
}

bool says_zero(HelperId id) {
    return id == HelperId::xdp_adjust_head || id == HelperId::xdp_adjust_meta ||
           id == HelperId::xdp_adjust_tail;
}

/// The usual case in place; falls through with the result in rax.
void emit_usual_case(Emission& e, const CheapHelper& helper, const LookupExits& exits) {
    const Label otherwise = e.a.newLabel();
    switch (helper.id) {
        case HelperId::xdp_adjust_head: emit_adjust_head(e, otherwise); break;
        case HelperId::xdp_adjust_meta: emit_adjust_meta(e, otherwise); break;
        case HelperId::xdp_adjust_tail: emit_adjust_tail(e, otherwise); break;
        case HelperId::xdp_get_buff_len: emit_get_buff_len(e, otherwise); break;
        default: WEIR_CHECK(!"a helper with a usual case");
    }
    e.detours.push_back([otherwise, exits, function = helper.function](Emission& at) {
        at.a.bind(otherwise);
        emit_plain_call(at, function);
        emit_exit(at, exits);
    });
}

}  // namespace

void emit_cheap_helper(Emission& e, const CheapHelper& helper, size_t slot) {
    if (helper.id == HelperId::get_prandom_u32) return emit_prandom(e);
    if (helper.id == HelperId::redirect) return emit_redirect(e);
    if (helper.id == HelperId::csum_diff) {
        if (!emit_known_csum_diff(e, slot)) emit_plain_call(e, helper.function);
        return;
    }
    const Label done = e.a.newLabel();
    emit_usual_case(e, helper, {done, done});
    e.a.bind(done);
}

bool emit_cheap_helper_and_jump(Emission& e, const CheapHelper& helper, const LookupExits& exits) {
    if (!says_zero(helper.id)) return false;
    emit_usual_case(e, helper, exits);
    if (exits.falls_to_present) e.a.jmp(exits.absent);
    return true;
}

}  // namespace weir::jit
