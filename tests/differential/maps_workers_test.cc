// Programs on several workers over one map, by machine code and by the interpreter: atomics lose no
// update, and what a value's spin lock guards is never seen half done.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "jit/jit.h"
#include "maps/maps.h"
#include "maps/reclaim.h"
#include "tests/support/environment.h"
#include "tests/support/insns.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

using vm::MapType;
using vm::Op;

constexpr int32_t kLookup = 1, kSpinLock = 93, kSpinUnlock = 94;
constexpr uint32_t kWorkers = 3;
constexpr uint64_t kRunsByDefault = 200'000;

uint64_t runs() {
    return number_from_environment("WEIR_OPERATIONS", kRunsByDefault);
}

vm::MapSpec spec_of(MapType type) {
    return {.name = "m", .type = type, .key_bytes = 4, .value_bytes = 24, .entries_max = 4};
}

/// Key 1 of map 0 is looked up, `body` works on r0, its value; without one the program returns -1.
std::vector<vm::Insn> on_value(const InsnWriter& body) {
    InsnWriter w;
    w.put(Op::kStoreImm32, 10, 0, -4, 1).load_map(1, 0).mov_reg(2, 10).add(2, -4).call(kLookup);
    w.put(Op::kJne64Imm, 0, 0, 2, 0).mov(0, -1).exit();
    return w.append(body.insns()).exit().insns();
}

class ProgramWorkers : public ::testing::TestWithParam<jit::Engine> {
protected:
    /// A program over a fresh map in which key 1 is all zeroes.
    void make(const vm::MapSpec& spec, const std::vector<vm::Insn>& insns) {
        program_.reset();
        map_ = maps::create_map(spec, kWorkers).value();
        const uint32_t key = 1;
        const Bytes zeroes(spec.value_bytes, 0);
        ASSERT_EQ(map_->control_update(reinterpret_cast<const uint8_t*>(&key), zeroes, 0), 0);
        vm::ProgramSpec program{.name = "p", .section = "xdp"};
        program.insns = insns;
        program.subprograms = {{.name = "p", .insn = 0}};
        program.maps = {spec};
        const auto proof = vm::verify(program);
        ASSERT_TRUE(proof.has_value()) << proof.error().message;
        vm::Map* const maps[] = {map_.get()};
        program_ =
            jit::compile(
                std::make_shared<const vm::VerifiedProgram>(vm::accept(program, *proof).value()),
                maps, maps::all_helpers(), GetParam())
                .value();
        if (program_->engine() != GetParam()) GTEST_SKIP() << "this machine has no machine code";
    }
    /// Runs the program `runs()` times on each worker; each result goes to `take(worker, result)`.
    template <typename Take, typename Control>
    void run(const Take& take, const Control& control) {
        std::atomic<uint32_t> running{kWorkers};
        std::vector<std::thread> threads;
        for (uint32_t worker = 0; worker < kWorkers; ++worker) {
            threads.emplace_back([&, worker] {
                maps::reader_register();
                Bytes packet(256 + 64);
                vm::RunEnv env;
                env.cpu = worker;
                for (uint64_t i = 0, count = runs(); i < count; ++i) {
                    uint8_t* const data = packet.data() + 256;
                    vm::XdpContext context{data,      data + 64, data, packet.data(),
                                           data + 64, 1,         0,    0};
                    take(worker, program_->run(context, env));
                    if (i % 32 == 0) maps::reader_quiescent();
                }
                maps::reader_unregister();
                --running;
            });
        }
        for (uint32_t turns = 0; running != 0 || turns < 100; ++turns) control();
        for (std::thread& thread : threads) thread.join();
    }
    uint64_t word(uint32_t index) {
        const uint32_t key = 1;
        uint64_t value[3] = {};
        EXPECT_EQ(map_->control_lookup(reinterpret_cast<const uint8_t*>(&key),
                                       {reinterpret_cast<uint8_t*>(value), sizeof value}),
                  0);
        return value[index];
    }

    std::unique_ptr<vm::Map> map_;
    std::unique_ptr<jit::CompiledProgram> program_;
};

constexpr MapType kSharedKinds[] = {MapType::Array, MapType::Hash, MapType::LruHash};

/// Every addition is there in the end, and no two of them saw the same.
TEST_P(ProgramWorkers, NoAdditionIsLostAndNoneSeenTwice) {
    InsnWriter body;
    body.mov(1, 3).put(Op::kAtomicAdd64, 0, 1, 0);
    body.mov(1, 5).put(Op::kAtomicAdd32, 0, 1, 8);
    body.mov(1, 1).put(Op::kAtomicFetchAdd64, 0, 1, 16).mov_reg(0, 1);
    for (const MapType type : kSharedKinds) {
        make(spec_of(type), on_value(body));
        if (IsSkipped() || HasFatalFailure()) return;
        std::vector<uint32_t> seen[kWorkers];
        run([&](uint32_t worker, uint32_t result) { seen[worker].push_back(result); },
            [] { std::this_thread::yield(); });
        const uint64_t all = runs() * kWorkers;
        EXPECT_EQ(word(0), 3 * all);
        EXPECT_EQ(word(1), 5 * all & UINT32_MAX);
        EXPECT_EQ(word(2), all);
        std::vector<uint32_t> numbers;
        for (const auto& of_worker : seen) {
            EXPECT_TRUE(std::is_sorted(of_worker.begin(), of_worker.end()));
            numbers.insert(numbers.end(), of_worker.begin(), of_worker.end());
        }
        std::sort(numbers.begin(), numbers.end());
        EXPECT_EQ(std::adjacent_find(numbers.begin(), numbers.end()), numbers.end());
        EXPECT_EQ(numbers.back(), all - 1);
    }
}

