// Soundness on generated programs: whatever is accepted runs in the interpreter on packets and map
// values that end (or begin) at a page nobody may touch. A single fault is a bug in the verifier.

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>
#include <csetjmp>
#include <csignal>
#include <cstring>

#include "tests/support/environment.h"
#include "tests/support/insns.h"
#include "tests/unit/vm/verifier/program_generator.h"
#include "vm/helpers/helpers.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

/// Pages between two that fault.
class GuardedPages {
public:
    GuardedPages() : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
        void* all = mmap(nullptr, 3 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        WEIR_CHECK(all != MAP_FAILED);
        base_ = static_cast<uint8_t*>(all);
        WEIR_CHECK(mprotect(base_ + page_, page_, PROT_READ | PROT_WRITE) == 0);
    }
    ~GuardedPages() { munmap(base_, 3 * page_); }
    GuardedPages(const GuardedPages&) = delete;
    GuardedPages& operator=(const GuardedPages&) = delete;

    uint8_t* first() const { return base_ + page_; }
    uint8_t* end() const { return base_ + 2 * page_; }

private:
    size_t page_;
    uint8_t* base_ = nullptr;
};

/// An array of two elements, one at each end of a page.
class GuardedArray : public vm::Map {
public:
    explicit GuardedArray(const vm::MapSpec& spec) : Map(spec) {}
    uint8_t* lookup(const uint8_t* key, uint32_t) override {
        uint32_t index;
        std::memcpy(&index, key, sizeof index);
        if (index == 0) return pages_.first();
        return index == 1 ? pages_.end() - spec().value_bytes : nullptr;
    }
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override { return 0; }
    int erase(const uint8_t*) override { return 0; }
    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t*, std::span<uint8_t>) override { return 0; }
    int control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) override { return 0; }
    int control_erase(const uint8_t*) override { return 0; }
    int next_key(const uint8_t*, uint8_t*) override { return 0; }
    uint32_t entries() const override { return 2; }
    uint64_t memory_bytes() const override { return 0; }
    uint64_t full_count() const override { return 0; }

private:
    GuardedPages pages_;
};

uint64_t look_up(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, vm::RunEnv& env) {
    return reinterpret_cast<uint64_t>(
        reinterpret_cast<vm::Map*>(map)->lookup(reinterpret_cast<const uint8_t*>(key), env.cpu));
}

sigjmp_buf fault_jump;
void on_fault(int) {
    siglongjmp(fault_jump, 1);
}

class Faults {
public:
    Faults() {
        struct sigaction action{};
        action.sa_handler = on_fault;
        action.sa_flags = SA_NODEFER;
        sigaction(SIGSEGV, &action, &old_segv_);
        sigaction(SIGBUS, &action, &old_bus_);
    }
    ~Faults() {
        sigaction(SIGSEGV, &old_segv_, nullptr);
        sigaction(SIGBUS, &old_bus_, nullptr);
    }

private:
    struct sigaction old_segv_{}, old_bus_{};
};

vm::ProgramSpec generated(uint64_t seed) {
    vm::ProgramSpec program;
    program.name = "generated";
    program.insns = ProgramGenerator(seed).generate();
    program.subprograms = {{"generated", 0}};
    vm::MapSpec map;
    map.name = "array";
    map.key_bytes = 4;
    map.value_bytes = kGeneratedValueBytes;
    map.entries_max = 2;
    program.maps = {map};
    return program;
}

constexpr int kRunsPerProgram = 6;

/// False when the run touched a guard page.
bool run_once(const vm::VerifiedProgram& program, vm::Map& map, const vm::HelperTable& helpers,
              vm::XdpContext& context, uint64_t seed) {
    vm::Map* const maps[] = {&map};
    vm::RunEnv env;
    env.prandom_state = seed | 1;
    if (sigsetjmp(fault_jump, 1) != 0) return false;
    vm::interpret(program, maps, helpers, context, env);
    return true;
}

bool run_guarded(const vm::VerifiedProgram& program, vm::Map& map, const vm::HelperTable& helpers,
                 const GuardedPages& pages, uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int round = 0; round < kRunsPerProgram; ++round) {
        const size_t length = round < 4 ? random() % 120 : 14 + random() % 1500;
        uint8_t* const data = round % 2 == 0 ? pages.end() - length : pages.first();
        for (size_t i = 0; i < length; ++i)
            data[i] = static_cast<uint8_t>(random() % 3 == 0 ? 0xff : random());
        // The page's end is the frame's, too: what adjust_tail could give is not there.
        vm::XdpContext context{};
        context.frame_start = context.data_meta = context.data = data;
        context.data_end = context.frame_limit = data + length;
        if (!run_once(program, map, helpers, context, random())) return false;
    }
    return true;
}

TEST(GeneratedPrograms, AcceptedOnesNeverLeaveTheirMemory) {
    const uint64_t tries = tests::number_from_environment("WEIR_VERIFIER_TRIES", 20'000),
                   first_seed = tests::number_from_environment("WEIR_VERIFIER_SEED", 1, 0);
    vm::HelperTable helpers;
    vm::add_base_helpers(helpers);
    helpers.functions[1] = look_up;
    const Faults faults;
    GuardedPages pages;
    std::unique_ptr<GuardedArray> map;
    uint64_t accepted = 0;
    for (uint64_t seed = first_seed; seed < first_seed + tries; ++seed) {
        const vm::ProgramSpec program = generated(seed);
        auto proof = vm::verify(
            program, {.visited_insns_max = 20'000, .states_max = 5'000, .time_ms_max = 10'000});
        if (!proof) continue;
        ++accepted;
        const auto verified = vm::accept(program, std::move(*proof));
        ASSERT_TRUE(verified) << verified.error().message;
        if (!map) map = std::make_unique<GuardedArray>(program.maps[0]);
        ASSERT_TRUE(run_guarded(*verified, *map, helpers, pages, seed))
            << "seed " << seed << "\n"
            << raw_listing(program.insns);
    }
    RecordProperty("accepted", static_cast<int>(accepted));
    std::printf("%llu of %llu programs accepted and run\n",
                static_cast<unsigned long long>(accepted), static_cast<unsigned long long>(tries));
    EXPECT_GT(accepted, tries / 20);
    EXPECT_LT(accepted, tries * 19 / 20);
}

TEST(RandomBytes, AlwaysGetAVerdict) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 20'000; ++round) {
        vm::ProgramSpec program;
        program.subprograms = {{"random", 0}};
        for (size_t i = 0; i < 1 + random() % 24; ++i) {
            const vm::OpInfo& row = vm::op_info(static_cast<vm::Op>(random() % vm::kOpCount));
            program.insns.push_back(make_insn(
                row.op, static_cast<uint8_t>(random() % 12), static_cast<uint8_t>(random() % 12),
                static_cast<int16_t>(random() % 12 - 4), static_cast<int32_t>(random() % 200)));
            if (row.format == vm::Format::LoadImm64) program.insns.push_back({});
            if (random() % 16 == 0) program.insns.back().opcode = static_cast<uint8_t>(random());
        }
        program.insns.push_back(make_insn(vm::Op::kExit));
        const auto verdict = vm::verify(
            program, {.visited_insns_max = 5'000, .states_max = 1'000, .time_ms_max = 1'000});
        ASSERT_TRUE(verdict || !(verdict.error().rule.empty() || verdict.error().message.empty()));
    }
}

}  // namespace
}  // namespace weir::tests
