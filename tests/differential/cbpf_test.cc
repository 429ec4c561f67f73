// Filters three ways: libpcap's bpf_filter() on the classic program, our conversion in interpreter
// and machine code. Zero differences. WEIR_CBPF_EXPRESSIONS, WEIR_CBPF_PROGRAMS and WEIR_SEED make
// a long run of it; a failure names seed, packet and program.

#include <gtest/gtest.h>

#include <chrono>

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "tests/differential/cbpf_expression.h"
#include "tests/differential/cbpf_program.h"
#include "tests/support/classic_filter.h"
#include "tests/support/environment.h"
#include "vm/cbpf/compile.h"
#include "vm/cbpf/reference.h"

namespace weir::tests {
namespace {

using vm::cbpf::ClassicProgram;
using vm::cbpf::LengthSource;

constexpr uint64_t kExpressionsByDefault = 1'000;
constexpr uint64_t kProgramsByDefault = 1'000;
constexpr int kFailuresMax = 5;
constexpr uint64_t kPacketSets = 8;

struct Tally {
    uint64_t filters = 0, refused = 0, pairs = 0, matches = 0, insns = 0, visited_max = 0;
    int failures = 0;
    std::string refusal;  ///< the last one
};

/// Every other filter sees captures that a snap length has cut; it is told the length on the wire.
uint32_t wire_bytes(const Bytes& packet, size_t n, LengthSource length) {
    const auto bytes = static_cast<uint32_t>(packet.size());
    if (length == LengthSource::PacketBytes || n % 3 == 0) return bytes;
    return n % 3 == 1 ? bytes + 100 : 0xffffffff - static_cast<uint32_t>(n);
}

void compare(const ClassicProgram& program, const std::string& name, LengthSource length,
             const std::vector<Bytes>& packets, Tally& tally) {
    Result<ConvertedFilter> filter = ConvertedFilter::make(program, length);
    if (!filter) {
        ++tally.failures;
        ADD_FAILURE() << name << ": not accepted: " << filter.error().message << "\n"
                      << listing(program, vm::cbpf::convert(program, "filter", length));
        return;
    }
    ++tally.filters;
    tally.insns += program.insns().size();
    tally.visited_max = std::max(tally.visited_max, filter->visited_insns());
    for (size_t n = 0; n < packets.size(); ++n) {
        const uint32_t wire = wire_bytes(packets[n], n, length);
        const uint32_t wanted = vm::cbpf::run_reference(program, packets[n], wire);
        const ConvertedFilter::Results got = filter->run(packets[n], wire);
        ++tally.pairs;
        tally.matches += wanted != 0;
        if (got.are(wanted)) continue;
        ++tally.failures;
        ADD_FAILURE() << name << ", packet " << n << " of " << packets[n].size() << " bytes, "
                      << wire << " on the wire: libpcap " << wanted << ", interpreter "
                      << got.interp << ", machine code " << got.jit << ", burst " << got.burst
                      << "\n"
                      << listing(program, filter->spec());
        return;
    }
}

/// What goes with a seed. generate_classic looks at seed % kManyPathsEach: these look at what is
/// left of the seed, each at a part of its own, so that every combination comes about.
LengthSource length_for(uint64_t seed) {
    return seed / kManyPathsEach % 2 == 0 ? LengthSource::Metadata : LengthSource::PacketBytes;
}
uint64_t packet_set_for(uint64_t seed) {
    return seed / kManyPathsEach / 2 % kPacketSets;
}

template <typename TrySeed>
Tally run_seeds(const char* what, uint64_t count, TrySeed try_seed) {
    const uint64_t first = first_seed();
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::vector<Bytes>> packets;
    for (uint64_t set = 0; set < kPacketSets; ++set) packets.push_back(filter_packets(set));
    Tally tally;
    for (uint64_t seed = first; seed < first + count && tally.failures < kFailuresMax; ++seed)
        try_seed(seed, packets[packet_set_for(seed)], tally);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    fmt::print(
        "{} {} from seed {}: {} compared, {} refused, {} pairs, {} matches, {} insns, at most {} "
        "visited, {} differences, {:.1f} s\n",
        count, what, first, tally.filters, tally.refused, tally.pairs, tally.matches, tally.insns,
        tally.visited_max, tally.failures, taken.count());
    if (tally.refused != 0) fmt::print("last refusal: {}\n", tally.refusal);
    return tally;
}

TEST(ClassicFilters, ExpressionsGiveWhatLibpcapGives) {
    const uint64_t count = number_from_environment("WEIR_CBPF_EXPRESSIONS", kExpressionsByDefault);
    const Tally tally = run_seeds(
        "expressions", count, [](uint64_t seed, const std::vector<Bytes>& packets, Tally& sum) {
            const std::string text = ExpressionGenerator(seed).generate();
            const Result<ClassicProgram> program = vm::cbpf::compile(text, DLT_EN10MB);
            if (!program) {
                ++sum.refused;
                sum.refusal = program.error().message;
                return;
            }
            compare(*program, fmt::format("seed {}: {}", seed, text), length_for(seed), packets,
                    sum);
        });
    EXPECT_GE(tally.filters * 2, count) << "the generator's expressions are hardly compared";
    EXPECT_GE(tally.matches * 20, tally.pairs) << "hardly a packet matches";
}

TEST(ClassicFilters, RawProgramsGiveWhatLibpcapGives) {
    const uint64_t count = number_from_environment("WEIR_CBPF_PROGRAMS", kProgramsByDefault);
    const Tally tally = run_seeds(
        "programs", count, [](uint64_t seed, const std::vector<Bytes>& packets, Tally& sum) {
            const Result<ClassicProgram> program = vm::cbpf::check(generate_classic(seed));
            if (!program) {
                ++sum.failures;
                ADD_FAILURE() << "seed " << seed << ": " << program.error().message;
                return;
            }
            compare(*program, fmt::format("seed {}", seed), length_for(seed), packets, sum);
        });
    EXPECT_GE(tally.matches * 10, tally.pairs) << "hardly a program returns anything";
}

}  // namespace
}  // namespace weir::tests