/// A counter by compare-and-exchange: one try in a run, 1 where it took. And bits by or, xor, and.
TEST_P(ProgramWorkers, AsManyExchangesTakeAsTheCounterSays) {
    InsnWriter body;
    body.mov_reg(6, 0).load64(0, 6, 0).mov_reg(7, 0).mov_reg(1, 0).add(1, 1);
    body.put(Op::kAtomicCmpxchg64, 6, 1, 0);
    body.mov(1, 1).put(Op::kAtomicXor64, 6, 1, 8).mov(1, 6).put(Op::kAtomicOr64, 6, 1, 8);
    body.mov(1, -5).put(Op::kAtomicAnd64, 6, 1, 8);
    body.put(Op::kJeq64Reg, 0, 7, 2, 0).mov(0, 0).exit().mov(0, 1);
    for (const MapType type : kSharedKinds) {
        make(spec_of(type), on_value(body));
        if (IsSkipped() || HasFatalFailure()) return;
        std::atomic<uint64_t> took{0};
        run([&](uint32_t, uint32_t result) { took += result; }, [] { std::this_thread::yield(); });
        EXPECT_EQ(word(0), took);
        EXPECT_GE(took, runs());
        EXPECT_EQ(word(1) & 1, runs() * kWorkers % 2) << "each run turned the lowest bit";
        EXPECT_EQ(word(1) & 6, 2u) << "the last and took bit 2, after the last or";
    }
}

/// Under the value's lock two numbers rise together, in plain steps; the result is their
/// difference.
std::vector<vm::Insn> locked_program() {
    InsnWriter body;
    body.mov_reg(6, 0).mov_reg(1, 6).call(kSpinLock);
    body.load64(7, 6, 8).load64(8, 6, 16).mov_reg(9, 8).put(Op::kSub64Reg, 9, 7);
    body.add(7, 1).store64(6, 8, 7).add(8, 1).store64(6, 16, 8);
    body.mov_reg(1, 6).call(kSpinUnlock).mov_reg(0, 9);
    return on_value(body);
}

TEST_P(ProgramWorkers, NothingIsLostUnderAValuesLock) {
    for (const MapType type : {MapType::Array, MapType::Hash}) {
        vm::MapSpec spec = spec_of(type);
        spec.spin_lock_offset = 0;
        make(spec, locked_program());
        if (IsSkipped() || HasFatalFailure()) return;
        std::atomic<uint64_t> apart{0};
        run([&](uint32_t, uint32_t result) { apart += result; }, [] { std::this_thread::yield(); });
        EXPECT_EQ(apart, 0u);
        EXPECT_EQ(word(1), runs() * kWorkers);
        EXPECT_EQ(word(2), runs() * kWorkers);
    }
}

/// The control side writes both numbers under the lock, each time higher than they can have got.
TEST_P(ProgramWorkers, TheControlSideTakesTheValuesLockToo) {
    for (const MapType type : {MapType::Array, MapType::Hash}) {
        vm::MapSpec spec = spec_of(type);
        spec.spin_lock_offset = 0;
        make(spec, locked_program());
        if (IsSkipped() || HasFatalFailure()) return;
        std::atomic<uint64_t> apart{0};
        const uint32_t key = 1;
        uint64_t written = 0;
        run([&](uint32_t, uint32_t result) { apart += result != 0 ? 1 : 0; },
            [&] {
                const uint64_t next = ++written << 40;
                const uint64_t value[3] = {0, next, next};
                EXPECT_EQ(map_->control_update(reinterpret_cast<const uint8_t*>(&key),
                                               {reinterpret_cast<const uint8_t*>(value), 24},
                                               vm::kUpdateLock),
                          0);
            });
        EXPECT_EQ(apart, 0u);
        EXPECT_EQ(word(1), word(2));
        EXPECT_EQ(word(1) >> 40, written) << "a write of the control side was lost";
        EXPECT_LE(word(1) & 0xff'ffff'ffff, runs() * kWorkers);
    }
}

INSTANTIATE_TEST_SUITE_P(Engines, ProgramWorkers,
                         ::testing::Values(jit::Engine::kJit, jit::Engine::kInterp),
                         [](const auto& engine) {
                             return engine.param == jit::Engine::kJit ? "Jit" : "Interp";
                         });

}  // namespace
}  // namespace weir::tests
