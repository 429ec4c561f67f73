#include "vm/isa/text_cursor.h"

#include <cctype>

#include <fmt/format.h>

namespace weir::vm {
namespace {

constexpr size_t kShownBytesMax = 16;  ///< of what stands there instead
constexpr uint64_t kSignBit = uint64_t{1} << 63;

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}

/// 0..15, or 16 for what is no digit in any base.
uint64_t digit_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<uint64_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<uint64_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<uint64_t>(c - 'A' + 10);
    return 16;
}

}  // namespace

void TextCursor::skip_blanks() {
    while (at_ < line_.size() && std::isspace(static_cast<unsigned char>(line_[at_]))) ++at_;
}

void TextCursor::expected(std::string_view what) {
    if (failed()) return;
    error_ = at_end()
                 ? fmt::format("column {}: expected {}, found the end of the line", at_ + 1, what)
                 : fmt::format("column {}: expected {}, found '{}'", at_ + 1, what,
                               line_.substr(at_, kShownBytesMax));
}

bool TextCursor::accept(std::string_view text) {
    if (failed() || !line_.substr(at_).starts_with(text)) return false;
    const size_t end = at_ + text.size();
    if (is_word(text.back()) && end < line_.size() && is_word(line_[end])) return false;
    at_ = end;
    skip_blanks();
    return true;
}

void TextCursor::expect(std::string_view text) {
    if (!accept(text)) expected(fmt::format("'{}'", text));
}

std::string_view TextCursor::word() {
    size_t end = at_;
    while (!failed() && end < line_.size() && is_word(line_[end])) ++end;
    const std::string_view found = line_.substr(at_, end - at_);
    at_ = end;
    skip_blanks();
    return found;
}

std::string_view TextCursor::operator_text() {
    constexpr std::string_view kOperatorLetters = "+-*/%|&^<>=!";
    size_t end = at_;
    if (end < line_.size() && line_[end] == 's') ++end;  // the signed forms
    while (!failed() && end < line_.size() &&
           kOperatorLetters.find(line_[end]) != std::string_view::npos) {
        ++end;
        if (line_[end - 1] == '=' && end < line_.size() && line_[end] != '=')
            break;  // "=-1" is two tokens
    }
    const std::string_view found = line_.substr(at_, end - at_);
    at_ = end;
    skip_blanks();
    return found;
}

bool TextCursor::number_next() const {
    if (failed() || at_end()) return false;
    return digit_value(line_[at_]) < 10 || line_[at_] == '-' || line_[at_] == '+';
}

std::optional<uint64_t> TextCursor::magnitude() {
    std::string_view digits = word();
    const bool is_hex = digits.starts_with("0x") || digits.starts_with("0X");
    if (is_hex) digits.remove_prefix(2);
    if (digits.empty()) return std::nullopt;
    const uint64_t base = is_hex ? 16 : 10;
    uint64_t value = 0;
    for (const char c : digits) {
        const uint64_t digit = digit_value(c);
        if (digit >= base || value > (UINT64_MAX - digit) / base) return std::nullopt;
        value = value * base + digit;
    }
    return value;
}

int64_t TextCursor::number(int64_t low, int64_t high) {
    const size_t start = at_;
    const bool negative = accept("-");
    if (!negative) accept("+");
    const std::optional<uint64_t> found = magnitude();
    const bool fits = found && (negative ? *found <= kSignBit : *found < kSignBit);
    const auto value = static_cast<int64_t>(negative ? 0 - found.value_or(0) : found.value_or(0));
    if (fits && value >= low && value <= high) return value;
    at_ = start;
    expected(fmt::format("a number from {} to {}", low, high));
    return 0;
}

int64_t TextCursor::any_number() {
    const size_t start = at_;
    const bool negative = accept("-");
    const std::optional<uint64_t> found = magnitude();
    if (found && (!negative || *found <= kSignBit))
        return static_cast<int64_t>(negative ? 0 - *found : *found);
    at_ = start;
    expected("a 64-bit number");
    return 0;
}

}  // namespace weir::vm
