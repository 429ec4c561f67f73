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
    bool is_precise(uint32_t node) const { return nodes_[node].precise; }

    uint64_t memory_bytes() const { return nodes_.size() * sizeof(Node); }

private:
    struct Node {
        uint32_t from[2]{};
        bool precise = false;
    };

    uint32_t add(uint32_t a, uint32_t b) {
        nodes_.push_back({{a, b}, false});
        return static_cast<uint32_t>(nodes_.size() - 1);
    }

    std::vector<Node> nodes_;
    std::vector<uint32_t> to_mark_;
};

}  // namespace weir::vm::verifier
