#pragma once
// The one thread besides the control thread that sets links (link_watch.h), and so keeps
// CAP_NET_ADMIN when the others give up their privileges (privileges.h).

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace weir::dataplane {

/// Its kernel id; 0: none. Relaxed: whoever started it waits for the mark, before threads give up.
inline std::atomic<pid_t> links_thread{0};

/// On that thread.
inline void mark_links_thread() {
    links_thread.store(static_cast<pid_t>(::syscall(SYS_gettid)), std::memory_order_relaxed);
    links_thread.notify_all();
}

}  // namespace weir::dataplane
