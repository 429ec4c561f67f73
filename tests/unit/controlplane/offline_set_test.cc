#include "controlplane/cli/offline_set.h"

#include <gtest/gtest.h>

#include <fstream>

#include "controlplane/cli/offline_routes.h"
#include "tests/unit/controlplane/offline_object.h"
#include "tests/unit/dataplane/temporary_dir.h"

namespace weir::controlplane::cli {
namespace {

using tests::InsnWriter;

constexpr int32_t kCheckMtu = 163;

/// rN = the address of the function `distance` slots behind this instruction's second slot.
std::vector<vm::Insn> code_address(uint8_t reg, int32_t distance) {
    vm::Insn first = tests::make_insn(vm::Op::kLoadCodeAddr, reg, 0, 0, distance);
    return {first, vm::Insn{}};
}

std::vector<OfflineOutcome> run_all(const vm::ObjectSpec& object, const OfflineOptions& options,
                                    std::vector<Bytes>& packets, uint32_t burst = 1) {
    Result<std::unique_ptr<OfflineSet>> set = OfflineSet::make(object, object.programs[0], options);
    EXPECT_TRUE(set) << set.error().message;
    return set ? (*set)->run(packets, burst) : std::vector<OfflineOutcome>(packets.size());
}

vm::MapSpec timers_map() {
    vm::MapSpec timers;
    timers.name = "timers";
    timers.type = vm::MapType::Array;
    timers.key_bytes = 4;
    timers.value_bytes = 16;
    timers.entries_max = 1;
    timers.timer_offset = 0;
    return timers;
}

/// Sets the timer in the only element of the first map to `callback`, due at once.
vm::ProgramSpec timed(const std::string& name, std::vector<vm::MapSpec> maps,
                      const std::vector<vm::Insn>& callback) {
    constexpr int32_t kTimerInit = 169, kTimerSetCallback = 170, kTimerStart = 171;
    InsnWriter code;
    code.load_map_value(1, 0, 0).load_map(2, 0).mov(3, 1).call(kTimerInit);
    code.load_map_value(1, 0, 0).append(code_address(2, 9)).call(kTimerSetCallback);
    code.load_map_value(1, 0, 0).mov(2, 0).mov(3, 0).call(kTimerStart);
    code.mov(0, vm::XDP_PASS).exit();
    const auto begin = static_cast<uint32_t>(code.size());
    vm::ProgramSpec program = program_of(name, code.append(callback).insns(), std::move(maps));
    program.subprograms.push_back({"tick", begin});
    return program;
}

TEST(OfflineSet, RunsEveryPacketInOrderWhateverTheBurst) {
    const vm::ObjectSpec object = object_of({returning("pass", vm::XDP_PASS)});
    for (const uint32_t burst : {1u, 3u, 64u}) {
        std::vector<Bytes> packets = {Bytes(60), Bytes(5), Bytes(9601), Bytes(70), Bytes(9600)};
        const std::vector<OfflineOutcome> outcomes = run_all(object, {}, packets, burst);
        ASSERT_EQ(outcomes.size(), 5u);
        for (size_t i = 0; i < outcomes.size(); ++i) {
            const bool fits = i != 1 && i != 2;
            EXPECT_EQ(outcomes[i].ran, fits) << i;
            EXPECT_EQ(outcomes[i].error.empty(), fits) << i;
            EXPECT_EQ(outcomes[i].retval, fits ? vm::XDP_PASS : 0u) << i;
        }
        EXPECT_EQ(packets[1].size(), 5u) << "what is not run stays as it is";
    }
}

TEST(OfflineSet, RefusesWhatTheVerifierRefuses) {
    const vm::ObjectSpec object =
        object_of({program_of("wild", InsnWriter().load64(0, 2, 0).exit().insns())});
    const auto set = OfflineSet::make(object, object.programs[0], {});
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().kind, ErrorKind::kRejected);
}

TEST(OfflineSet, SaysWhereAnUnverifiedProgramFaults) {
    const vm::ObjectSpec object =
        object_of({program_of("wild", InsnWriter().mov(1, 0).load64(0, 1, 8).exit().insns())});
    std::vector<Bytes> packets = {Bytes(60)};
    const std::vector<OfflineOutcome> outcomes = run_all(object, kUnverified, packets);
    ASSERT_TRUE(outcomes[0].fault.has_value());
    EXPECT_EQ(outcomes[0].fault->program, "wild");
    EXPECT_EQ(outcomes[0].fault->insn, 1u);
    EXPECT_EQ(outcomes[0].retval, vm::XDP_ABORTED);
}

TEST(OfflineSet, FillsSlotsOfTheProgramsThatSlotsName) {
    // Each has the map "jumps" of the object; the one it names is found by its name.
    vm::ObjectSpec object = object_of({jumping("first", "last"), returning("last", vm::XDP_TX)});
    std::vector<Bytes> packets = {Bytes(60)};
    EXPECT_EQ(run_all(object, kUnverified, packets)[0].retval, vm::XDP_TX);
    object.programs.pop_back();
    const auto set = OfflineSet::make(object, object.programs[0], kUnverified);
    ASSERT_FALSE(set);
    EXPECT_NE(set.error().message.find("'last', expected the name of a program"), std::string::npos)
        << set.error().message;
}

TEST(OfflineSet, EachEngineMakesTailCalls) {
    const vm::ObjectSpec object = object_of(
        {jumping("first", "last"), jumping("second", "first"), returning("last", vm::XDP_TX)});
    for (const jit::Engine engine : {jit::Engine::kJit, jit::Engine::kInterp}) {
        for (const uint32_t burst : {1u, 4u}) {
            std::vector<Bytes> packets = {Bytes(60), Bytes(60), Bytes(60)};
            for (const OfflineOutcome& outcome :
                 run_all(object, {.engine = engine}, packets, burst))
                EXPECT_EQ(outcome.retval, vm::XDP_TX);
        }
    }
}

TEST(OfflineSet, TimersCallEachEngine) {
    vm::MapSpec timers = timers_map(), ticks = timers_map();
    ticks.name = "ticks";
    ticks.value_bytes = 8;
    ticks.timer_offset = vm::kNoOffset;
    const uint8_t one = 1;
    InsnWriter tick;
    tick.load_map_value(1, 1, 0).put(vm::Op::kStoreImm8, 1, 0, 0, one).mov(0, 0).exit();
    const vm::ObjectSpec object = object_of({timed("timed", {timers, ticks}, tick.insns())});
    for (const jit::Engine engine : {jit::Engine::kJit, jit::Engine::kInterp}) {
        auto set = OfflineSet::make(object, object.programs[0], {.engine = engine});
        ASSERT_TRUE(set) << set.error().message;
        std::vector<Bytes> packets = {Bytes(60)};
        EXPECT_EQ((*set)->run(packets, 1)[0].retval, vm::XDP_PASS);
        EXPECT_EQ(OfflineMaps::elements(*(*set)->maps().find("ticks"))[0].second[0], one);
    }
}

TEST(OfflineSet, LeavesSlotsEmptyOfProgramsThatAreRefused) {
    const auto egress = InsnWriter().put(vm::Op::kLoad32, 0, 1, 20).exit().insns();
    const vm::ObjectSpec object = object_of({jumping("first", "last"), program_of("last", egress)});
    std::vector<Bytes> packets = {Bytes(60)};
    testing::internal::CaptureStderr();
    const std::vector<OfflineOutcome> outcomes = run_all(object, kUnverified, packets);
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(outcomes[0].ran);
    EXPECT_FALSE(outcomes[0].fault.has_value());
    EXPECT_NE(said.find("map jumps: slot 1 stays empty: "), std::string::npos) << said;
    EXPECT_NE(said.find("field egress_ifindex of xdp_md"), std::string::npos) << said;
    const auto alone = OfflineSet::make(object, object.programs[1], kUnverified);
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().kind, ErrorKind::kRejected);
}

