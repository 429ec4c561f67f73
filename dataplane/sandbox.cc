#include "dataplane/sandbox.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace weir::dataplane {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "name this machine's AUDIT_ARCH"
#endif
constexpr uint32_t kX32Bit = 0x4000'0000;  ///< system calls of the x32 ABI on x86-64

// Address sanitizer maps terabytes of shadow memory; a bound on the address space would end it at
// once.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kBoundAddressSpace = false;
#else
constexpr bool kBoundAddressSpace = true;
#endif

/// Memory, the reply, the end. clock_gettime is for machines whose vDSO has no clock.
constexpr int kProofCalls[] = {
    SYS_write,
    SYS_munmap,
    SYS_brk,
    SYS_madvise,
    SYS_mremap,
    SYS_futex,
    SYS_exit,
    SYS_exit_group,
    SYS_clock_gettime,
    SYS_rt_sigreturn,
#if defined(__SANITIZE_ADDRESS__)
    // The runtime takes its signal stack down at the end, and asks pipes whether memory is there.
    SYS_sigaltstack,
    SYS_pipe2,
    SYS_close,
#endif
};

constexpr int kProverCalls[] = {
    SYS_read,
    SYS_write,
    SYS_recvfrom,
    SYS_sendto,
    SYS_ppoll,
    SYS_pipe2,
    SYS_close,
    SYS_clone,
    SYS_clone3,
    SYS_wait4,
    SYS_kill,
    SYS_prctl,
    SYS_seccomp,
    SYS_prlimit64,
    SYS_dup3,
    SYS_close_range,
    SYS_munmap,
    SYS_brk,
    SYS_madvise,
    SYS_mremap,
    SYS_futex,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_tgkill,
    SYS_clock_gettime,
    SYS_restart_syscall,
    SYS_sigaltstack,
    SYS_sched_yield,
    SYS_getrandom,
    SYS_setrlimit,
#if defined(__x86_64__)
    SYS_poll,
    SYS_dup2,
    SYS_fork,
#endif
};

constexpr sock_filter statement(uint16_t code, uint32_t k) {
    return {code, 0, 0, k};
}
constexpr sock_filter jump(uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
    return {code, if_true, if_false, k};
}

/// Allows `calls`, and memory that is not executable; answers everything else with `otherwise`.
std::vector<sock_filter> filter_program(std::span<const int> calls, uint32_t otherwise) {
    constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
    constexpr uint16_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr uint16_t kReturn = BPF_RET | BPF_K;
    std::vector<sock_filter> program = {
        statement(kLoad, offsetof(seccomp_data, arch)),
        jump(kEqual, kArch, 1, 0),
        statement(kReturn, SECCOMP_RET_KILL_PROCESS),
        statement(kLoad, offsetof(seccomp_data, nr)),
        jump(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1),
        statement(kReturn, SECCOMP_RET_KILL_PROCESS),
    };
    for (const int call : calls) {
        program.push_back(jump(kEqual, static_cast<uint32_t>(call), 0, 1));
        program.push_back(statement(kReturn, SECCOMP_RET_ALLOW));
    }
    // mmap and mprotect: the third argument is the protection in both.
    program.push_back(jump(kEqual, SYS_mmap, 2, 0));
    program.push_back(jump(kEqual, SYS_mprotect, 1, 0));
    program.push_back(statement(kReturn, otherwise));
    program.push_back(statement(kLoad, offsetof(seccomp_data, args) + 2 * sizeof(uint64_t)));
    program.push_back(jump(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    program.push_back(statement(kReturn, otherwise));
    program.push_back(statement(kReturn, SECCOMP_RET_ALLOW));
    return program;
}

std::unexpected<Error> failed(const char* call) {
    return fail(ErrorKind::kResource, fmt::format("{}: {}", call, std::strerror(errno)));
}

Result<void> install_filter(std::span<const int> calls, uint32_t otherwise) {
    std::vector<sock_filter> program = filter_program(calls, otherwise);
    const sock_fprog packed{static_cast<unsigned short>(program.size()), program.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &packed) != 0) return failed("seccomp");
    return {};
}

Result<void> drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capset, &header, none) != 0) return failed("capset");
    return {};
}

bool set_limit(__rlimit_resource resource, uint64_t value) {
    const rlimit limit{value, value};
    return ::setrlimit(resource, &limit) == 0;
}

}  // namespace

Result<void> enter_prover_sandbox() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
    if (Result<void> dropped = drop_capabilities(); !dropped) return dropped;
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failed("parent death signal");
    return install_filter(kProverCalls, SECCOMP_RET_ERRNO | EPERM);
}

Result<void> enter_proof_sandbox(int reply_fd, const ProofLimits& limits) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failed("parent death signal");
    const unsigned fd = static_cast<unsigned>(reply_fd);
    if (fd > 3 && ::close_range(3, fd - 1, 0) != 0) return failed("close_range");
    if (::close_range(fd + 1, ~0u, 0) != 0) return failed("close_range");
    if (kBoundAddressSpace && !set_limit(RLIMIT_AS, limits.memory_bytes))
        return failed("RLIMIT_AS");
    if (!set_limit(RLIMIT_CPU, limits.cpu_s)) return failed("RLIMIT_CPU");
    if (!set_limit(RLIMIT_CORE, 0)) return failed("RLIMIT_CORE");
    return install_filter(kProofCalls, SECCOMP_RET_KILL_PROCESS);
}

}  // namespace weir::dataplane
