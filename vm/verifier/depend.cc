#include "vm/verifier/depend.h"

namespace weir::vm::verifier {

void Dependencies::mark_precise(uint32_t node) {
    to_mark_.push_back(node);
    while (!to_mark_.empty()) {
        const uint32_t next = to_mark_.back();
        to_mark_.pop_back();
        Node& marked = nodes_[next];
        if (next == kNone || marked.waits_for == kPrecise) continue;
        marked.waits_for = kPrecise;
        to_mark_.push_back(marked.from[0]);
        to_mark_.push_back(marked.from[1]);
    }
}

void Dependencies::wait(uint32_t node, uint32_t waits_for) {
    to_mark_.push_back(node);
    while (!to_mark_.empty()) {
        const uint32_t next = to_mark_.back();
        to_mark_.pop_back();
        Node& waiting = nodes_[next];
        if (next == kNone || waiting.waits_for == kPrecise) continue;
        if (waiting.waits_for != 0 && waiting.waits_for <= waits_for && is_open(waiting.waits_for))
            continue;
        waiting.waits_for = waits_for;
        to_mark_.push_back(waiting.from[0]);
        to_mark_.push_back(waiting.from[1]);
    }
}

void Dependencies::follow(uint32_t stored, uint32_t node, uint32_t loop) {
    if (node == kNone || node == stored) return;
    if (is_precise(stored)) {
        mark_precise(node);
        return;
    }
    uint32_t waits_for = loop + 1;
    if (!is_open(waits_for)) open_loops_.push_back(waits_for);
    if (is_waiting(stored)) waits_for = std::min(waits_for, nodes_[stored].waits_for);
    // A stored number comes from one other, so that the second place is free for those that follow.
    const uint32_t before = nodes_[stored].from[1];
    const uint32_t followers = before == kNone ? node : add(before, node);
    nodes_[stored].from[1] = followers;
    wait(node, waits_for);
}

void Dependencies::follow(uint32_t stored, uint32_t node) {
    if (is_precise(stored))
        mark_precise(node);
    else if (is_waiting(stored))
        follow(stored, node, nodes_[stored].waits_for - 1);
}

void Dependencies::close_loop(uint32_t loop) {
    std::erase(open_loops_, loop + 1);
}

}  // namespace weir::vm::verifier
