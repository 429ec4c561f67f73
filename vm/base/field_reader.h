#pragma once
// Reads the fields of a byte string one by one and remembers the first that is wrong, by name and
// offset.

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir {

/// A layer over ByteReader for codecs. After the first wrong field every read gives a zero or empty
/// value, so a codec reads a whole struct straight through and asks once for error(). Loops over
/// counts must test ok().
class FieldReader {
public:
    /// `record` names what is being read ("map spec") and stands in front of the error.
    FieldReader(ByteReader& in, std::string_view record) : in_(in), record_(record) {}

    bool ok() const { return !failed_; }
    std::unexpected<Error> error() const { return std::unexpected(error_); }
    size_t remaining() const { return failed_ ? 0 : in_.remaining(); }

    /// An integer of at most `max`.
    template <typename T>
    T number(std::string_view field, T max) {
        const size_t at = in_.offset();
        const T value = raw<T>(field);
        if (ok() && value > max)
            refuse(field, at, fmt::format("{} is above the limit of {}", value, max));
        return ok() ? value : T{};
    }

    /// An integer of any value.
    template <typename T>
    T raw(std::string_view field) {
        if (!ok()) return T{};
        const size_t at = in_.offset();
        const std::optional<T> value = in_.read<T>();
        if (!value) refuse(field, at, "cut short");
        return value.value_or(T{});
    }

    /// A byte that is 0 or 1.
    bool flag(std::string_view field) { return number<uint8_t>(field, 1) == 1; }

    /// How many elements follow, each of `element_bytes_min` bytes or more: what cannot fit is
    /// refused before anybody reserves memory for it.
    uint32_t count(std::string_view field, uint32_t max, size_t element_bytes_min) {
        const size_t at = in_.offset();
        const uint32_t value = number<uint32_t>(field, max);
        if (ok() && value > in_.remaining() / element_bytes_min)
            refuse(field, at,
                   fmt::format("{} elements do not fit into the {} bytes left", value,
                               in_.remaining()));
        return ok() ? value : 0;
    }

    ByteSpan sized(std::string_view field, uint32_t bytes_max) {
        const uint32_t length = count(field, bytes_max, 1);
        if (!ok()) return {};
        return in_.take(length).value_or(ByteSpan{});
    }

    std::string text(std::string_view field, uint32_t bytes_max) {
        const ByteSpan raw_text = sized(field, bytes_max);
        return {raw_text.begin(), raw_text.end()};
    }

    /// Marks `field`, which ended just before the current offset, as wrong.
    void refuse(std::string_view field, std::string_view why) { refuse(field, in_.offset(), why); }

private:
    void refuse(std::string_view field, size_t offset, std::string_view why) {
        if (failed_) return;
        failed_ = true;
        error_ = {ErrorKind::kInvalid,
                  fmt::format("{}: field {} at offset {}: {}", record_, field, offset, why)};
    }

    ByteReader& in_;
    std::string_view record_;
    bool failed_ = false;
    Error error_;
};

}  // namespace weir
