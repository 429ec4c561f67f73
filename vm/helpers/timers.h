#pragma once
// Timers of programs (struct bpf_timer in a map's value): kernel/bpf/helpers.c, bpf_timer_*.
//
// The 16 bytes in the map's value hold a ticket of the timer here, or zero: "none". So whoever
// empties, replaces or frees an element ends its timer by zeroing those bytes, as the kernel's maps
// do; nothing must be called. What is left of such a timer here is swept out when it comes due or
// when room is needed.

#include <array>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <functional>
#include <vector>

#include "vm/helpers/clocks.h"
#include "vm/program/run.h"

namespace weir::vm {

constexpr uint32_t kTimersMax = 1u << 20;  ///< bound of what one Timers may be made for
constexpr uint32_t kTimersDueMax = 64;     ///< callbacks of one run_due
constexpr uint64_t kNoDeadline = UINT64_MAX;
constexpr uint64_t kTimerLateNs = 1'000'000;  ///< a callback that begins later than this is late

constexpr uint64_t kTimerAbsolute = 1;  ///< BPF_F_TIMER_ABS
constexpr uint64_t kTimerCpuPin = 2;    ///< BPF_F_TIMER_CPU_PIN: whoever polls first runs it here

/// Now, by a clock of the kernel, in nanoseconds.
using ClockFn = uint64_t (*)(clockid_t clock);

/// All cores whose programs share maps share one of these. Its lock is held for a few dozen
/// instructions (sweeping: some microseconds), never while a callback runs. Memory is taken when it
/// is made.
class Timers {
public:
    explicit Timers(uint32_t timers_max, ClockFn clock = system_clock_ns);
    ~Timers();
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    // The helpers; `timer` is the address of the struct bpf_timer in a value of `map`.
    /// -EINVAL: flags are no clock of MONOTONIC, REALTIME, BOOTTIME; -EBUSY: it has been; -ENOMEM:
    /// timers_max are in use.
    int init(uint64_t timer, Map& map, uint64_t flags);
    /// -EINVAL: before init.
    int set_callback(uint64_t timer, const Runnable* program, uint64_t function);
    /// -EINVAL: unknown flags, before init, or no callback.
    int start(uint64_t timer, uint64_t nanoseconds, uint64_t flags);
    /// 1: it was waiting, 0: it was not, -EINVAL: before init, -EDEADLK: from its own callback. The
    /// callback is forgotten. Does not wait for one that runs on another core.
    int cancel(uint64_t timer, const RunEnv& env);

    // Whoever drives it.
    /// Calls back what is due by CLOCK_MONOTONIC = `now_ns`, at most kTimersDueMax; the number of
    /// calls. Between two packets, with nothing else running in `env`.
    uint32_t run_due(uint64_t now_ns, RunEnv& env);
    /// When to call run_due next, by CLOCK_MONOTONIC; kNoDeadline: nothing waits. Cheap: one load.
    uint64_t next_deadline_ns() const { return next_deadline_.load(std::memory_order_relaxed); }
    struct Callback {
        const Runnable* program = nullptr;
        uint64_t function = 0;
    };
    /// Of timers whose callback is one of `from`: each goes on with what `choose` gives for its map
    /// and function or, where that has no program, is cancelled. A callback of `from` that runs
    /// meanwhile can set itself again: drop_program comes when none runs any more.
    using ChooseCallback = std::function<Callback(const Map& map, uint64_t function)>;
    void rebind(const Runnable& from, const ChooseCallback& choose);
    /// Before a map or a program is freed: no callback of it is pending after this. How many timers
    /// were there, and callbacks that run or began meanwhile: these may start timers again, so 0 is
    /// what says that none is left, once workers have moved on.
    uint32_t drop_map(const Map& map);
    uint32_t drop_program(const Runnable& program);
    uint32_t in_use() const;
    uint32_t size() const;  ///< in_use is never more
    // Since it was made. Any thread.
    uint64_t call_count() const { return calls_.load(std::memory_order_relaxed); }
    /// Of these, begun more than kTimerLateNs after their time.
    uint64_t late_count() const { return late_.load(std::memory_order_relaxed); }
    /// Timers that bpf_timer_init refused because as many as there may be were in use.
    uint64_t full_count() const { return full_.load(std::memory_order_relaxed); }

private:
    struct Slot;
    class Guard;
    /// A due timer, copied out of its slot for the time of its callback.
    struct Call {
        uint32_t index = 0;
        uint32_t generation = 0;
        uint64_t timer = 0;
        Map* map = nullptr;
        const Runnable* program = nullptr;
        uint64_t function = 0;
    };

    template <typename Visit>
    void for_each_slot(Visit visit);
    /// A callback's owner and map, for the time that it runs.
    struct Running {
        const Runnable* program = nullptr;
        const Map* map = nullptr;
    };

    uint32_t watch(const Running& dropped);
    uint32_t end_watch();
    uint32_t find(uint64_t timer) const;
    bool is_alive(const Slot& slot) const;
    uint32_t take_slot();
    void sweep();
    void release(uint32_t index);
    void arm(uint32_t index, uint64_t deadline_ns);
    void disarm(uint32_t index);
    void settle(uint32_t place);
    void publish_deadline();
    bool take_due(uint64_t now_ns, const RunEnv& env, Call& call);
    static void call_back(const Call& call, RunEnv& env);
    void finish(const Call& call, uint64_t now_ns);

    ClockFn clock_;
    std::vector<Slot> slots_;
    std::vector<uint32_t> heap_;  ///< slots that wait, the earliest on top
    uint32_t heap_count_ = 0;
    uint32_t free_first_ = 0;
    uint32_t in_use_ = 0;
    uint32_t sweep_next_ = 0;
    std::vector<Running> running_;  ///< one a thread at most
    Running watched_;               ///< what a drop is looking for
    bool begun_while_watched_ = false;
    mutable std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
    alignas(64) std::atomic<uint64_t> next_deadline_{
        kNoDeadline};  ///< every core asks all the time
    alignas(64) std::atomic<uint64_t> calls_{0}, late_{0}, full_{0};
};

}  // namespace weir::vm
