#pragma once
// Bounded reading and writing of little-endian byte strings: object files, frames, proofs.

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weir {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

/// Reads forward over bytes that it does not own. A read past the end gives nullopt and moves
/// nothing; after that every read fails, so that a caller may check once at the end.
class ByteReader {
public:
    explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

    size_t offset() const { return offset_; }
    size_t remaining() const { return failed_ ? 0 : bytes_.size() - offset_; }
    bool failed() const { return failed_; }
    /// True when every byte was consumed and no read failed: what a frame's end must look like.
    bool finished() const { return !failed_ && offset_ == bytes_.size(); }

    /// An integer in little-endian order, or nullopt past the end.
    template <typename T>
    std::optional<T> read() {
        static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
        const std::optional<ByteSpan> raw = take(sizeof(T));
        if (!raw) return std::nullopt;
        T value;
        std::memcpy(&value, raw->data(), sizeof value);
        return value;
    }

    /// The next `length` bytes, still owned by whoever owns the input.
    std::optional<ByteSpan> take(size_t length) {
        if (failed_ || length > bytes_.size() - offset_) {
            failed_ = true;
            return std::nullopt;
        }
        const ByteSpan part = bytes_.subspan(offset_, length);
        offset_ += length;
        return part;
    }

    /// A u32 length, at most `length_max`, followed by that many bytes.
    std::optional<ByteSpan> take_sized(size_t length_max) {
        const std::optional<uint32_t> length = read<uint32_t>();
        if (!length || *length > length_max) {
            failed_ = true;
            return std::nullopt;
        }
        return take(*length);
    }

    std::optional<std::string> read_string(size_t length_max) {
        const std::optional<ByteSpan> raw = take_sized(length_max);
        if (!raw) return std::nullopt;
        return std::string(raw->begin(), raw->end());
    }

private:
    ByteSpan bytes_;
    size_t offset_ = 0;
    bool failed_ = false;
};

/// The counterpart of ByteReader.
class ByteWriter {
public:
    template <typename T>
    void write(T value) {
        static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
        const auto* raw = reinterpret_cast<const uint8_t*>(&value);
        bytes_.insert(bytes_.end(), raw, raw + sizeof value);
    }
    void append(ByteSpan raw) { bytes_.insert(bytes_.end(), raw.begin(), raw.end()); }
    void write_sized(ByteSpan raw) {
        write(static_cast<uint32_t>(raw.size()));
        append(raw);
    }
    void write_string(std::string_view text) {
        write_sized({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    }
    const Bytes& bytes() const { return bytes_; }
    Bytes take() { return std::move(bytes_); }

private:
    Bytes bytes_;
};

}  // namespace weir
