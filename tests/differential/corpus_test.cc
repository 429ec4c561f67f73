// Every program of the corpus that the verifier accepts, by every compiler, over every test packet:
// interpreter, machine code one packet at a time, machine code in bursts and the live kernel give
// the same verdicts, bytes and map contents. And both verifiers agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "jit/jit.h"
#include "maps/maps.h"
#include "tests/support/corpus_cases.h"
#include "tests/support/corpus_levels.h"
#include "tests/support/kernel_network.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/packets.h"
#include "tests/support/run_difference.h"
#include "tests/support/weir_runner.h"
#include "vm/elf/elf.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir {
namespace {

using tests::CorpusObject;
using tests::RunResult;
using tests::TestFrame;

const std::string kCorpus = WEIR_CORPUS_DIR;
constexpr uint32_t kEntriesAssumed = 64;
/// XDP programs, all of which become machine code: what is added moves these numbers, and nothing
/// gets lost unseen.
constexpr tests::LevelCounts kPrograms{139, 141, 146};
constexpr size_t kUnsafePrograms = 50;

using Proven = std::shared_ptr<const vm::VerifiedProgram>;

/// One program of the corpus, and all that a run of it takes.
struct Case {
    const CorpusObject& object;
    const vm::ObjectSpec& loaded;
    const vm::ProgramSpec& program;
    tests::RunSetup setup;
    std::vector<tests::TestPacket> packets;
    std::vector<Bytes> bytes;
};

Case make_case(const CorpusObject& object, const vm::ObjectSpec& loaded,
               const vm::ProgramSpec& program) {
    Case made{object, loaded, program, tests::run_setup(object), {}, {}};
    made.packets = tests::packets_for(false, program.has_frags);
    made.bytes = tests::bytes_of(made.packets);
    return made;
}

/// Runs packets through what fills in one verdict per context.
using RunBurst = std::function<void(std::span<vm::XdpContext>, std::span<uint32_t>, vm::RunEnv&)>;

RunResult run_frames(const Case& test, size_t burst, const tests::TestMaps& maps,
                     const RunBurst& run) {
    RunResult result;
    tests::TestMachine machine;
    for (size_t first = 0; first < test.bytes.size(); first += burst) {
        const size_t count = std::min(burst, test.bytes.size() - first);
        std::vector<TestFrame> frames;
        for (size_t i = 0; i < count; ++i)
            frames.emplace_back(test.bytes[first + i], test.program, test.setup);
        std::vector<vm::XdpContext> contexts;
        for (TestFrame& frame : frames) contexts.push_back(frame.context());
        std::vector<uint32_t> verdicts(count);
        run(contexts, verdicts, machine.env());
        for (size_t i = 0; i < count; ++i)
            result.packets.push_back({verdicts[i], TestFrame::bytes_of(contexts[i])});
    }
    tests::wait_for_timers(machine, maps, test.setup.is_done);
    maps.read(result);
    return result;
}

/// The verifier refuses none.
Proven verified(const vm::ProgramSpec& program) {
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

/// By which code packets go, and how many at a time.
struct Way {
    std::string name;
    jit::Engine engine = jit::Engine::kJit;
    size_t burst = 1;
    jit::Overlap overlap = jit::Overlap::kNever;
};
const Way kInterpreter{"interpreter", jit::Engine::kInterp};
const std::vector<Way>& ways() {
    using enum jit::Overlap;
    constexpr auto kJit = jit::Engine::kJit;
    static const std::vector<Way> all = {{"jit", kJit},
                                         {"jit, bursts", kJit, 32, kNever},
                                         {"jit, bursts of 2", kJit, 2, kAlways},
                                         {"jit, overlapping bursts of 31", kJit, 31, kAlways},
                                         {"jit, overlapping bursts of 32", kJit, 32, kAlways},
                                         {"jit, overlapping bursts of 64", kJit, 64, kAlways}};
    return all;
}

/// Every packet twice in a row: the second of a flow meets what the first one left.
Case doubled(const Case& test) {
    Case twice{test.object, test.loaded, test.program, test.setup, {}, {}};
    for (size_t i = 0; i < test.packets.size(); ++i) {
        twice.packets.insert(twice.packets.end(), 2, test.packets[i]);
        twice.bytes.insert(twice.bytes.end(), 2, test.bytes[i]);
    }
    return twice;
}

using Compiled = std::vector<std::unique_ptr<jit::CompiledProgram>>;

/// The program and those that its prog arrays hold, which are put there; it comes first.
Result<Compiled> compile_all(const Case& test, const tests::TestMaps& maps, const Way& way) {
    Compiled compiled;
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) -> Result<const vm::Runnable*> {
        const auto known = std::ranges::find(names, name);
        if (known != names.end()) return compiled[size_t(known - names.begin())]->runnable();
        const auto spec = std::ranges::find(test.loaded.programs, name, &vm::ProgramSpec::name);
        if (spec == test.loaded.programs.end()) return fail(ErrorKind::kNotFound, name);
        const Proven ready = verified(*spec);
        if (!ready) return fail(ErrorKind::kRejected, name);
        auto made = jit::compile(ready, maps.of(*spec), maps::all_helpers(), way.engine,
                                 {.overlap = way.overlap});
        if (!made) return std::unexpected(made.error());
        EXPECT_EQ((*made)->engine(), way.engine);
        names.push_back(name);
        compiled.push_back(std::move(*made));
        return compiled.back()->runnable();
    };
    if (const auto first = add(test.program.name); !first) return std::unexpected(first.error());
    for (const auto& map : maps.all()) {
        if (map->spec().type != vm::MapType::ProgArray) continue;
        for (const vm::InitialSlot& slot : map->spec().slots) {
            const auto target = add(slot.target);
            if (!target) return std::unexpected(target.error());
            map->bind_program(reinterpret_cast<const uint8_t*>(&slot.index), *target, 1);
        }
    }
    return compiled;
}

Result<RunResult> run_engine(const Case& test, const Way& way) {
    const auto maps = tests::TestMaps::make(test.loaded, test.setup);
    if (!maps) return std::unexpected(maps.error());
    const Result<Compiled> compiled = compile_all(test, *maps, way);
    if (!compiled) return std::unexpected(compiled.error());
    const jit::CompiledProgram& program = *compiled->front();
    return run_frames(
        test, way.burst, *maps,
        [&](std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts, vm::RunEnv& env) {
            std::vector<uint32_t> redirects(contexts.size());
            if (way.burst == 1)
                verdicts[0] = program.run(contexts[0], env);
            else
                program.run_burst(contexts, verdicts, redirects, env);
        });
}

void expect_same(const Case& test, const RunResult& expected, const Result<RunResult>& actual,
                 const std::string& engine) {
    ASSERT_TRUE(actual) << engine << ": " << actual.error().message;
    EXPECT_EQ(tests::first_difference(expected, *actual, test.packets), "") << engine;
}

struct Exception {
    std::string_view program, why;
};
/// Compared with the kernel in corpus_checked_test only.
constexpr auto kCheckedOnly = std::to_array<Exception>({
    {"dynptr", "what failed calls leave in a buffer that was never written"},
    {"dynptr_memory", "what failed calls leave in a buffer that was never written"},
    {"ringbuf_dynptr", "what failed calls leave in a buffer that was never written"},
    {"formatting", "%s follows pointers only where the checked interpreter knows the memory"},
    {"perf_unopened", "the kernel's side opens no buffers"},
});
bool is_checked_only(const std::string& program) {
    return std::ranges::find(kCheckedOnly, program, &Exception::program) != kCheckedOnly.end();
}

Result<RunResult> run_kernel(const Case& test) {
    return tests::kernel_path(test.object) == tests::KernelPath::Linked
               ? tests::run_in_kernel(test.program, test.bytes, test.setup)
               : tests::run_in_kernel(test.object.path, test.program.name, test.bytes, test.setup);
}

/// False where something is refused: by the verifier, or machine code cannot be made of it.
bool compare_program(const Case& test, bool with_kernel) {
    SCOPED_TRACE(fmt::format("{} {}", test.object.path, test.program.name));
    const auto expected = run_engine(test, kInterpreter);
    EXPECT_TRUE(expected) << expected.error().message;
    if (!expected) return false;
    const Case twice = doubled(test);
    const auto expected_twice = run_engine(twice, kInterpreter);
    EXPECT_TRUE(expected_twice) << expected_twice.error().message;
    if (!expected_twice) return false;
    for (const Way& way : ways()) {
        expect_same(test, *expected, run_engine(test, way), way.name);
        expect_same(twice, *expected_twice, run_engine(twice, way), way.name + ", packets twice");
    }
    if (!with_kernel || is_checked_only(test.program.name)) return true;
    auto kernel = run_kernel(test);
    // A linked program brings its own maps only.
    if (kernel && tests::kernel_path(test.object) == tests::KernelPath::Linked)
        for (const auto& [name, entries] : expected->maps) kernel->maps.try_emplace(name, entries);
    expect_same(test, *expected, kernel, "kernel");
    return true;
}

class Corpus : public testing::TestWithParam<std::string> {};

void compare_level(const std::string& level, bool with_kernel) {
    size_t compared = 0;
    for (const CorpusObject& object : tests::all_corpus_objects(kCorpus)) {
        if (object.level != level || tests::kernel_path(object) == tests::KernelPath::LoadOnly)
            continue;
        vm::LoadOptions options;
        options.assume_entries_max = kEntriesAssumed;
        const auto loaded = vm::load_object_file(object.path, options);
        ASSERT_TRUE(loaded) << loaded.error().message;
        for (const vm::ProgramSpec& program : loaded->programs) {
            if (program.type != vm::ProgramType::Xdp || !tests::is_program(object, program.name))
                continue;
            if (compare_program(make_case(object, *loaded, program), with_kernel)) ++compared;
        }
    }
    fmt::print("{}: {} programs compared\n", level, compared);
    EXPECT_GE(compared, kPrograms.of(level));
}

TEST_P(Corpus, InterpreterAndMachineCodeAgree) {
    compare_level(GetParam(), false);
}

TEST_P(Corpus, AgreesWithTheLiveKernel) {
    if (const auto missing = tests::kernel_missing()) GTEST_SKIP() << *missing;
    const auto network = tests::enter_test_network();
    ASSERT_TRUE(network) << network.error().message;
    compare_level(GetParam(), true);
}

INSTANTIATE_TEST_SUITE_P(Levels, Corpus, testing::ValuesIn(tests::kCorpusLevels),
                         tests::level_name);

TEST(UnsafeCorpus, IsRefusedByUs) {
    const auto objects = tests::corpus_objects(kCorpus + "/unsafe");
    ASSERT_GE(objects.size(), kUnsafePrograms);
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
    const auto objects = tests::corpus_objects(kCorpus + "/unsafe");
    ASSERT_GE(objects.size(), kUnsafePrograms);
    for (const CorpusObject& object : objects) {
        SCOPED_TRACE(object.path);
        const auto verdict = tests::kernel_verdict(object.path, "unsafe");
        ASSERT_TRUE(verdict) << verdict.error().message;
        EXPECT_FALSE(verdict->accepted);
    }
}

}  // namespace
}  // namespace weir
