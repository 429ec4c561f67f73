#pragma once
// What the packet path tells captures of an mbuf (capture/tap.h). Out of line: while none runs,
// nothing of it is called.

#include <rte_mbuf.h>

#include "dataplane/capture/tap.h"
#include "dataplane/verdict.h"

namespace weir::dataplane {

void tap_dropped(capture::Tap& tap, const rte_mbuf& packet, uint32_t port, DropReason reason);
void tap_not_sent(capture::Tap& tap, const rte_mbuf& packet, uint32_t port, DropReason reason);
void tap_leaves(capture::Tap& tap, const rte_mbuf& packet, uint32_t port);

}  // namespace weir::dataplane
