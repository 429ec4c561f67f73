// Arguments of helpers, and what programs take and must give back.

#include "tests/unit/vm/interp/checked_fixture.h"

namespace weir::vm {
namespace {

alignas(8) std::array<uint8_t, 64> ring;
uint32_t discarded, unlocked;

uint64_t ring_address() {
    return reinterpret_cast<uint64_t>(ring.data());
}
void write_words(uint64_t at, uint64_t first, uint64_t second) {
    std::memcpy(reinterpret_cast<void*>(at), &first, 8);
    std::memcpy(reinterpret_cast<void*>(at + 8), &second, 8);
}

class CheckedCalls : public CheckedTest {
protected:
    CheckedCalls() {
        discarded = unlocked = 0;
        ring.fill(1);
        using U = uint64_t;
        helpers.functions[131] = [](U, U, U, U, U, RunEnv&) { return ring_address(); };
        helpers.functions[132] = [](U, U, U, U, U, RunEnv&) -> U { return 0; };
        helpers.functions[133] = [](U, U, U, U, U, RunEnv&) -> U { return ++discarded, 0; };
        helpers.functions[93] = [](U, U, U, U, U, RunEnv&) -> U { return 0; };
        helpers.functions[94] = [](U, U, U, U, U, RunEnv&) -> U { return ++unlocked, 0; };
        helpers.functions[198] = [](U, U, U, U at, U, RunEnv&) -> U {
            return write_words(at, ring_address(), 64), 0;
        };
        helpers.functions[199] = [](U at, U, U, U, U, RunEnv&) -> U {
            return write_words(at, 0, 0), 0;
        };
        helpers.functions[200] = [](U, U, U, U, U, RunEnv&) -> U { return ++discarded, 0; };
        helpers.functions[203] = [](U, U offset, U, U, U, RunEnv&) {
            return ring_address() + offset;
        };
        helpers.kfuncs[7] = [](U at, U first, U, U, U, RunEnv&) -> U {
            const uint64_t words = first;
            std::memcpy(reinterpret_cast<void*>(at), &words, 8);
            return 0;
        };
        helpers.kfuncs[8] = [](U at, U, U, U, U, RunEnv&) { return at; };
        helpers.kfuncs[9] = [](U, U, U, U, U, RunEnv&) -> U { return 0; };
        MapSpec events = map_spec("events", MapType::Ringbuf, 0);
        events.key_bytes = 0;
        add_map(events);
        MapSpec rodata = map_spec(".rodata", MapType::Array);
        rodata.is_global_data = rodata.frozen = true;
        add_map(rodata).values[0] = {'a', 'b', 0, 'c', 'd', 'e', 'f', 'g'};
        MapSpec locked = map_spec(".data", MapType::Array, 32);
        locked.is_global_data = true;
        locked.spin_lock_offset = 8;
        locked.timer_offset = 16;
        add_map(locked).values[0] = Bytes(32);
        add_map(map_spec("values", MapType::Hash)).values[1] = Bytes(8);
    }
};

TEST_F(CheckedCalls, RefusesHelpersByName) {
    EXPECT_NE(fault_of("call get_current_task\nr0 = 0\nexit").find("get_current_task"),
              std::string::npos);
    EXPECT_NE(fault_of("call 250\nexit").find("there is no helper 250"), std::string::npos);
    EXPECT_NE(fault_of("r3 = -1\ncallx r3\nexit").find("there is no helper -1"), std::string::npos);
    EXPECT_EQ(result_of("r3 = 8\ncallx r3\nexit"), 0u);
    EXPECT_EQ(fault_of("r2 = 0\nr3 = r10\nr3 += -8\nr4 = 8\ncall skb_load_bytes\nexit"),
              "insn 4: skb_load_bytes is not for xdp programs");
}

TEST_F(CheckedCalls, ChecksMapKeyAndValue) {
    const std::string map = "r1 = map[3] ll\n";
    EXPECT_EQ(fault_of(map + "call map_lookup_elem\nexit"),
              "insn 2: argument 2 of map_lookup_elem: nothing was written to r2");
    EXPECT_EQ(fault_of("r1 = 8\nr2 = r10\ncall map_lookup_elem\nexit"),
              "insn 2: argument 1 of map_lookup_elem: is no map of this program");
    EXPECT_EQ(
        fault_of(map + "r2 = r10\nr2 += -3\ncall map_lookup_elem\nexit"),
        "insn 4: argument 2 of map_lookup_elem: load of 4 bytes at stack -3, which ends at 0");
    EXPECT_EQ(fault_of(map + "r2 = r10\nr2 += -4\nr3 = 0\nr4 = 0\ncall map_update_elem\nexit"),
              "insn 6: argument 3 of map_update_elem: load of 8 bytes at null +0; compare the "
              "pointer with 0 first");
    EXPECT_EQ(fault_of("r1 = map[1] ll\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -8\nr4 = 0\n"
                       "call map_update_elem\nexit"),
              "insn 7: argument 1 of map_update_elem: is map .rodata, which programs may not "
              "change");
    EXPECT_EQ(fault_of("r1 = map[0] ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nexit"),
              "insn 4: argument 1 of map_lookup_elem: is map events of type ringbuf, which "
              "map_lookup_elem does not take");
}

TEST_F(CheckedCalls, LearnsInnerMaps) {
    MapSpec outer = map_spec("outer", MapType::ArrayOfMaps, 4);
    PlainMap inner(map_spec("inner", MapType::Hash));
    inner.values[0] = {42, 0, 0, 0, 0, 0, 0, 0};
    add_map(outer).inner[0] = &inner;
    EXPECT_EQ(result_of("*(u32 *)(r10 - 4) = 0\nr1 = map[4] ll\nr2 = r10\nr2 += -4\n"
                        "call map_lookup_elem\nr1 = r0\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n"
                        "r0 = *(u64 *)(r0 + 0)\nexit"),
              42u);
}

TEST_F(CheckedCalls, ChecksMemoryWithItsSize) {
    const std::string load = "r2 = 0\nr3 = r10\nr3 += -16\nr4 = ";
    EXPECT_EQ(result_of(load + "16\ncall xdp_load_bytes\nexit"), 0u);
    EXPECT_EQ(fault_of(load + "17\ncall xdp_load_bytes\nexit"),
              "insn 4: argument 3 of xdp_load_bytes: store of 17 bytes at stack -16, which ends at "
              "0");
    EXPECT_EQ(fault_of(load + "0\ncall xdp_load_bytes\nexit"),
              "insn 4: argument 4 of xdp_load_bytes: is a size of 0");
    EXPECT_EQ(fault_of(load + "-1\ncall xdp_load_bytes\nexit"),
              "insn 4: argument 4 of xdp_load_bytes: is a size of -1, at most 536870912 is "
              "possible");
    EXPECT_EQ(fault_of("r1 = 0\nr2 = 4\nr3 = 0\nr4 = 0\nr5 = 0\ncall csum_diff\nexit"),
              "insn 5: argument 1 of csum_diff: load of 4 bytes at null +0; compare the pointer "
              "with 0 first");
    EXPECT_EQ(result_of("r1 = 0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 9\ncall csum_diff\nexit"), 9u);
    EXPECT_EQ(fault_of("r1 = r10\nr2 = 0\nr3 = r10\nr3 += -16\nr4 = 16\ncall xdp_load_bytes\nexit"),
              "insn 5: argument 1 of xdp_load_bytes: is not the context");
}

TEST_F(CheckedCalls, ChecksText) {
    helpers.functions[182] = [](uint64_t, uint64_t, uint64_t text, uint64_t, uint64_t, RunEnv&) {
        return uint64_t{*reinterpret_cast<const uint8_t*>(text)};
    };
    const std::string call = "r1 = r10\nr1 += -8\nr2 = 8\ncall strncmp\nexit";
    EXPECT_EQ(result_of("r3 = map[1][0] + 0x1 ll\n" + call), 'b');
    EXPECT_EQ(fault_of("r3 = map[1][0] + 0x3 ll\n" + call),
              "insn 5: argument 3 of strncmp: text of map .rodata has no end");
    EXPECT_EQ(fault_of("r3 = map[2][0] + 0x0 ll\n" + call),
              "insn 5: argument 3 of strncmp: is no text in a read-only map (.rodata)");
}

constexpr const char* kReserve = "r1 = map[0] ll\nr2 = 16\nr3 = 0\ncall ringbuf_reserve\nr6 = r0\n";

TEST_F(CheckedCalls, LendsRecordsUntilTheyAreGivenBack) {
    const std::string reserve = kReserve;
    const std::string submit = "r1 = r6\nr2 = 0\ncall ringbuf_submit\nr0 = 0\n";
    EXPECT_EQ(result_of(reserve + "*(u64 *)(r6 + 8) = 5\n" + submit + "exit"), 0u);
    EXPECT_EQ(ring[8], 5);
    EXPECT_EQ(fault_of(reserve + "*(u64 *)(r6 + 9) = 5\n" + submit + "exit"),
              "insn 6: store of 8 bytes at record of events +9, which ends at 16");
    EXPECT_EQ(discarded, 1u) << "a fault gives everything back";
    EXPECT_NE(fault_of(reserve + submit + "r0 = *(u8 *)(r6 + 0)\nexit").find("insn 10: load"),
              std::string::npos);
    EXPECT_EQ(fault_of(reserve + submit + submit + "exit"),
              "insn 12: argument 1 of ringbuf_submit: is no record that the program holds");
    EXPECT_EQ(fault_of(reserve + "r6 += 1\n" + submit + "exit"),
              "insn 9: argument 1 of ringbuf_submit: is no record that the program holds");
    EXPECT_EQ(fault_of(reserve + "r0 = 0\nexit"),
              "insn 7: record of events, reserved at insn 4, is neither submitted nor discarded");
}

TEST_F(CheckedCalls, HoldsOneLockAndCallsNothingMeanwhile) {
    const std::string lock = "r1 = map[2][0] + 0x8 ll\ncall spin_lock\n";
    const std::string unlock = "r1 = map[2][0] + 0x8 ll\ncall spin_unlock\nr0 = 0\n";
    EXPECT_EQ(result_of(lock + unlock + "exit"), 0u);
    unlocked = 0;
    EXPECT_EQ(fault_of(lock + "r0 = 0\nexit"),
              "insn 4: bpf_spin_lock of .data, taken at insn 2, is not released");
    EXPECT_EQ(unlocked, 1u);
    EXPECT_EQ(fault_of(lock + lock + unlock + "exit"),
              "insn 5: argument 1 of spin_lock: a lock is held already, since insn 2");
    EXPECT_EQ(fault_of(unlock + "exit"),
              "insn 2: argument 1 of spin_unlock: is not the lock that is held");
    EXPECT_EQ(fault_of(lock + "call ktime_get_ns\n" + unlock + "exit"),
              "insn 3: ktime_get_ns may not be called while the bpf_spin_lock taken at insn 2 is "
              "held");
    EXPECT_EQ(fault_of("r1 = map[2][0] + 0x4 ll\ncall spin_lock\nr0 = 0\nexit"),
              "insn 2: argument 1 of spin_lock: is map value of .data +4, where no bpf_spin_lock "
              "is");
    EXPECT_EQ(fault_of("r1 = r10\ncall spin_lock\nr0 = 0\nexit"),
              "insn 1: argument 1 of spin_lock: is no bpf_spin_lock in a map's value");
}

TEST_F(CheckedCalls, TakesATimerWithItsOwnMap) {
    helpers.functions[169] = [](uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
        return uint64_t{1};
    };
    const std::string timer = "r1 = map[2][0] + 0x10 ll\n";
    EXPECT_EQ(result_of(timer + "r2 = map[2] ll\nr3 = 1\ncall timer_init\nexit"), 1u);
    EXPECT_EQ(fault_of(timer + "r2 = map[1] ll\nr3 = 1\ncall timer_init\nexit"),
              "insn 5: argument 2 of timer_init: is map .rodata, but the timer is in a value of "
              ".data");
}

constexpr const char* kDynptr =
    "r1 = map[0] ll\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr\n";

TEST_F(CheckedCalls, KeepsDynptrsAsTheirMakerLeftThem) {
    const std::string make = kDynptr;
    const std::string at = "r1 = r10\nr1 += -16\n";
    const std::string submit = at + "r2 = 0\ncall ringbuf_submit_dynptr\nr0 = 0\n";
    const std::string data = at + "r2 = 8\nr3 = 8\ncall dynptr_data\nr6 = r0\n";
    EXPECT_EQ(result_of(make + data + "*(u64 *)(r6 + 0) = 3\n" + submit + "exit"), 0u);
    EXPECT_EQ(ring[8], 3);
    EXPECT_EQ(fault_of(make + data + "*(u64 *)(r6 + 1) = 3\n" + submit + "exit"),
              "insn 13: store of 8 bytes at dynptr slice +1, which ends at 8");
    EXPECT_EQ(fault_of(make + "*(u64 *)(r10 - 16) = 0\n" + submit + "exit"),
              "insn 11: argument 1 of ringbuf_submit_dynptr: is no dynptr, or the program wrote "
              "over it");
    EXPECT_NE(fault_of(make + data + submit + "r0 = *(u8 *)(r6 + 0)\nexit"), "")
        << "its slices end with it";
    EXPECT_EQ(fault_of(make + "r0 = 0\nexit"),
              "insn 8: dynptr, reserved at insn 6, is neither submitted nor discarded");
    EXPECT_EQ(fault_of(make + make + "exit"),
              "insn 13: argument 4 of ringbuf_reserve_dynptr: there is one already, made at insn "
              "6");
    EXPECT_EQ(fault_of(std::string("r6 = r1\n") + make +
                       "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -24\nr4 = 16\ncall xdp_load_bytes\n"
                       "r0 = 0\nexit"),
              "insn 13: argument 3 of xdp_load_bytes: writes over the dynptr made at insn 7");
    EXPECT_EQ(fault_of("r1 = map[0] ll\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -12\n"
                       "call ringbuf_reserve_dynptr\nexit"),
              "insn 6: argument 4 of ringbuf_reserve_dynptr: is not 16 aligned bytes of stack for "
              "a dynptr");
    EXPECT_EQ(fault_of("call f\nr0 = 0\nexit\nf: " + make + "r0 = 0\nexit"),
              "insn 11: dynptr, reserved at insn 9, is neither submitted nor discarded");
}

TEST_F(CheckedCalls, EndsIterators) {
    const std::string make = "r1 = r10\nr1 += -8\nr2 = 3\nr3 = 9\ncall kfunc 7\n";
    const std::string next = "r1 = r10\nr1 += -8\ncall kfunc 8\nr0 = *(u32 *)(r0 + 0)\nr6 = r0\n";
    const std::string destroy = "r1 = r10\nr1 += -8\ncall kfunc 9\nr0 = r6\n";
    EXPECT_EQ(result_of(make + next + destroy + "exit"), 3u);
    EXPECT_EQ(fault_of(make + "r0 = 0\nexit"),
              "insn 6: iterator, begun at insn 4, is not destroyed");
    EXPECT_EQ(fault_of("r6 = 0\n" + destroy + "exit"),
              "insn 3: argument 1 of bpf_iter_num_destroy: is no iterator, or the program wrote "
              "over it");
    EXPECT_EQ(fault_of(make + "*(u32 *)(r10 - 8) = 0\n" + next + destroy + "exit"),
              "insn 8: argument 1 of bpf_iter_num_next: is no iterator, or the program wrote over "
              "it");
}

}  // namespace
}  // namespace weir::vm
