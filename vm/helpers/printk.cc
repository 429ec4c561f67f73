// bpf_trace_printk and bpf_trace_vprintk: kernel/bpf/helpers.c, bpf_bprintf_prepare. Formats are
// checked by the kernel's rules; what would read through a pointer (%s, %pks, %pI4 …) is refused
// with -EINVAL, since nothing has proven the pointer.

#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

constexpr size_t kLineBytesMax = 1024;  ///< MAX_BPRINTF_BUF
constexpr uint32_t kPrintkArgumentsMax = 3;
constexpr uint32_t kVprintkArgumentsMax = 12;  ///< MAX_BPRINTF_VARARGS
constexpr int kWidthMax = (1 << 23) - 1;       ///< the kernel's FIELD_WIDTH_MAX
/// Padding that snprintf does at most. Behind it comes a number of at most 22 letters, which then
/// stands past the line's end as it does with any greater width.
constexpr int kPaddedMax = static_cast<int>(kLineBytesMax) + 32;

/// Collects a line of bounded size and counts what it would have needed.
class Line {
public:
    /// One that is not `kept` only counts.
    explicit Line(bool kept) : kept_(kept) {}

    void put(char c) {
        if (kept_ && length_ + 1 < kLineBytesMax) text_[length_] = c;
        ++length_;
    }
    /// `bytes` more were written at room() by snprintf, or would have been.
    void took(int bytes) { length_ += static_cast<size_t>(bytes > 0 ? bytes : 0); }
    std::span<char> room() {
        return room_left() ? std::span(text_).subspan(length_) : std::span<char>();
    }
    /// How much of a conversion's width is worth padding.
    int padded(int width) const { return room_left() ? std::min(width, kPaddedMax) : 0; }
    size_t wanted() const { return length_; }
    std::string_view text() const {
        return {text_.data(), length_ < kLineBytesMax ? length_ : kLineBytesMax - 1};
    }

private:
    bool room_left() const { return kept_ && length_ < kLineBytesMax; }

    bool kept_;
    std::array<char, kLineBytesMax> text_;
    size_t length_ = 0;
};

/// One conversion: "%[0 +-]*[width][l|ll]x".
struct Conversion {
    std::array<char, 12> format{};  ///< for snprintf, its width given as an argument
    int width = 0;
    unsigned longs = 0;
    char letter = 0;
    size_t end = 0;  ///< index behind it
};

char at(std::string_view text, size_t i) {
    return i < text.size() ? text[i] : '\0';
}

void read_flags(std::string_view text, size_t& i, std::string& flags) {
    for (; std::strchr("0+- ", at(text, i)) != nullptr && at(text, i) != '\0'; ++i)
        if (flags.find(text[i]) == std::string::npos) flags.push_back(text[i]);
}

int read_width(std::string_view text, size_t& i) {
    int width = 0;
    for (; std::isdigit(static_cast<unsigned char>(at(text, i))); ++i) {
        width = width * 10 + (text[i] - '0');
        if (width > kWidthMax) width = kWidthMax;
    }
    return width;
}

/// %p, %pK, %px, %ps, %pS, %pB: printed as a number that does not tell the address. Others
/// dereference.
bool read_pointer_suffix(std::string_view text, size_t& i) {
    const auto next = static_cast<unsigned char>(at(text, i));
    if (next == '\0' || std::isspace(next) || std::ispunct(next)) return true;
    ++i;
    return std::strchr("KxsSB", next) != nullptr;
}

/// The conversion whose '%' stands at `start`, or false where the kernel (or we) refuse it.
bool read_conversion(std::string_view text, size_t start, Conversion& out) {
    size_t i = start + 1;
    std::string flags;  // four at most: within the small-string buffer
    read_flags(text, i, flags);
    out.width = read_width(text, i);
    out.letter = at(text, i);
    if (out.letter == 'p') {
        ++i;
        out.end = i;
        const bool fits = read_pointer_suffix(text, out.end);
        return fits;
    }
    for (; at(text, i) == 'l' && out.longs < 2; ++i) ++out.longs;
    out.letter = at(text, i);
    const bool character = out.letter == 'c' && out.longs == 0;
    if (out.letter == '\0' || (!character && std::strchr("idxXu", out.letter) == nullptr))
        return false;
    out.end = i + 1;
    const char* const size = character ? "" : "ll";
    std::snprintf(out.format.data(), out.format.size(), "%%%s*%s%c", flags.c_str(), size,
                  out.letter);
    return true;
}

