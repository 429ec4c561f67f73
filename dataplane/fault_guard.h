#pragma once
// What stands between a fault on a worker's thread and the end of the process. A program that
// faults in its own machine code is taken off the thread, which goes on at the border of its burst:
// the handler jumps there, over frames that own nothing. Any other fault, one in a helper included,
// may have left something half done (a lock, a driver's queue): the process says which worker
// faulted and where, and ends, so that whoever started it can start it again.
//
// The same jump takes a program off a thread that it never gives back, on the watchdog's demand.

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace weir::dataplane {

enum class FaultKind : uint8_t {
    Signal,  ///< an instruction could not be executed
    Stuck,   ///< the program did not end
};

struct Fault {
    FaultKind kind = FaultKind::Signal;
    int signal = 0;            ///< SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP
    uint64_t instruction = 0;  ///< address of the machine instruction
    uint64_t address = 0;      ///< of the access; meaning depends on the signal (sigaction(2))
    uint32_t slot = 0;         ///< of the chain entry that ran; it may have tail-called another
};

/// Handlers of faults and of the watchdog's question, for the process. Once, before workers run.
void install_fault_handlers();

/// One worker's. Everything between attach() and detach() on its thread.
class FaultGuard {
public:
    static constexpr uint32_t kNoSlot = UINT32_MAX;

    explicit FaultGuard(uint32_t worker);
    FaultGuard(const FaultGuard&) = delete;
    FaultGuard& operator=(const FaultGuard&) = delete;

    // -- the worker's thread ----------------------------------------------------------------------
    /// Gives the thread a signal stack and makes this its guard. `rounds`: that it made so far.
    void attach(const std::atomic<uint64_t>& rounds);
    void detach();
    /// For sigsetjmp(…, 1), in a frame that outlives every enter(). It returns again after a fault,
    /// which fault() then describes.
    sigjmp_buf& border() { return border_; }
    const Fault& fault() const { return fault_; }
    /// The program with this slot runs from now on, until leave() or the next enter().
    void enter(uint32_t slot) { running_.store(slot, std::memory_order_relaxed); }
    void leave() { running_.store(kNoSlot, std::memory_order_relaxed); }

    // -- the watchdog's thread --------------------------------------------------------------------
    /// Asks the thread where it is, and takes the program off it that runs there, if the thread is
    /// in machine code, holds nothing, and has made `stuck_rounds` rounds, no more. Answered once
    /// the thread gets a CPU.
    void ask(uint64_t stuck_rounds);
    static constexpr uint64_t kOnlyAsk = UINT64_MAX;
    /// Address of the machine instruction that it answered with; 0: it has not.
    uint64_t place() const { return answer_.load(std::memory_order_acquire); }
    /// 0: not attached.
    int thread() const { return thread_.load(std::memory_order_acquire); }

    /// In a signal handler of this guard's thread, alone.
    struct Handlers;

private:
    bool may_take_off(uint64_t instruction) const;
    [[noreturn]] void take_off(const Fault& fault);

    uint32_t worker_;
    std::unique_ptr<std::byte[]> stack_;
    sigjmp_buf border_;
    Fault fault_;
    std::atomic<uint32_t> running_{kNoSlot};  ///< relaxed: signal handlers see their own thread's
    std::atomic<int> thread_{0};
    const std::atomic<uint64_t>* rounds_ = nullptr;
    std::atomic<uint64_t> wanted_off_{kOnlyAsk};  ///< relaxed: the signal that follows orders it
    std::atomic<uint64_t> answer_{0};             ///< release by the thread; partner: place
};

}  // namespace weir::dataplane
