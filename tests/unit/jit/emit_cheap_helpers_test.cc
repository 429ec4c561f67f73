#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "tests/unit/jit/lookup_programs.h"

namespace weir::tests {
namespace {

using vm::Op;

constexpr int32_t kPrandom = 7, kRedirect = 23, kCsumDiff = 28, kAdjustHead = 44, kAdjustMeta = 54,
                  kAdjustTail = 65, kLookupPercpu = 195, kGetBuffLen = 188;

constexpr uint32_t kHeadroom = 64, kPacketBytes = 80, kTailroom = 48;
constexpr size_t kFrameBytes = kHeadroom + kPacketBytes + kTailroom;

/// A frame with room on both sides, and what a run makes of it.
struct Frame {
    std::array<uint8_t, kFrameBytes> bytes{};
    std::array<uint8_t, 32> fragment{};
    vm::Segment segment{};
    vm::XdpContext context{};

    Frame(std::mt19937& random, uint32_t meta_bytes, bool has_segment, uint32_t first_word) {
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
        std::memcpy(bytes.data() + kHeadroom, &first_word, sizeof first_word);
        uint8_t* const data = bytes.data() + kHeadroom;
        context = {data,
                   data + kPacketBytes,
                   data - meta_bytes,
                   bytes.data(),
                   bytes.data() + kFrameBytes,
                   1,
                   0,
                   0};
        segment = {fragment.data(), 16, 32};
        if (has_segment) {
            context.segments = &segment;
            context.segment_count = 1;
        }
    }
    Frame(const Frame& other) { *this = other; }
    /// The pointers move into this one.
    Frame& operator=(const Frame& other) {
        bytes = other.bytes;
        fragment = other.fragment;
        segment = other.segment;
        context = other.context;
        segment.data = fragment.data() + (other.segment.data - other.fragment.data());
        for (uint8_t** pointer : {&context.data, &context.data_end, &context.data_meta,
                                  &context.frame_start, &context.frame_limit})
            *pointer = bytes.data() + (*pointer - other.bytes.data());
        if (context.segments != nullptr) context.segments = &segment;
        return *this;
    }

