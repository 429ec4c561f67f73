// What an unverified program may touch, and how it is told that it may not.

#include "tests/unit/vm/interp/checked_fixture.h"

namespace weir::vm {
namespace {

using CheckedMemory = CheckedTest;

/// r2 = data, r3 = data_end.
constexpr const char* kPacket = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\n";

TEST_F(CheckedMemory, KeepsAccessesInsideThePacket) {
    EXPECT_EQ(result_of(std::string(kPacket) + "r0 = *(u8 *)(r2 + 59)\nexit"), 64u + 59);
    EXPECT_EQ(fault_of(std::string(kPacket) + "r0 = *(u32 *)(r2 + 57)\nexit"),
              "insn 2: load of 4 bytes at packet +57, which ends at 60");
    EXPECT_EQ(fault_of(std::string(kPacket) + "r0 = *(u8 *)(r2 - 1)\nexit"),
              "insn 2: load of 1 byte at packet -1, which begins at 0");
    EXPECT_EQ(fault_of(std::string(kPacket) + "*(u64 *)(r3 + 0) = 0\nexit"),
              "insn 2: store of 8 bytes at packet +60, which ends at 60");
    EXPECT_EQ(fault_of(std::string(kPacket) + "r4 = 1\nlock *(u32 *)(r2 + 0) += r4\nexit"),
              "insn 3: atomic access of 4 bytes at packet +0: atomic instructions may not reach "
              "into the packet");
}

TEST_F(CheckedMemory, FollowsTheEdgesOfThePacket) {
    constexpr const char* kShrunk =
        "r6 = r1\nr7 = *(u32 *)(r1 + 0)\nr2 = 20\ncall xdp_adjust_head\nr0 = *(u8 *)(r7 + "
        "19)\nexit";
    EXPECT_EQ(fault_of(kShrunk), "insn 4: load of 1 byte at packet -1, which begins at 0");
    EXPECT_EQ(result_of("r7 = *(u32 *)(r1 + 0)\nr2 = 20\ncall xdp_adjust_head\n"
                        "r0 = *(u8 *)(r7 + 20)\nexit"),
              64u + 20);
    EXPECT_EQ(result_of("r6 = r1\nr2 = -8\ncall xdp_adjust_meta\nr2 = *(u32 *)(r6 + 8)\n"
                        "*(u64 *)(r2 + 0) = 7\nr0 = *(u64 *)(r2 + 0)\nexit"),
              7u);
}

TEST_F(CheckedMemory, GivesEveryFrameAStackOfItsOwnThatBeginsAsZero) {
    EXPECT_EQ(result_of("r0 = *(u64 *)(r10 - 512)\nexit"), 0u);
    EXPECT_EQ(fault_of("*(u8 *)(r10 - 513) = 0\nexit"),
              "insn 0: store of 1 byte at stack -513, which begins at -512");
    EXPECT_EQ(fault_of("*(u8 *)(r10 + 0) = 0\nexit"),
              "insn 0: store of 1 byte at stack +0, which ends at 0");
    EXPECT_EQ(result_of("call f\ncall g\nexit\nf: *(u64 *)(r10 - 8) = 9\nr0 = 0\nexit\n"
                        "g: r0 = *(u64 *)(r10 - 8)\nexit"),
              0u)
        << "what an earlier callee left is not seen";
    EXPECT_EQ(result_of("r1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nexit\n"
                        "f: *(u64 *)(r1 + 0) = 9\nr0 = 0\nexit"),
              9u)
        << "a callee reaches its callers' frames";
    EXPECT_EQ(fault_of("call f\nr0 = *(u64 *)(r0 + 0)\nexit\nf: r0 = r10\nr0 += -8\nexit"),
              "insn 1: load of 8 bytes at stack -520, which begins at -512")
        << "but no caller a callee's";
}

TEST_F(CheckedMemory, RefusesRegistersThatHoldNothing) {
    EXPECT_EQ(fault_of("r0 = r3\nexit"), "insn 0: r3 is read, but nothing was written to it");
    EXPECT_EQ(fault_of("exit"), "insn 0: r0 is read, but nothing was written to it");
    EXPECT_EQ(fault_of("r3 = 1\ncall ktime_get_ns\nr0 += r3\nexit"),
              "insn 2: r3 is read, but nothing was written to it");
    EXPECT_EQ(fault_of("call f\nexit\nf: r0 = r6\nexit"),
              "insn 2: r6 is read, but nothing was written to it");
    EXPECT_EQ(fault_of("r6 = 5\nr1 = 6\ncall f\nr0 += r1\nexit\nf: r6 = 1\nr0 = r1\nexit"),
              "insn 3: r1 is read, but nothing was written to it");
    EXPECT_EQ(result_of("r6 = 5\nr1 = 6\ncall f\nr0 += r6\nexit\nf: r6 = 1\nr0 = r1\nexit"), 11u);
    EXPECT_EQ(fault_of("r0 = 0\nr10 += 8\nexit"),
              "insn 1: r10 is the frame pointer and cannot be written");
    EXPECT_EQ(fault_of("r1 = 1\nr2 = 2\nr0 = cmpxchg_64(r10 - 8, r0, r2)\nexit"),
              "insn 2: r0 is read, but nothing was written to it");
}

/// Adds 0 to r1, which only the run knows: what is sure to be refused never runs.
const std::string kLate = "r2 = *(u8 *)(r10 - 1)\nr1 += r2\n";

TEST_F(CheckedMemory, ReadsTheContextOfXdpByItsFields) {
    EXPECT_EQ(result_of("r0 = *(u32 *)(r1 + 12)\nr2 = *(u32 *)(r1 + 16)\nr0 += r2\nexit"), 7u);
    EXPECT_EQ(result_of("r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr3 -= r2\nr0 = r3\nexit"),
              60u);
    EXPECT_EQ(fault_of(kLate + "r0 = *(u32 *)(r1 + 20)\nexit"),
              "insn 2: context: load of 4 bytes at offset 20: field egress_ifindex of xdp_md is "
              "known only to programs of section xdp/devmap");
    EXPECT_EQ(fault_of(kLate + "r0 = *(u16 *)(r1 + 12)\nexit"),
              "insn 2: context: load of 2 bytes at offset 12: field ingress_ifindex of xdp_md is "
              "read as u32 at offset 12");
    EXPECT_EQ(fault_of(kLate + "r0 = *(u32 *)(r1 + 24)\nexit"),
              "insn 2: context: load of 4 bytes at offset 24: xdp_md has no field there, its size "
              "is 24");
    EXPECT_EQ(fault_of(kLate + "*(u32 *)(r1 + 0) = 1\nexit"),
              "insn 2: context: store of 4 bytes at offset 0: field data of xdp_md is read-only");
    EXPECT_EQ(fault_of("r2 = 1\nlock *(u32 *)(r1 + 0) += r2\nexit"),
              "insn 1: atomic instructions may not reach into the context");
    hook = XdpHook::Devmap;
    EXPECT_EQ(result_of("r0 = *(u32 *)(r1 + 20)\nexit"), 5u);
}

TEST_F(CheckedMemory, ReadsTheContextOfSocketFiltersByItsFields) {
    type = ProgramType::SocketFilter;
    skb.len = 0x01020384;
    skb.protocol_be16 = 0x0008;
    skb.cb[4] = 17;
    EXPECT_EQ(result_of("r0 = *(u32 *)(r1 + 0)\nexit"), 0x01020384u);
    EXPECT_EQ(result_of("r0 = *(u8 *)(r1 + 1)\nexit"), 3u);
    EXPECT_EQ(result_of("r0 = *(s8 *)(r1 + 0)\nexit"), 0xffffff84u);
    EXPECT_EQ(result_of("r0 = *(u32 *)(r1 + 16)\nexit"), 8u);
    EXPECT_EQ(result_of("r0 = *(u32 *)(r1 + 8)\nexit"), 0u) << "mark";
    EXPECT_EQ(result_of("r0 = *(u32 *)(r1 + 64)\nexit"), 17u);
    EXPECT_EQ(result_of("*(u64 *)(r1 + 48) = 6\nr0 = *(u64 *)(r1 + 48)\nexit"), 6u);
    EXPECT_EQ(skb.cb[0], 6u);
    EXPECT_EQ(fault_of(kLate + "r0 = *(u32 *)(r1 + 84)\nexit"),
              "insn 2: context: load of 4 bytes at offset 84: field napi_id of __sk_buff is known "
              "only to a socket of the host");
    EXPECT_EQ(fault_of(kLate + "r0 = *(u64 *)(r1 + 64)\nexit"),
              "insn 2: context: load of 8 bytes at offset 64: field cb of __sk_buff ends at offset "
              "68");
    EXPECT_EQ(
        fault_of(kLate + "*(u32 *)(r1 + 8) = 1\nexit"),
        "insn 2: context: store of 4 bytes at offset 8: field mark of __sk_buff is read-only");
    EXPECT_EQ(fault_of("r2 = *(u32 *)(r1 + 76)\n*(u8 *)(r2 + 0) = 1\nexit"),
              "insn 1: store of 1 byte at packet +0: a socket filter may not change the packet");
}

TEST_F(CheckedMemory, KeepsAccessesInsideMapValues) {
    PlainMap& map = add_map(map_spec("values", MapType::Hash));
    map.values[1] = {1, 2, 3, 4, 5, 6, 7, 8};
    const std::string look_up =
        "*(u32 *)(r10 - 4) = 1\nr1 = map[0] ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n";
    EXPECT_EQ(result_of(look_up + "r1 = r0\nr0 = *(u8 *)(r1 + 7)\n*(u8 *)(r1 + 0) = 9\nexit"), 8u);
    EXPECT_EQ(map.values[1][0], 9);
    EXPECT_EQ(fault_of(look_up + "r0 = *(u64 *)(r0 + 1)\nexit"),
              "insn 6: load of 8 bytes at map value of values +1, which ends at 8");
    EXPECT_EQ(fault_of("*(u32 *)(r10 - 4) = 2\nr1 = map[0] ll\nr2 = r10\nr2 += -4\n"
                       "call map_lookup_elem\nr0 = *(u64 *)(r0 + 0)\nexit"),
              "insn 6: load of 8 bytes at null +0; compare the pointer with 0 first");
    EXPECT_EQ(fault_of("r1 = map[0] ll\nr0 = *(u64 *)(r1 + 0)\nexit"),
              "insn 2: load of 8 bytes at map values; maps are reached through helpers");
}

TEST_F(CheckedMemory, KeepsProgramsFromReadOnlyMapsAndFromLocksAndTimers) {
    MapSpec rodata = map_spec(".rodata", MapType::Array);
    rodata.is_global_data = rodata.frozen = true;
    add_map(rodata).values[0] = Bytes(8, 7);
    MapSpec locked = map_spec(".data", MapType::Array, 32);
    locked.is_global_data = true;
    locked.spin_lock_offset = 8;
    locked.timer_offset = 16;
    add_map(locked).values[0] = Bytes(32);
    EXPECT_EQ(result_of("r1 = map[0][0] + 0x3 ll\nr0 = *(u8 *)(r1 + 0)\nexit"), 7u);
    EXPECT_EQ(fault_of("r1 = map[0][0] + 0x3 ll\n*(u8 *)(r1 + 0) = 1\nexit"),
              "insn 2: store of 1 byte at map value of .rodata +3, which is read-only");
    EXPECT_EQ(result_of("r1 = map[0][0] + 0x0 ll\nr0 = load_acquire((u32 *)(r1 + 0x4))\nexit"),
              0x07070707u);
    EXPECT_EQ(fault_of("r1 = map[0][0] + 0x0 ll\nr0 = load_acquire((u32 *)(r1 + 0x6))\nexit"),
              "insn 2: atomic load of 4 bytes at map value of .rodata +6, which ends at 8");
    EXPECT_EQ(fault_of("r1 = map[0][0] + 0x0 ll\nr0 = load_acquire((u32 *)(r1 + 0x2))\nexit"),
              "insn 2: atomic access of 4 bytes is not aligned");
    EXPECT_EQ(fault_of("r1 = map[0][0] + 0x0 ll\nr2 = 1\n"
                       "store_release((u32 *)(r1 + 0x4), r2)\nexit"),
              "insn 3: atomic access of 4 bytes at map value of .rodata +4, which is read-only");
    EXPECT_EQ(fault_of("r1 = map[1][0] + 0x0 ll\n*(u64 *)(r1 + 4) = 1\nexit"),
              "insn 2: store of 8 bytes at map value of .data +4 touches the bpf_spin_lock at +8, "
              "which only helpers may");
    EXPECT_EQ(fault_of("r1 = map[1][0] + 0x0 ll\nr0 = *(u8 *)(r1 + 31)\nexit"),
              "insn 2: load of 1 byte at map value of .data +31 touches the bpf_timer at +16, "
              "which only helpers may");
    EXPECT_EQ(result_of("r1 = map[1][0] + 0x0 ll\nr0 = *(u32 *)(r1 + 12)\nexit"), 0u);
}

TEST_F(CheckedMemory, SaysWhatAnAddressLooksLike) {
    EXPECT_EQ(fault_of("r1 = 70000\nr0 = *(u8 *)(r1 + 0)\nexit"),
              "insn 1: load of 1 byte at number 70000, which is no pointer");
    EXPECT_EQ(fault_of("r1 = -5\nr0 = *(u64 *)(r1 + 0)\nexit"),
              "insn 1: load of 8 bytes at number -5, which is no pointer");
    EXPECT_EQ(fault_of("ld_pseudo r1, 4, 4\nr0 = *(u64 *)(r1 + 0)\nr0 = 0\nexit\nf: r0 = 0\nexit"),
              "insn 2: load of 8 bytes at the address of a function");
    EXPECT_EQ(fault_of("r1 = 0x123456789abc ll\nr0 = *(u8 *)(r1 + 0)\nexit"),
              "insn 2: load of 1 byte at 0x123456789abc, which the program was not given");
    EXPECT_EQ(fault_of("r2 = 1\nlock *(u64 *)(r10 - 12) += r2\nexit"),
              "insn 1: atomic access of 8 bytes is not aligned");
}

}  // namespace
}  // namespace weir::vm
