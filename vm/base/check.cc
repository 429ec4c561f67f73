#include "vm/base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace weir {

void check_failed(const char* file, int line, const char* condition) {
    char text[512];
    const int length =
        std::snprintf(text, sizeof text, "%s:%d: check failed: %s\n", file, line, condition);
    if (length > 0) {
        const size_t bytes = static_cast<size_t>(length) < sizeof text ? static_cast<size_t>(length)
                                                                       : sizeof text - 1;
        [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, bytes);
    }
    std::abort();
}

}  // namespace weir