TEST(OfflineSet, AFillStaysWhateverTheObjectSays) {
    // The object has "last" in the slot; the fill puts a program there that refers to the same map.
    const vm::ObjectSpec object = object_of(
        {jumping("first", "last"), returning("last", vm::XDP_TX),
         program_of("filled", InsnWriter().load_map(2, 0).mov(0, vm::XDP_PASS).exit().insns(),
                    {jumps_to("last")})});
    auto set = OfflineSet::make(object, object.programs[0], kUnverified);
    ASSERT_TRUE(set) << set.error().message;
    const dataplane::TemporaryDir folder;
    const std::string path = folder / "fill.txt";
    std::ofstream(path) << "1 filled\n";
    const Result<void> filled = (*set)->fill("jumps=" + path);
    ASSERT_TRUE(filled) << filled.error().message;
    std::vector<Bytes> packets = {Bytes(60)};
    EXPECT_EQ((*set)->run(packets, 1)[0].retval, vm::XDP_PASS);
}

TEST(OfflineSet, ReportsCallbacksOfTimersThatAreStopped) {
    const vm::ProgramSpec program =
        timed("timed", {timers_map()}, InsnWriter().mov(1, 0).load64(0, 1, 8).exit().insns());
    const uint32_t callback = program.subprograms[1].insn;
    const vm::ObjectSpec object = object_of({program});
    auto set = OfflineSet::make(object, object.programs[0], kUnverified);
    ASSERT_TRUE(set) << set.error().message;
    std::vector<Bytes> packets = {Bytes(60)};
    const std::vector<OfflineOutcome> outcomes = (*set)->run(packets, 1);
    ASSERT_FALSE(outcomes[0].fault) << outcomes[0].fault->message;
    EXPECT_EQ(outcomes[0].retval, vm::XDP_PASS) << "the packet is not to blame";
    const TimerFaults& faults = (*set)->timer_faults();
    ASSERT_EQ(faults.count, 1u);
    EXPECT_EQ(faults.first[0].program, "timed");
    EXPECT_EQ(faults.first[0].insn, callback + 1);
    EXPECT_TRUE(faults.first[0].message.starts_with("load of 8 bytes at "))
        << faults.first[0].message;
}

