#pragma once
// WEIR_CHECK guards invariants of our own code, in every build type. Never use it on outside input.

namespace weir {

/// Prints place and condition to stderr and aborts, so that a core is left. Async-signal-safe.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace weir

#define WEIR_CHECK(condition)                          \
    (__builtin_expect(static_cast<bool>(condition), 1) \
         ? static_cast<void>(0)                        \
         : ::weir::check_failed(__FILE__, __LINE__, #condition))
