// Every accepted program of the corpus over frames of many protocols: the engines must agree.

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "tests/differential/generated_run.h"
#include "tests/support/corpus_objects.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint32_t kEntriesAssumed = 64;
/// What is added moves these numbers, and nothing gets lost unseen.
constexpr size_t kAcceptedMin = 326, kRefusedMax = 7;

void append(Bytes& bytes, std::initializer_list<uint8_t> more) {
    for (const uint8_t byte : more) bytes.push_back(byte);
}

Bytes ethernet(std::initializer_list<uint8_t> type) {
    Bytes frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    append(frame, type);
    return frame;
}

void append_ipv4(Bytes& frame, uint8_t protocol, uint8_t last_byte) {
    append(frame, {0x45, 0,    0,  60, 0x12, 0x34,      0x40, 0,   64, protocol,
                   0xab, 0xcd, 10, 0,  0,    last_byte, 192,  168, 1,  7});
}

void append_ipv6(Bytes& frame, uint8_t next_header) {
    append(frame, {0x60, 0, 0, 0, 0, 40, next_header, 64});
    for (uint8_t i = 0; i < 32; ++i) frame.push_back(static_cast<uint8_t>(0x20 + i));
}

/// Ports, and enough after them for any header of layer 4.
void append_ports(Bytes& frame, uint16_t port) {
    append(frame, {0x30, 0x39, static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)});
    for (uint8_t i = 0; i < 36; ++i) frame.push_back(static_cast<uint8_t>(7 * i));
}

std::vector<Bytes> frames() {
    constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1;
    std::vector<Bytes> frames;
    for (const uint8_t protocol : {kTcp, kUdp, kIcmp}) {
        for (const uint16_t port : {uint16_t{80}, uint16_t{443}, uint16_t{53}}) {
            Bytes plain = ethernet({8, 0}), tagged = ethernet({0x81, 0, 0, 5, 8, 0}),
                  six = ethernet({0x86, 0xdd});
            append_ipv4(plain, protocol, static_cast<uint8_t>(port));
            append_ipv4(tagged, protocol, 9);
            append_ipv6(six, protocol);
            for (Bytes* frame : {&plain, &tagged, &six}) append_ports(*frame, port);
            frames.insert(frames.end(), {plain, tagged, six});
        }
    }
    Bytes stacked = ethernet({0x88, 0xa8, 0, 3, 0x81, 0, 0, 4, 8, 0});
    append_ipv4(stacked, kTcp, 1);
    frames.push_back(stacked);
    frames.push_back(ethernet({8, 6}));
    frames.push_back(frames.front());
    for (size_t cut = 14; cut < frames.front().size(); cut += 5)
        frames.emplace_back(frames.front().begin(),
                            frames.front().begin() + static_cast<std::ptrdiff_t>(cut));
    return frames;
}

/// The same packets in other bursts.
const std::vector<Way>& ways() {
    static const std::vector<Way> all = {
        kSingle,
        kTraced,
        kBurst,
        {"bursts of 2, overlapping", jit::Engine::kJit, 2, jit::Overlap::kAlways},
        {"bursts of 31, overlapping", jit::Engine::kJit, 31, jit::Overlap::kAlways},
        {"bursts of 64, overlapping", jit::Engine::kJit, 64, jit::Overlap::kAlways}};
    return all;
}

struct Tally {
    size_t accepted = 0, refused = 0;
};

void compare_program(const vm::ProgramSpec& spec, const std::string& place, Tally& tally) {
    const auto proof = vm::verify(spec);
    if (!proof) {
        ++tally.refused;
        return;
    }
    Result<vm::VerifiedProgram> accepted = vm::accept(spec, *proof);
    ASSERT_TRUE(accepted.has_value()) << place << ": " << accepted.error().message;
    ++tally.accepted;
    const auto program = std::make_shared<const vm::VerifiedProgram>(std::move(*accepted));
    const Result<Outcome> wanted = run_packets(program, {frames()}, kInterpreter);
    ASSERT_TRUE(wanted.has_value()) << place << ": " << wanted.error().message;
    for (const Way& way : ways()) {
        const Result<Outcome> got = run_packets(program, {frames()}, way);
        ASSERT_TRUE(got.has_value()) << place << ": " << got.error().message;
        EXPECT_EQ(first_difference(*wanted, *got), "") << place << " " << way.name << "\n"
                                                       << listing(spec);
    }
}

TEST(Corpus, EnginesAgreeOnEveryProgramAndPacket) {
    Tally tally;
    for (const CorpusObject& object : corpus_objects(WEIR_CORPUS_DIR)) {
        vm::LoadOptions options;
        options.assume_entries_max = kEntriesAssumed;
        const Result<vm::ObjectSpec> loaded = vm::load_object_file(object.path, options);
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
        for (const vm::ProgramSpec& spec : loaded->programs)
            compare_program(spec, fmt::format("{}.{} {}", object.name, object.level, spec.name),
                            tally);
    }
    fmt::print("{} programs compared, {} refused by the verifier\n", tally.accepted, tally.refused);
    EXPECT_GE(tally.accepted, kAcceptedMin);
    EXPECT_LE(tally.refused, kRefusedMax);
}

}  // namespace
}  // namespace weir::tests
