// XDP_REDIRECT in an explanation: to a port, or by a devmap or cpumap, as Worker::settle in the
// dataplane does it.

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "controlplane/cli/explain_world.h"
#include "maps/target_map.h"
#include "vm/program/redirect_kinds.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kHopsMax = 8;  ///< from worker to worker, of one packet

maps::Destination destination_of(vm::Map& map, uint32_t key) {
    return static_cast<const maps::TargetMap&>(map).destination(key);
}

}  // namespace

void ExplainWorld::redirect(const ExplainPort& port, vm::XdpContext& context, TracedStory& story) {
    if (env_.redirect_ifindex == vm::kRedirectByMap && env_.redirect_to.map != nullptr)
        return redirect_by_map(port, context, story);
    const auto out = std::ranges::find(ports_, env_.redirect_ifindex, &ExplainPort::ifindex);
    if (out != ports_.end()) return leave(*out, context, story);
    story.drop(port.name, env_.redirect_ifindex == vm::kRedirectToSocket ? "redirect_no_socket"
                                                                         : "redirect_unknown_port");
}

void ExplainWorld::redirect_by_map(const ExplainPort& port, vm::XdpContext& context,
                                   TracedStory& story) {
    const vm::Redirect where = env_.redirect_to;
    vm::Map& map = *where.map;
    const auto key = static_cast<uint32_t>(where.key);
    if (map.spec().type == vm::MapType::Cpumap) return go_to_worker(port, map, key, context, story);
    if ((where.flags & vm::kBroadcast) == 0) {
        if (destination_of(map, key).number == 0) return story.drop(port.name, "redirect_nowhere");
        return go_to_entry(port, map, key, context, story);
    }
    std::vector<uint32_t> keys;
    map.for_each(
        [](void* list, const uint8_t* at, uint8_t*) -> uint64_t {
            uint32_t number = 0;
            std::memcpy(&number, at, sizeof number);
            static_cast<std::vector<uint32_t>*>(list)->push_back(number);
            return 0;
        },
        &keys, env_.cpu);
    const uint32_t excluded = (where.flags & vm::kExcludeIngress) != 0 ? port.ifindex : 0;
    std::erase_if(keys, [&](uint32_t each) {
        const uint32_t number = destination_of(map, each).number;
        return number == 0 || number == excluded;
    });
    if (keys.empty()) return story.drop(port.name, "redirect_nowhere");
    // Each entry has a copy of its own.
    const vm::XdpContext original = context;
    const Bytes frame(context.frame_start, context.frame_limit);
    for (const uint32_t each : keys) {
        context = original;
        std::ranges::copy(frame, context.frame_start);
        go_to_entry(port, map, each, context, story);
    }
}

/// As Worker::judge_handed on the other worker.
void ExplainWorld::go_to_worker(const ExplainPort& port, vm::Map& map, uint32_t key,
                                vm::XdpContext& context, TracedStory& story) {
    const maps::Destination entry = destination_of(map, key);
    if (entry.number == 0) return story.drop(port.name, "cpumap_no_worker");
    notes_.push_back(fmt::format("{} hands it to worker {}", name_of(map).name, key));
    if (++hops_ > kHopsMax) {
        notes_.push_back("it goes from worker to worker without an end");
        return;
    }
    uint32_t verdict = vm::XDP_PASS;
    if (entry.program != nullptr)
        verdict = run(static_cast<const vm::ProvenProgram*>(entry.program)->bound(), context);
    if (verdict == vm::XDP_PASS || verdict == vm::XDP_REDIRECT)
        return settle(port, verdict, context, story);
    story.drop(port.name, verdict == vm::XDP_DROP ? "redirect_drop" : "redirect_aborted");
}

/// Through the program behind the entry, if there is one.
void ExplainWorld::go_to_entry(const ExplainPort& port, vm::Map& map, uint32_t key,
                               vm::XdpContext& context, TracedStory& story) {
    const maps::Destination entry = destination_of(map, key);
    const auto out = std::ranges::find(ports_, entry.number, &ExplainPort::ifindex);
    if (out == ports_.end()) return story.drop(port.name, "redirect_unknown_port");
    if (entry.program != nullptr) {
        context.egress_ifindex = entry.number;
        const uint32_t verdict =
            run(static_cast<const vm::ProvenProgram*>(entry.program)->bound(), context);
        context.egress_ifindex = 0;
        if (verdict != vm::XDP_PASS)
            return story.drop(out->name,
                              verdict == vm::XDP_DROP ? "redirect_drop" : "redirect_aborted");
    }
    leave(*out, context, story);
}

}  // namespace weir::controlplane::cli