TEST(OfflineSet, AProgramMayCallItselfUntilTheKernelsBound) {
    const vm::ObjectSpec object = object_of({jumping("again", "again")});
    std::vector<Bytes> packets = {Bytes(60)};
    const std::vector<OfflineOutcome> outcomes = run_all(object, kUnverified, packets);
    EXPECT_FALSE(outcomes[0].fault.has_value());
    EXPECT_EQ(outcomes[0].retval, vm::XDP_DROP);
}

TEST(OfflineSet, LeavesSlotsAloneThatTheProgramDoesNotSee) {
    vm::ObjectSpec object = object_of({returning("alone", vm::XDP_PASS), jumping("other", "gone")});
    std::vector<Bytes> packets = {Bytes(60)};
    EXPECT_EQ(run_all(object, kUnverified, packets)[0].retval, vm::XDP_PASS);
}

TEST(OfflineSet, AnswersFromTheInterfacesItIsGiven) {
    // check_mtu(ctx, 0, &mtu, 0, 0) leaves the MTU of the device the packet came from.
    const vm::ObjectSpec object = object_of({program_of("mtu", InsnWriter()
                                                                   .mov_reg(3, 10)
                                                                   .add(3, -8)
                                                                   .mov(2, 0)
                                                                   .store64(10, -8, 2)
                                                                   .mov(4, 0)
                                                                   .mov(5, 0)
                                                                   .call(kCheckMtu)
                                                                   .load64(0, 10, -8)
                                                                   .exit()
                                                                   .insns())});
    OfflineOptions options = kUnverified;
    options.fib = no_routes();
    std::vector<Bytes> packets = {Bytes(60)};
    EXPECT_EQ(run_all(object, options, packets)[0].retval, 65'536u);
}

}  // namespace
}  // namespace weir::controlplane::cli
