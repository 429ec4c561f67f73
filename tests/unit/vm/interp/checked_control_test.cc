// Calls, callbacks, tail calls and the ends of runs.

#include "tests/unit/vm/interp/checked_fixture.h"
#include "vm/base/limits.h"
#include "vm/interp/code_address.h"

namespace weir::vm {
namespace {

class CheckedControl : public CheckedTest {
protected:
    CheckedControl() {
        // As the kernel's: calls back until the callback says stop.
        helpers.functions[181] = [](uint64_t loops, uint64_t function, uint64_t context, uint64_t,
                                    uint64_t, RunEnv& its_env) -> uint64_t {
            for (uint64_t i = 0; i < loops; ++i)
                if (its_env.call(its_env, function, {i, context, 0, 0, 0}) != 0 ||
                    its_env.callback_failed)
                    return i + 1;
            return loops;
        };
        helpers.functions[164] = [](uint64_t map, uint64_t function, uint64_t context, uint64_t,
                                    uint64_t, RunEnv& its_env) {
            struct Walk {
                RunEnv& env;
                uint64_t map, function, context;
            } walk{its_env, map, function, context};
            const auto visit = [](void* opaque, const uint8_t* key, uint8_t* value) -> uint64_t {
                const Walk& now = *static_cast<Walk*>(opaque);
                const uint64_t stop =
                    now.env.call(now.env, now.function,
                                 {now.map, reinterpret_cast<uint64_t>(key),
                                  reinterpret_cast<uint64_t>(value), now.context, 0});
                return now.env.callback_failed ? 1 : stop;
            };
            return static_cast<uint64_t>(reinterpret_cast<Map*>(map)->for_each(visit, &walk, 0));
        };
    }

