#pragma once
// `link_follow`: which ports are taken down because the link of another one is. Decides only; the
// time comes in.

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::dataplane {

/// Ports may follow each other in both directions: a link that is down because we took it down says
/// nothing of its other end, and takes no port down itself.
class LinkFollow {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr uint32_t kNone = UINT32_MAX;
    /// What a link that we let up again may take to come up (negotiation), during which it counts
    /// as up.
    static constexpr auto kReturnTime = std::chrono::seconds(5);

    /// `leaders`: by port, the index of the port that it follows, or kNone.
    explicit LinkFollow(std::vector<uint32_t> leaders);

    struct Order {
        uint32_t port = 0;
        bool up = false;
    };
    /// `links`: by port, not 0 where the link is up now. Answers with the ports whose link is to be
    /// taken down or let up now; the caller must do so.
    std::vector<Order> step(std::span<const uint8_t> links, Time now);
    /// True between the orders down and up.
    bool is_held(uint32_t port) const { return states_[port].held; }

private:
    struct State {
        bool held = false;
        bool returning = false;  ///< let up, and not seen up since
        Time until{};            ///< of returning
    };
    bool is_lost(uint32_t port, std::span<const uint8_t> links) const;

    std::vector<uint32_t> leaders_;
    std::vector<State> states_;
};

}  // namespace weir::dataplane