/// A number that is the same for the same pointer and tells nothing else: the kernel hashes %p too.
uint64_t hide_pointer(uint64_t pointer) {
    static const uint64_t key = [] {
        uint64_t random = 0;
        const bool filled = getrandom(&random, sizeof random, GRND_NONBLOCK) == sizeof random;
        return filled ? random
                      : reinterpret_cast<uint64_t>(&random);  // then at least where the stack is
    }();
    uint64_t x = pointer ^ key;
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * (key | 1);
    return (x ^ (x >> 29)) >> 32;
}

void print(Line& line, const Conversion& conversion, uint64_t value) {
    const std::span<char> room = line.room();
    const bool is_signed = conversion.letter == 'd' || conversion.letter == 'i';
    if (conversion.letter == 'p') {
        line.took(
            std::snprintf(room.data(), room.size(), "%016llx",
                          static_cast<unsigned long long>(value == 0 ? 0 : hide_pointer(value))));
        return;
    }
    if (conversion.letter == 'c')
        value = static_cast<uint8_t>(value);
    else if (conversion.longs == 0)
        value = is_signed ? static_cast<uint64_t>(int64_t{static_cast<int32_t>(value)})
                          : static_cast<uint32_t>(value);
    const int width = line.padded(conversion.width);
    int bytes = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"  // built from checked letters above
    if (conversion.letter == 'c')
        bytes = std::snprintf(room.data(), room.size(), conversion.format.data(), width,
                              static_cast<int>(value));
    else
        bytes = std::snprintf(room.data(), room.size(), conversion.format.data(), width,
                              static_cast<long long>(value));
#pragma GCC diagnostic pop
    line.took(std::max(bytes, conversion.width));
}

bool printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && (std::isprint(byte) || std::isspace(byte));
}

/// False where the format is refused.
bool format_line(Line& line, std::string_view format, std::span<const uint64_t> arguments) {
    size_t used = 0;
    for (size_t i = 0; i < format.size();) {
        if (!printable(format[i])) return false;
        if (format[i] != '%' || at(format, i + 1) == '%') {
            line.put(format[i]);
            i += format[i] == '%' ? 2 : 1;
            continue;
        }
        Conversion conversion;
        if (used == arguments.size() || !read_conversion(format, i, conversion)) return false;
        print(line, conversion, arguments[used++]);
        i = conversion.end;
    }
    return true;
}

/// The kernel's result: characters of the whole line, or a negative errno.
uint64_t trace(uint64_t format, uint64_t format_bytes, std::span<const uint64_t> arguments,
               RunEnv& env) {
    const auto* text = reinterpret_cast<const char*>(format);
    const size_t length = strnlen(text, static_cast<uint32_t>(format_bytes));
    if (length == static_cast<uint32_t>(format_bytes)) return error_value(-EINVAL);
    Line line(env.printk != nullptr);
    if (!format_line(line, {text, length}, arguments)) return error_value(-EINVAL);
    ++env.printk_count;
    if (env.printk == nullptr) return line.wanted();
    std::string_view shown = line.text();
    if (shown.ends_with('\n')) shown.remove_suffix(1);
    env.printk(env.printk_opaque, shown.data(), static_cast<uint32_t>(shown.size()));
    return line.wanted();
}

uint64_t trace_printk(uint64_t format, uint64_t format_bytes, uint64_t r3, uint64_t r4, uint64_t r5,
                      RunEnv& env) {
    const std::array<uint64_t, kPrintkArgumentsMax> arguments{r3, r4, r5};
    return trace(format, format_bytes, arguments, env);
}

uint64_t trace_vprintk(uint64_t format, uint64_t format_bytes, uint64_t data, uint64_t data_bytes,
                       uint64_t, RunEnv& env) {
    const auto bytes = static_cast<uint32_t>(data_bytes);
    std::array<uint64_t, kVprintkArgumentsMax> arguments;
    if (bytes % sizeof(uint64_t) != 0 || bytes > sizeof arguments || (bytes != 0 && data == 0))
        return error_value(-EINVAL);
    if (bytes != 0) std::memcpy(arguments.data(), reinterpret_cast<const void*>(data), bytes);
    return trace(format, format_bytes, std::span(arguments).first(bytes / sizeof(uint64_t)), env);
}

}  // namespace

void add_printk_helpers(HelperTable& table) {
    set(table, HelperId::trace_printk, trace_printk);
    set(table, HelperId::trace_vprintk, trace_vprintk);
}

}  // namespace weir::vm
