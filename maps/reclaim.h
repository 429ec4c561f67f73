#pragma once
// When may memory that readers could still be looking at be used again? After every reader has
// reported a quiescent state since it was taken out of sight: quiescent-state-based reclamation, as
// in liburcu's QSBR flavour (Desnoyers et al., "User-Level Implementations of Read-Copy Update",
// 2012) and DPDK's rte_rcu_qsbr. It is our own because writers on the packet path may not wait and
// must ask instead: begin_grace gives a number at once, grace_passed answers without waiting;
// liburcu got that in 0.14, and its barriers are invisible to ThreadSanitizer.
//
// Every thread that runs programs registers. One that does not is a reader nobody waits for:
// correct only where it is the only thread that uses its maps.

#include <cstdint>

#include "vm/base/limits.h"

namespace weir::maps {

/// Threads that may be registered at once: the workers, and control threads that read maps.
constexpr uint32_t kReadersMax = kWorkersMax + 128;
/// Objects that defer_free may hold back at once.
constexpr uint32_t kDeferredMax = 1024;

// -- the thread that reads
// --------------------------------------------------------------------------------

/// Registers the calling thread, online. Once per thread; more than kReadersMax abort (the bound is
/// ours to keep).
void reader_register();
/// Takes it out again; does nothing for a thread that is not registered. A thread that ends does it
/// by itself.
void reader_unregister();
/// "I hold no pointer into shared memory": once per burst. Costs a load, and a store when a grace
/// period has begun since.
void reader_quiescent();
/// Before blocking or idling: nobody waits for this thread until it is online again.
void reader_offline();
void reader_online();
bool reader_is_online();

/// Makes the calling thread a reader for the scope, registering it at first use. Inside a worker's
/// burst it changes nothing.
class ReaderScope {
public:
    ReaderScope();
    ~ReaderScope();
    ReaderScope(const ReaderScope&) = delete;
    ReaderScope& operator=(const ReaderScope&) = delete;

private:
    bool was_online_;
};

// -- the thread that writes
// -------------------------------------------------------------------------------

/// What every reader has to pass. Taken after the memory went out of sight.
using GraceToken = uint64_t;
GraceToken begin_grace();
/// True when no reader can still hold what was out of sight at begin_grace. Never waits; one load
/// per registered thread.
bool grace_passed(GraceToken token);

/// Waits until all readers that are online now have been quiescent; the caller counts as quiescent.
/// False after `timeout_ms` milliseconds. Control threads only.
bool wait_for_readers(uint64_t timeout_ms = UINT64_MAX);

/// Calls free_fn(object) after a grace period, from a later defer_free or reclaim_deferred. Control
/// threads only; with kDeferredMax waiting it waits for readers first.
void defer_free(void* object, void (*free_fn)(void*));
/// Frees those whose grace period is over; the number of those that still wait.
uint32_t reclaim_deferred();

}  // namespace weir::maps
