#pragma once
// Whole byte strings over a stream socket, against a deadline.

#include <chrono>
#include <cstdint>
#include <span>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::dataplane::api {

using Deadline = std::chrono::steady_clock::time_point;

inline Deadline deadline_in(uint32_t milliseconds) {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
}
/// At least 0, as poll(2) wants it.
int remaining_ms(Deadline deadline);

/// Errors (kResource) speak of the peer as "it". Neither raises SIGPIPE.
Result<void> send_all(int fd, ByteSpan bytes, Deadline deadline);
/// The same over a Unix socket, with a descriptor that the peer gets a copy of (SCM_RIGHTS).
Result<void> send_with_file(int fd, ByteSpan bytes, int file, Deadline deadline);
Result<void> receive_all(int fd, std::span<uint8_t> bytes, Deadline deadline);

}  // namespace weir::dataplane::api
