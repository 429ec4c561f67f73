#pragma once
// WEIR_CHECK guards invariants of our own code, in every build type. Never use it on outside input.

namespace weir {

/// Prints place and condition to stderr, then what notes say, and aborts, so that a core is left.
/// Async-signal-safe where there is no note.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

/// While it lives, a check that fails in this thread also has `write` put out what it was about,
/// for whoever is to reproduce it. Notes nest; `write` must not throw, and a check that fails in it
/// ends the process without further notes.
class CheckNote {
public:
    using Write = void (*)(const void* subject);
    CheckNote(Write write, const void* subject);
    ~CheckNote();
    CheckNote(const CheckNote&) = delete;
    CheckNote& operator=(const CheckNote&) = delete;

private:
    friend void check_failed(const char* file, int line, const char* condition);
    Write write_;
    const void* subject_;
    CheckNote* outer_;
};

}  // namespace weir

#define WEIR_CHECK(condition)                          \
    (__builtin_expect(static_cast<bool>(condition), 1) \
         ? static_cast<void>(0)                        \
         : ::weir::check_failed(__FILE__, __LINE__, #condition))
