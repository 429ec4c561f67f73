#pragma once
// What left the sight of new readers and waits until the old ones have moved on: numbers above 0,
// chained through memory of the owner. One grace period at a time: what retires meanwhile shares
// the next one.

#include <cstdint>
#include <utility>

#include "maps/reclaim.h"

namespace weir::maps {

/// Threads: under the owner's lock.
class LpmGrace {
public:
    /// True when it is time to collect: often enough that a trie which is changed without pause
    /// keeps little waiting, seldom enough to cost nothing. `link(number)` is a uint32_t& that is
    /// the chain's while the number waits.
    template <typename Link>
    bool add(uint32_t number, Link link) {
        constexpr uint32_t kBatch = 32;
        link(number) = 0;
        (retired_.first == 0 ? retired_.first : link(retired_.last)) = number;
        retired_.last = number;
        return ++retired_.count % kBatch == 0;
    }

    /// Calls free(number) for all that no reader can hold any more.
    template <typename Link, typename Free>
    void collect(Link link, Free free) {
        release(link, free);
        if (waiting_.first != 0 || retired_.first == 0) return;
        waiting_ = std::exchange(retired_, Chain{});
        token_ = begin_grace();
        release(link, free);
    }

    uint32_t count() const { return waiting_.count + retired_.count; }

private:
    struct Chain {
        uint32_t first = 0;
        uint32_t last = 0;
        uint32_t count = 0;
    };

    template <typename Link, typename Free>
    void release(Link link, Free free) {
        if (waiting_.first == 0 || !grace_passed(token_)) return;
        for (uint32_t number = waiting_.first; number != 0;) {
            const uint32_t next = link(number);
            free(number);
            number = next;
        }
        waiting_ = Chain{};
    }

    Chain waiting_;  ///< free when readers have passed token_
    GraceToken token_ = 0;
    Chain retired_;  ///< no grace period begun yet
};

}  // namespace weir::maps
