// Which helper calls become code, and the short ones. Look-ups of the other kinds have files of
// their own.

#include <cstddef>
#include <optional>
#include <ranges>
#include <vector>

#include "jit/emission.h"
#include "jit/emit_lookup.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
using vm::Op;
namespace x86 = asmjit::x86;

/// Longer keys are rare, and what they cost is the hash, not the call.
constexpr uint32_t kKeyBytesMax = 64;

HelperForm form_of(const vm::ArrayLayout& layout, vm::Map& map) {
    const DirectLookup call{&map, map.lookup_function()};
    if (!fits_imul(layout.stride_bytes) || !fits_imul(layout.plane_bytes)) return call;
    return InlineArrayLookup{layout, vm::is_percpu(map.spec().type)};
}

HelperForm form_of(const vm::HashLayout& layout, vm::Map& map) {
    const DirectLookup call{&map, map.lookup_function()};
    const bool fits = fits_imul(layout.bucket_count) && fits_imul(layout.key_stride) &&
                      fits_imul(layout.value_stride) && fits_imul(layout.plane_bytes);
    if (layout.key_bytes > kKeyBytesMax || !fits) return call;
    return InlineHashLookup{layout, call};
}

HelperForm form_of(const vm::PrefixLayout& layout, vm::Map& map) {
    const DirectLookup call{&map, map.lookup_function()};
    if (!fits_imul(layout.value_stride)) return call;
    return InlinePrefixLookup{layout, call};
}

HelperForm form_of(std::monostate, vm::Map& map) {
    return DirectLookup{&map, map.lookup_function()};
}

/// Programs cannot look into a prog array.
HelperForm form_of(const vm::ProgramSlots&, vm::Map&) {
    return PlainCall{};
}

HelperForm lookup_form(const CompileInput& input, size_t slot) {
    const uint16_t index = input.facts[slot].map;
    if (index == vm::InsnFact::kUnknownMap || index >= input.maps.size()) return PlainCall{};
    vm::Map& map = *input.maps[index];
    // The object file chose the numbers in a layout.
    if (input.options.blind_constants) return DirectLookup{&map, map.lookup_function()};
    return std::visit([&](const auto& layout) { return form_of(layout, map); },
                      map.lookup_layout().kind);
}

/// The others have cases that they leave to the helper.
bool is_whole(vm::HelperId id) {
    return id == vm::HelperId::get_prandom_u32 || id == vm::HelperId::redirect;
}

HelperForm cheap_form(const CompileInput& input, size_t slot) {
    const int64_t id = input.slots[slot].insn.imm;
    for (const vm::HelperId cheap :
         {vm::HelperId::get_prandom_u32, vm::HelperId::redirect, vm::HelperId::csum_diff,
          vm::HelperId::xdp_adjust_head, vm::HelperId::xdp_adjust_meta,
          vm::HelperId::xdp_adjust_tail, vm::HelperId::xdp_get_buff_len}) {
        if (number_of(cheap) == id)
            return CheapHelper{cheap, input.helpers->at(cheap), !is_whole(cheap)};
    }
    return PlainCall{};
}

/// map_lookup_percpu_elem: in kinds without a slot for each cpu it finds nothing.
HelperForm percpu_lookup_form(const CompileInput& input, size_t slot) {
    const uint16_t index = input.facts[slot].map;
    if (index == vm::InsnFact::kUnknownMap || index >= input.maps.size()) return PlainCall{};
    vm::Map& map = *input.maps[index];
    if (!vm::is_percpu(map.spec().type)) return PlainCall{};
    return DirectLookup{&map, map.lookup_function(), true};
}

