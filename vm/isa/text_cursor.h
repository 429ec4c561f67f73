#pragma once
// Walks over one line of assembler text.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::vm {

/// The first thing that does not fit is remembered with its column; after that nothing fits, so a
/// caller may ask once at the end. Blanks between tokens are skipped. Copies are cheap while
/// nothing failed: copy it to look ahead.
class TextCursor {
public:
    explicit TextCursor(std::string_view line) : line_(line) { skip_blanks(); }

    bool failed() const { return !error_.empty(); }
    const std::string& error() const { return error_; }
    bool at_end() const { return at_ == line_.size(); }

    /// Notes that `what` should have stood here.
    void expected(std::string_view what);
    /// Takes `text` if it comes next. A word must end where `text` ends.
    bool accept(std::string_view text);
    void expect(std::string_view text);
    /// Letters, digits, '_' and '.'; empty if none comes next.
    std::string_view word();
    std::string_view peek_word() const { return TextCursor(*this).word(); }
    /// An operator: "s>>=", "+=", "&".
    std::string_view operator_text();
    /// A number with optional sign, in [low, high].
    int64_t number(int64_t low, int64_t high);
    /// Any 64 bits: -0x8000000000000000 up to 0xffffffffffffffff.
    int64_t any_number();
    bool number_next() const;

private:
    void skip_blanks();
    std::optional<uint64_t> magnitude();

    std::string_view line_;
    size_t at_ = 0;
    std::string error_;
};

}  // namespace weir::vm
