// Tickets are 64 bits: slot number plus one below, the slot's generation above, so that a ticket of
// an earlier timer in the same slot is not taken for this one. A slot is alive as long as the
// map's value still holds its ticket. Waiting slots stand in a binary heap by deadline.

#include "vm/helpers/timers.h"

#include <algorithm>
#include <cerrno>

#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

constexpr size_t kRunningMax = 2 * kWorkersMax;  ///< threads that run callbacks at once
constexpr uint32_t kNone = UINT32_MAX;
constexpr uint64_t kClocksMax = 16;  ///< MAX_CLOCKS
constexpr uint32_t kSweepMax = 256;  ///< slots that one init looks at for dead timers
/// hrtimer's times are signed: more is "never".
constexpr uint64_t kLatest = INT64_MAX;

/// The ticket in a map's value. Map code may clear it at any time, from any thread.
std::atomic_ref<uint64_t> ticket_at(uint64_t timer) {
    return std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(timer));
}

uint64_t plus(uint64_t a, uint64_t b) {
    return a > kLatest - std::min(b, kLatest) ? kLatest : a + b;
}

}  // namespace

struct Timers::Slot {
    uint64_t timer = 0;  ///< address of the struct bpf_timer; 0: the slot is free
    uint32_t generation = 0;
    uint32_t heap_place = kNone;  ///< kNone: it does not wait
    uint32_t next_free = kNone;
    clockid_t clock = CLOCK_MONOTONIC;
    uint64_t deadline_ns = 0;  ///< by CLOCK_MONOTONIC
    Map* map = nullptr;
    const Runnable* program = nullptr;
    uint64_t function = 0;
    const RunEnv* runs_in = nullptr;  ///< whose callback it is right now
    bool due_again = false;           ///< came due while its callback ran elsewhere

    uint64_t ticket(uint32_t index) const {
        return uint64_t{generation} << 32 | (uint64_t{index} + 1);
    }
};

