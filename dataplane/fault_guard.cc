#include "dataplane/fault_guard.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "jit/code_ranges.h"
#include "maps/held_locks.h"
#include "vm/base/check.h"

namespace weir::dataplane {
namespace {

constexpr std::array kFaultSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
/// For a handler and the registers that the kernel saves there, AVX-512's and AMX's included.
constexpr size_t kStackBytes = 64u << 10;

constinit thread_local FaultGuard* guard_of_thread = nullptr;

int question_signal() {
    return SIGRTMIN + 4;
}

uint64_t instruction_of(const void* context) {
    const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return static_cast<uint64_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
    return machine.pc;
#else
#error "name this machine's program counter"
#endif
}

std::string_view signal_text(int signal) {
    switch (signal) {
        case SIGSEGV: return "SIGSEGV";
        case SIGBUS: return "SIGBUS";
        case SIGFPE: return "SIGFPE";
        case SIGILL: return "SIGILL";
        default: return "SIGTRAP";
    }
}

/// A line put together without memory or locks of anybody's.
class Line {
public:
    Line& operator<<(std::string_view text) {
        const size_t room = sizeof text_ - 1 - used_;
        const size_t bytes = text.size() < room ? text.size() : room;
        std::memcpy(text_ + used_, text.data(), bytes);
        used_ += bytes;
        return *this;
    }
    Line& number(uint64_t value, unsigned base) {
        char digits[20];
        size_t first = sizeof digits;
        do {
            digits[--first] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        return *this << std::string_view(digits + first, sizeof digits - first);
    }
    Line& hex(uint64_t value) { return (*this << "0x").number(value, 16); }
    void say() {
        text_[used_++] = '\n';
        [[maybe_unused]] const ssize_t wrote = ::write(STDERR_FILENO, text_, used_);
    }

private:
    char text_[400];
    size_t used_ = 0;
};

}  // namespace

struct FaultGuard::Handlers {
    static void on_fault(int signal, siginfo_t* info, void* context) {
        const uint64_t instruction = instruction_of(context);
        const bool is_own = info->si_code > 0;  // not sent by somebody
        FaultGuard* const guard = guard_of_thread;
        if (is_own && guard != nullptr && guard->may_take_off(instruction)) {
            guard->take_off({.kind = FaultKind::Signal,
                             .signal = signal,
                             .instruction = instruction,
                             .address = reinterpret_cast<uint64_t>(info->si_addr)});
        }
        say_the_end(signal, *info, instruction, guard);
        struct sigaction action{};
        action.sa_handler = SIG_DFL;
        ::sigaction(signal, &action, nullptr);
        // Our own instruction faults again on return; what was sent must be sent again.
        if (!is_own) ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
    }

    static void say_the_end(int signal, const siginfo_t& info, uint64_t instruction,
                            const FaultGuard* guard) {
        Line line;
        line << "weir-dataplane: ";
        if (guard != nullptr) {
            line << "worker ";
            line.number(guard->worker_, 10);
        } else {
            char name[17] = {};
            ::prctl(PR_GET_NAME, name);
            line << "thread " << name;
        }
        line << ": " << signal_text(signal);
        if (info.si_code > 0) {
            line << " at address ";
            line.hex(reinterpret_cast<uint64_t>(info.si_addr)) << ", instruction ";
            line.hex(instruction);
            line << (jit::is_machine_code(instruction) ? " of a program that cannot be taken off"
                                                       : ", which is no program's");
        } else {
            line << " sent by process ";
            line.number(static_cast<uint64_t>(info.si_pid), 10);
        }
        line << "; the dataplane ends";
        line.say();
    }

    static void on_question(int, siginfo_t*, void* context) {
        FaultGuard* const guard = guard_of_thread;
        if (guard == nullptr) return;
        const int error = errno;
        const uint64_t instruction = instruction_of(context);
        guard->answer_.store(instruction, std::memory_order_release);
        // A thread that has moved on since it was found stuck runs another burst.
        const uint64_t stuck_rounds =
            guard->wanted_off_.exchange(kOnlyAsk, std::memory_order_relaxed);
        if (stuck_rounds == guard->rounds_->load(std::memory_order_relaxed) &&
            guard->may_take_off(instruction))
            guard->take_off({.kind = FaultKind::Stuck, .instruction = instruction});
        errno = error;
    }
};

void install_fault_handlers() {
    struct sigaction action{};
    sigfillset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    action.sa_sigaction = FaultGuard::Handlers::on_fault;
    for (const int signal : kFaultSignals) WEIR_CHECK(::sigaction(signal, &action, nullptr) == 0);
    action.sa_sigaction = FaultGuard::Handlers::on_question;
    WEIR_CHECK(::sigaction(question_signal(), &action, nullptr) == 0);
}

FaultGuard::FaultGuard(uint32_t worker)
    : worker_(worker), stack_(std::make_unique<std::byte[]>(kStackBytes)) {}

void FaultGuard::attach(const std::atomic<uint64_t>& rounds) {
    rounds_ = &rounds;
    const stack_t stack{.ss_sp = stack_.get(), .ss_flags = 0, .ss_size = kStackBytes};
    WEIR_CHECK(::sigaltstack(&stack, nullptr) == 0);
    guard_of_thread = this;
    thread_.store(static_cast<int>(::syscall(SYS_gettid)), std::memory_order_release);
}

void FaultGuard::detach() {
    thread_.store(0, std::memory_order_release);
    guard_of_thread = nullptr;
    const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    ::sigaltstack(&none, nullptr);
}

bool FaultGuard::may_take_off(uint64_t instruction) const {
    return running_.load(std::memory_order_relaxed) != kNoSlot && maps::held_locks == 0 &&
           jit::is_machine_code(instruction);
}

void FaultGuard::take_off(const Fault& fault) {
    fault_ = fault;
    fault_.slot = running_.load(std::memory_order_relaxed);
    siglongjmp(border_, 1);
}

void FaultGuard::ask(uint64_t stuck_rounds) {
    const int to = thread();
    if (to == 0) return;
    answer_.store(0, std::memory_order_relaxed);
    wanted_off_.store(stuck_rounds, std::memory_order_relaxed);
    ::syscall(SYS_tgkill, ::getpid(), to, question_signal());
}

}  // namespace weir::dataplane
