// Two passes, as in the kernel: the first checks the format and gathers what it points to, the
// second prints. So what is refused leaves no trace.

#include "vm/helpers/format.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace weir::vm {
namespace {

constexpr size_t kGatheredMax = 512;      ///< MAX_BPRINTF_BIN_ARGS
constexpr int kWidthMax = (1 << 23) - 1;  ///< the kernel's FIELD_WIDTH_MAX
constexpr uint64_t kErrorPointerMin = static_cast<uint64_t>(-4095);  ///< IS_ERR: shown as it is

enum class Print : uint8_t {
    Signed,
    Unsigned,
    Letter,
    Text,
    Ready,
    Pointer,
    HashedPointer,
    Symbol
};

struct Conversion {
    size_t start = 0;  ///< of its '%' in the format
    size_t end = 0;    ///< behind it
    Print print = Print::Signed;
    bool left = false, zero = false, plus = false, space = false;
    char letter = 0;
    int width = 0;
    uint64_t value = 0;
    std::string_view text;  ///< Text, Ready: within Gathered::bytes
};

struct Gathered {
    std::array<Conversion, kFormatArgumentsMax> conversions{};
    size_t count = 0;
    std::array<char, kGatheredMax> bytes;
    size_t used = 0;

    size_t room() const { return bytes.size() - used; }
};

char at(std::string_view text, size_t i) {
    return i < text.size() ? text[i] : '\0';
}

/// Nothing, white space or punctuation: what may follow a %p or %s.
bool ends_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0 || (byte < 0x80 && (std::isspace(byte) || std::ispunct(byte)));
}

// -- first pass: reading --------------------------------------------------------------------------

/// "[0 +-]*[1-9][0-9]*"; index behind it.
size_t read_flags_and_width(std::string_view format, size_t i, Conversion& out) {
    for (;; ++i) {
        const char c = at(format, i);
        if (c == '0')
            out.zero = true;
        else if (c == '+')
            out.plus = true;
        else if (c == '-')
            out.left = true;
        else if (c == ' ')
            out.space = true;
        else
            break;
    }
    for (; std::isdigit(static_cast<unsigned char>(at(format, i))); ++i)
        out.width = std::min(out.width * 10 + (format[i] - '0'), kWidthMax);
    return i;
}

/// The string at an address of the program, with its zero byte: at most `room` bytes.
size_t gather_string(uint64_t address, std::span<char> room, RunEnv& env) {
    size_t length = 0;
    room[0] = '\0';
    while (length < room.size()) {
        if (env.may_read == nullptr || !env.may_read(env, address + length, 1)) {
            room[0] = '\0';
            return 1;
        }
        room[length] = *reinterpret_cast<const char*>(address + length);
        if (room[length++] == '\0') return length;
    }
    room[length - 1] = '\0';
    return length;
}

int take_string(Gathered& gathered, Conversion& out, RunEnv& env) {
    if (gathered.room() == 0) return -ENOSPC;
    const std::span<char> room = std::span(gathered.bytes).subspan(gathered.used);
    const size_t bytes = gather_string(out.value, room, env);
    out.text = {room.data(), bytes - 1};
    out.print = Print::Text;
    gathered.used += bytes;
    return 0;
}

int take_letter(Gathered& gathered, Conversion& out) {
    if (gathered.room() == 0) return -ENOSPC;
    ++gathered.used;
    out.print = Print::Letter;
    return 0;
}

int take_number(Gathered& gathered, Conversion& out, size_t bytes) {
    gathered.used = (gathered.used + 3) & ~size_t{3};
    if (gathered.used > gathered.bytes.size() || gathered.room() < bytes) return -ENOSPC;
    gathered.used += bytes;
    if (bytes == sizeof(uint32_t))
        out.value = out.print == Print::Signed
                        ? static_cast<uint64_t>(int64_t{static_cast<int32_t>(out.value)})
                        : static_cast<uint32_t>(out.value);
    return 0;
}

/// Text that is made in the first pass; a width does not count for it.
int take_ready(Gathered& gathered, Conversion& out, std::string_view text) {
    if (gathered.room() <= text.size()) return -ENOSPC;
    char* const at = gathered.bytes.data() + gathered.used;
    std::copy(text.begin(), text.end(), at);
    gathered.used += text.size() + 1;
    out.text = {at, text.size()};
    out.print = Print::Ready;
    return 0;
}

