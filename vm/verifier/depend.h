#pragma once
// Which earlier numbers a number was computed from, so that only those numbers are compared at a
// prune point on which a check below it relied.
//
// A number is *precise* once a check relied on its value: an address, a size, a branch that it
// decided alone. What it was computed from is then precise, too. Numbers that no check relied on
// may differ: all that was explored below holds for any of them. The kernel finds the same by
// walking its instruction history backwards (mark_chain_precision, kernel/bpf/backtrack.c); here
// every number names a node of a graph that grows with the walk, and marking goes up the graph.
// A node is marked once, so that all marking together costs no more than the graph has edges.
//
// Where a path comes back to the head of a loop, what it holds there matters only if the head's
// number does, which is not known before the loop is finished. Until then the path's number, and
// all that it was computed from, *waits* for that loop: it may become precise yet.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weir::vm::verifier {

class Dependencies {
public:
    static constexpr uint32_t kNone = 0;  ///< of a number that came from nowhere: nothing to mark

    Dependencies() { nodes_.push_back({}); }

    /// Of a number that was computed from two.
    uint32_t both(uint32_t a, uint32_t b) {
        if (a == kNone || a == b) return b;
        if (b == kNone) return a;
        return add(a, b);
    }
    /// Of the same number in a state that is stored: it is marked apart from what it came from.
    uint32_t stored(uint32_t from) { return add(from, kNone); }

    void mark_precise(uint32_t node);
    bool is_precise(uint32_t node) const { return nodes_[node].waits_for == kPrecise; }

    /// Marks `node` where `stored`, of a stored state, is precise or becomes so, which it may while
    /// the loop with this number is open. Inner loops have greater numbers.
    void follow(uint32_t stored, uint32_t node, uint32_t loop);
    /// As the last one, of a node that waits itself.
    void follow(uint32_t stored, uint32_t node);
    bool is_waiting(uint32_t node) const {
        return nodes_[node].waits_for != 0 && is_open(nodes_[node].waits_for);
    }
    /// Nothing waits for this loop any more.
    void close_loop(uint32_t loop);

    uint64_t memory_bytes() const { return nodes_.size() * sizeof(Node); }

private:
    static constexpr uint32_t kPrecise = UINT32_MAX;
    struct Node {
        uint32_t from[2]{};
        uint32_t waits_for = 0;  ///< the outermost loop, its number + 1; or kPrecise
    };

    uint32_t add(uint32_t a, uint32_t b) {
        nodes_.push_back({{a, b}});
        return static_cast<uint32_t>(nodes_.size() - 1);
    }
    bool is_open(uint32_t waits_for) const {
        return std::ranges::find(open_loops_, waits_for) != open_loops_.end();
    }
    void wait(uint32_t node, uint32_t waits_for);

    std::vector<Node> nodes_;
    std::vector<uint32_t> to_mark_;     ///< empty between calls
    std::vector<uint32_t> open_loops_;  ///< for which something waits, numbers + 1
};

}  // namespace weir::vm::verifier
