// The hostile texts of golden/verifier, run: a program that must be refused is unsafe in truth,
// since the instrumented interpreter, which knows nothing of proofs, stops in it. The twins that
// must be accepted never do. What no run can show (a leak is no fault of a run, and stack that
// nobody wrote reads as zero there) says so with "# no run shows it: why".
//
// A run is given what makes trouble: the numbers that stand in the program and their neighbours,
// ends of ranges, packets of every length, maps filled with the same.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <random>

#include <fmt/format.h>

#include "maps/maps.h"
#include "maps/user_ringbuf_map.h"
#include "tests/golden/verifier_texts.h"
#include "tests/support/weir_runner.h"
#include "vm/helpers/timers.h"

namespace weir::tests {
namespace {

constexpr uint32_t kRoundsMax = 20'000;
constexpr uint64_t kStepsMax = 200'000;
constexpr size_t kHeadroom = 64, kTailroom = 64;

/// Numbers that a program may be given.
class Trouble {
public:
    explicit Trouble(const std::vector<vm::Insn>& insns) {
        for (const uint64_t bit : {0, 4, 6, 7, 8, 15, 16, 31, 32, 33, 63}) add(uint64_t{1} << bit);
        add(0);
        for (size_t pc = 0; pc < insns.size(); ++pc) {
            add(static_cast<uint64_t>(int64_t{insns[pc].imm}));
            if (pc + 1 < insns.size())
                add(uint64_t{static_cast<uint32_t>(insns[pc + 1].imm)} << 32 |
                    static_cast<uint32_t>(insns[pc].imm));
        }
    }

    uint64_t number() {
        const uint64_t found = numbers_[random_() % numbers_.size()];
        switch (random_() % 8) {
            case 0: return random_();
            case 1: return 0 - found;
            case 2: return found << 32 | numbers_[random_() % numbers_.size()];
            default: return found;
        }
    }
    uint64_t below(uint64_t end) { return random_() % end; }
    void fill(std::span<uint8_t> bytes) {
        for (size_t at = 0; at < bytes.size(); at += 8) {
            const uint64_t value = number();
            std::memcpy(&bytes[at], &value, std::min<size_t>(8, bytes.size() - at));
        }
    }

private:
    void add(uint64_t number) {
        for (const uint64_t each : {number - 1, number, number + 1}) numbers_.push_back(each);
    }

