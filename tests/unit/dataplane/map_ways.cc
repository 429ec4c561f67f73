#include "tests/unit/dataplane/map_ways.h"

#include "maps/maps.h"
#include "tests/unit/dataplane/fixtures.h"
#include "vm/program/redirect_kinds.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kFirstSlot = 700;  ///< behind those of the corpus
constexpr uint32_t kKeys = 8;
constexpr uint32_t kKeysAsked = 10;         ///< some of which no map has
constexpr uint32_t kProgramsBehind = 8;     ///< of the corpus
constexpr uint32_t kOthers = 8;             ///< in chains, beside machine code
constexpr uint32_t kChangesAtOnce = 6;      ///< of one map's entries
constexpr uint32_t kIfindexOfNothing = 77;  ///< no port's

/// `r0 = random; r2 = (r0 & mask) - less`, for a helper's second argument.
void random_argument(std::vector<vm::Insn>& code, int32_t mask, int32_t less) {
    code.insert(code.end(), {{0x85, 0, 0, 0, 7},       // get_prandom_u32
                             {0xbf, 2, 0, 0, 0},       // r2 = r0
                             {0x57, 2, 0, 0, mask},    // r2 &= mask
                             {0x17, 2, 0, 0, less}});  // r2 -= less
}

/// Moves the head, the tail and the metadata of a packet by random amounts, then redirects it.
std::vector<vm::Insn> redirecting_code(bool changes_packet, int32_t key_mask, uint64_t flags) {
    std::vector<vm::Insn> code = {{0xbf, 6, 1, 0, 0}};  // r6 = r1
    const auto call = [&](int32_t helper) {
        code.insert(code.end(), {{0xbf, 1, 6, 0, 0}, {0x85, 0, 0, 0, helper}});
    };
    if (changes_packet) {
        random_argument(code, 0xff, 0xf0);
        call(44);  // xdp_adjust_head
        random_argument(code, 0x7f, 0x40);
        call(65);  // xdp_adjust_tail
        random_argument(code, 0x1c, 0x1c);
        call(54);  // xdp_adjust_meta
    }
    random_argument(code, key_mask, 0);
    code.insert(code.end(), {{0xb7, 3, 0, 0, static_cast<int32_t>(flags)},
                             {0x18, 1, 1, 0, 0},  // r1 = map 0
                             {0x00, 0, 0, 0, 0},
                             {0x85, 0, 0, 0, 51},  // redirect_map
                             {0x95, 0, 0, 0, 0}});
    return code;
}

void expect_whole(const vm::XdpContext& context) {
    EXPECT_LE(context.data_meta, context.data);
    EXPECT_LT(context.data, context.data_end);
    EXPECT_LE(context.data_end, context.frame_limit);
    EXPECT_GE(context.data_meta, context.frame_start);
    EXPECT_TRUE(context.segments != nullptr || context.segment_count == 0);
}

}  // namespace

MapWays::MapWays(const std::vector<ObjectProgram>& programs, uint64_t seed)
    : random_(seed), next_slot_(kFirstSlot) {
    EXPECT_LT(programs.size(), kFirstSlot - 3);
    for (const vm::MapType type : {vm::MapType::Devmap, vm::MapType::DevmapHash})
        devmaps_.push_back(&make_map(type));
    for (int i = 0; i < 2; ++i)
        cpumaps_.push_back(static_cast<maps::Cpumap*>(&make_map(vm::MapType::Cpumap)));
    for (maps::TargetMap* map : devmaps_)
        for (const uint64_t flags :
             {uint64_t{0}, vm::kBroadcast, vm::kBroadcast | vm::kExcludeIngress})
            add_machine_code(*map, flags);
    for (maps::Cpumap* map : cpumaps_) add_machine_code(*map, 0);
    add_others();
    stand_behind(programs);
}

maps::TargetMap& MapWays::make_map(vm::MapType type) {
    vm::MapSpec spec = testing_map("targets", type, kKeys);
    spec.value_bytes = maps::kTargetBytes;
    auto made = maps::create_map(spec, kMutatedWorkers);
    EXPECT_TRUE(made) << made.error().message;
    owned_.push_back(std::move(*made));
    return static_cast<maps::TargetMap&>(*owned_.back());
}

/// With frags and without, changing packets and not. What finds no entry aborts.
void MapWays::add_machine_code(maps::TargetMap& map, uint64_t flags) {
    for (const bool has_frags : {false, true}) {
        for (const bool changes_packet : {false, true}) {
            const bool is_cpumap = map.spec().type == vm::MapType::Cpumap;
            vm::ProgramSpec spec = testing_program(
                "by_map", redirecting_code(changes_packet, is_cpumap ? 0x3 : 0xf, flags));
            spec.maps = {map.spec()};
            spec.has_frags = has_frags;
            auto proof = vm::verify(spec);
            ASSERT_TRUE(proof) << proof.error().message;
            const auto verified = std::make_shared<const vm::VerifiedProgram>(
                vm::accept(spec, std::move(*proof)).value());
            vm::Map* const bound[] = {&map};
            const uint32_t slot = next_slot_++;
            auto program = jit::compile(verified, bound, maps::all_helpers(), jit::Engine::kJit,
                                        {.number = slot});
            ASSERT_TRUE(program) << program.error().message;
            entries_.push_back(make_entry(std::move(*program), slot, *verified));
        }
    }
}

