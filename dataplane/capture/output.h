#pragma once
// The file, pipe or socket that a capture goes into. One thread, which may have to wait for it.

#include <atomic>
#include <cstdint>

#include "vm/base/bytes.h"
#include "vm/base/descriptor.h"
#include "vm/base/result.h"

namespace weir::dataplane::capture {

/// How long a pipe's reader may take nothing once the capture is to end.
constexpr uint32_t kLastWordsMs = 2000;

class Output {
public:
    /// What can be written to: a regular file, a pipe, a socket or /dev/null.
    static Result<Output> take(Descriptor descriptor);

    /// `done` bytes of what was given are there; an error number if that is not all.
    struct Written {
        size_t done = 0;
        int error = 0;
    };
    /// Waits for the reader of a pipe; once `hurry` is set, for kLastWordsMs at most (ETIMEDOUT).
    Written write(ByteSpan bytes, const std::atomic<bool>& hurry);
    /// Takes back the end of what the last write() left: a block that is not whole. Nothing where
    /// bytes cannot be taken back.
    void take_back(size_t bytes);
    /// Nothing more comes: the reader of a pipe sees its end.
    void close() { descriptor_ = Descriptor(); }

private:
    enum class Kind : uint8_t { File, Stream, Socket };
    Output(Descriptor descriptor, Kind kind) : descriptor_(std::move(descriptor)), kind_(kind) {}
    bool wait_for_reader(const std::atomic<bool>& hurry) const;
    ssize_t write_some(ByteSpan bytes) const;

    Descriptor descriptor_;
    Kind kind_;
};

}  // namespace weir::dataplane::capture
