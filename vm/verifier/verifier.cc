#include "vm/verifier/verifier.h"

#include <algorithm>
#include <cstdio>

#include "vm/base/check.h"
#include "vm/verifier/cfg.h"
#include "vm/verifier/explain.h"
#include "vm/verifier/explore.h"
#include "vm/verifier/meter.h"
#include "vm/verifier/observer.h"
#include "vm/verifier/spec_check.h"
#include "vm/verifier/value_ranges.h"

namespace weir::vm {
namespace {

/// The decoder's errors begin with "insn N: ".
uint32_t insn_of_error(const std::string& message) {
    constexpr std::string_view kPrefix = "insn ";
    if (!message.starts_with(kPrefix)) return 0;
    uint32_t insn = 0;
    for (size_t i = kPrefix.size();
         i < message.size() && message[i] >= '0' && message[i] <= '9' && insn < 100'000'000; ++i)
        insn = insn * 10 + static_cast<uint32_t>(message[i] - '0');
    return insn;
}

/// The program as the bytes of write_program_spec(), in hex, a line at a time.
void write_reproducer(const void* subject) {
    ByteWriter writer;
    write_program_spec(writer, *static_cast<const ProgramSpec*>(subject));
    constexpr size_t kBytesPerLine = 64;
    std::fputs("the verifier contradicts itself on this program (write_program_spec, hex):\n",
               stderr);
    const Bytes bytes = writer.take();
    for (size_t i = 0; i < bytes.size(); ++i)
        std::fprintf(stderr, "%02x%s", bytes[i],
                     i + 1 == bytes.size() || (i + 1) % kBytesPerLine == 0 ? "\n" : "");
}

/// Global functions by their contracts first; where the program cannot be proven so, walked at each
/// call, which says more of what they return. An observer sees the program's own paths alone.
std::expected<Proof, Rejection> explore_both_ways(const ProgramSpec& program,
                                                  const std::vector<DecodedSlot>& slots,
                                                  const verifier::Cfg& cfg, const Budget& budget,
                                                  verifier::Observer* observer) {
    const bool has_contract = std::ranges::any_of(
        program.subprograms, [](const Subprogram& each) { return each.contract.has_value(); });
    if (!has_contract || observer != nullptr)
        return verifier::explore(program, slots, cfg, budget, observer, false);
    const uint64_t start = verifier::processor_ms();
    Budget half = budget, rest = budget;
    half.time_ms_max /= 2;
    if (auto proof = verifier::explore(program, slots, cfg, half, nullptr, true)) return proof;
    rest.time_ms_max -= std::min(rest.time_ms_max, verifier::processor_ms() - start);
    return verifier::explore(program, slots, cfg, rest, nullptr, false);
}

std::expected<Proof, Rejection> verify_with(const ProgramSpec& program, const Budget& budget,
                                            verifier::Observer* observer) {
    const CheckNote note(write_reproducer, &program);
    const auto refuse = [&](const verifier::Fault& fault) {
        return std::unexpected(verifier::explain(program, 0, fault));
    };
    if (const verifier::Checked spec = verifier::check_spec(program); !spec)
        return refuse(spec.error());
    const auto slots = decode_program(program.insns);
    if (!slots)
        return refuse({"malformed", slots.error().message, insn_of_error(slots.error().message)});
    if (const verifier::Checked starts = verifier::check_subprograms(program, *slots); !starts)
        return refuse(starts.error());
    const auto cfg = verifier::build_cfg(program, *slots);
    if (!cfg) return refuse(cfg.error());
    auto proof = explore_both_ways(program, *slots, *cfg, budget, observer);
    if (proof) verifier::find_value_ranges(program, *slots, *cfg, proof->facts);
    return proof;
}

}  // namespace

std::expected<Proof, Rejection> verify(const ProgramSpec& program, const Budget& budget) {
    return verify_with(program, budget, nullptr);
}

std::expected<Proof, Rejection> verifier::verify_observed(const ProgramSpec& program,
                                                          const Budget& budget,
                                                          Observer& observer) {
    return verify_with(program, budget, &observer);
}

}  // namespace weir::vm