void MapWays::add_others() {
    for (uint32_t i = 0; i < kOthers; ++i) {
        const uint32_t slot = next_slot_++;
        entries_.push_back(entry(slot, [this, slot](vm::XdpContext& context, vm::RunEnv& env) {
            return any_way(slot, context, env);
        }));
        entries_.back().takes_segments = i % 2 == 0;
    }
}

/// Programs of the corpus that take packets of several buffers, as all do that may stand there; and
/// those of ours, for any verdict.
void MapWays::stand_behind(const std::vector<ObjectProgram>& programs) {
    for (const ObjectProgram& program : programs) {
        if (!program.takes_segments || programs_.size() == kProgramsBehind) continue;
        programs_.push_back(program);
        behind_.emplace_back(*program.program, next_slot_++);
    }
    EXPECT_EQ(programs_.size(), kProgramsBehind);
    for (uint32_t i = 0; i < kProgramsBehind / 2; ++i) {
        const uint32_t slot = next_slot_++;
        lambdas_.emplace_back([this, slot](vm::XdpContext& context, vm::RunEnv& env) {
            return any_way(slot, context, env);
        });
        behind_.emplace_back(lambdas_.back(), slot);
    }
}

/// Any verdict, half of them XDP_PASS; redirects by any map, by none, to any port.
uint32_t MapWays::any_way(uint32_t slot, vm::XdpContext& context, vm::RunEnv& env) const {
    expect_whole(context);
    const uint32_t chosen = number_below(16, env);
    if (chosen < 8) return vm::XDP_PASS;
    if (chosen >= 12) {
        const uint32_t verdict = any_verdict(context, env);
        if (vm::is_aborted(verdict)) vm::note_abort(env.aborts, slot, verdict);
        return verdict;
    }
    env.redirect_ifindex = vm::kRedirectByMap;
    const auto key = number_below(kKeysAsked, env);
    if (chosen < 10) {
        env.redirect_to = {cpumaps_[number_below(2, env)], key, 0};
    } else if (number_below(8, env) == 0) {
        env.redirect_to.map = nullptr;  // a number that only looks like a map
    } else {
        const uint64_t flags[] = {0, vm::kBroadcast, vm::kBroadcast | vm::kExcludeIngress};
        env.redirect_to = {devmaps_[number_below(2, env)], key, flags[number_below(3, env)]};
    }
    return vm::XDP_REDIRECT;
}

/// Most entries lead to the port from which nothing comes back.
void MapWays::renew() {
    const auto set = [&](maps::TargetMap& map, uint32_t key, uint32_t number) {
        const BoundProgram* const bound =
            number == 0 || below(3) == 0 ? nullptr
                                         : &behind_[below(static_cast<uint32_t>(behind_.size()))];
        const maps::Target target{number, bound != nullptr ? 1u : 0u};
        EXPECT_EQ(map.set_target(reinterpret_cast<const uint8_t*>(&key), target, bound), 0);
    };
    constexpr uint32_t kPortOf[16] = {1, 2, kIfindexOfNothing, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
                                      3, 3};
    constexpr uint32_t kQueueOf[4] = {0, 1, 2, maps::kCpumapQueueMax};
    for (uint32_t change = 0; change < kChangesAtOnce; ++change) {
        for (maps::TargetMap* map : devmaps_) {
            const uint32_t key = below(kKeys);
            if (below(8) == 0)
                map->control_erase(reinterpret_cast<const uint8_t*>(&key));
            else
                set(*map, key, kPortOf[below(16)]);
        }
    }
    for (maps::Cpumap* map : cpumaps_) set(*map, below(kMutatedWorkers), kQueueOf[below(4)]);
}

void MapWays::expect_aborts_counted(const Forwarding& forwarding) const {
    uint64_t total = 0;
    for (uint32_t slot = kFirstSlot; slot < next_slot_; ++slot) {
        const bool is_of_corpus = std::ranges::any_of(behind_, [&](const BoundProgram& bound) {
            return bound.slot == slot && bound.program.engine() == jit::Engine::kJit;
        });
        if (is_of_corpus) continue;  // compiled without its number
        const auto counters = forwarding.program_counters(slot);
        uint64_t aborted = 0;
        for (const api::AbortedAt& exit : counters.aborted) aborted += exit.count;
        EXPECT_EQ(aborted, counters.verdicts[vm::XDP_ABORTED]) << slot;
        total += aborted;
    }
    EXPECT_GT(total, 0u);
}

}  // namespace weir::dataplane::testing
