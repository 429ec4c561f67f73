#include "maps/reclaim.h"

#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>

#include "vm/base/check.h"

namespace weir::maps {
namespace {

// Why it is right. A writer unlinks memory, raises `newest` (sequentially consistent, hence
// releasing), and reads the readers' `passed` numbers. A reader that reports copies `newest`
// (acquiring: from now on it sees the unlinking) into `passed` (releasing: what it read before is
// done). So passed >= token means: read before and finished, or will not find it. A reader that
// comes online writes `passed` first and then loads `newest` again, both sequentially consistent:
// if the writer's look missed that write, the load comes after the raise and so after the
// unlinking.

constexpr uint64_t kFree = 0;              ///< nobody has the cell
constexpr uint64_t kOffline = UINT64_MAX;  ///< registered, waits for nobody and holds nobody up

struct alignas(64) Cell {
    std::atomic<uint64_t> passed{kFree};
};

std::array<Cell, kReadersMax> cells;
std::atomic<uint32_t> cells_used{0};  ///< cells beyond were never taken
alignas(64) std::atomic<uint64_t> newest{1};

/// Of this thread. Its destructor gives the cell back when the thread ends.
struct Registration {
    Cell* cell = nullptr;
    bool online = false;

    ~Registration() { leave(); }
    void leave() {
        if (cell != nullptr) cell->passed.store(kFree, std::memory_order_release);
        cell = nullptr;
        online = false;
    }
};

thread_local Registration self;

void go_online() {
    self.cell->passed.exchange(newest.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
    newest.load(std::memory_order_seq_cst);
    self.online = true;
}

Cell* claim_cell() {
    for (uint32_t i = 0; i < kReadersMax; ++i) {
        uint64_t expected = kFree;
        if (!cells[i].passed.compare_exchange_strong(expected, kOffline, std::memory_order_seq_cst))
            continue;
        uint32_t used = cells_used.load(std::memory_order_seq_cst);
        while (used < i + 1 &&
               !cells_used.compare_exchange_weak(used, i + 1, std::memory_order_seq_cst)) {
        }
        return &cells[i];
    }
    return nullptr;
}

uint64_t milliseconds_since(std::chrono::steady_clock::time_point start) {
    const auto passed = std::chrono::steady_clock::now() - start;
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
}

struct Deferred {
    void* object;
    void (*free_fn)(void*);
    GraceToken token;
};

std::mutex deferred_mutex;

std::deque<Deferred>& deferred_queue() {
    static auto* queue =
        new std::deque<Deferred>;  // never destroyed: threads may outlive static destructors
    return *queue;
}

/// Takes one object out whose grace period is over.
bool take_ready(Deferred& ready) {
    const std::lock_guard<std::mutex> lock(deferred_mutex);
    std::deque<Deferred>& queue = deferred_queue();
    if (queue.empty() || !grace_passed(queue.front().token)) return false;
    ready = queue.front();
    queue.pop_front();
    return true;
}

}  // namespace

void reader_register() {
    if (self.cell == nullptr) {
        self.cell = claim_cell();
        WEIR_CHECK(self.cell != nullptr);
    }
    go_online();
}

void reader_unregister() {
    self.leave();
}

void reader_quiescent() {
    WEIR_CHECK(self.online);
    const uint64_t now = newest.load(std::memory_order_acquire);
    if (self.cell->passed.load(std::memory_order_relaxed) != now)
        self.cell->passed.store(now, std::memory_order_release);
}

void reader_offline() {
    if (self.cell == nullptr) return;
    self.cell->passed.store(kOffline, std::memory_order_release);
    self.online = false;
}

void reader_online() {
    WEIR_CHECK(self.cell != nullptr);
    if (!self.online) go_online();
}

bool reader_is_online() {
    return self.online;
}

ReaderScope::ReaderScope() : was_online_(self.online) {
    if (!was_online_) reader_register();
}

ReaderScope::~ReaderScope() {
    if (!was_online_) reader_offline();
}

GraceToken begin_grace() {
    return newest.fetch_add(1, std::memory_order_seq_cst) + 1;
}

bool grace_passed(GraceToken token) {
    const uint32_t used = cells_used.load(std::memory_order_seq_cst);
    for (uint32_t i = 0; i < used; ++i) {
        const uint64_t passed = cells[i].passed.load(std::memory_order_seq_cst);
        if (passed != kFree && passed < token) return false;
    }
    return true;
}

bool wait_for_readers(uint64_t timeout_ms) {
    const bool was_online = self.online;
    if (was_online) reader_offline();
    const GraceToken token = begin_grace();
    const auto start = std::chrono::steady_clock::now();
    bool passed = grace_passed(token);
    while (!passed && milliseconds_since(start) < timeout_ms) {
        sched_yield();
        passed = grace_passed(token);
    }
    if (was_online) reader_online();
    return passed;
}

void defer_free(void* object, void (*free_fn)(void*)) {
    if (reclaim_deferred() >= kDeferredMax) {
        wait_for_readers();
        reclaim_deferred();
    }
    const std::lock_guard<std::mutex> lock(deferred_mutex);
    deferred_queue().push_back({object, free_fn, begin_grace()});
}

uint32_t reclaim_deferred() {
    // The free function runs without the lock: it may defer something itself.
    for (Deferred ready{}; take_ready(ready);) ready.free_fn(ready.object);
    const std::lock_guard<std::mutex> lock(deferred_mutex);
    return static_cast<uint32_t>(deferred_queue().size());
}

}  // namespace weir::maps
