#include "maps/lru_lists.h"

#include <algorithm>

namespace weir::maps {

static_assert(static_cast<uint32_t>(LruPlace::Pending) == LruLists::kHeads - 1,
              "the places that have a list come first");

LruLists::LruLists(const LruNodes& nodes, uint32_t first_head, uint16_t shard, uint32_t scans)
    : nodes_(nodes),
      first_head_(first_head),
      shard_(shard),
      scans_(scans),
      rotate_next_(head_of(LruPlace::Inactive)) {}

// -- lists

void LruLists::link(uint32_t element, uint32_t anchor, LruPlace place) {
    nodes_.put_behind(anchor, element);
    nodes_[element].place = place;
    ++count_of(place);
}

void LruLists::add(uint32_t element, LruPlace place) {
    nodes_[element].shard.store(shard_, std::memory_order_release);
    link(element, head_of(place), place);
}

void LruLists::remove(uint32_t element) {
    LruNodes::Node& node = nodes_[element];
    if (rotate_next_ == element) rotate_next_ = node.previous;
    --count_of(node.place);
    nodes_.unlink(element);
    node.place = LruPlace::Away;
}

void LruLists::move(uint32_t element, LruPlace place, uint32_t now) {
    nodes_.unmark(element);
    remove(element);
    // One that only ages keeps its age.
    if (place != LruPlace::Inactive) nodes_[element].age.store(now, std::memory_order_relaxed);
    link(element, head_of(place), place);
}

uint32_t LruLists::pop_free() {
    if (!has_free()) return kNoElement;
    const uint32_t element = nodes_.next(head_of(LruPlace::Free));
    remove(element);
    return element;
}

// -- aging

void LruLists::flush_pending(uint32_t now) {
    for (uint32_t element = last(LruPlace::Pending); element != head_of(LruPlace::Pending);
         element = last(LruPlace::Pending))
        move(element, nodes_.is_marked(element) ? LruPlace::Active : LruPlace::Inactive, now);
}

/// Goes ahead of an eviction through the inactive list, so that its waits for memory overlap.
class LruLists::Foresight {
public:
    Foresight(const LruLists& lists, uint32_t first, uint32_t steps)
        : lists_(lists), soon_(first), next_(first), steps_(steps) {}

    void step(LruEvictor& evictor) {
        // The first time it runs ahead, then it keeps the distance.
        for (uint32_t i = started_ ? kSoon : 0; i <= kSoon; ++i) {
            const bool has_next = started_ || i >= kSoon - kNext;
            const uint32_t soon = advance(soon_, soon_steps_);
            evictor.expect(soon, has_next ? advance(next_, next_steps_) : kNoElement);
        }
        started_ = true;
    }

private:
    static constexpr uint32_t kSoon = 32, kNext = 16;  ///< elements ahead

    uint32_t advance(uint32_t& at, uint32_t& steps) const {
        if (at == lists_.head_of(LruPlace::Inactive) || steps == steps_) return kNoElement;
        ++steps;
        const uint32_t here = at;
        at = lists_.nodes_[at].previous;
        return here;
    }

