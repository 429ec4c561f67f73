#pragma once
// Look-ups as code: what the emitters of the kinds share.

#include <array>

#include "jit/emission.h"
#include "jit/inline_helper.h"
#include "jit/key_place.h"

namespace weir::jit {

/// Where the program goes on, with the value's address in rax or with 0. Code falls through to what
/// the caller binds behind it; the other one, if it is another, is behind a jump.
struct LookupExits {
    asmjit::Label present, absent;
    bool falls_to_present = true;

    bool is_one() const { return present.id() == absent.id(); }
};

/// `reg` *= factor, for a factor that fits_imul.
void emit_scale(Emission& e, const Gp& reg, uint64_t factor);
/// Multiplying by an immediate of 32 bits must do.
constexpr bool fits_imul(uint64_t factor) {
    return factor <= INT32_MAX;
}
/// to = base + index * stride. `scratch` is neither of the two.
void emit_element(Emission& e, const Gp& to, const void* base, const Gp& index, uint64_t stride,
                  const Gp& scratch);
/// `plane` = where this cpu's values lie behind those of cpu 0; goes to `missing` if the cpu has
/// none.
void emit_cpu_plane(Emission& e, const Gp& plane, uint32_t planes, uint64_t plane_bytes,
                    const asmjit::Label& missing);
/// Goes to where the result in rax belongs.
void emit_exit(Emission& e, const LookupExits& exits);
/// Behind the function's code: absent without a call.
void emit_absent(Emission& e, const asmjit::Label& here, const LookupExits& exits);
/// The call of a kind's own function; r2 holds the key, and r3 the cpu if that is given.
void emit_lookup_call(Emission& e, const DirectLookup& lookup);
/// Behind the function's code: the call that decides. r2 need not hold the key if it is on the
/// stack.
void emit_direct_call(Emission& e, const DirectLookup& lookup, const KeyPlace& key,
                      const LookupExits& exits);

// emit_hash_lookup.cc
void emit_hash_lookup(Emission& e, const InlineHashLookup& lookup, const KeyPlace& key,
                      const LookupExits& exits);
/// The steps of vm::LookupSteps in place: requests the bucket of the key.
void emit_hash_question(Emission& e, const InlineHashLookup& lookup, const KeyPlace& key);
/// With all registers that count as emit_hash_question left them: requests the first element that
/// the bucket suggests, or goes to `nothing`.
void emit_hash_question_on(Emission& e, const InlineHashLookup& lookup,
                           const asmjit::Label& nothing);
/// The registers that count: the hash, and the bucket's address.
constexpr std::array<Gp, 2> kHashQuestionRegisters = {asmjit::x86::rax, asmjit::x86::r10};

// emit_cheap_helpers.cc
/// A helper that gives 0 where all is well, which counts as absent here. False: it is another.
bool emit_cheap_helper_and_jump(Emission& e, const CheapHelper& helper, const LookupExits& exits);

// emit_prefix_lookup.cc
void emit_prefix_lookup(Emission& e, const InlinePrefixLookup& lookup, const KeyPlace& key,
                        const LookupExits& exits);
/// Whether the steps of vm::LookupSteps are worth code here: the table is large, the key lies on
/// the stack and has its full length.
bool has_prefix_questions(const InlinePrefixLookup& lookup, const KeyPlace& key);
/// Requests the slot of the key.
void emit_prefix_question(Emission& e, const InlinePrefixLookup& lookup, const KeyPlace& key);
/// Requests the value that the slot leads to, or goes to `nothing`; to `otherwise` where it leads
/// on.
void emit_prefix_question_on(Emission& e, const InlinePrefixLookup& lookup, const KeyPlace& key,
                             const asmjit::Label& nothing, const asmjit::Label& otherwise);

}  // namespace weir::jit
