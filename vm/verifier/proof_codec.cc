// The proof as bytes: counts first, then the facts, one after the other.

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {
namespace {

constexpr uint32_t kProofVersion = 1;
constexpr uint8_t kPointerKindMax = static_cast<uint8_t>(PointerKind::MapValue);
constexpr size_t kFactBytes = 4;

std::unexpected<Error> bad(const ByteReader& reader, std::string_view what) {
    return fail(ErrorKind::kInvalid, fmt::format("proof, offset {}: {}", reader.offset(), what));
}

Result<InsnFact> read_fact(ByteReader& reader) {
    const auto reachable = reader.read<uint8_t>();
    const auto access = reader.read<uint8_t>();
    const auto map = reader.read<uint16_t>();
    if (!reachable || !access || !map) return bad(reader, "cut short");
    if (*reachable > 1)
        return bad(reader, fmt::format("reachable is {}, expected 0 or 1", *reachable));
    if (*access > kPointerKindMax)
        return bad(reader, fmt::format("pointer kind is {}, expected at most {}", *access,
                                       kPointerKindMax));
    return InsnFact{*reachable == 1, static_cast<PointerKind>(*access), *map};
}

}  // namespace

void write_proof(ByteWriter& writer, const Proof& proof) {
    writer.write(kProofVersion);
    writer.write(static_cast<uint32_t>(proof.facts.size()));
    writer.write(static_cast<uint32_t>(proof.stack_bytes.size()));
    writer.write(proof.stack_bytes_total);
    writer.write(proof.visited_insns);
    for (const InsnFact& fact : proof.facts) {
        writer.write(static_cast<uint8_t>(fact.reachable ? 1 : 0));
        writer.write(static_cast<uint8_t>(fact.access));
        writer.write(fact.map);
    }
    for (const uint32_t bytes : proof.stack_bytes) writer.write(bytes);
}

Result<Proof> read_proof(ByteReader& reader) {
    const auto version = reader.read<uint32_t>();
    const auto facts = reader.read<uint32_t>();
    const auto subprograms = reader.read<uint32_t>();
    const auto total = reader.read<uint32_t>();
    const auto visited = reader.read<uint64_t>();
    if (!version || !facts || !subprograms || !total || !visited) return bad(reader, "cut short");
    if (*version != kProofVersion)
        return bad(reader, fmt::format("version {}, expected {}", *version, kProofVersion));
    if (*facts > kProgramInsnsMax || *subprograms > *facts ||
        reader.remaining() < *facts * kFactBytes)
        return bad(reader, fmt::format("{} facts and {} subprograms in {} bytes", *facts,
                                       *subprograms, reader.remaining()));
    Proof proof;
    proof.stack_bytes_total = *total;
    proof.visited_insns = *visited;
    proof.facts.reserve(*facts);
    for (uint32_t i = 0; i < *facts; ++i) {
        const Result<InsnFact> fact = read_fact(reader);
        if (!fact) return std::unexpected(fact.error());
        proof.facts.push_back(*fact);
    }
    for (uint32_t i = 0; i < *subprograms; ++i) {
        const auto bytes = reader.read<uint32_t>();
        if (!bytes) return bad(reader, "cut short");
        proof.stack_bytes.push_back(*bytes);
    }
    return proof;
}

}  // namespace weir::vm
