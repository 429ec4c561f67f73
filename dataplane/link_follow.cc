#include "dataplane/link_follow.h"

#include "vm/base/check.h"

namespace weir::dataplane {

LinkFollow::LinkFollow(std::vector<uint32_t> leaders)
    : leaders_(std::move(leaders)), states_(leaders_.size()) {}

bool LinkFollow::is_lost(uint32_t port, std::span<const uint8_t> links) const {
    return links[port] == 0 && !states_[port].held && !states_[port].returning;
}

std::vector<LinkFollow::Order> LinkFollow::step(std::span<const uint8_t> links, Time now) {
    WEIR_CHECK(links.size() == states_.size());
    for (uint32_t port = 0; port < states_.size(); ++port) {
        State& state = states_[port];
        if (state.returning && (links[port] != 0 || now >= state.until)) state.returning = false;
    }
    std::vector<Order> orders;
    for (uint32_t port = 0; port < states_.size(); ++port) {
        State& state = states_[port];
        if (leaders_[port] == kNone) continue;
        const bool down = is_lost(leaders_[port], links);
        // A port that has lost its own link is left as it is: the port that follows it goes down
        // for it, and both would wait for each other.
        if (down == state.held || (down && is_lost(port, links))) continue;
        state.held = down;
        state.returning = !down;
        state.until = now + kReturnTime;
        orders.push_back({.port = port, .up = !down});
    }
    return orders;
}

}  // namespace weir::dataplane
