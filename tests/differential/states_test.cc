// Every program of the corpus that the verifier accepts, over test packets in the instrumented
// interpreter: at every instruction, all that the run still needs of its registers and stack lies
// within a state that the verifier assumed there.

#include <gtest/gtest.h>

#include <optional>

#include <fmt/format.h>

#include "tests/support/corpus_cases.h"
#include "tests/support/corpus_levels.h"
#include "tests/support/environment.h"
#include "tests/support/state_check.h"
#include "tests/support/weir_runner.h"
#include "vm/elf/elf.h"

namespace weir::tests {
namespace {

constexpr uint32_t kEntriesAssumed = 64;
/// Of all packets, each level another choice. 1: all.
constexpr uint64_t kPacketStride = 28;
constexpr size_t kProgramsMin = 90;  ///< per level

class StateWatch : public PacketWatch {
public:
    StateWatch(const vm::ProgramSpec& program, const StateBook& book)
        : program_(program), book_(book), code_(vm::decode_program(program.insns).value()) {}

    vm::RunWatcher* begin(const vm::XdpContext& packet, uint64_t context,
                          std::span<vm::Map* const> maps) override {
        context_ = context;
        maps_.assign(maps.begin(), maps.end());
        recorder_.emplace(code_, packet);
        return &*recorder_;
    }
    void end() override {
        const RunTrace trace = recorder_->finish();
        steps_ += trace.steps.size();
        if (refusal_) return;
        refusal_ = outside_of_states({program_, code_, maps_, context_}, book_, trace);
    }

    uint64_t steps() const { return steps_; }
    const std::optional<std::string>& refusal() const { return refusal_; }

private:
    const vm::ProgramSpec& program_;
    const StateBook& book_;
    std::vector<vm::DecodedSlot> code_;
    uint64_t context_ = 0;
    std::vector<vm::Map*> maps_;
    std::optional<TraceRecorder> recorder_;
    uint64_t steps_ = 0;
    std::optional<std::string> refusal_;
};

struct Tally {
    size_t programs = 0, full = 0;
    uint64_t steps = 0;
};

void check_program(const CorpusObject& object, const vm::ObjectSpec& loaded,
                   const vm::ProgramSpec& program, uint64_t first, Tally& tally) {
    SCOPED_TRACE(fmt::format("{} {}", object.path, program.name));
    StateBook book(program.insns.size());
    if (!vm::verifier::verify_observed(program, {.time_ms_max = 60'000}, book)) return;
    ++tally.programs;
    if (book.is_full()) ++tally.full;
    StateWatch watch(program, book);
    const uint64_t stride = number_from_environment("WEIR_PACKET_STRIDE", kPacketStride);
    std::vector<Bytes> packets;
    const auto all = packets_for(program.type == vm::ProgramType::SocketFilter, program.has_frags);
    for (size_t i = first % stride; i < all.size(); i += stride) packets.push_back(all[i].bytes);
    const auto run = run_checked(loaded, program.name, packets, run_setup(object), &watch);
    EXPECT_TRUE(run) << run.error().message;
    EXPECT_FALSE(watch.refusal()) << *watch.refusal();
    tally.steps += watch.steps();
}

class States : public testing::TestWithParam<std::string> {};

TEST_P(States, HoldWhatEveryRunOfTheCorpusHas) {
    const auto level =
        static_cast<uint64_t>(std::ranges::find(kCorpusLevels, GetParam()) - kCorpusLevels.begin());
    Tally tally;
    for (const CorpusObject& object : all_corpus_objects(WEIR_CORPUS_DIR)) {
        if (object.level != GetParam()) continue;
        vm::LoadOptions options;
        options.assume_entries_max = kEntriesAssumed;
        const auto loaded = vm::load_object_file(object.path, options);
        ASSERT_TRUE(loaded) << loaded.error().message;
        for (const vm::ProgramSpec& program : loaded->programs)
            check_program(object, *loaded, program, level, tally);
    }
    fmt::print("{} programs, {} steps; {} with more states than a book holds\n", tally.programs,
               tally.steps, tally.full);
    EXPECT_GE(tally.programs, kProgramsMin);
    EXPECT_EQ(tally.full, 0u);
}

INSTANTIATE_TEST_SUITE_P(Levels, States, testing::ValuesIn(kCorpusLevels), level_name);

}  // namespace
}  // namespace weir::tests