/// rax: the address of the element, of the first cpu. Goes to `absent` where there is none.
void emit_array_element(Emission& e, const vm::ArrayLayout& layout, const KeyPlace& key,
                        const Label& absent) {
    const std::optional<uint64_t> index = key.known({0, sizeof(uint32_t)});
    if (index && *index < layout.entries) {
        const uint8_t* const element = layout.base + *index * layout.stride_bytes;
        return emit_constant(e, x86::rax, reinterpret_cast<uint64_t>(element));
    }
    emit_key_bytes(e, key, {0, sizeof(uint32_t)}, x86::rax, scratch_b());
    e.a.cmp(x86::eax, Imm(layout.entries));
    e.a.jae(absent);
    emit_scale(e, x86::rax, layout.stride_bytes);
    emit_constant(e, scratch_b(), reinterpret_cast<uint64_t>(layout.base));
    e.a.add(x86::rax, scratch_b());
}

/// r2 points to the index.
void emit_array_lookup(Emission& e, const InlineArrayLookup& lookup, const KeyPlace& key,
                       const LookupExits& exits) {
    const vm::ArrayLayout& layout = lookup.layout;
    const Label absent = e.a.newLabel();
    if (lookup.per_cpu) emit_cpu_plane(e, scratch_c(), layout.planes, layout.plane_bytes, absent);
    emit_array_element(e, layout, key, absent);
    if (lookup.per_cpu) e.a.add(x86::rax, scratch_c());
    if (!exits.falls_to_present) e.a.jmp(exits.present);
    e.detours.push_back([absent, exits](Emission& at) { emit_absent(at, absent, exits); });
}

/// A jump on whether the look-up in front of it found something, with only moves in between.
struct NullCheck {
    size_t jump = 0;    ///< its slot
    size_t target = 0;  ///< where it lands
    bool jumps_if_absent = false;
};

/// Compilers put these between a call and the test of its result: a copy of it, and a constant.
bool is_harmless_move(const vm::DecodedInsn& insn, uint8_t result) {
    if (insn.op == Op::kMov64Reg) return insn.src == result;
    return (insn.op == Op::kMov64Imm || insn.op == Op::kMov32Imm) && insn.dst != result;
}

std::optional<NullCheck> find_null_check(const Emission& e, size_t slot) {
    constexpr size_t kMovesMax = 3;
    if (e.input.facts.empty()) return std::nullopt;
    uint8_t result = 0;
    for (size_t at = slot + 1; at <= slot + 1 + kMovesMax; ++at) {
        if (at >= e.body.function->end || e.analysis.is_jump_target(at) || !e.input.reachable(at))
            return std::nullopt;
        const vm::DecodedInsn& insn = e.input.slots[at].insn;
        if (insn.op == Op::kJeq64Imm || insn.op == Op::kJne64Imm) {
            const vm::InsnFact& fact = e.input.facts[at];
            const bool fits =
                insn.dst == result && insn.imm == 0 && fact.jumps && fact.falls_through;
            if (!fits) return std::nullopt;
            const auto target = static_cast<size_t>(vm::jump_target(insn, at).slot);
            return NullCheck{at, target, insn.op == Op::kJeq64Imm};
        }
        if (!is_harmless_move(insn, result)) return std::nullopt;
        if (insn.op == Op::kMov64Reg) result = insn.dst;
    }
    return std::nullopt;
}

/// Those of the moves in [begin, end) that matter at `next`.
void emit_moves(Emission& e, size_t begin, size_t end, size_t next) {
    RegisterSet live = e.analysis.liveness.before(next);
    std::vector<size_t> needed;
    for (size_t slot = end; slot-- > begin;) {
        const vm::DecodedInsn& insn = e.input.slots[slot].insn;
        if ((live & set_of(insn.dst)) == 0) continue;
        needed.push_back(slot);
        live =
            static_cast<RegisterSet>((live & ~set_of(insn.dst)) | register_use(insn, true).reads);
    }
    for (const size_t slot : needed | std::views::reverse) {
        const vm::DecodedInsn& insn = e.input.slots[slot].insn;
        insn.op == Op::kMov64Reg ? emit_alu_reg(e, insn) : emit_alu_imm(e, insn);
    }
}