    /// Calls slot `index` of map 0.
    static std::string tail_call(int index) {
        return "r2 = map[0] ll\nr3 = " + std::to_string(index) + "\ncall tail_call\n";
    }
};

TEST_F(CheckedControl, EndsWhatDoesNotEnd) {
    EXPECT_EQ(fault_of("goto -1"), "insn 0: the budget of steps is spent");
    EXPECT_EQ(fault_of("r0 = 1"), "insn 1: runs past the end of the program");
    EXPECT_EQ(fault_of("f: call f\nexit"), "insn 0: calls nested deeper than 8 frames");
    const CheckedResult result = run("goto -1");
    EXPECT_EQ(result.insns, insns_max);
    EXPECT_EQ(result.fault->kind, FaultKind::Budget);
    insns_max = 100'000'000;
    EXPECT_EQ(result_of("r0 = 0\nagain: may_goto out\nr0 += 1\ngoto again\nout: exit"),
              kMayGotoMax);
}

TEST_F(CheckedControl, LetsAFunctionReturnNothing) {
    EXPECT_EQ(result_of("call f\nr0 = 7\nexit\nf: exit"), 7u);
    EXPECT_EQ(fault_of("call f\nexit\nf: exit"),
              "insn 1: r0 is read, but nothing was written to it");
    EXPECT_EQ(fault_of("exit"), "insn 0: r0 is read, but nothing was written to it");
}

TEST_F(CheckedControl, CallsBack) {
    EXPECT_EQ(result_of("*(u64 *)(r10 - 8) = 0\nr1 = 5\nld_pseudo r2, 4, 10\nr3 = r10\nr3 += -8\n"
                        "r4 = 0\nr6 = 100\ncall loop\nr0 *= r6\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\n"
                        "exit\n"
                        "r3 = *(u64 *)(r2 + 0)\nr3 += r1\n*(u64 *)(r2 + 0) = r3\nr6 = 7\nr0 = 0\n"
                        "exit"),
              510u)
        << "5 rounds, 0 + 1 + 2 + 3 + 4, r6 kept";
}

TEST_F(CheckedControl, StopsAHelperWhoseCallbackFaults) {
    constexpr const char* kLoop = "r1 = 5\nld_pseudo r2, 4, 5\nr3 = 0\nr4 = 0\ncall loop\nexit\n";
    EXPECT_EQ(fault_of(std::string(kLoop) + "r0 = *(u8 *)(r2 + 0)\nexit"),
              "insn 7: load of 1 byte at null +0; compare the pointer with 0 first");
    EXPECT_EQ(fault_of(std::string(kLoop) + "r0 = r6\nexit"),
              "insn 7: r6 is read, but nothing was written to it");
    EXPECT_EQ(fault_of(std::string(kLoop) + "goto -1"), "insn 7: the budget of steps is spent");
    EXPECT_EQ(fault_of("r1 = 5\nr2 = 8\nr3 = 0\nr4 = 0\ncall loop\nexit"),
              "insn 4: argument 2 of loop: is no function of this program");
    EXPECT_EQ(fault_of("r5 = 0\nf: r1 = 1\nld_pseudo r2, 4, -2\nr3 = 0\nr4 = 0\ncall loop\nr0 = 0\n"
                       "exit"),
              "insn 6: calls nested deeper than 8 frames");
}

TEST_F(CheckedControl, ShowsACallbackItsElementAndNoLonger) {
    PlainMap& map = add_map(map_spec("values", MapType::Hash));
    map.values[1] = {5, 0, 0, 0, 0, 0, 0, 0};
    map.values[2] = {6, 0, 0, 0, 0, 0, 0, 0};
    const std::string walk =
        "*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\nr1 = map[0] ll\nld_pseudo r2, 4, 11\n"
        "r3 = r10\nr3 += -16\nr4 = 0\ncall for_each_map_elem\nr1 = *(u64 *)(r10 - 8)\n"
        "r0 = *(u64 *)(r10 - 16)\n";
    const std::string tail =
        "goto +2\nr0 = 0\nexit\nexit\n";  // keeps the callback at the same slot
    const std::string callback =
        "r5 = *(u32 *)(r2 + 0)\nr3 = *(u64 *)(r3 + 0)\nr5 += r3\nr1 = *(u64 *)(r4 + 0)\nr5 += r1\n"
        "*(u64 *)(r4 + 0) = r5\n*(u64 *)(r4 + 8) = r2\nr0 = 0\nexit";
    EXPECT_EQ(result_of(walk + tail + callback), 14u);
    EXPECT_NE(fault_of(walk + "r0 = *(u32 *)(r1 + 0)\nexit\nexit\nexit\n" + callback), "")
        << "a key is gone after its visit";
    EXPECT_EQ(fault_of(walk + tail + "*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit"),
              "insn 16: store of 4 bytes at map key of values +0, which is read-only");
}

TEST_F(CheckedControl, MakesTailCalls) {
    PlainMap& programs = add_map(map_spec("programs", MapType::ProgArray, 4));
    const auto seven = load("r0 = *(u32 *)(r1 + 12)\nr0 += 4\nexit");
    const auto leaf = load("r0 = 20\nexit");
    programs.programs = {{0, seven.get()}, {1, leaf.get()}};
    EXPECT_EQ(result_of(tail_call(0) + "r0 = 1\nexit"), 7u);
    EXPECT_EQ(result_of(tail_call(2) + "r0 = 1\nexit"), 1u) << "an empty slot";
    EXPECT_EQ(result_of(tail_call(9) + "r0 = 1\nexit"), 1u) << "no slot";
    EXPECT_EQ(result_of("r6 = 2\ncall f\nr0 += r6\nexit\nf: " + tail_call(1) + "r0 = 1\nexit"), 22u)
        << "the target's result goes to the subprogram's caller";
    EXPECT_EQ(fault_of(tail_call(2) + "exit"), "insn 4: r0 is read, but nothing was written to it");
    EXPECT_EQ(fault_of("r6 = r1\n" + tail_call(2) + "r0 = r3\nexit"),
              "insn 5: r3 is read, but nothing was written to it");
}

TEST_F(CheckedControl, CountsTailCallsOverTheWholeRun) {
    PlainMap& programs = add_map(map_spec("programs", MapType::ProgArray, 4));
    PlainMap& counts = add_map([] {
        MapSpec spec = map_spec(".bss", MapType::Array);
        spec.is_global_data = true;
        return spec;
    }());
    counts.values[0] = Bytes(8);
    const auto itself = load("r2 = map[1][0] + 0x0 ll\nr3 = 1\nlock *(u64 *)(r2 + 0) += r3\n" +
                             tail_call(0) + "r0 = 5\nexit");
    programs.programs = {{0, itself.get()}};
    const CheckedResult result = run(*itself);
    ASSERT_FALSE(result.fault) << result.fault->message;
    EXPECT_EQ(result.retval, 5u);
    EXPECT_EQ(counts.values[0][0], kTailCallsMax + 1);
}

TEST_F(CheckedControl, RefusesTailCallsThatTheKernelRefuses) {
    PlainMap& programs = add_map(map_spec("programs", MapType::ProgArray, 4));
    PlainMap& others = add_map(map_spec("others", MapType::Array));
    others.values[0] = Bytes(8);
    const auto leaf = load("r0 = 20\nexit");
    type = ProgramType::SocketFilter;
    const auto filter = load("r0 = 20\nexit");
    type = ProgramType::Xdp;
    struct Foreign : Runnable {
        uint64_t call(uint64_t, const std::array<uint64_t, 5>&, RunEnv&) const override {
            return 0;
        }
    } const foreign;
    programs.programs = {{0, leaf.get()}, {1, filter.get()}, {2, &foreign}};
    EXPECT_EQ(fault_of(tail_call(1) + "r0 = 1\nexit"),
              "insn 3: slot 1 of map programs holds no xdp program of this engine");
    EXPECT_EQ(fault_of(tail_call(2) + "r0 = 1\nexit"),
              "insn 3: slot 2 of map programs holds no xdp program of this engine");
    EXPECT_EQ(fault_of("r2 = map[1] ll\nr3 = 0\ncall tail_call\nr0 = 1\nexit"),
              "insn 3: argument 2 of tail_call: is map others of type array, which tail_call does "
              "not take");
    EXPECT_EQ(fault_of("r1 = r10\n" + tail_call(0) + "r0 = 1\nexit"),
              "insn 4: argument 1 of tail_call: is not the context");
    EXPECT_EQ(fault_of("*(u64 *)(r10 - 8) = r1\nr1 = 1\nld_pseudo r2, 4, 6\nr3 = r10\nr3 += -8\n"
                       "r4 = 0\ncall loop\nexit\nr1 = *(u64 *)(r2 + 0)\n" +
                       tail_call(0) + "r0 = 0\nexit"),
              "insn 13: a callback may not make a tail call");
}

TEST_F(CheckedControl, NamesTheProgramThatFaulted) {
    PlainMap& programs = add_map(map_spec("programs", MapType::ProgArray, 4));
    const auto bad = load("r0 = *(u8 *)(r10 + 0)\nexit");
    programs.programs = {{0, bad.get()}};
    const CheckedResult result = run(tail_call(0) + "r0 = 1\nexit");
    ASSERT_TRUE(result.fault);
    EXPECT_EQ(result.fault->insn, 0u);
    EXPECT_EQ(result.fault->program, "test");
    EXPECT_EQ(result.retval, 0u);
    EXPECT_EQ(env.program, nullptr);
    EXPECT_EQ(env.engine, nullptr);
}

TEST_F(CheckedControl, EndsATimersCallbackThatDoesNotEnd) {
    PlainMap& map = add_map(map_spec("flows", MapType::Array));
    map.values[3] = {5, 0, 0, 0, 0, 0, 0, 0};
    const auto program = load("exit\ngoto -1");
    std::vector<RunFault> faults;
    program->report_faults_to([&](const RunFault& fault) { faults.push_back(fault); }, 1'000);
    const uint32_t key = 3;
    program->call(kCodeAddressTag + 1,
                  {reinterpret_cast<uint64_t>(&map), reinterpret_cast<uint64_t>(&key),
                   reinterpret_cast<uint64_t>(map.values[3].data()), 0, 0},
                  env);
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].kind, FaultKind::Budget);
}

TEST_F(CheckedControl, RunsATimersCallbackOnItsElement) {
    PlainMap& map = add_map(map_spec("values", MapType::Hash));
    map.values[1] = {5, 0, 0, 0, 0, 0, 0, 0};
    const auto program = load(
        "ld_pseudo r2, 4, 3\nr0 = 0\nexit\n"
        "r4 = *(u32 *)(r2 + 0)\nr5 = *(u64 *)(r3 + 0)\nr0 = r4\nr0 += r5\n"
        "*(u64 *)(r3 + 0) = 9\nr4 = *(u8 *)(r3 + 7)\nexit");
    const uint32_t key = 1;
    const std::array<uint64_t, 5> arguments = {
        reinterpret_cast<uint64_t>(&map), reinterpret_cast<uint64_t>(&key),
        reinterpret_cast<uint64_t>(map.values[1].data()), 0, 0};
    const uint64_t function = 0xC0DE'0000'0000'0004;
    EXPECT_EQ(program->call(function, arguments, env), 6u);
    EXPECT_FALSE(env.callback_failed);
    EXPECT_EQ(map.values[1][0], 9);
    const auto reader = load("ld_pseudo r2, 4, 3\nr0 = 0\nexit\nr0 = *(u8 *)(r3 + 8)\nexit");
    EXPECT_EQ(reader->call(function, arguments, env), 0u);
    EXPECT_TRUE(env.callback_failed);
}

TEST_F(CheckedControl, LoadsFromThePacketAsFiltersDo) {
    type = ProgramType::SocketFilter;
    skb.network_offset = 14;
    skb.mac_offset = -2;
    constexpr const char* kStart = "r6 = r1\n";
    EXPECT_EQ(result_of(std::string(kStart) + "r0 = *(u16 *)skb[12]\nexit"), 0x4c4du);
    EXPECT_EQ(result_of(std::string(kStart) + "r2 = 50\nr0 = *(u32 *)skb[r2 + 6]\nexit"),
              0x78797a7bu);
    EXPECT_EQ(result_of(std::string(kStart) + "r0 = *(u32 *)skb[57]\nr0 = 1\nexit"), 0u);
    EXPECT_EQ(result_of(std::string(kStart) + "r0 = *(u8 *)skb[-1048576]\nexit"), 64u + 14);
    EXPECT_EQ(result_of(std::string(kStart) + "r0 = *(u8 *)skb[-2097152]\nexit"), 62u);
    EXPECT_EQ(result_of(std::string(kStart) + "r0 = *(u8 *)skb[-2097153]\nr0 = 1\nexit"), 0u);
    EXPECT_EQ(result_of(std::string(kStart) + "call f\nr0 += 3\nexit\nf: r6 = r1\n"
                                              "r0 = *(u8 *)skb[99]\nr0 = 1\nexit"),
              3u)
        << "it ends the function";
    EXPECT_EQ(fault_of("r6 = 0\nr0 = *(u8 *)skb[0]\nexit"),
              "insn 1: LD_ABS and LD_IND need the context in r6");
    EXPECT_EQ(fault_of(std::string(kStart) + "r0 = *(u8 *)skb[0]\nr0 = r1\nexit"),
              "insn 2: r1 is read, but nothing was written to it");
    type = ProgramType::Xdp;
    EXPECT_EQ(fault_of(std::string(kStart) + "r0 = *(u8 *)skb[0]\nexit"),
              "insn 1: LD_ABS and LD_IND are for socket filters");
}

TEST_F(CheckedControl, RefusesTheContextOfTheOtherType) {
    type = ProgramType::SocketFilter;
    const auto filter = load("r0 = 1\nexit");
    const CheckedResult result = run_checked(*filter, xdp, env);
    ASSERT_TRUE(result.fault);
    EXPECT_EQ(result.fault->message, "a socket program does not take this context");
}

TEST_F(CheckedControl, RefusesToLoadWhatNoRunCouldDo) {
    const auto error_of = [&](std::string_view text) {
        const auto made = make(text);
        return made ? "" : made.error().message;
    };
    EXPECT_EQ(error_of("r1 = map[0] ll\nexit"), "test: insn 0: map 0 of 0");
    add_map(map_spec("values", MapType::Hash));
    EXPECT_EQ(error_of("r1 = map[0][0] + 0x0 ll\nexit"),
              "test: insn 0: map values of type hash has no value with an address");
    MapSpec data = map_spec(".data", MapType::Array);
    data.is_global_data = true;
    add_map(data).values[0] = Bytes(8);
    EXPECT_EQ(error_of("r1 = map[1][0] + 0x8 ll\nexit"),
              "test: insn 0: offset 8 in map .data, whose value ends at 8");
    EXPECT_EQ(error_of("r0 = 0\nld_pseudo r1, 3, 0\nexit"),
              "test: insn 1: names what only a loader can resolve");
    EXPECT_EQ(error_of("call kfunc 31\nexit"), "test: insn 0: kernel function 31 is not offered");
    EXPECT_EQ(error_of("goto +5\nexit"),
              "test: insn 0: jump to 6 leaves the program of 2 instructions");
}

}  // namespace
}  // namespace weir::vm
