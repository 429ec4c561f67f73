#include "maps/lru_lists.h"

#include <algorithm>
#include <new>

namespace weir::maps {
namespace {

constexpr uint32_t kHeadsPerCpu = 5;

}  // namespace

Result<LruLists> LruLists::create(uint32_t elements, uint32_t cpus, bool common,
                                  MapMemory& memory) {
    const uint64_t nodes = uint64_t{elements} + uint64_t{kHeadsPerCpu} * cpus;
    Result<Region> region = memory.take_scratch(nodes * sizeof(Node));
    if (!region) return std::unexpected(region.error());
    return LruLists(elements, cpus, common, std::move(*region));
}

LruLists::LruLists(uint32_t elements, uint32_t cpus, bool common, Region nodes)
    : elements_(elements),
      cpus_(cpus),
      common_(common),
      scans_(common ? kCommonScans : kPercpuTarget),
      target_(common ? std::clamp(elements / cpus / 2, 1u, kLocalTargetMax) : kPercpuTarget),
      nodes_(std::move(nodes)) {
    for (uint32_t i = 0; i < (common ? 1 : cpus); ++i) {
        Lists lists{};
        lists.active = new_head();
        lists.inactive = new_head();
        lists.free = new_head();
        lists.rotate_next = lists.inactive;
        lists_.push_back(lists);
    }
    for (uint32_t cpu = 0; common && cpu < cpus; ++cpu) {
        const uint32_t free = new_head();
        locals_.push_back({free, new_head(), cpu});
    }
    populate();
}

/// The order decides nothing but which memory is used first.
void LruLists::populate() {
    const uint32_t share = elements_ / static_cast<uint32_t>(lists_.size());
    for (uint32_t element = 0; element < elements_; ++element) {
        Node* const fresh = new (&node(element)) Node{};
        fresh->cpu = static_cast<uint16_t>(common_ ? 0 : std::min(element / share, cpus_ - 1));
        put_first(element, lists_[fresh->cpu].free, Place::Free);
    }
}

uint32_t LruLists::new_head() {
    const uint32_t head = elements_ + heads_++;
    Node* const fresh = new (&node(head)) Node{};
    fresh->previous = fresh->next = head;
    return head;
}

// -- lists

void LruLists::unlink(uint32_t element) {
    const Node& leaving = node(element);
    node(leaving.previous).next = leaving.next;
    node(leaving.next).previous = leaving.previous;
}

void LruLists::put_first(uint32_t element, uint32_t head, Place place) {
    Node& entering = node(element);
    entering.previous = head;
    entering.next = node(head).next;
    entering.place = place;
    node(entering.next).previous = element;
    node(head).next = element;
}

uint32_t LruLists::head_of(const Lists& lists, Place place) const {
    switch (place) {
        case Place::Active: return lists.active;
        case Place::Inactive: return lists.inactive;
        case Place::Free:
        case Place::LocalFree:
        case Place::LocalPending: return lists.free;
    }
    return lists.free;
}

/// `step` is 1 or, to take away, 0xffffffff.
void LruLists::count(Lists& lists, Place place, uint32_t step) {
    if (place == Place::Active || place == Place::Inactive)
        lists.counts[static_cast<uint8_t>(place)] += step;
}

/// Within the lists, unmarked from then on.
void LruLists::move(Lists& lists, uint32_t element, Place to) {
    count(lists, node(element).place, UINT32_MAX);
    count(lists, to, 1);
    unmark(element);
    if (lists.rotate_next == element) lists.rotate_next = node(element).previous;
    unlink(element);
    put_first(element, head_of(lists, to), to);
}

void LruLists::move_to_local_free(Lists& lists, uint32_t element, uint32_t head, Place to) {
    if (lists.rotate_next == element) lists.rotate_next = node(element).previous;
    count(lists, node(element).place, UINT32_MAX);
    unlink(element);
    put_first(element, head, to);
}

// -- aging

/// From the end of the active list: marked ones get another round, the others become inactive.
void LruLists::rotate_active(Lists& lists) {
    const uint32_t first = node(lists.active).next;
    uint32_t element = node(lists.active).previous;
    for (uint32_t i = 0; i < scans_ && element != lists.active; ++i) {
        const uint32_t before = node(element).previous;
        move(lists, element, is_marked(element) ? Place::Active : Place::Inactive);
        if (element == first) break;
        element = before;
    }
}

/// From where it stopped last: marked ones become active.
void LruLists::rotate_inactive(Lists& lists) {
    if (is_empty(lists.inactive)) return;
    uint32_t last = node(lists.rotate_next).next;
    if (last == lists.inactive) last = node(last).next;
    uint32_t next = lists.inactive;
    uint32_t here = lists.rotate_next;
    for (uint32_t i = 0; i < scans_;) {
        if (here == lists.inactive) {
            here = node(here).previous;
            continue;
        }
        next = node(here).previous;
        if (is_marked(here)) move(lists, here, Place::Active);
        if (here == last) break;
        here = next;
        ++i;
    }
    lists.rotate_next = next;
}

void LruLists::rotate(Lists& lists) {
    if (lists.counts[static_cast<uint8_t>(Place::Inactive)] <
        lists.counts[static_cast<uint8_t>(Place::Active)])
        rotate_active(lists);
    rotate_inactive(lists);
}

uint32_t LruLists::shrink_inactive(Lists& lists, uint32_t wanted, uint32_t to_head, Place to,
                                   LruEvictor& evictor) {
    uint32_t gone = 0;
    uint32_t element = node(lists.inactive).previous;
    for (uint32_t i = 0; i < scans_ && gone < wanted && element != lists.inactive; ++i) {
        const uint32_t before = node(element).previous;
        if (is_marked(element)) {
            move(lists, element, Place::Active);
        } else if (evictor.evict(element)) {
            move_to_local_free(lists, element, to_head, to);
            ++gone;
        }
        element = before;
    }
    return gone;
}

/// Evicts up to `wanted` unmarked elements; if there are none, one that is marked.
void LruLists::shrink(Lists& lists, uint32_t wanted, uint32_t to_head, Place to,
                      LruEvictor& evictor) {
    if (shrink_inactive(lists, wanted, to_head, to, evictor) > 0) return;
    const uint32_t head = is_empty(lists.inactive) ? lists.active : lists.inactive;
    for (uint32_t element = node(head).previous; element != head;
         element = node(element).previous) {
        if (!evictor.evict(element)) continue;
        move_to_local_free(lists, element, to_head, to);
        return;
    }
}

// -- taking and giving back

uint32_t LruLists::take(uint32_t cpu, LruEvictor& evictor) {
    return common_ ? take_common(cpu, evictor) : take_percpu(cpu, evictor);
}

uint32_t LruLists::take_percpu(uint32_t cpu, LruEvictor& evictor) {
    Lists& lists = lists_[cpu];
    rotate(lists);
    if (is_empty(lists.free)) shrink(lists, target_, lists.free, Place::Free, evictor);
    if (is_empty(lists.free)) return kNoElement;
    const uint32_t element = node(lists.free).next;
    move(lists, element, Place::Inactive);
    return element;
}

uint32_t LruLists::take_common(uint32_t cpu, LruEvictor& evictor) {
    Local& local = locals_[cpu];
    uint32_t element = pop_local_free(local);
    if (element == kNoElement) {
        refill(local, evictor);
        element = pop_local_free(local);
    }
    if (element == kNoElement) element = steal(local, evictor);
    if (element != kNoElement) add_pending(cpu, element);
    return element;
}

void LruLists::refill(Local& local, LruEvictor& evictor) {
    Lists& lists = lists_[0];
    flush_pending(local);
    rotate(lists);
    uint32_t taken = 0;
    for (; taken < target_ && !is_empty(lists.free); ++taken)
        move_to_local_free(lists, node(lists.free).next, local.free, Place::LocalFree);
    if (taken < target_) shrink(lists, target_ - taken, local.free, Place::LocalFree, evictor);
}

void LruLists::flush_pending(Local& local) {
    Lists& lists = lists_[0];
    while (!is_empty(local.pending)) {
        const uint32_t element = node(local.pending).previous;
        const Place to = is_marked(element) ? Place::Active : Place::Inactive;
        unlink(element);
        unmark(element);
        count(lists, to, 1);
        put_first(element, head_of(lists, to), to);
    }
}

uint32_t LruLists::pop_local_free(Local& local) {
    if (is_empty(local.free)) return kNoElement;
    const uint32_t element = node(local.free).next;
    unlink(element);
    return element;
}

/// The oldest unmarked one that was taken since the last refill; if all are marked, the oldest.
uint32_t LruLists::pop_pending(Local& local, LruEvictor& evictor) {
    for (const bool force : {false, true}) {
        for (uint32_t element = node(local.pending).previous; element != local.pending;
             element = node(element).previous) {
            if (is_marked(element) && !force) continue;
            if (!evictor.evict(element)) continue;
            unlink(element);
            return element;
        }
    }
    return kNoElement;
}

/// All elements are in the hands of cpus: takes from their lists, in turn.
uint32_t LruLists::steal(Local& thief, LruEvictor& evictor) {
    const uint32_t first = thief.steal_next;
    uint32_t victim = first;
    uint32_t element = kNoElement;
    do {
        element = pop_local_free(locals_[victim]);
        if (element == kNoElement) element = pop_pending(locals_[victim], evictor);
        victim = (victim + 1) % cpus_;
    } while (element == kNoElement && victim != first);
    thief.steal_next = victim;
    return element;
}

void LruLists::add_pending(uint32_t cpu, uint32_t element) {
    node(element).cpu = static_cast<uint16_t>(cpu);
    unmark(element);
    put_first(element, locals_[cpu].pending, Place::LocalPending);
}

void LruLists::give_back(uint32_t element) {
    const uint16_t cpu = node(element).cpu;
    if (!common_) return move(lists_[cpu], element, Place::Free);
    if (node(element).place != Place::LocalPending) return move(lists_[0], element, Place::Free);
    unlink(element);
    unmark(element);
    put_first(element, locals_[cpu].free, Place::LocalFree);
}

}  // namespace weir::maps
