#pragma once
// Devmaps and cpumaps for two workers, and programs that redirect by them.

#include <cstring>

#include "dataplane/bound_program.h"
#include "dataplane/distributor.h"
#include "maps/cpumap.h"
#include "maps/devmap.h"
#include "tests/unit/dataplane/fixtures.h"
#include "tests/unit/dataplane/forwarding_fixture.h"

namespace weir::dataplane::testing {

constexpr uint64_t kBroadcast = 8, kExcludeIngress = 16;

template <typename Kind>
std::unique_ptr<maps::TargetMap> make_map(vm::MapType type, uint32_t entries) {
    vm::MapSpec spec = testing_map("targets", type, entries);
    spec.value_bytes = maps::kTargetBytes;
    Result<std::unique_ptr<vm::Map>> made = [&] {
        if constexpr (std::is_same_v<Kind, maps::Cpumap>)
            return Kind::create(spec, 2);
        else
            return Kind::create(spec);
    }();
    EXPECT_TRUE(made) << made.error().message;
    return std::unique_ptr<maps::TargetMap>(static_cast<maps::TargetMap*>(made->release()));
}
inline std::unique_ptr<maps::TargetMap> make_devmap(uint32_t entries) {
    return make_map<maps::Devmap>(vm::MapType::Devmap, entries);
}
inline void set(maps::TargetMap& map, uint32_t key, uint32_t number,
                const BoundProgram* bound = nullptr) {
    const maps::Target target{number, bound != nullptr ? 1u : 0u};
    ASSERT_EQ(map.set_target(reinterpret_cast<const uint8_t*>(&key), target, bound), 0);
}

inline Frame numbered(uint32_t number) {
    Frame frame(64, 0);
    std::memcpy(frame.data() + 14, &number, sizeof number);
    return frame;
}
inline uint32_t number_of(const vm::XdpContext& context) {
    uint32_t number = 0;
    std::memcpy(&number, context.data + 14, sizeof number);
    return number;
}

/// What bpf_redirect_map leaves.
inline uint32_t by_map(vm::RunEnv& env, maps::TargetMap& map, uint64_t key, uint64_t flags = 0) {
    env.redirect_to = {&map, key, flags};
    env.redirect_ifindex = vm::kRedirectByMap;
    return vm::XDP_REDIRECT;
}

inline api::Stats settled(const Forwarding& forwarding, uint64_t rx) {
    EXPECT_TRUE(eventually([&] {
        const api::Stats stats = forwarding.read_stats();
        return stats.total.rx == rx && stats.total.in_flight == 0;
    }));
    const api::Stats stats = forwarding.read_stats();
    EXPECT_EQ(unaccounted(stats.total), 0u);
    return stats;
}

/// In one burst, and packet by packet, which a second program in the chain asks for.
inline std::vector<ChainEntry> chain_of(bool by_packet, LambdaProgram::Body body) {
    if (by_packet) return {returning(1, vm::XDP_PASS), entry(0, std::move(body))};
    return {entry(0, std::move(body))};
}

}  // namespace weir::dataplane::testing