    std::vector<uint64_t> numbers_;
    std::mt19937_64 random_{1};
};

Trouble* g_trouble = nullptr;  ///< where helpers that give a number take it from

vm::HelperTable troublesome_helpers() {
    vm::HelperTable helpers = maps::all_helpers();
    set(helpers, vm::HelperId::ktime_get_ns,
        [](auto, auto, auto, auto, auto, vm::RunEnv&) { return g_trouble->number(); });
    set(helpers, vm::HelperId::get_prandom_u32,
        [](auto, auto, auto, auto, auto, vm::RunEnv&) { return g_trouble->number() & 0xffffffff; });
    return helpers;
}

/// One packet of any length, in a room with more on both sides; its second piece lies elsewhere.
class Frame {
public:
    Frame(Trouble& trouble, bool has_pieces) : piece_(kPieceBytes) {
        constexpr std::array<size_t, 10> kLengths = {14, 15, 20, 33, 34, 35, 60, 64, 65, 128};
        const size_t bytes = kLengths[trouble.below(kLengths.size())];
        room_.resize(kHeadroom + bytes + kTailroom);
        trouble.fill(room_);
        const size_t meta = trouble.below(3) * 4;
        packet_ = {.data = room_.data() + kHeadroom,
                   .data_end = room_.data() + kHeadroom + bytes,
                   .data_meta = room_.data() + kHeadroom - meta,
                   .frame_start = room_.data(),
                   .frame_limit = room_.data() + room_.size(),
                   .ingress_ifindex = static_cast<uint32_t>(trouble.number()),
                   .rx_queue_index = static_cast<uint32_t>(trouble.number()),
                   .egress_ifindex = 3};
        if (!has_pieces) return;
        segment_ = {piece_.data(), kPieceBytes, kPieceBytes};
        packet_.segment_count = 1;
        packet_.segments = &segment_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    vm::CheckedResult run(const vm::CheckedProgram& program, Trouble& trouble, vm::RunEnv& env) {
        if (program.spec().type == vm::ProgramType::Xdp)
            return vm::run_checked(program, packet_, env, kStepsMax);
        vm::SkbContext skb;
        skb.frame = packet_;
        skb.frame.data_meta = packet_.data;
        skb.len = static_cast<uint32_t>(packet_.data_end - packet_.data);
        skb.hash = static_cast<uint32_t>(trouble.number());
        return vm::run_checked(program, skb, env, kStepsMax);
    }

private:
    static constexpr uint32_t kPieceBytes = 256;

    Bytes room_, piece_;
    vm::Segment segment_;
    vm::XdpContext packet_{};
};

bool is_filled(const vm::MapSpec& map) {
    const bool has_elements = map.type == vm::MapType::Array || map.type == vm::MapType::Hash ||
                              map.type == vm::MapType::LruHash || map.type == vm::MapType::Devmap;
    return has_elements && !map.frozen;
}

/// The first one is too short for most. Not from `Trouble`: what others get stays as it is.
void put_samples(vm::Map& map) {
    for (const size_t bytes : {4, 16})
        static_cast<maps::UserRingbufMap&>(map).produce(Bytes(bytes, 0x5a));
}

void fill_maps(const TestMaps& maps, Trouble& trouble) {
    for (const auto& map : maps.all()) {
        if (map->spec().type == vm::MapType::UserRingbuf) put_samples(*map);
        if (!is_filled(map->spec())) continue;
        Bytes key(map->spec().key_bytes), value(map->control_value_bytes());
        trouble.fill(value);
        if (map->spec().type == vm::MapType::Array || trouble.below(2) == 0)
            map->control_update(key.data(), value, vm::kUpdateAny);
        else
            map->control_erase(key.data());
    }
}

/// What tail calls of the texts lead to: a program that moves the packet and gives a large result.
vm::ProgramSpec target_program() {
    return text_program({"target", "r2 = 16\ncall 44\nr0 = 255\nexit\n", ""});
}

/// Faults of programs that are turned away before they run, of a run, or of a timer's callback.
std::optional<std::string> fault_of(const vm::ProgramSpec& spec, uint32_t rounds) {
    static const vm::HelperTable helpers = troublesome_helpers();
    auto maps = TestMaps::make({.maps = spec.maps}, {});
    EXPECT_TRUE(maps) << (maps ? "" : maps.error().message);
    const auto program = vm::CheckedProgram::make(spec, maps->of(spec), helpers);
    if (!program) return program.error().message;
    const auto target = vm::CheckedProgram::make(target_program(), maps->of(spec), helpers);
    const uint32_t first_slot = 0;
    maps->find("programs")
        ->bind_program(reinterpret_cast<const uint8_t*>(&first_slot), target->get(), 1);
    std::optional<std::string> found;
    (*program)->report_faults_to([&](const vm::RunFault& fault) { found = fault.message; });
    Trouble trouble(spec.insns);
    g_trouble = &trouble;
    TestMachine machine;
    for (uint32_t round = 0; round < rounds && !found; ++round) {
        fill_maps(*maps, trouble);
        Frame frame(trouble, spec.has_frags);
        if (const auto fault = frame.run(**program, trouble, machine.env()).fault)
            found = fmt::format("insn {}: {}", fault->insn, fault->message);
        machine.timers().run_due(UINT64_MAX - 1, machine.env());
    }
    return found;
}

/// Runs end by this budget where a proof speaks of the end of a much longer one.
bool is_out_of_steps(const std::optional<std::string>& fault) {
    return fault && fault->ends_with("the budget of steps is spent");
}

bool is_hostile_file(const std::filesystem::path& path) {
    return path.filename().string().starts_with("hostile_");
}

TEST(VerifierRuns, HostileProgramsFaultAndTheirTwinsDoNot) {
    constexpr uint32_t kTwinRounds = 300;
    size_t hostile = 0, twins = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(WEIR_GOLDEN_DIR) + "/verifier")) {
        if (!is_hostile_file(entry.path())) continue;
        for (const GoldenBlock& block : read_golden(entry.path()).blocks) {
            const bool is_twin = text_verdict(block) == "accept";
            const bool is_silent = !text_remark(block, "no run shows it").empty();
            ++(is_twin ? twins : hostile);
            const auto fault =
                fault_of(text_program(block), is_twin || is_silent ? kTwinRounds : kRoundsMax);
            const std::string where =
                entry.path().filename().string() + ": " + block.name + "\n" + block.input;
            if (is_twin) {
                EXPECT_TRUE(!fault || is_out_of_steps(fault)) << where << *fault;
            } else if (!is_silent) {
                EXPECT_TRUE(fault.has_value()) << where << "no run showed a fault";
            }
        }
    }
    EXPECT_GE(hostile, 200u);
    EXPECT_GE(twins, 60u);
}

}  // namespace
}  // namespace weir::tests
