// The order of libbpf's bpf_core_calc_relo_insn: parse the record, find the candidates, match each,
// and accept only one answer from all that match. Without a target, records on types that a wire
// format or the uapi fixes keep the compiler's answer: it is the same everywhere.
#include "vm/elf/core_relo.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vm/elf/core_match.h"

namespace weir::vm::elf {

namespace {

/// Types whose layout is a protocol's or the uapi's.
constexpr auto kFixedTypes = std::to_array<std::string_view>(
    {"xdp_md",       "__sk_buff",  "ethhdr",       "iphdr",    "ipv6hdr",     "tcphdr",
     "udphdr",       "icmphdr",    "icmp6hdr",     "vlan_hdr", "arphdr",      "vlan_ethhdr",
     "in_addr",      "in6_addr",   "ipv6_opt_hdr", "igmphdr",  "ip_auth_hdr", "ip_esp_hdr",
     "gre_base_hdr", "mpls_label", "frag_hdr"});

std::unexpected<Error> unsupported(std::string message) {
    return fail(ErrorKind::kUnsupported, std::move(message));
}

}  // namespace

bool CoreRelocator::is_fixed(uint32_t type) const {
    const btf_type* found = local_.type(local_.resolve(type));
    return found != nullptr &&
           std::ranges::find(kFixedTypes, local_.name(*found)) != kFixedTypes.end();
}

Result<void> CoreRelocator::load_target() {
    if (target_asked_) return {};
    target_asked_ = true;
    const bool is_named = !target_path_.empty();
    auto target = TargetTypes::load(is_named ? target_path_ : std::string(kKernelBtfPath));
    if (target) {
        target_ = std::move(*target);
        return {};
    }
    if (is_named) return std::unexpected(target.error());
    target_error_ = target.error().message;
    return {};
}

Result<CoreValue> CoreRelocator::value_among(const CoreSpec& spec,
                                             std::vector<uint32_t>& candidates) {
    const CoreMatcher matcher(local_, target_->btf(), budget_);
    CoreValue value = core_value_missing(spec.kind);
    uint64_t bit_offset = 0;
    std::vector<uint32_t> matching;
    for (const uint32_t id : candidates) {
        if (!budget_.spend(1)) return CoreBudget::spent();
        const auto match = matcher.match(spec, id);
        if (!match) return std::unexpected(match.error());
        if (!*match) continue;
        const auto here = core_value(target_->btf(), **match);
        if (!here) return std::unexpected(here.error());
        if (!matching.empty() && (here->value != value.value || (*match)->bit_offset != bit_offset))
            return fail(ErrorKind::kInvalid,
                        fmt::format("ambiguous: the target has several types of that name, which "
                                    "answer {} and {}",
                                    value.value, here->value));
        value = *here;
        bit_offset = (*match)->bit_offset;
        matching.push_back(id);
    }
    if (!matching.empty()) candidates = std::move(matching);
    return value;
}

Result<CoreChange> CoreRelocator::choose(const CoreSpec& spec, const CoreValue& before) {
    const btf_type* root = local_.type(spec.root);
    const std::string_view name = local_.name(*root);
    if (name.empty()) return fail(ErrorKind::kInvalid, "a type without a name has no counterpart");
    const auto [known, is_new] = candidates_.try_emplace(spec.root);
    if (is_new) {
        const CoreTypes types(local_, target_->btf(), budget_);
        for (const uint32_t id : target_->candidates(essential_name(name)))
            if (types.same_kind(spec.root, id)) known->second.push_back(id);
    }
    const auto after = value_among(spec, known->second);
    if (!after) return std::unexpected(after.error());
    return core_change(local_, before, target_->btf(), *after);
}

Result<CoreRelocator::Answer> CoreRelocator::resolve_spec(const CoreSpec& spec, std::string text) {
    Answer answer{.text = std::move(text)};
    const auto before = core_value(local_, spec);
    if (!before) return std::unexpected(before.error());
    if (spec.kind == CoreKind::TypeIdLocal) {
        answer.change = core_change(local_, *before, local_, *before);
        return answer;
    }
    if (!target_) {
        if (!is_fixed(spec.root))
            return unsupported(
                fmt::format("it needs the target's types (--btf FILE): {}", target_error_));
        answer.keep = true;
        return answer;
    }
    auto change = choose(spec, *before);
    if (!change) return std::unexpected(change.error());
    answer.change = *change;
    return answer;
}

Result<CoreRelocator::Answer> CoreRelocator::resolve(const CoreRecord& record) {
    const auto spec = parse_core_spec(local_, record);
    if (!spec) return std::unexpected(spec.error());
    const std::string text = describe(local_, *spec);
    auto answer = resolve_spec(*spec, text);
    if (!answer) return fail_in(text, answer.error());
    return answer;
}

Result<void> CoreRelocator::apply(std::span<const CoreRecord> records, uint32_t first_slot,
                                  std::span<Insn> insns, std::string_view function,
                                  std::vector<std::string>& notices) {
    for (const CoreRecord& record : records) {
        const bool needs_target = record.kind != static_cast<uint32_t>(CoreKind::TypeIdLocal);
        if (needs_target)
            if (const auto ok = load_target(); !ok) return ok;
        auto known = answers_.find(&record);
        if (known == answers_.end()) known = answers_.emplace(&record, resolve(record)).first;
        const uint32_t at = record.insn - first_slot;
        const auto place = [&] { return fmt::format("function \"{}\": insn {}", function, at); };
        Result<Answer>& answer = known->second;
        if (!answer)
            return unsupported(
                fmt::format("{}: CO-RE relocation {}", place(), answer.error().message));
        if (answer->keep) {
            if (!std::exchange(fixed_noted_, true))
                notices.push_back(fmt::format(
                    "{}; CO-RE relocations on types that every kernel has alike keep the "
                    "compiler's answers",
                    target_error_));
            continue;
        }
        const auto poisoned = patch_insn(insns, at, answer->change);
        if (!poisoned)
            return unsupported(fmt::format("{}: CO-RE relocation {}: the instruction {}", place(),
                                           answer->text, poisoned.error().message));
        if (*poisoned && !std::exchange(answer->noted, true))
            notices.push_back(
                fmt::format("{}: the target has no {}: the program is refused where "
                            "it reaches this instruction",
                            place(), answer->text));
    }
    return {};
}

}  // namespace weir::vm::elf
