#include "dataplane/api/codec.h"

#include <type_traits>

#include <fmt/format.h>

#include "dataplane/api/bypass_fields.h"
#include "dataplane/api/capture_fields.h"
#include "dataplane/api/fields.h"
#include "dataplane/api/trace_fields.h"

namespace weir::dataplane::api {
namespace {

template <typename T>
concept Number = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <typename T>
concept Enum = std::is_enum_v<T>;

class Encoder {
public:
    template <Number T>
    void operator()(const char*, const T& value) {
        writer_.write(value);
    }
    void operator()(const char*, const bool& value) { writer_.write(static_cast<uint8_t>(value)); }
    template <Enum T>
    void operator()(const char*, const T& value, T) {
        writer_.write(static_cast<uint8_t>(value));
    }
    void operator()(const char*, const std::string& text, uint32_t = 0) {
        writer_.write_string(text);
    }
    void operator()(const char*, const Bytes& bytes, uint32_t = 0) { writer_.write_sized(bytes); }
    void operator()(const char*, const vm::MapSpec& spec) { vm::write_map_spec(writer_, spec); }
    void operator()(const char*, const vm::ProgramSpec& spec) {
        vm::write_program_spec(writer_, spec);
    }
    void operator()(const char*, const Element& element) {
        writer_.write_sized(element.first);
        writer_.write_sized(element.second);
    }
    template <typename T, typename... Bound>
    void operator()(const char* name, const std::optional<T>& value, Bound... bound) {
        writer_.write(static_cast<uint8_t>(value.has_value()));
        if (value) (*this)(name, *value, bound...);
    }
    template <typename T>
    void operator()(const char* name, const std::vector<T>& list, uint32_t) {
        writer_.write(static_cast<uint32_t>(list.size()));
        for (const T& item : list) (*this)(name, item);
    }
    template <typename T>
    void operator()(const char* name, const std::map<std::string, T>& table, uint32_t) {
        writer_.write(static_cast<uint32_t>(table.size()));
        for (const auto& [key, value] : table) {
            writer_.write_string(key);
            (*this)(name, value);
        }
    }
    template <typename Message>
        requires std::is_class_v<Message>
    void operator()(const char*, const Message& message) {
        fields(*this, message);
    }

    Bytes take() { return writer_.take(); }

private:
    ByteWriter writer_;
};

/// Keeps the first error; after it every call does nothing. Its path grows from the inside out
/// while calls return.
class Decoder {
public:
    explicit Decoder(ByteSpan body) : reader_(body) {}

    template <Number T>
    void operator()(const char* name, T& value) {
        if (failed_) return;
        const size_t offset = reader_.offset();
        if (const std::optional<T> read = reader_.read<T>())
            value = *read;
        else
            refuse(name, offset, fmt::format("cut off, needs {} bytes", sizeof(T)));
    }
    void operator()(const char* name, bool& value) {
        uint8_t raw = 0;
        small(name, raw, 1);
        value = raw == 1;
    }
    template <Enum T>
    void operator()(const char* name, T& value, T greatest) {
        uint8_t raw = 0;
        small(name, raw, static_cast<uint8_t>(greatest));
        value = static_cast<T>(raw);
    }
    void operator()(const char* name, std::string& text, uint32_t bytes_max = kTextBytesMax) {
        const ByteSpan raw = sized(name, bytes_max);
        text.assign(raw.begin(), raw.end());
    }
    void operator()(const char* name, Bytes& bytes, uint32_t bytes_max = kFrameBytesMax) {
        const ByteSpan raw = sized(name, bytes_max);
        bytes.assign(raw.begin(), raw.end());
    }
    void operator()(const char* name, vm::MapSpec& spec) {
        read_spec(name, spec, vm::read_map_spec);
    }
    void operator()(const char* name, vm::ProgramSpec& spec) {
        read_spec(name, spec, vm::read_program_spec);
    }
    void operator()(const char* name, Element& element) {
        nested(name, [&] {
            (*this)("key", element.first, kMapKeyBytesMax);
            (*this)("value", element.second, kFrameBytesMax);
        });
    }
    template <typename T, typename... Bound>
    void operator()(const char* name, std::optional<T>& value, Bound... bound) {
        bool present = false;
        (*this)(name, present);
        if (present && !failed_) (*this)(name, value.emplace(), bound...);
    }
    template <typename T>
    void operator()(const char* name, std::vector<T>& list, uint32_t count_max) {
        const uint32_t count = counted(name, count_max);
        for (uint32_t i = 0; i < count && !failed_; ++i) {
            (*this)("", list.emplace_back());
            if (failed_) enclose(fmt::format("{}[{}]", name, i));
        }
    }
    template <typename T>
    void operator()(const char* name, std::map<std::string, T>& table, uint32_t count_max) {
        const uint32_t count = counted(name, count_max);
        for (uint32_t i = 0; i < count && !failed_; ++i) {
            std::string key;
            (*this)("", key, kNameBytesMax);
            if (!failed_) (*this)("", table[key]);
            if (failed_) enclose(fmt::format("{}[{}]", name, i));
        }
    }
    template <typename Message>
        requires std::is_class_v<Message>
    void operator()(const char* name, Message& message) {
        nested(name, [&] { fields(*this, message); });
    }

