// What is printed: values that a format shows as numbers must be numbers, or an address would be
// told. %s and %p… may be given pointers: the helpers follow them only where the program may read
// (RunEnv::may_read), and show them hashed. Values that the format does not use may hold anything,
// as compilers leave stale registers there.

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

constexpr uint32_t kFormatBytesMax = 1024;
constexpr size_t kConversionsMax = 12;  ///< the kernel's MAX_BPRINTF_VARARGS
constexpr uint8_t kFirstValue = 3, kValues = 3;

enum class Shows : uint8_t { Number, Pointer };

/// What a format shows, value by value; `is_known` false: it is not known before the run.
struct Format {
    bool is_known = false;
    std::vector<Shows> shows;

    Shows at(size_t index) const {
        return is_known && index < shows.size() ? shows[index] : Shows::Number;
    }
    bool uses(size_t index) const { return !is_known || index < shows.size(); }
};

/// Conversions of the text up to its end: every '%' but "%%". The helpers refuse a text with a
/// letter that they do not know before they look at any value.
Format parse(const std::string& text) {
    Format format{.is_known = true, .shows = {}};
    const std::string_view until_end(text.c_str());
    for (size_t i = 0; i < until_end.size(); ++i) {
        if (until_end[i] != '%') continue;
        i = until_end.find_first_not_of("0123456789+- l", i + 1);
        if (i == std::string_view::npos) return {.is_known = true, .shows = {}};
        const char letter = until_end[i];
        if (letter == '%') continue;
        if (std::string_view("pscdiuxX").find(letter) == std::string_view::npos)
            return {.is_known = true, .shows = {}};
        if (format.shows.size() < kConversionsMax)
            format.shows.push_back(letter == 'p' || letter == 's' ? Shows::Pointer : Shows::Number);
    }
    return format;
}

Format known_format(Step& step, const Reg& text, uint32_t size) {
    const Region region{text, 0, size};
    if (size > kFormatBytesMax) return {};
    std::optional<std::string> bytes;
    if (text.kind == RegKind::Stack) bytes = constant_stack_bytes(step, region);
    if (text.kind == RegKind::MapValue) bytes = constant_map_bytes(step, region);
    return bytes ? parse(*bytes) : Format{};
}

/// Text in a read-only map, up to the end of the value.
Format format_of_string(Step& step, const Reg& text) {
    const MapSpec& map = map_of(step.env.program, text);
    const int64_t place = text.off + text.value.full.smin;
    return known_format(step, text,
                        static_cast<uint32_t>(
                            std::min<int64_t>(int64_t{map.value_bytes} - place, kFormatBytesMax)));
}

std::unexpected<Fault> shows_address(const Call& call, size_t index, std::string_view what) {
    return fault("pointer-leak",
                 fmt::format("value {} of {} is {}, which the format shows as a number; show it "
                             "with %p",
                             index + 1, call.name(), what));
}

Checked check_values(Step& step, const Call& call, const Format& format) {
    for (uint8_t index = 0; index < kValues; ++index) {
        if (!format.uses(index)) continue;
        const auto value = readable_reg(step, static_cast<uint8_t>(kFirstValue + index));
        if (!value) return std::unexpected(value.error());
        if ((*value)->is_pointer() && format.at(index) == Shows::Number)
            return shows_address(call, index, kind_words(**value));
    }
    return {};
}

}  // namespace

Checked check_printk(Step& step, const Call& call) {
    const auto size = static_cast<uint32_t>(step.reg(2).value.full.umax);
    return check_values(step, call, known_format(step, step.reg(1), size));
}

Checked check_format_data(Step& step, const Call& call, const Reg& data, uint32_t size) {
    const bool is_snprintf = call.is(HelperId::snprintf);
    const auto text_bytes = static_cast<uint32_t>(step.reg(2).value.full.umax);
    const Format format = is_snprintf ? format_of_string(step, step.reg(3))
                                      : known_format(step, step.reg(1), text_bytes);
    const bool is_fixed = data.kind == RegKind::Stack && data.value.is_constant();
    for (uint32_t at = 0; at < size; at += 8) {
        const uint32_t bytes = std::min<uint32_t>(8, size - at);
        const Region region{data, at, bytes};
        if (is_fixed && bytes == 8 && format.at(at / 8) == Shows::Pointer) {
            const auto value = load_stack(step, region);
            if (value && value->is_pointer()) continue;
        }
        if (const Checked read = read_stack_bytes(step, region); !read) return read;
    }
    return {};
}

}  // namespace weir::vm::verifier