/// False if `form` is no look-up in place.
bool emit_lookup(Emission& e, const HelperForm& form, size_t slot, const LookupExits& exits) {
    if (const auto* array = std::get_if<InlineArrayLookup>(&form)) {
        emit_array_lookup(e, *array, KeyPlace::find(e, slot, sizeof(uint32_t)), exits);
        return true;
    }
    if (const auto* hash = std::get_if<InlineHashLookup>(&form)) {
        emit_hash_lookup(e, *hash, KeyPlace::find(e, slot, hash->layout.key_bytes), exits);
        return true;
    }
    if (const auto* prefix = std::get_if<InlinePrefixLookup>(&form)) {
        const uint32_t key_bytes = sizeof(uint32_t) + prefix->layout.address_bytes;
        emit_prefix_lookup(e, *prefix, KeyPlace::find(e, slot, key_bytes), exits);
        return true;
    }
    return false;
}

}  // namespace

HelperForm helper_form(const CompileInput& input, size_t slot) {
    if (input.facts.empty()) return PlainCall{};
    switch (input.slots[slot].insn.imm) {
        case number_of(vm::HelperId::map_lookup_elem): return lookup_form(input, slot);
        case number_of(vm::HelperId::map_lookup_percpu_elem):
            return percpu_lookup_form(input, slot);
        case number_of(vm::HelperId::get_smp_processor_id):
            return EnvField{offsetof(vm::RunEnv, cpu)};
        case number_of(vm::HelperId::get_numa_node_id):
            return EnvField{offsetof(vm::RunEnv, numa_node)};
    }
    return cheap_form(input, slot);
}

bool needs_no_map(const CompileInput& input, size_t slot) {
    if (input.facts.empty()) return false;
    const int64_t id = input.slots[slot].insn.imm;
    if (id != number_of(vm::HelperId::map_lookup_elem) &&
        id != number_of(vm::HelperId::map_lookup_percpu_elem))
        return false;
    return !std::holds_alternative<PlainCall>(helper_form(input, slot));
}

bool emit_inline_helper(Emission& e, size_t slot) {
    const HelperForm form = helper_form(e.input, slot);
    if (const auto* direct = std::get_if<DirectLookup>(&form)) {
        emit_lookup_call(e, *direct);
        return true;
    }
    if (const auto* cheap = std::get_if<CheapHelper>(&form)) {
        emit_cheap_helper(e, *cheap, slot);
        return true;
    }
    if (const auto* field = std::get_if<EnvField>(&form)) {
        e.a.mov(x86::eax, env_field(field->offset));
        return true;
    }
    const Label done = e.a.newLabel();
    if (!emit_lookup(e, form, slot, {done, done})) return false;
    e.a.bind(done);
    return true;
}

size_t emit_lookup_and_jump(Emission& e, size_t slot) {
    const std::optional<NullCheck> check = find_null_check(e, slot);
    if (!check) return 0;
    const Label& target = e.slot_label(static_cast<int64_t>(check->target));
    const bool has_moves = check->jump != slot + 1;
    const Label here = e.a.newLabel(), away = has_moves ? e.a.newLabel() : target;
    const LookupExits exits =
        check->jumps_if_absent ? LookupExits{here, away, true} : LookupExits{away, here, false};
    const HelperForm form = helper_form(e.input, slot);
    const auto* cheap = std::get_if<CheapHelper>(&form);
    const bool done = cheap != nullptr ? emit_cheap_helper_and_jump(e, *cheap, exits)
                                       : emit_lookup(e, form, slot, exits);
    if (!done) return 0;
    e.a.bind(here);
    if (has_moves) {
        emit_moves(e, slot + 1, check->jump, check->jump + 1);
        e.detours.push_back([away, slot, check = *check, target](Emission& at) {
            at.a.bind(away);
            emit_moves(at, slot + 1, check.jump, check.target);
            at.a.jmp(target);
        });
    }
    return check->jump + 1 - slot;
}

}  // namespace weir::jit