    std::optional<Error> finish() {
        if (!failed_ && !reader_.finished()) {
            refuse("end", reader_.offset(), fmt::format("{} bytes left over", reader_.remaining()));
        }
        if (!failed_) return std::nullopt;
        return Error{ErrorKind::kInvalid,
                     fmt::format("{} at offset {}: {}", path_, offset_, reason_)};
    }

private:
    void refuse(const char* name, size_t offset, std::string reason) {
        failed_ = true;
        path_ = name;
        offset_ = offset;
        reason_ = std::move(reason);
    }
    void enclose(const std::string& name) {
        if (!name.empty()) path_ = path_.empty() ? name : fmt::format("{}.{}", name, path_);
    }
    template <typename Inner>
    void nested(const char* name, Inner inner) {
        if (failed_) return;
        inner();
        if (failed_) enclose(name);
    }
    void small(const char* name, uint8_t& raw, uint8_t greatest) {
        if (failed_) return;
        const size_t offset = reader_.offset();
        (*this)(name, raw);
        if (failed_ || raw <= greatest) return;
        refuse(name, offset, fmt::format("{}, at most {}", raw, greatest));
        raw = 0;
    }
    ByteSpan sized(const char* name, uint32_t bytes_max) {
        const size_t offset = reader_.offset();
        uint32_t length = 0;
        (*this)(name, length);
        if (failed_) return {};
        if (length > bytes_max) {
            refuse(name, offset, fmt::format("{} bytes, at most {}", length, bytes_max));
        } else if (length > reader_.remaining()) {
            refuse(name, offset,
                   fmt::format("{} bytes, but {} are left", length, reader_.remaining()));
        }
        return failed_ ? ByteSpan{} : *reader_.take(length);
    }
    uint32_t counted(const char* name, uint32_t count_max) {
        const size_t offset = reader_.offset();
        uint32_t count = 0;
        (*this)(name, count);
        if (failed_) return 0;
        if (count > count_max)
            refuse(name, offset, fmt::format("{} elements, at most {}", count, count_max));
        // Every element takes a byte at least, so a count beyond the rest is refused before memory
        // is taken for it.
        else if (count > reader_.remaining())
            refuse(name, offset,
                   fmt::format("{} elements, but {} bytes are left", count, reader_.remaining()));
        return failed_ ? 0 : count;
    }
    template <typename Spec>
    void read_spec(const char* name, Spec& spec, Result<Spec> (*read)(ByteReader&)) {
        if (failed_) return;
        const size_t offset = reader_.offset();
        Result<Spec> result = read(reader_);
        if (result)
            spec = std::move(*result);
        else
            refuse(name, offset, result.error().message);
    }

    ByteReader reader_;
    bool failed_ = false;
    std::string path_, reason_;
    size_t offset_ = 0;
};

}  // namespace

template <typename Message>
Bytes encode(const Message& message) {
    Encoder encoder;
    fields(encoder, message);
    return encoder.take();
}

template <typename Message>
Result<Message> decode(ByteSpan body) {
    Decoder decoder(body);
    Message message;
    fields(decoder, message);
    if (std::optional<Error> error = decoder.finish()) return std::unexpected(std::move(*error));
    return message;
}

#define WEIR_DEFINE(Message)                        \
    template Bytes encode<Message>(const Message&); \
    template Result<Message> decode<Message>(ByteSpan);
WEIR_MESSAGES(WEIR_DEFINE)
#undef WEIR_DEFINE

}  // namespace weir::dataplane::api
