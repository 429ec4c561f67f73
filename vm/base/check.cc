#include "vm/base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace weir {
namespace {

thread_local CheckNote* innermost_note = nullptr;

}  // namespace

CheckNote::CheckNote(Write write, const void* subject)
    : write_(write), subject_(subject), outer_(innermost_note) {
    innermost_note = this;
}

CheckNote::~CheckNote() {
    innermost_note = outer_;
}

void check_failed(const char* file, int line, const char* condition) {
    char text[512];
    const int length =
        std::snprintf(text, sizeof text, "%s:%d: check failed: %s\n", file, line, condition);
    if (length > 0) {
        const size_t bytes = static_cast<size_t>(length) < sizeof text ? static_cast<size_t>(length)
                                                                       : sizeof text - 1;
        [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, bytes);
    }
    for (CheckNote* note = std::exchange(innermost_note, nullptr); note != nullptr;
         note = note->outer_)
        note->write_(note->subject_);
    std::abort();
}

}  // namespace weir
