#include "vm/verifier/step.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::vm::verifier {

Checked Env::note_access(uint32_t pc, PointerKind kind) {
    constexpr uint8_t kSeen = 1, kDiffers = 4;
    InsnFact& fact = facts[pc];
    if ((fact_known[pc] & kSeen) == 0) {
        fact_known[pc] |= kSeen;
        fact.access = kind;
        return {};
    }
    if (fact.access == kind && (fact_known[pc] & kDiffers) == 0) return {};
    if (fact.access == PointerKind::Context || kind == PointerKind::Context)
        return fault("mixed-access",
                     "this instruction reads the context on one path and other memory on another; "
                     "give each path its own load");
    fact_known[pc] |= kDiffers;
    fact.access = PointerKind::None;
    return {};
}

void Env::note_map(uint32_t pc, const Reg& map) {
    constexpr uint8_t kSeen = 2;
    InsnFact& fact = facts[pc];
    const uint16_t index = map.inner ? InsnFact::kUnknownMap : map.map;
    const uint32_t key_bytes = map_of(program, map).key_bytes;
    if ((fact_known[pc] & kSeen) == 0) {
        fact.map = index;
        fact.key_bytes = key_bytes;
    } else {
        if (fact.map != index) fact.map = InsnFact::kUnknownMap;
        if (fact.key_bytes != key_bytes) fact.key_bytes = 0;
    }
    fact_known[pc] |= kSeen;
}

void Env::note_alignment(uint32_t pc, bool is_aligned) {
    constexpr uint8_t kSeen = 8;
    InsnFact& fact = facts[pc];
    fact.is_aligned = is_aligned && (fact.is_aligned || (fact_known[pc] & kSeen) == 0);
    fact_known[pc] |= kSeen;
}

void Env::note_branch(uint32_t pc, bool jumps, bool falls_through) {
    facts[pc].jumps = facts[pc].jumps || jumps;
    facts[pc].falls_through = facts[pc].falls_through || falls_through;
}

void Env::note_callback(uint32_t caller, uint32_t callee) {
    std::vector<uint32_t>& known = callbacks[caller];
    if (std::ranges::find(known, callee) == known.end()) known.push_back(callee);
}

void Env::note_root(const Root& root) {
    if (std::ranges::find(roots, root) == roots.end()) roots.push_back(root);
}

Checked check_not_void(const Reg& reg, std::string_view where) {
    if (reg.kind != RegKind::Uninit) return {};
    if (reg.ref != 0)
        return fault("reference",
                     fmt::format("{} is read, but what it pointed to was given back", where));
    if (reg.length_off != 0)
        return fault("invalid-pointer",
                     fmt::format("{} is read, but it was a slice that may lie in a buffer on the "
                                 "stack, which was written or has ended since",
                                 where));
    return {};
}

std::expected<Reg*, Fault> readable_reg(const Step& step, uint8_t index) {
    Reg& reg = step.reg(index);
    if (reg.kind != RegKind::Uninit) return &reg;
    if (const Checked there = check_not_void(reg, fmt::format("r{}", index)); !there)
        return std::unexpected(there.error());
    return fault("uninitialized",
                 fmt::format("r{} is read but holds nothing on this path; write it first "
                             "(calls clear r0 to r5)",
                             index));
}

std::expected<Reg*, Fault> scalar_reg(const Step& step, uint8_t index, std::string_view what) {
    const auto reg = readable_reg(step, index);
    if (reg && !(*reg)->is_scalar())
        return fault("pointer-leak", fmt::format("{} takes a number, but r{} is {}", what, index,
                                                 kind_words(**reg)));
    return reg;
}

Checked writable_reg(uint8_t index) {
    if (index == kFramePointer)
        return fault("frame-pointer", "r10 is the frame pointer and cannot be written");
    return {};
}

}  // namespace weir::vm::verifier