/// Waits without a bound, but never long: holders neither sleep nor call back.
class Timers::Guard {
public:
    explicit Guard(const Timers& timers) : timers_(timers) {
        while (timers_.lock_.test_and_set(std::memory_order_acquire)) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    }
    ~Guard() { timers_.lock_.clear(std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

private:
    const Timers& timers_;
};

Timers::Timers(uint32_t timers_max, ClockFn clock)
    : clock_(clock), slots_(timers_max), heap_(timers_max) {
    WEIR_CHECK(timers_max != 0 && timers_max <= kTimersMax);
    for (uint32_t i = 0; i + 1 < timers_max; ++i) slots_[i].next_free = i + 1;
    running_.reserve(kRunningMax);
}

Timers::~Timers() = default;

// -- slots ----------------------------------------------------------------------------------------

bool Timers::is_alive(const Slot& slot) const {
    const auto index = static_cast<uint32_t>(&slot - slots_.data());
    return slot.timer != 0 &&
           ticket_at(slot.timer).load(std::memory_order_acquire) == slot.ticket(index);
}

/// The slot whose ticket stands at `timer`, or kNone.
uint32_t Timers::find(uint64_t timer) const {
    const uint64_t ticket = ticket_at(timer).load(std::memory_order_acquire);
    const uint64_t index = (ticket & UINT32_MAX) - 1;
    if (index >= slots_.size()) return kNone;
    const Slot& slot = slots_[index];
    const bool matches = slot.timer == timer && slot.ticket(static_cast<uint32_t>(index)) == ticket;
    return matches ? static_cast<uint32_t>(index) : kNone;
}

/// A free slot, if need be one of a timer whose element is gone.
uint32_t Timers::take_slot() {
    if (free_first_ == kNone) sweep();
    const uint32_t index = free_first_;
    if (index == kNone) return kNone;
    free_first_ = slots_[index].next_free;
    ++in_use_;
    return index;
}

void Timers::sweep() {
    const auto count = static_cast<uint32_t>(slots_.size());
    for (uint32_t seen = 0; seen < std::min(count, kSweepMax); ++seen) {
        const uint32_t index = sweep_next_;
        sweep_next_ = (sweep_next_ + 1) % count;
        if (slots_[index].timer != 0 && !is_alive(slots_[index])) release(index);
    }
}

void Timers::release(uint32_t index) {
    disarm(index);
    Slot& slot = slots_[index];
    slot = Slot{.generation = slot.generation + 1, .next_free = free_first_};
    free_first_ = index;
    --in_use_;
}

// -- the heap -------------------------------------------------------------------------------------

/// Moves what stands at `place` up or down to where its deadline belongs.
void Timers::settle(uint32_t place) {
    const uint32_t index = heap_[place];
    const uint64_t deadline = slots_[index].deadline_ns;
    const auto put = [this](uint32_t at, uint32_t slot) {
        heap_[at] = slot;
        slots_[slot].heap_place = at;
    };
    while (place != 0 && slots_[heap_[(place - 1) / 2]].deadline_ns > deadline) {
        put(place, heap_[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (uint32_t child = 2 * place + 1; child < heap_count_; child = 2 * place + 1) {
        const bool right_is_earlier =
            child + 1 < heap_count_ &&
            slots_[heap_[child + 1]].deadline_ns < slots_[heap_[child]].deadline_ns;
        if (right_is_earlier) ++child;
        if (slots_[heap_[child]].deadline_ns >= deadline) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, index);
}

void Timers::arm(uint32_t index, uint64_t deadline_ns) {
    disarm(index);
    slots_[index].deadline_ns = deadline_ns;
    heap_[heap_count_] = index;
    settle(heap_count_++);
    publish_deadline();
}

void Timers::disarm(uint32_t index) {
    const uint32_t place = slots_[index].heap_place;
    if (place == kNone) return;
    slots_[index].heap_place = kNone;
    --heap_count_;
    if (place != heap_count_) {
        heap_[place] = heap_[heap_count_];
        settle(place);
    }
    publish_deadline();
}

void Timers::publish_deadline() {
    const uint64_t next = heap_count_ == 0 ? kNoDeadline : slots_[heap_[0]].deadline_ns;
    next_deadline_.store(next, std::memory_order_relaxed);  // a hint: run_due looks under the lock
}

// -- helpers --------------------------------------------------------------------------------------

int Timers::init(uint64_t timer, Map& map, uint64_t flags) {
    const auto clock = static_cast<clockid_t>(flags & (kClocksMax - 1));
    const bool known =
        clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME;
    if (flags >= kClocksMax || !known) return -EINVAL;
    const Guard guard(*this);
    if (ticket_at(timer).load(std::memory_order_acquire) != 0) return -EBUSY;
    const uint32_t index = take_slot();
    if (index == kNone) {
        full_.fetch_add(1, std::memory_order_relaxed);
        return -ENOMEM;
    }
    Slot& slot = slots_[index];
    slot.timer = timer;
    slot.clock = clock;
    slot.map = &map;
    ticket_at(timer).store(slot.ticket(index), std::memory_order_release);
    return 0;
}

int Timers::set_callback(uint64_t timer, const Runnable* program, uint64_t function) {
    const Guard guard(*this);
    const uint32_t index = find(timer);
    if (index == kNone) return -EINVAL;
    slots_[index].program = program;
    slots_[index].function = function;
    return 0;
}

int Timers::start(uint64_t timer, uint64_t nanoseconds, uint64_t flags) {
    if ((flags & ~(kTimerAbsolute | kTimerCpuPin)) != 0) return -EINVAL;
    const Guard guard(*this);
    const uint32_t index = find(timer);
    if (index == kNone || slots_[index].program == nullptr) return -EINVAL;
    const uint64_t now = clock_(CLOCK_MONOTONIC);
    uint64_t wait = std::min(nanoseconds, kLatest);
    if ((flags & kTimerAbsolute) != 0) {
        const uint64_t then = clock_(slots_[index].clock);
        wait = wait > then ? wait - then : 0;
    }
    arm(index, plus(now, wait));
    return 0;
}

int Timers::cancel(uint64_t timer, const RunEnv& env) {
    const Guard guard(*this);
    const uint32_t index = find(timer);
    if (index == kNone) return -EINVAL;
    Slot& slot = slots_[index];
    if (slot.runs_in == &env) return -EDEADLK;
    const bool waited = slot.heap_place != kNone;
    disarm(index);
    slot.program = nullptr;
    return waited ? 1 : 0;
}

// -- running --------------------------------------------------------------------------------------

/// Takes the next due timer out of the heap and marks it as running. Dead ones are swept away.
bool Timers::take_due(uint64_t now_ns, const RunEnv& env, Call& call) {
    const Guard guard(*this);
    while (heap_count_ != 0 && slots_[heap_[0]].deadline_ns <= now_ns) {
        const uint32_t index = heap_[0];
        Slot& slot = slots_[index];
        disarm(index);
        if (!is_alive(slot)) {
            release(index);
            continue;
        }
        slot.due_again = slot.runs_in != nullptr;
        if (slot.program == nullptr || slot.due_again) continue;
        slot.runs_in = &env;
        calls_.fetch_add(1, std::memory_order_relaxed);
        if (now_ns - slot.deadline_ns > kTimerLateNs) late_.fetch_add(1, std::memory_order_relaxed);
        call = {index, slot.generation, slot.timer, slot.map, slot.program, slot.function};
        WEIR_CHECK(running_.size() < running_.capacity());
        running_.push_back({slot.program, slot.map});
        begun_while_watched_ |= slot.program == watched_.program || slot.map == watched_.map;
        return true;
    }
    return false;
}

/// The callback gets the map, the key and the value. Without the lock: it may use any timer.
void Timers::call_back(const Call& call, RunEnv& env) {
    const auto value = call.timer - call.map->spec().timer_offset;
    std::array<uint8_t, kMapKeyBytesMax> key{};
    if (!call.map->key_of(reinterpret_cast<const uint8_t*>(value), key.data())) return;
    call.program->call(
        call.function,
        {reinterpret_cast<uint64_t>(call.map), reinterpret_cast<uint64_t>(key.data()), value, 0, 0},
        env);
}

uint32_t Timers::run_due(uint64_t now_ns, RunEnv& env) {
    if (next_deadline_ns() > now_ns) return 0;
    uint32_t calls = 0;
    for (Call call; calls < kTimersDueMax && take_due(now_ns, env, call); ++calls) {
        call_back(call, env);
        finish(call, now_ns);
    }
    return calls;
}

void Timers::finish(const Call& call, uint64_t now_ns) {
    const Guard guard(*this);
    const auto same = [&](const Running& one) {
        return one.program == call.program && one.map == call.map;
    };
    const auto one = std::ranges::find_if(running_, same);
    WEIR_CHECK(one != running_.end());
    running_.erase(one);
    Slot& slot = slots_[call.index];
    if (slot.generation != call.generation) return;  // the element went away meanwhile
    slot.runs_in = nullptr;
    if (!is_alive(slot)) {  // most age their own element out
        release(call.index);
        return;
    }
    if (slot.due_again) arm(call.index, now_ns);
    slot.due_again = false;
}

/// Every slot that is in use, some at a time: programs wait for the lock.
template <typename Visit>
void Timers::for_each_slot(Visit visit) {
    for (uint32_t first = 0; first < slots_.size(); first += kSweepMax) {
        const Guard guard(*this);
        const auto end = std::min(static_cast<uint32_t>(slots_.size()), first + kSweepMax);
        for (uint32_t i = first; i < end; ++i)
            if (slots_[i].timer != 0) visit(i, slots_[i]);
    }
}

void Timers::rebind(const Runnable& from, const ChooseCallback& choose) {
    for_each_slot([&](uint32_t index, Slot& slot) {
        if (slot.program != &from) return;
        const Callback next = choose(*slot.map, slot.function);
        if (next.program == nullptr) disarm(index);
        slot.program = next.program;
        slot.function = next.function;
    });
}

/// Callbacks of what is dropped that run now or begin before the end of the drop: they may start
/// timers where it has looked already, and their slots may go while they run.
uint32_t Timers::watch(const Running& dropped) {
    const Guard guard(*this);
    watched_ = dropped;
    begun_while_watched_ = false;
    return static_cast<uint32_t>(std::ranges::count_if(running_, [&](const Running& one) {
        return one.program == dropped.program || one.map == dropped.map;
    }));
}

uint32_t Timers::end_watch() {
    const Guard guard(*this);
    watched_ = {};
    return begun_while_watched_ ? 1 : 0;
}

uint32_t Timers::drop_map(const Map& map) {
    uint32_t dropped = watch({nullptr, &map});
    for_each_slot([&](uint32_t index, Slot& slot) {
        if (slot.map != &map) return;
        ++dropped;
        if (is_alive(slot)) ticket_at(slot.timer).store(0, std::memory_order_release);
        release(index);
    });
    return dropped + end_watch();
}

uint32_t Timers::drop_program(const Runnable& program) {
    uint32_t dropped = watch({&program, nullptr});
    for_each_slot([&](uint32_t index, Slot& slot) {
        if (slot.program != &program) return;
        ++dropped;
        disarm(index);
        slot.program = nullptr;
    });
    return dropped + end_watch();
}

uint32_t Timers::size() const {
    return static_cast<uint32_t>(slots_.size());
}

uint32_t Timers::in_use() const {
    const Guard guard(*this);
    return in_use_;
}

// -- the table's entries --------------------------------------------------------------------------

namespace {

uint64_t timer_init(uint64_t timer, uint64_t map, uint64_t flags, uint64_t, uint64_t, RunEnv& env) {
    if (env.timers == nullptr) return error_value(-EOPNOTSUPP);
    return error_value(env.timers->init(timer, *reinterpret_cast<Map*>(map), flags));
}

uint64_t timer_set_callback(uint64_t timer, uint64_t function, uint64_t, uint64_t, uint64_t,
                            RunEnv& env) {
    if (env.timers == nullptr) return error_value(-EINVAL);
    return error_value(env.timers->set_callback(timer, env.program, function));
}

uint64_t timer_start(uint64_t timer, uint64_t nanoseconds, uint64_t flags, uint64_t, uint64_t,
                     RunEnv& env) {
    if (env.timers == nullptr) return error_value(-EINVAL);
    return error_value(env.timers->start(timer, nanoseconds, flags));
}

uint64_t timer_cancel(uint64_t timer, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    if (env.timers == nullptr) return error_value(-EINVAL);
    return error_value(env.timers->cancel(timer, env));
}

}  // namespace

void add_timer_helpers(HelperTable& table) {
    set(table, HelperId::timer_init, timer_init);
    set(table, HelperId::timer_set_callback, timer_set_callback);
    set(table, HelperId::timer_start, timer_start);
    set(table, HelperId::timer_cancel, timer_cancel);
}

}  // namespace weir::vm
