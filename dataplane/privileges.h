#pragma once
// What the process may do besides forwarding: next to nothing once its ports run. Capabilities are
// each thread's own (capabilities(7)), and EAL, drivers and we have started threads by then; so
// each of them is made to give up its own, by a signal (as setuid(2) of the C library does it).

#include <string>
#include <vector>

#include "vm/base/result.h"

namespace weir::dataplane {

struct PrivilegeNeeds {
    bool has_xdp = false;          ///< ports with an XDP program of ours, to be detached at the end
    bool foreign_run_dir = false;  ///< the run directory is another user's
};

/// Every thread of the process but the caller gives up all capabilities; the one that sets links
/// keeps CAP_NET_ADMIN. The caller keeps
/// CAP_NET_ADMIN and CAP_NET_RAW, to close devices, and CAP_DAC_OVERRIDE where the run directory is
/// another user's; what detaching XDP programs takes it keeps at hand, without effect until
/// raise_privileges(). No program that is executed from now on has more than its caller. Threads
/// made later inherit what their maker has. An error names the threads that kept theirs. Control
/// thread; once the threads run.
Result<void> give_up_privileges(const PrivilegeNeeds& needs);

/// What the calling thread kept at hand has effect again: before ports are closed.
void raise_privileges();

}  // namespace weir::dataplane