    /// What can be compared between frames.
    std::vector<int64_t> state() const {
        std::vector<int64_t> numbers = {
            context.data - bytes.data(), context.data_end - bytes.data(),
            context.data_meta - bytes.data(), context.segment_count, segment.bytes};
        numbers.insert(numbers.end(), bytes.begin(), bytes.end());
        return numbers;
    }
};

struct Outcome {
    std::vector<std::vector<int64_t>> frames;
    std::vector<uint32_t> verdicts, redirects;
    uint64_t prandom_state = 0;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run(const Proven& proven, Way way, std::vector<Frame> frames) {
    const auto program = compile_for(proven, way);
    vm::RunEnv env;
    std::vector<vm::XdpContext> contexts;
    for (const Frame& frame : frames) contexts.push_back(frame.context);
    Outcome outcome;
    outcome.verdicts.resize(frames.size());
    outcome.redirects.resize(frames.size());
    if (way == Way::kBurst || way == Way::kOverlapped) {
        program->run_burst(contexts, outcome.verdicts, outcome.redirects, env);
    } else {
        for (size_t i = 0; i < frames.size(); ++i) {
            outcome.verdicts[i] = program->run(contexts[i], env);
            outcome.redirects[i] = env.redirect_ifindex;
        }
    }
    for (size_t i = 0; i < frames.size(); ++i) {
        frames[i].context = contexts[i];
        outcome.frames.push_back(frames[i].state());
    }
    outcome.prandom_state = env.prandom_state;
    return outcome;
}

void expect_engines_agree(const Proven& proven, const std::vector<Frame>& frames) {
    const Outcome wanted = run(proven, Way::kInterp, frames);
    for (const Way way : {Way::kSingle, Way::kBurst, Way::kOverlapped})
        EXPECT_TRUE(run(proven, way, frames) == wanted) << "way " << static_cast<int>(way);
}

/// Calls the helper with the context and the packet's first word; the packet must have 24 bytes.
std::vector<vm::Insn> call_with_first_word(int32_t helper) {
    InsnWriter w;
    w.put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, 24);
    w.put(Op::kJle64Reg, 3, 2, 2).mov(0, 0).exit();
    w.put(Op::kLoad32, 2, 7, 0).call(helper).exit();
    return w.insns();
}

/// The same, then 40 where the result is 0, else 41, by a jump in the one or the other form.
std::vector<vm::Insn> call_and_compare(int32_t helper, NullCheck check) {
    InsnWriter w;
    w.append(call_with_first_word(helper));
    w.at(w.size() - 1) = make_insn(Op::kMov64Imm, 6, 0, 0, 5);  // in place of `exit`
    switch (check) {
        case NullCheck::kEqual: w.put(Op::kJeq64Imm, 0, 0, 2, 0); break;
        case NullCheck::kNotEqual: w.put(Op::kJne64Imm, 0, 0, 2, 0); break;
        default: w.mov_reg(1, 0).mov(0, 7).put(Op::kJne64Imm, 1, 0, 2, 0); break;
    }
    const bool zero_jumps = check == NullCheck::kEqual;
    w.mov(0, zero_jumps ? 41 : 40).exit().mov(0, zero_jumps ? 40 : 41).exit();
    return w.insns();
}

class EmitAdjust : public testing::TestWithParam<int32_t> {};

TEST_P(EmitAdjust, MovesAndRefusesAsTheHelperDoes) {
    const Proven proven(call_with_first_word(GetParam()), {});
    std::mt19937 random(1);
    std::vector<int32_t> offsets = {INT32_MIN, INT32_MIN + 1, -1000, 1000, INT32_MAX};
    for (int32_t offset = -100; offset <= 100; ++offset) offsets.push_back(offset);
    for (const uint32_t meta_bytes : {0u, 4u, 8u, 60u})
        for (const bool has_segment : {false, true}) {
            std::vector<Frame> frames;
            for (const int32_t offset : offsets)
                frames.emplace_back(random, meta_bytes, has_segment, static_cast<uint32_t>(offset));
            for (size_t i = 0; i < frames.size(); i += 32) {
                const size_t end = std::min(i + 32, frames.size());
                expect_engines_agree(proven, {frames.begin() + static_cast<ptrdiff_t>(i),
                                              frames.begin() + static_cast<ptrdiff_t>(end)});
            }
        }
}

TEST_P(EmitAdjust, IsComparedWithZeroAtOnce) {
    for (const NullCheck check :
         {NullCheck::kEqual, NullCheck::kNotEqual, NullCheck::kBehindMoves}) {
        const Proven proven(call_and_compare(GetParam(), check), {});
        std::mt19937 random(7);
        std::vector<Frame> frames;
        for (const int32_t offset : {-4, 4, -65, 67, 0})
            frames.emplace_back(random, 0, false, static_cast<uint32_t>(offset));
        expect_engines_agree(proven, frames);
        const uint32_t wanted = GetParam() == kGetBuffLen ? 41 : 40;
        EXPECT_EQ(run(proven, Way::kBurst, frames).verdicts[0], wanted);
        EXPECT_EQ(run(proven, Way::kBurst, frames).verdicts[2], 41u - (GetParam() == kAdjustTail));
    }
}

TEST_P(EmitAdjust, SaysSuccessForAStepOfFourBytesTowardsTheRoom) {
    const Proven proven(call_with_first_word(GetParam()), {});
    std::mt19937 random(2);
    const std::vector<Frame> frames = {Frame(random, 0, false, static_cast<uint32_t>(-4))};
    const uint32_t wanted = GetParam() == kGetBuffLen ? kPacketBytes : 0;
    EXPECT_EQ(run(proven, Way::kBurst, frames).verdicts[0], wanted);
}

INSTANTIATE_TEST_SUITE_P(Helpers, EmitAdjust,
                         testing::Values(kAdjustHead, kAdjustMeta, kAdjustTail, kGetBuffLen));

TEST(EmitCheapHelpers, RedirectTakesNoFlags) {
    for (const int32_t flags : {0, 1, -1}) {
        InsnWriter w;
        w.put(Op::kLoad32, 1, 1, 12).mov(2, flags).call(kRedirect).exit();
        const Proven proven(w.insns(), {});
        std::mt19937 random(3);
        std::vector<Frame> frames(5, Frame(random, 0, false, 0));
        for (uint32_t i = 0; i < frames.size(); ++i) frames[i].context.ingress_ifindex = 10 * i;
        expect_engines_agree(proven, frames);
        const Outcome outcome = run(proven, Way::kBurst, frames);
        EXPECT_EQ(outcome.verdicts[3], flags == 0 ? vm::XDP_REDIRECT : vm::XDP_ABORTED);
        EXPECT_EQ(outcome.redirects[3], flags == 0 ? 30u : 0u);
    }
}

TEST(EmitCheapHelpers, RandomNumbersAreThoseOfTheInterpreter) {
    InsnWriter w;
    w.call(kPrandom).mov_reg(6, 0).call(kPrandom).put(Op::kXor64Reg, 0, 6).exit();
    const Proven proven(w.insns(), {});
    std::mt19937 random(4);
    const std::vector<Frame> frames(32, Frame(random, 0, false, 0));
    expect_engines_agree(proven, frames);
    const Outcome outcome = run(proven, Way::kBurst, frames);
    EXPECT_NE(outcome.verdicts[0], outcome.verdicts[1]);
}

/// The packet's first bytes, twice on the stack with a difference, and its next word as the seed.
std::vector<vm::Insn> csum_program(int32_t old_bytes, int32_t new_bytes) {
    InsnWriter w;
    w.put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, 64);
    w.put(Op::kJle64Reg, 3, 2, 2).mov(0, 0).exit();
    for (int16_t at = 0; at < 24; at += 4) {
        w.put(Op::kLoad32, 3, 7, at).put(Op::kStoreReg32, 10, 3, static_cast<int16_t>(at - 24));
        w.put(Op::kLoad32, 3, 7, static_cast<int16_t>(at + 24));
        w.put(Op::kStoreReg32, 10, 3, static_cast<int16_t>(at - 48));
    }
    w.put(Op::kLoad32, 5, 7, 48);
    if (old_bytes == 0)
        w.mov(1, 0);
    else
        w.mov_reg(1, 10).add(1, -24);
    w.mov(2, old_bytes);
    if (new_bytes == 0)
        w.mov(3, 0);
    else
        w.mov_reg(3, 10).add(3, -48);
    w.mov(4, new_bytes).call(kCsumDiff).exit();
    return w.insns();
}

TEST(EmitCheapHelpers, ChecksumsOfKnownSizesAreTheHelpers) {
    std::mt19937 random(5);
    for (const int32_t old_bytes : {0, 3, 4, 8, 12, 16, 20, 24})
        for (const int32_t new_bytes : {0, 4, 6, 8, 12, 16, 20, 24}) {
            const Proven proven(csum_program(old_bytes, new_bytes), {});
            std::vector<Frame> frames;
            for (int i = 0; i < 16; ++i)
                frames.emplace_back(random, 0, false, static_cast<uint32_t>(random()));
            frames[0].bytes.fill(0xff);  // carries everywhere
            frames[1].bytes.fill(0);
            expect_engines_agree(proven, frames);
        }
}

TEST(EmitCheapHelpers, LookupOfAnotherCpuFindsItsSlot) {
    for (const vm::MapType type :
         {vm::MapType::PercpuArray, vm::MapType::PercpuHash, vm::MapType::LruPercpuHash}) {
        InsnWriter w;
        w.put(Op::kLoad32, 3, 1, 12).put(Op::kStoreImm32, 10, 0, -8, 1).load_map(1, 0);
        w.mov_reg(2, 10).add(2, -8).call(kLookupPercpu);
        put_null_check(w, NullCheck::kEqual);
        const Proven proven(w.insns(), {map_spec(type, 4, 8, 4)});
        const uint32_t key = 1;
        Bytes value(8 * kCpuSlots);
        for (uint32_t cpu = 0; cpu < kCpuSlots; ++cpu)
            value[8 * cpu] = static_cast<uint8_t>(10 + cpu);
        ASSERT_EQ(proven.maps[0]->control_update(reinterpret_cast<const uint8_t*>(&key), value,
                                                 vm::kUpdateAny),
                  0);
        std::mt19937 random(6);
        std::vector<Frame> frames(kCpuSlots + 1, Frame(random, 0, false, 0));
        for (uint32_t i = 0; i < frames.size(); ++i) frames[i].context.ingress_ifindex = i;
        expect_engines_agree(proven, frames);
        const std::vector<uint32_t> wanted = {10, 11, 12, 13, kNothingFound};
        EXPECT_EQ(run(proven, Way::kBurst, frames).verdicts, wanted);
    }
}

}  // namespace
}  // namespace weir::tests
