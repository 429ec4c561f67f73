#pragma once
// Errors that come from outside (packets, objects, configs, peers) travel as values. Broken
// invariants of our own end in WEIR_CHECK (check.h). Our code throws nothing.

#include <expected>
#include <string>
#include <utility>

namespace weir {

/// What an error means to whoever asked. The command line turns it into an exit status.
enum class ErrorKind {
    kInvalid,      ///< the input is wrong: usage, YAML, object file, frame (exit 2)
    kRejected,     ///< well formed, but the answer is no: the verifier refuses (exit 1)
    kNotFound,     ///< the named thing does not exist (exit 1)
    kUnsupported,  ///< well formed and known, but not offered; refused by name (exit 2)
    kResource,  ///< the machine lacks something: memory, hugepages, privileges, a device (exit 2)
};

/// One line for a person: place, value, and what would be right. No trailing full stop or newline.
struct Error {
    ErrorKind kind = ErrorKind::kInvalid;
    std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

/// `return fail(ErrorKind::kInvalid, fmt::format(...))`
inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return std::unexpected(Error{kind, std::move(message)});
}

/// The same error, with the place it happened in put in front: "FILE: message".
inline std::unexpected<Error> fail_in(const std::string& place, const Error& error) {
    return std::unexpected(Error{error.kind, place + ": " + error.message});
}

/// The exit status that the command line's contract gives to an error.
constexpr int exit_status(ErrorKind kind) {
    return kind == ErrorKind::kRejected || kind == ErrorKind::kNotFound ? 1 : 2;
}

}  // namespace weir