    const LruLists& lists_;
    uint32_t soon_, next_;
    uint32_t steps_;
    uint32_t soon_steps_ = 0, next_steps_ = 0;
    bool started_ = false;
};

/// From the end of the active list: marked ones get another round, the others become inactive.
void LruLists::rotate_active(uint32_t now) {
    const uint32_t head = head_of(LruPlace::Active);
    const uint32_t first = nodes_.next(head);
    uint32_t element = last(LruPlace::Active);
    for (uint32_t i = 0; i < scans_ && element != head; ++i) {
        const uint32_t before = nodes_[element].previous;
        move(element, nodes_.is_marked(element) ? LruPlace::Active : LruPlace::Inactive, now);
        if (element == first) break;
        element = before;
    }
}

/// From where it stopped last: marked ones become active.
void LruLists::rotate_inactive(uint32_t now) {
    const uint32_t head = head_of(LruPlace::Inactive);
    if (nodes_.is_empty(head)) return;
    uint32_t final = nodes_.next(rotate_next_);
    if (final == head) final = nodes_.next(final);
    uint32_t next = head;
    uint32_t here = rotate_next_;
    for (uint32_t i = 0; i < scans_;) {
        if (here == head) {
            here = nodes_[here].previous;
            continue;
        }
        next = nodes_[here].previous;
        if (nodes_.is_marked(here)) move(here, LruPlace::Active, now);
        if (here == final) break;
        here = next;
        ++i;
    }
    rotate_next_ = next;
}

void LruLists::rotate(uint32_t now) {
    if (count_of(LruPlace::Inactive) < count_of(LruPlace::Active)) rotate_active(now);
    rotate_inactive(now);
}

uint32_t LruLists::shrink(uint32_t wanted, uint32_t age_min, LruEvictor& evictor, uint32_t now) {
    uint32_t gone = 0;
    uint32_t element = last(LruPlace::Inactive);
    Foresight ahead(*this, element, std::min(wanted, scans_));
    for (uint32_t i = 0; i < scans_ && gone < wanted && element != head_of(LruPlace::Inactive);
         ++i) {
        const uint32_t before = nodes_[element].previous;
        ahead.step(evictor);
        if (nodes_.is_marked(element)) {
            move(element, LruPlace::Active, now);
        } else if (nodes_.clear_note(element, LruNote::Renewed)) {
            move(element, LruPlace::Inactive, now);
        } else if (nodes_.age(element, now) < age_min) {
            break;
        } else if (nodes_.claim(element, evictor)) {
            move(element, LruPlace::Free, now);
            ++gone;
        }
        element = before;
    }
    return gone;
}

bool LruLists::shrink_by_force(LruEvictor& evictor, uint32_t now) {
    const bool has_inactive = count_of(LruPlace::Inactive) > 0;
    const LruPlace place = has_inactive ? LruPlace::Inactive : LruPlace::Active;
    // In the kernel this has no bound. Here elements may be in the hands of many workers.
    uint32_t element = last(place);
    for (uint32_t i = 0; i < 2 * scans_ && element != head_of(place); ++i) {
        if (!nodes_.has_note(element, LruNote::Renewed) && nodes_.claim(element, evictor)) {
            move(element, LruPlace::Free, now);
            return true;
        }
        element = nodes_[element].previous;
    }
    return false;
}

// -- between shards

uint32_t LruLists::oldest(uint32_t now) {
    for (uint32_t i = 0; i < scans_; ++i) {
        if (!nodes_.clear_note(last(LruPlace::Inactive), LruNote::Renewed)) break;
        move(last(LruPlace::Inactive), LruPlace::Inactive, now);
    }
    for (const LruPlace place : {LruPlace::Inactive, LruPlace::Active, LruPlace::Pending})
        if (last(place) != head_of(place)) return last(place);
    return kNoElement;
}

uint32_t LruLists::take_oldest(LruLists& from, uint32_t count, uint32_t now) {
    // All go between what was the oldest here and what came before them.
    const uint32_t anchor = last(LruPlace::Inactive);
    const uint32_t age_min = anchor == head_of(LruPlace::Inactive) ? 0 : nodes_.age(anchor, now);
    uint32_t taken = 0;
    uint32_t element = from.last(LruPlace::Inactive);
    for (uint32_t i = 0; i < count && element != from.head_of(LruPlace::Inactive); ++i) {
        const uint32_t before = nodes_[element].previous;
        if (nodes_.is_marked(element)) {
            from.move(element, LruPlace::Active, now);
        } else if (nodes_.clear_note(element, LruNote::Renewed)) {
            from.move(element, LruPlace::Inactive, now);
        } else if (nodes_.age(element, now) < age_min) {
            break;
        } else {
            from.remove(element);
            nodes_[element].shard.store(shard_, std::memory_order_release);
            link(element, anchor, LruPlace::Inactive);
            ++taken;
        }
        element = before;
    }
    return taken;
}

uint32_t LruLists::take_free(LruLists& from, uint32_t count) {
    uint32_t taken = 0;
    for (; taken < count && from.has_free(); ++taken) add(from.pop_free(), LruPlace::Free);
    return taken;
}

}  // namespace weir::maps
