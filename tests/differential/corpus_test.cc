// Every program of the corpus, by every compiler, over every test packet: interpreter, machine code
// one packet at a time, machine code in bursts and the live kernel give the same verdicts, bytes
// and map contents. And both verifiers agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>

#include "jit/jit.h"
#include "maps/maps.h"
#include "tests/support/corpus_objects.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/packets.h"
#include "vm/base/limits.h"
#include "vm/elf/elf.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir {
namespace {

using tests::CorpusObject;
using tests::RunResult;

const std::string kCorpus = WEIR_CORPUS_DIR;

// The kernel's test run: a page, its headroom less struct xdp_frame, its tail less struct
// skb_shared_info.
constexpr size_t kFrameRoom = 4096;
constexpr size_t kXdpFrameBytes = 40;
constexpr size_t kSharedInfoBytes = 320;
constexpr size_t kBurst = 32;

using MapOwners = std::vector<std::unique_ptr<vm::Map>>;
using MapPointers = std::vector<vm::Map*>;

/// A packet in the room that the kernel would give it.
class Frame {
public:
    explicit Frame(const Bytes& packet) : room_(kFrameRoom) {
        std::ranges::copy(packet, room_.begin() + kPacketHeadroomBytes);
        context_.data = context_.data_meta = room_.data() + kPacketHeadroomBytes;
        context_.data_end = context_.data + packet.size();
        context_.frame_start = room_.data() + kXdpFrameBytes;
        context_.frame_limit = room_.data() + kFrameRoom - kSharedInfoBytes;
        context_.ingress_ifindex = 1;
    }
    vm::XdpContext& context() { return context_; }
    static Bytes bytes_of(const vm::XdpContext& context) {
        return {context.data_meta, context.data_end};
    }

private:
    Bytes room_;
    vm::XdpContext context_{};
};

Result<MapOwners> create_maps(const vm::ProgramSpec& program) {
    MapOwners maps;
    for (const vm::MapSpec& spec : program.maps) {
        auto map = maps::create_map(spec, 1);
        if (!map) return std::unexpected(map.error());
        maps.push_back(std::move(*map));
    }
    return maps;
}

tests::MapEntries entries_of(vm::Map& map) {
    tests::MapEntries entries;
    Bytes key(map.spec().key_bytes), next(key.size()), value(map.control_value_bytes());
    for (const uint8_t* previous = nullptr; map.next_key(previous, next.data()) == 0;
         previous = key.data()) {
        key = next;
        EXPECT_EQ(map.control_lookup(key.data(), value), 0);
        entries.emplace_back(key, value);
    }
    std::ranges::sort(entries);
    return entries;
}

/// Runs all packets through `run`, which fills in one result per context.
using RunBurst = std::function<void(std::span<vm::XdpContext>, std::span<uint32_t>, vm::RunEnv&)>;

RunResult run_frames(std::span<const Bytes> packets, size_t burst, const MapOwners& maps,
                     const RunBurst& run) {
    RunResult result;
    vm::RunEnv env;
    for (size_t first = 0; first < packets.size(); first += burst) {
        const size_t count = std::min(burst, packets.size() - first);
        std::vector<Frame> frames(packets.begin() + static_cast<ptrdiff_t>(first),
                                  packets.begin() + static_cast<ptrdiff_t>(first + count));
        std::vector<vm::XdpContext> contexts;
        for (Frame& frame : frames) contexts.push_back(frame.context());
        std::vector<uint32_t> verdicts(count);
        run(contexts, verdicts, env);
        for (size_t i = 0; i < count; ++i)
            result.packets.push_back({verdicts[i], Frame::bytes_of(contexts[i])});
    }
    for (const auto& map : maps) result.maps[map->spec().name] = entries_of(*map);
    return result;
}

Result<RunResult> run_interpreter(const std::shared_ptr<const vm::VerifiedProgram>& program,
                                  std::span<const Bytes> packets) {
    const auto maps = create_maps(program->spec());
    if (!maps) return std::unexpected(maps.error());
    MapPointers pointers;
    for (const auto& map : *maps) pointers.push_back(map.get());
    return run_frames(
        packets, 1, *maps,
        [&](std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts, vm::RunEnv& env) {
            verdicts[0] = vm::interpret(*program, pointers, maps::all_helpers(), contexts[0], env);
        });
}

Result<RunResult> run_jit(const std::shared_ptr<const vm::VerifiedProgram>& program,
                          std::span<const Bytes> packets, size_t burst) {
    const auto maps = create_maps(program->spec());
    if (!maps) return std::unexpected(maps.error());
    MapPointers pointers;
    for (const auto& map : *maps) pointers.push_back(map.get());
    const auto compiled = jit::compile(program, pointers, maps::all_helpers(), jit::Engine::kJit);
    if (!compiled) return std::unexpected(compiled.error());
    EXPECT_EQ((*compiled)->engine(), jit::Engine::kJit);
    return run_frames(
        packets, burst, *maps,
        [&](std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts, vm::RunEnv& env) {
            std::vector<uint32_t> redirects(contexts.size());
            if (burst == 1)
                verdicts[0] = (*compiled)->run(contexts[0], env);
            else
                (*compiled)->run_burst(contexts, verdicts, redirects, env);
        });
}

void expect_same(const RunResult& expected, const Result<RunResult>& actual,
                 const std::string& engine) {
    SCOPED_TRACE(engine);
    ASSERT_TRUE(actual) << actual.error().message;
    static const std::vector<tests::TestPacket> packets = tests::test_packets();
    ASSERT_EQ(expected.packets.size(), actual->packets.size());
    for (size_t i = 0; i < expected.packets.size(); ++i) {
        ASSERT_EQ(expected.packets[i].retval, actual->packets[i].retval)
            << "packet " << i << " " << packets[i].name;
        ASSERT_EQ(expected.packets[i].bytes, actual->packets[i].bytes)
            << "packet " << i << " " << packets[i].name;
    }
    for (const auto& [name, entries] : actual->maps) {
        const auto found = expected.maps.find(name);
        ASSERT_NE(found, expected.maps.end()) << "map " << name;
        ASSERT_EQ(found->second, entries) << "map " << name;
    }
}

std::shared_ptr<const vm::VerifiedProgram> verified(const vm::ProgramSpec& program) {
    auto proof = vm::verify(program);
    if (!proof) {
        const vm::Rejection& why = proof.error();
        ADD_FAILURE() << program.name << ": insn " << why.insn << " " << why.line << ": "
                      << why.rule << ": " << why.message << "\n"
                      << why.state;
        return nullptr;
    }
    auto accepted = vm::accept(program, std::move(*proof));
    EXPECT_TRUE(accepted) << accepted.error().message;
    return accepted ? std::make_shared<const vm::VerifiedProgram>(std::move(*accepted)) : nullptr;
}

/// libbpf of today refuses `maps` sections, and programs whose section says no type; there we link,
/// and the kernel runs.
Result<RunResult> run_kernel(const CorpusObject& object, const vm::ProgramSpec& program,
                             std::span<const Bytes> packets) {
    if (object.name == "legacy_maps" || object.name == "many_sections")
        return tests::run_in_kernel(program, packets);
    return tests::run_in_kernel(object.path, program.name, packets);
}

void compare_program(const CorpusObject& object, const vm::ProgramSpec& program,
                     std::span<const Bytes> packets, bool with_kernel) {
    SCOPED_TRACE(fmt::format("{} {}", object.path, program.name));
    const auto ready = verified(program);
    if (!ready) return;
    const auto expected = run_interpreter(ready, packets);
    ASSERT_TRUE(expected) << expected.error().message;
    expect_same(*expected, run_jit(ready, packets, 1), "jit");
    expect_same(*expected, run_jit(ready, packets, kBurst), "jit, bursts");
    if (!with_kernel) return;
    const auto kernel = run_kernel(object, program, packets);
    ASSERT_TRUE(kernel) << kernel.error().message;
    // Maps that the program does not use exist in the kernel's object only.
    RunResult used = *kernel;
    std::erase_if(used.maps,
                  [&](const auto& entry) { return !expected->maps.contains(entry.first); });
    EXPECT_EQ(used.maps.size(), expected->maps.size());
    expect_same(*expected, used, "kernel");
}

class Corpus : public testing::TestWithParam<std::string> {};

void compare_level(const std::string& level, bool with_kernel) {
    const std::vector<Bytes> packets = tests::test_packet_bytes();
    ASSERT_GE(packets.size(), 100u);
    size_t programs = 0;
    for (const CorpusObject& object : tests::corpus_objects(kCorpus)) {
        if (object.level != level) continue;
        const auto loaded = vm::load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        for (const vm::ProgramSpec& program : loaded->programs) {
            compare_program(object, program, packets, with_kernel);
            ++programs;
        }
    }
    EXPECT_GE(programs, 35u);
}

TEST_P(Corpus, InterpreterAndMachineCodeAgree) {
    compare_level(GetParam(), false);
}

TEST_P(Corpus, AgreesWithTheLiveKernel) {
    if (const auto missing = tests::kernel_missing()) GTEST_SKIP() << *missing;
    compare_level(GetParam(), true);
}

std::string level_name(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Levels, Corpus,
                         testing::Values("clang-14.v1", "clang-14.v2", "clang-14.v3", "clang-19.v1",
                                         "clang-19.v2", "clang-19.v3", "clang-19.v4"),
                         level_name);

TEST(UnsafeCorpus, IsRefusedByUs) {
    const auto objects = tests::corpus_objects(kCorpus + "/unsafe");
    ASSERT_GE(objects.size(), 50u);
    for (const CorpusObject& object : objects) {
        SCOPED_TRACE(object.path);
        const auto loaded = vm::load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        const auto proof = vm::verify(loaded->programs.at(0));
        ASSERT_FALSE(proof) << "accepted";
        EXPECT_FALSE(proof.error().rule.empty());
        EXPECT_FALSE(proof.error().message.empty());
    }
}

TEST(UnsafeCorpus, IsRefusedByTheKernel) {
    if (const auto missing = tests::kernel_missing()) GTEST_SKIP() << *missing;
    for (const CorpusObject& object : tests::corpus_objects(kCorpus + "/unsafe")) {
        SCOPED_TRACE(object.path);
        const auto verdict = tests::kernel_verdict(object.path, "unsafe");
        ASSERT_TRUE(verdict) << verdict.error().message;
        EXPECT_FALSE(verdict->accepted);
    }
}

}  // namespace
}  // namespace weir
