// The proof as bytes: counts first, then the facts, one after the other.

#include <utility>

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {
namespace {

constexpr uint32_t kProofVersion = 5;
constexpr uint8_t kPointerKindMax = static_cast<uint8_t>(PointerKind::MapValue);
/// Of a fact: which ways a jump goes, what a call is given, and what follows.
constexpr uint8_t kJumps = 1, kFallsThrough = 2, kHasKey = 4, kHasDst = 8, kHasSrc = 16,
                  kPassesShared = 32, kAligned = 64;
constexpr size_t kFactBytes = 5;  ///< at least
constexpr size_t kTimerCallbackBytes = 6;

std::unexpected<Error> bad(const ByteReader& reader, std::string_view what) {
    return fail(ErrorKind::kInvalid, fmt::format("proof, offset {}: {}", reader.offset(), what));
}

Result<void> read_range(ByteReader& reader, ValueRange& range) {
    const auto least = reader.read<uint64_t>(), most = reader.read<uint64_t>();
    if (!least || !most) return bad(reader, "cut short");
    if (*least > *most) return bad(reader, fmt::format("a range of {} to {}", *least, *most));
    range = {*least, *most};
    return {};
}

void write_range(ByteWriter& writer, const ValueRange& range) {
    writer.write(range.least);
    writer.write(range.most);
}

Result<InsnFact> read_fact(ByteReader& reader) {
    const auto reachable = reader.read<uint8_t>();
    const auto access = reader.read<uint8_t>();
    const auto map = reader.read<uint16_t>();
    const auto flags = reader.read<uint8_t>();
    if (!reachable || !access || !map || !flags) return bad(reader, "cut short");
    if (*reachable > 1)
        return bad(reader, fmt::format("reachable is {}, expected 0 or 1", *reachable));
    if (*access > kPointerKindMax)
        return bad(reader, fmt::format("pointer kind is {}, expected at most {}", *access,
                                       kPointerKindMax));
    constexpr uint8_t kFlags =
        kJumps | kFallsThrough | kHasKey | kHasDst | kHasSrc | kPassesShared | kAligned;
    if (*flags > kFlags)
        return bad(reader, fmt::format("flags are {}, expected at most {}", *flags, kFlags));
    InsnFact fact;
    fact.reachable = *reachable == 1;
    fact.access = static_cast<PointerKind>(*access);
    fact.map = *map;
    fact.jumps = (*flags & kJumps) != 0;
    fact.falls_through = (*flags & kFallsThrough) != 0;
    fact.is_aligned = (*flags & kAligned) != 0;
    fact.passes_shared_memory = (*flags & kPassesShared) != 0;
    if ((*flags & kHasKey) != 0) {
        const auto key_bytes = reader.read<uint32_t>();
        if (!key_bytes) return bad(reader, "cut short");
        fact.key_bytes = *key_bytes;
    }
    for (const auto& [flag, range] : {std::pair(kHasDst, &fact.dst), std::pair(kHasSrc, &fact.src)})
        if ((*flags & flag) != 0)
            if (const Result<void> read = read_range(reader, *range); !read)
                return std::unexpected(read.error());
    return fact;
}

void write_fact(ByteWriter& writer, const InsnFact& fact) {
    const bool has_dst = fact.dst != ValueRange{}, has_src = fact.src != ValueRange{};
    writer.write(static_cast<uint8_t>(fact.reachable ? 1 : 0));
    writer.write(static_cast<uint8_t>(fact.access));
    writer.write(fact.map);
    writer.write(static_cast<uint8_t>(
        (fact.jumps ? kJumps : 0) | (fact.falls_through ? kFallsThrough : 0) |
        (fact.passes_shared_memory ? kPassesShared : 0) | (fact.is_aligned ? kAligned : 0) |
        (fact.key_bytes != 0 ? kHasKey : 0) | (has_dst ? kHasDst : 0) | (has_src ? kHasSrc : 0)));
    if (fact.key_bytes != 0) writer.write(fact.key_bytes);
    if (has_dst) write_range(writer, fact.dst);
    if (has_src) write_range(writer, fact.src);
}

}  // namespace

void write_proof(ByteWriter& writer, const Proof& proof) {
    writer.write(kProofVersion);
    writer.write(static_cast<uint32_t>(proof.facts.size()));
    writer.write(static_cast<uint32_t>(proof.stack_bytes.size()));
    writer.write(proof.stack_bytes_total);
    writer.write(proof.visited_insns);
    writer.write(proof.worst_insns);
    writer.write(proof.states_peak);
    writer.write(proof.bytes_peak);
    for (const InsnFact& fact : proof.facts) write_fact(writer, fact);
    for (const uint32_t bytes : proof.stack_bytes) writer.write(bytes);
    writer.write(static_cast<uint32_t>(proof.timer_callbacks.size()));
    for (const TimerCallback& callback : proof.timer_callbacks) {
        writer.write(callback.subprogram);
        writer.write(callback.map);
    }
}

namespace {

Result<void> read_timer_callbacks(ByteReader& reader, Proof& proof) {
    const auto count = reader.read<uint32_t>();
    if (!count) return bad(reader, "cut short");
    if (*count > reader.remaining() / kTimerCallbackBytes)
        return bad(reader,
                   fmt::format("{} timers' callbacks in {} bytes", *count, reader.remaining()));
    for (uint32_t i = 0; i < *count; ++i) {
        const auto subprogram = reader.read<uint32_t>();
        const auto map = reader.read<uint16_t>();
        if (!subprogram || !map) return bad(reader, "cut short");
        proof.timer_callbacks.push_back({*subprogram, *map});
    }
    return {};
}

}  // namespace

Result<Proof> read_proof(ByteReader& reader) {
    const auto version = reader.read<uint32_t>();
    const auto facts = reader.read<uint32_t>();
    const auto subprograms = reader.read<uint32_t>();
    const auto total = reader.read<uint32_t>();
    const auto visited = reader.read<uint64_t>();
    const auto worst = reader.read<uint64_t>();
    const auto states = reader.read<uint64_t>();
    const auto bytes = reader.read<uint64_t>();
    if (!version || !facts || !subprograms || !total || !visited || !worst || !states || !bytes)
        return bad(reader, "cut short");
    if (*version != kProofVersion)
        return bad(reader, fmt::format("version {}, expected {}", *version, kProofVersion));
    if (*facts > kProgramInsnsMax || *subprograms > *facts ||
        reader.remaining() < *facts * kFactBytes)
        return bad(reader, fmt::format("{} facts and {} subprograms in {} bytes", *facts,
                                       *subprograms, reader.remaining()));
    Proof proof;
    proof.stack_bytes_total = *total;
    proof.visited_insns = *visited;
    proof.worst_insns = *worst;
    proof.states_peak = *states;
    proof.bytes_peak = *bytes;
    proof.facts.reserve(*facts);
    for (uint32_t i = 0; i < *facts; ++i) {
        const Result<InsnFact> fact = read_fact(reader);
        if (!fact) return std::unexpected(fact.error());
        proof.facts.push_back(*fact);
    }
    for (uint32_t i = 0; i < *subprograms; ++i) {
        const auto frame = reader.read<uint32_t>();
        if (!frame) return bad(reader, "cut short");
        proof.stack_bytes.push_back(*frame);
    }
    if (const Result<void> read = read_timer_callbacks(reader, proof); !read)
        return std::unexpected(read.error());
    return proof;
}

}  // namespace weir::vm
