#include <cstddef>
#include <optional>

#include "jit/emission.h"
#include "jit/inline_helper.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

x86::Mem env_cpu() {
    return x86::dword_ptr(env_register(), offsetof(vm::RunEnv, cpu));
}

/// Multiplying by an immediate of 32 bits must do.
bool fits_imul(uint64_t factor) {
    return factor <= INT32_MAX;
}

HelperForm lookup_form(const CompileInput& input, size_t slot) {
    const uint16_t index = input.facts[slot].map;
    if (index == vm::InsnFact::kUnknownMap || index >= input.maps.size()) return PlainCall{};
    const vm::Map& map = *input.maps[index];
    const std::optional<vm::ArrayLayout> layout = map.array_layout();
    if (!layout) return DirectLookup{map.lookup_function()};
    if (!fits_imul(layout->stride_bytes) || !fits_imul(layout->plane_bytes)) return PlainCall{};
    return InlineArrayLookup{*layout, vm::is_percpu(map.spec().type)};
}

/// reg *= factor, for a factor that fits_imul.
void emit_scale(Emission& e, const Gp& reg, uint64_t factor) {
    if ((factor & (factor - 1)) == 0)
        e.a.shl(reg, Imm(__builtin_ctzll(factor)));
    else
        e.a.imul(reg, reg, Imm(factor));
}

/// Adds the start of this cpu's plane to rax; a cpu without a plane finds nothing.
void emit_cpu_plane(Emission& e, const vm::ArrayLayout& layout, const Label& missing) {
    e.a.mov(scratch_c().r32(), env_cpu());
    e.a.cmp(scratch_c().r32(), Imm(layout.planes));
    e.a.jae(missing);
    emit_scale(e, scratch_c(), layout.plane_bytes);
    e.a.add(x86::rax, scratch_c());
}

/// r2 points to the index.
void emit_array_lookup(Emission& e, const InlineArrayLookup& lookup) {
    const vm::ArrayLayout& layout = lookup.layout;
    const Label missing = e.a.newLabel(), done = e.a.newLabel();
    e.a.mov(x86::eax, x86::dword_ptr(reg64(2)));
    e.a.cmp(x86::eax, Imm(layout.entries));
    e.a.jae(missing);
    emit_scale(e, x86::rax, layout.stride_bytes);
    if (lookup.per_cpu) emit_cpu_plane(e, layout, missing);
    emit_constant(e, scratch_b(), reinterpret_cast<uint64_t>(layout.base));
    e.a.add(x86::rax, scratch_b());
    e.a.short_().jmp(done);
    e.a.bind(missing);
    e.a.xor_(x86::eax, x86::eax);
    e.a.bind(done);
}

/// LookupFn(map in r1, key in r2, cpu): the third argument is r3's register, which the call
/// scratches anyway.
void emit_direct_lookup(Emission& e, const DirectLookup& lookup) {
    e.a.mov(reg64(3).r32(), env_cpu());
    e.a.call(Imm(reinterpret_cast<uint64_t>(lookup.function)));
}

}  // namespace

HelperForm helper_form(const CompileInput& input, size_t slot) {
    if (input.facts.empty()) return PlainCall{};
    switch (input.slots[slot].insn.imm) {
        case number_of(vm::HelperId::map_lookup_elem): return lookup_form(input, slot);
        case number_of(vm::HelperId::get_smp_processor_id):
            return EnvField{offsetof(vm::RunEnv, cpu)};
        case number_of(vm::HelperId::get_numa_node_id):
            return EnvField{offsetof(vm::RunEnv, numa_node)};
    }
    return PlainCall{};
}

bool emit_inline_helper(Emission& e, size_t slot) {
    const HelperForm form = helper_form(e.input, slot);
    if (const auto* array = std::get_if<InlineArrayLookup>(&form)) {
        emit_array_lookup(e, *array);
        return true;
    }
    if (const auto* direct = std::get_if<DirectLookup>(&form)) {
        emit_direct_lookup(e, *direct);
        return true;
    }
    if (const auto* field = std::get_if<EnvField>(&form)) {
        e.a.mov(x86::eax, x86::dword_ptr(env_register(), static_cast<int32_t>(field->offset)));
        return true;
    }
    return false;
}

}  // namespace weir::jit