/// %pi4 with leading zeroes, %pi6 without colons, %pI4 and %pI6 (never shortened).
std::string_view print_address(std::span<char> room, const std::array<uint8_t, 16>& bytes,
                               bool is_ipv6, bool plain) {
    size_t length = 0;
    const auto append = [&](const char* format, unsigned value) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"  // one of the two below
        const int written =
            std::snprintf(room.data() + length, room.size() - length, format, value);
#pragma GCC diagnostic pop
        length += static_cast<size_t>(std::max(written, 0));
    };
    const size_t count = is_ipv6 ? 16 : 4;
    for (size_t i = 0; i < count; ++i) {
        const bool separated = is_ipv6 ? (i % 2 == 0 && !plain) : true;
        if (i != 0 && separated) room[length++] = is_ipv6 ? ':' : '.';
        append(is_ipv6 ? "%02x" : (plain ? "%03u" : "%u"), bytes[i]);
    }
    return {room.data(), length};
}

int take_address(Gathered& gathered, Conversion& out, bool is_ipv6, bool plain, RunEnv& env) {
    const uint32_t bytes = is_ipv6 ? 16 : 4;
    if (gathered.room() < bytes) return -ENOSPC;
    std::array<uint8_t, 16> address{};
    if (env.may_read != nullptr && env.may_read(env, out.value, bytes))
        std::memcpy(address.data(), reinterpret_cast<const void*>(out.value), bytes);
    std::array<char, 48> text;
    return take_ready(gathered, out, print_address(text, address, is_ipv6, plain));
}

uint64_t hide_pointer(uint64_t pointer);

std::string_view print_symbol(std::span<char> room, uint64_t value) {
    const int length =
        std::snprintf(room.data(), room.size(), "0x%llx", static_cast<unsigned long long>(value));
    return {room.data(), static_cast<size_t>(length)};
}

/// What follows "%p" at i; `out.end` is set behind it.
int take_pointer(Gathered& gathered, std::string_view format, size_t i, Conversion& out,
                 PointerText pointers, RunEnv& env) {
    const char kind = at(format, i), next = at(format, i + 1);
    out.end = i + 1;
    out.print = Print::HashedPointer;
    if (ends_word(kind)) {
        out.end = i;
        return take_number(gathered, out, sizeof(uint64_t));
    }
    if ((kind == 'k' || kind == 'u') && next == 's') {
        out.end = i + 2;
        if (kind == 'u') out.value = 0;  // memory of user space: there is none
        return ends_word(at(format, i + 2)) ? take_string(gathered, out, env) : -EINVAL;
    }
    if ((kind == 'i' || kind == 'I') && (next == '4' || next == '6')) {
        out.end = i + 2;
        return take_address(gathered, out, next == '6', kind == 'i', env);
    }
    const bool hidden = pointers == PointerText::Hidden;
    if (kind == 'B') {
        std::array<char, 24> text;
        return take_ready(gathered, out,
                          print_symbol(text, hidden ? hide_pointer(out.value) : out.value));
    }
    if (kind != 'K' && kind != 'x' && kind != 's' && kind != 'S') return -EINVAL;
    if (kind == 'x' && !hidden) out.print = Print::Pointer;
    if (kind == 's' || kind == 'S') {
        out.print = Print::Symbol;
        if (hidden) out.value = hide_pointer(out.value);
    }
    return take_number(gathered, out, sizeof(uint64_t));
}

int take_conversion(Gathered& gathered, std::string_view format, Conversion& out,
                    PointerText pointers, RunEnv& env) {
    size_t i = read_flags_and_width(format, out.start + 1, out);
    out.letter = at(format, i);
    if (out.letter == 'p') return take_pointer(gathered, format, i + 1, out, pointers, env);
    out.end = i + 1;
    if (out.letter == 's')
        return ends_word(at(format, i + 1)) ? take_string(gathered, out, env) : -EINVAL;
    if (out.letter == 'c') return take_letter(gathered, out);
    size_t bytes = sizeof(uint32_t);
    for (int longs = 0; longs < 2 && at(format, i) == 'l'; ++longs, ++i) bytes = sizeof(uint64_t);
    out.letter = at(format, i);
    out.end = i + 1;
    if (out.letter == '\0' || std::strchr("iduxX", out.letter) == nullptr) return -EINVAL;
    out.print = out.letter == 'i' || out.letter == 'd' ? Print::Signed : Print::Unsigned;
    return take_number(gathered, out, bytes);
}

bool printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && (std::isprint(byte) || std::isspace(byte));
}

int gather(Gathered& gathered, std::string_view format, std::span<const uint64_t> arguments,
           PointerText pointers, RunEnv& env) {
    for (size_t i = 0; i < format.size();) {
        if (!printable(format[i])) return -EINVAL;
        if (format[i] != '%' || at(format, i + 1) == '%') {
            i += format[i] == '%' ? 2 : 1;
            continue;
        }
        if (gathered.count == std::min(arguments.size(), gathered.conversions.size()))
            return -EINVAL;
        Conversion& conversion = gathered.conversions[gathered.count];
        conversion.start = i;
        conversion.value = arguments[gathered.count++];
        if (const int error = take_conversion(gathered, format, conversion, pointers, env))
            return error;
        i = conversion.end;
    }
    return 0;
}

