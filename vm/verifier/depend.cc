#include "vm/verifier/depend.h"

namespace weir::vm::verifier {

void Dependencies::mark_precise(uint32_t node) {
    to_mark_.push_back(node);
    while (!to_mark_.empty()) {
        const uint32_t next = to_mark_.back();
        to_mark_.pop_back();
        Node& marked = nodes_[next];
        if (next == kNone || marked.precise) continue;
        marked.precise = true;
        to_mark_.push_back(marked.from[0]);
        to_mark_.push_back(marked.from[1]);
    }
}

}  // namespace weir::vm::verifier
