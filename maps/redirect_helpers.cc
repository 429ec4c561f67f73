// bpf_redirect_map: __bpf_xdp_redirect_map in the kernel's include/linux/filter.h, with the flags
// of dev_map_redirect, dev_hash_map_redirect, cpu_map_redirect and xsk_map_redirect.

#include "maps/map_helpers.h"
#include "maps/redirect_map.h"

namespace weir::maps {
namespace {

constexpr uint64_t kVerdictMask = 3;  ///< the verdict where there is no target: up to XDP_TX

constexpr uint64_t flags_allowed(vm::MapType type) {
    return kVerdictMask | (vm::has_devices(type) ? vm::kBroadcast | vm::kExcludeIngress : 0);
}

uint64_t redirect_map(uint64_t map, uint64_t key, uint64_t flags, uint64_t, uint64_t,
                      vm::RunEnv& env) {
    vm::Map& targets = map_argument(map);
    const vm::MapType type = targets.spec().type;
    if (!is_redirect_kind(type) || (flags & ~flags_allowed(type)) != 0) return vm::XDP_ABORTED;
    const bool found = static_cast<RedirectMap&>(targets).has_target(static_cast<uint32_t>(key));
    const bool broadcast = (flags & vm::kBroadcast) != 0;
    if (!found && !broadcast) {
        env.redirect_ifindex = 0;  // of several calls the last one counts
        return flags & kVerdictMask;
    }
    env.redirect_to = {&targets, static_cast<uint32_t>(key), broadcast ? flags & ~kVerdictMask : 0};
    env.redirect_ifindex = type == vm::MapType::Xskmap ? vm::kRedirectToSocket : vm::kRedirectByMap;
    return vm::XDP_REDIRECT;
}

}  // namespace

void add_redirect_helpers(vm::HelperTable& table) {
    set(table, vm::HelperId::redirect_map, redirect_map);
}

}  // namespace weir::maps