// -- second pass: printing ------------------------------------------------------------------------

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

/// Text of bounded size that counts what it would have needed.
class Line {
public:
    explicit Line(std::span<char> out) : out_(out) {}

    void put(std::string_view text) {
        if (length_ < out_.size())
            std::copy_n(text.data(), std::min(text.size(), out_.size() - length_),
                        out_.data() + length_);
        length_ += text.size();
    }
    void pad(char c, size_t count) {
        if (length_ < out_.size())
            std::fill_n(out_.data() + length_, std::min(count, out_.size() - length_), c);
        length_ += count;
    }
    int64_t close() {
        if (!out_.empty()) out_[std::min(length_, out_.size() - 1)] = '\0';
        return static_cast<int64_t>(length_);
    }

private:
    std::span<char> out_;
    size_t length_ = 0;
};

/// A sign, zeroes or blanks as the flags say, and the digits.
void print_padded(Line& line, const Conversion& conversion, std::string_view sign,
                  std::string_view body, bool zeroes) {
    const auto width = static_cast<size_t>(conversion.width);
    const size_t bytes = sign.size() + body.size();
    const size_t padding = width > bytes ? width - bytes : 0;
    if (!conversion.left && !zeroes) line.pad(' ', padding);
    line.put(sign);
    if (!conversion.left && zeroes) line.pad('0', padding);
    line.put(body);
    if (conversion.left) line.pad(' ', padding);
}

std::string_view sign_of(const Conversion& conversion, bool negative) {
    if (negative) return "-";
    if (conversion.plus) return "+";
    return conversion.space ? " " : "";
}

void print_number(Line& line, const Conversion& conversion) {
    std::array<char, 24> digits;
    const bool is_signed = conversion.print == Print::Signed;
    const bool negative = is_signed && static_cast<int64_t>(conversion.value) < 0;
    const auto magnitude =
        static_cast<unsigned long long>(negative ? 0 - conversion.value : conversion.value);
    int length;
    if (conversion.letter == 'x')
        length = std::snprintf(digits.data(), digits.size(), "%llx", magnitude);
    else if (conversion.letter == 'X')
        length = std::snprintf(digits.data(), digits.size(), "%llX", magnitude);
    else
        length = std::snprintf(digits.data(), digits.size(), "%llu", magnitude);
    const std::string_view sign = is_signed ? sign_of(conversion, negative) : "";
    print_padded(line, conversion, sign, {digits.data(), static_cast<size_t>(length)},
                 conversion.zero);
}

/// 16 digits unless a width is given.
void print_pointer(Line& line, Conversion conversion) {
    const bool is_address = conversion.value != 0 && conversion.value < kErrorPointerMin;
    if (conversion.print == Print::HashedPointer && is_address)
        conversion.value = hide_pointer(conversion.value);
    if (conversion.width == 0) {
        conversion.width = 16;
        conversion.zero = true;
    }
    conversion.print = Print::Unsigned;
    conversion.letter = 'x';
    print_number(line, conversion);
}

void print(Line& line, const Conversion& conversion) {
    switch (conversion.print) {
        case Print::Signed:
        case Print::Unsigned: print_number(line, conversion); return;
        case Print::Letter: {
            const char letter = static_cast<char>(conversion.value);
            print_padded(line, conversion, "", {&letter, 1}, false);
            return;
        }
        case Print::Text: print_padded(line, conversion, "", conversion.text, false); return;
        case Print::Ready: line.put(conversion.text); return;
        case Print::Pointer:
        case Print::HashedPointer: print_pointer(line, conversion); return;
        case Print::Symbol: {
            std::array<char, 24> text;
            print_padded(line, conversion, "", print_symbol(text, conversion.value), false);
            return;
        }
    }
}

/// What stands between conversions, with "%%" for '%'.
void print_literal(Line& line, std::string_view text) {
    for (size_t from = 0; from < text.size();) {
        const size_t percent = std::min(text.find('%', from), text.size());
        line.put(text.substr(from, percent + 1 - from));
        from = percent + 2;
    }
}

}  // namespace

int64_t format_text(std::span<char> out, std::string_view format,
                    std::span<const uint64_t> arguments, PointerText pointers, RunEnv& env) {
    Gathered gathered;
    if (const int error = gather(gathered, format, arguments, pointers, env)) return error;
    Line line(out);
    size_t from = 0;
    for (const Conversion& conversion : std::span(gathered.conversions).first(gathered.count)) {
        print_literal(line, format.substr(from, conversion.start - from));
        print(line, conversion);
        from = conversion.end;
    }
    print_literal(line, format.substr(from));
    return line.close();
}

}  // namespace weir::vm
