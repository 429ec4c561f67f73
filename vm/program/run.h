#pragma once
// The border between running code and what it calls. Interpreter and machine code share it.

#include <array>
#include <cstdint>

#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"
#include "vm/program/context.h"
#include "vm/program/map.h"

namespace weir::vm {

class Fib;     // vm/helpers/fib.h
class Timers;  // vm/helpers/timers.h

/// A program that an engine can run, as prog arrays and timers hold it. Each engine has its own
/// kind, and in a prog array none ever meets another's: who fills one sees to that.
class Runnable {
public:
    virtual ~Runnable() = default;
    /// Runs one of its functions from outside of a run, as a timer does. `function` is what the
    /// program's LoadCodeAddr gave. r0 of it.
    virtual uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                          RunEnv& env) const = 0;
    /// What LoadCodeAddr gives for the function that begins at this instruction; 0: nothing gives
    /// its address.
    virtual uint64_t function_address(uint32_t /*insn*/) const { return 0; }
    /// Where a tail call of machine code jumps to; nullptr of programs that are not machine code.
    const void* tail_entry = nullptr;
};

/// A function of the running program, called by a helper: bpf_loop, bpf_for_each_map_elem.
using CallbackFn = uint64_t (*)(RunEnv& env, uint64_t function,
                                const std::array<uint64_t, 5>& arguments);

/// Keys of SYN cookies (net/ipv4/syncookies.c): two siphash keys. Chosen at random when a node
/// starts, never shown.
struct SyncookieKeys {
    std::array<std::array<uint64_t, 2>, 2> keys{};
};

/// Where XDP_REDIRECT goes, written by bpf_redirect and bpf_redirect_map; the last call counts.
struct Redirect {
    Map* map = nullptr;  ///< of bpf_redirect_map; nullptr: of bpf_redirect, by ifindex
    uint64_t key = 0;
    uint64_t flags = 0;  ///< BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS
};

/// Exits by which runs ended with XDP_ABORTED or with what is no verdict, the last ones. Engines
/// note every such exit of the program's own function; who counts them takes them out (count = 0)
/// before there can be more than kEntries.
struct AbortLog {
    static constexpr uint32_t kEntries = 64;  ///< a power of two: entry i lies at i % kEntries
    uint32_t count = 0;
    /// The program's number (CompileOptions::number) above, the exit's instruction below.
    std::array<uint64_t, kEntries> exits{};
};

/// State of the core that runs a program; one per worker, never shared. Helpers get it as their
/// sixth argument.
struct RunEnv {
    uint32_t cpu =
        0;  ///< index of the worker: bpf_get_smp_processor_id, and the slot in per-CPU maps
    uint32_t numa_node = 0;
    uint64_t prandom_state = 0x9E3779B97F4A7C15u;  ///< never 0
    uint32_t redirect_ifindex =
        0;  ///< written by bpf_redirect; read after XDP_REDIRECT. The runner zeroes it before a run
    uint64_t aborted_insn = 0;
    Redirect redirect_to;  ///< valid where redirect_ifindex is one of kRedirect* and `map` is set
    /// Of a burst: engines put redirect_to here behind each packet whose redirect_ifindex is
    /// kRedirectByMap, and go on by one; the caller has room for a burst. nullptr: nobody asks.
    Redirect* map_redirects = nullptr;
    AbortLog aborts;
    uint64_t printk_count = 0;
    /// trace_printk's sink: whole line, no newline. nullptr drops it (the packet path logs
    /// nothing).
    void (*printk)(void* opaque, const char* text, uint32_t length) = nullptr;
    void* printk_opaque = nullptr;
    const Fib* fib = nullptr;  ///< routes, neighbours and MTUs; nullptr: none are known
    Timers* timers = nullptr;  ///< of all cores that share maps; nullptr: bpf_timer_init fails
    SyncookieKeys syncookies;
    uint32_t bursts = 0;  ///< that the engine ran here; it counts them to look at maps now and then
    // Counted over one run, programs that it tail-calls included. The interpreters keep their own.
    uint32_t tail_calls = 0;
    uint32_t may_gotos_left = 0;
    // Set by the engine for the time of a run; machine code sets `program` and `call` before the
    // helpers that ask for them, and leaves them.
    const Runnable* program = nullptr;  ///< which one runs
    CallbackFn call = nullptr;
    void* engine = nullptr;        ///< the engine's own, for `call`
    bool callback_failed = false;  ///< the callback faulted: the helper returns at once
    /// Whether the running program may read these bytes (its stack, its packet, its maps' values):
    /// asked by helpers that follow a pointer which no proof covers (%s, %pI4). nullptr: never.
    bool (*may_read)(RunEnv& env, uint64_t address, uint32_t bytes) = nullptr;
    /// No byte of the stack is another's: each is zero until the program writes it. Then a helper
    /// that fails leaves its buffer alone, as the kernel's do; else it zeroes it, since the buffer
    /// counts as written and could show what other runs left there, pointers included.
    bool stack_is_clean = false;
};

/// redirect_ifindex after bpf_redirect_map: no device has this number.
constexpr uint32_t kRedirectByMap = UINT32_MAX;
/// What a burst's loop does behind each packet.
inline void keep_map_redirect(RunEnv& env) {
    if (env.redirect_ifindex == kRedirectByMap && env.map_redirects != nullptr)
        *env.map_redirects++ = env.redirect_to;
}
/// Whether a run that returned this ends as XDP_ABORTED does: that, and what is no verdict.
constexpr bool is_aborted(uint64_t r0) {
    return static_cast<uint32_t>(r0) - 1u >= XDP_REDIRECT;
}
inline void note_abort(AbortLog& log, uint32_t program, uint32_t insn) {
    log.exits[log.count++ % AbortLog::kEntries] = uint64_t{program} << 32 | insn;
}
/// The same, where the map is an xskmap: there is no socket behind it.
constexpr uint32_t kRedirectToSocket = UINT32_MAX - 1;

/// Code behind a helper: r1..r5 and the environment, result in r0.
/// Pointers arrive as numbers; the verifier has proven what they point to. A Map argument is a
/// vm::Map*.
using HelperFn = uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&);

/// Helper id -> code. vm/helpers fills in those that need no map, maps/ the others.
struct HelperTable {
    std::array<HelperFn, kHelperIdMax + 1> functions{};
    std::array<HelperFn, kKfuncIdMax + 1> kfuncs{};  ///< by number in kfuncs.def

    HelperFn at(int64_t id) const {
        return id >= 0 && id <= kHelperIdMax ? functions[static_cast<size_t>(id)] : nullptr;
    }
    HelperFn at(HelperId id) const { return at(number_of(id)); }
    HelperFn kfunc_at(int64_t id) const {
        return id >= 0 && id <= kKfuncIdMax ? kfuncs[static_cast<size_t>(id)] : nullptr;
    }
    HelperFn kfunc_at(KfuncId id) const { return kfunc_at(number_of(id)); }
};

inline void set(HelperTable& table, HelperId id, HelperFn function) {
    table.functions[static_cast<uint32_t>(id)] = function;
}
inline void set(HelperTable& table, KfuncId id, HelperFn function) {
    table.kfuncs[static_cast<uint32_t>(id)] = function;
}

}  // namespace weir::vm
