#include "vm/verifier/verdict_cache.h"

#include <utility>

namespace weir::vm {
namespace {

/// The list's and the map's nodes, the shared pointer's count.
constexpr size_t kEntryBytes = 256;

size_t bytes_of(const Proof& proof) {
    ByteWriter writer;
    write_proof(writer, proof);
    return sizeof proof + writer.bytes().size();
}

size_t bytes_of(const Rejection& rejection) {
    size_t bytes = sizeof rejection + rejection.line.size() + rejection.rule.size() +
                   rejection.message.size() + rejection.state.size() + rejection.hint.size() +
                   rejection.insn_text.size();
    for (const PathStep& step : rejection.path)
        bytes += sizeof step + step.condition.size() + step.line.size();
    return bytes;
}

}  // namespace

VerdictKey verdict_key(const ProgramSpec& program, const Budget& budget) {
    ByteWriter writer;
    write_program_spec(writer, program);
    return verdict_key(writer.bytes(), budget);
}

VerdictKey verdict_key(ByteSpan program_spec, const Budget& budget) {
    // Every field: one that is new breaks this line.
    const auto& [visited_insns_max, states_max, bytes_max, time_ms_max] = budget;
    ByteWriter writer;
    writer.append(sha256(program_spec));
    writer.write(visited_insns_max);
    writer.write(states_max);
    writer.write(bytes_max);
    writer.write(time_ms_max);
    return sha256(writer.bytes());
}

std::shared_ptr<const Verdict> VerdictCache::find(const VerdictKey& key) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front().verdict;
}

void VerdictCache::keep(const VerdictKey& key, const Verdict& verdict) {
    if (!verdict && verdict.error().rule == "budget") return;
    const size_t bytes = kEntryBytes + (verdict ? bytes_of(*verdict) : bytes_of(verdict.error()));
    if (bytes > bounds_.bytes_max || bounds_.verdicts_max == 0) return;
    auto kept = std::make_shared<const Verdict>(verdict);
    const std::lock_guard lock(mutex_);
    if (by_key_.contains(key)) return;  // of the same bytes, so it is the same
    while (entries_.size() >= bounds_.verdicts_max || bytes_ + bytes > bounds_.bytes_max)
        forget_last();
    entries_.push_front({key, std::move(kept), bytes});
    by_key_.emplace(key, entries_.begin());
    bytes_ += bytes;
}

Verdict VerdictCache::verify(const ProgramSpec& program, const Budget& budget) {
    const VerdictKey key = verdict_key(program, budget);
    if (const auto known = find(key)) return *known;
    Verdict verdict = vm::verify(program, budget);
    keep(key, verdict);
    return verdict;
}

size_t VerdictCache::verdicts() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

size_t VerdictCache::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

void VerdictCache::forget_last() {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
}

}  // namespace weir::vm
