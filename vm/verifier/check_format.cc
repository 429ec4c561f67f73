// trace_printk takes up to three values; those that its format does not use may hold anything, as
// compilers leave stale registers there.

#include <fmt/format.h>
#include <algorithm>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

constexpr uint32_t kFormatBytesMax = 1024;
constexpr uint8_t kFirstValue = 3, kValues = 3;

std::optional<std::string> constant_format(Step& step, const Region& format) {
    if (format.size > kFormatBytesMax) return std::nullopt;
    if (format.pointer.kind == RegKind::Stack) return constant_stack_bytes(step, format);
    if (format.pointer.kind == RegKind::MapValue) return constant_map_bytes(step, format);
    return std::nullopt;
}

/// Conversions of the text up to its end: every '%' but "%%".
uint8_t count_conversions(const std::string& text) {
    size_t count = 0;
    for (size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
        if (text[i] != '%') continue;
        if (i + 1 < text.size() && text[i + 1] == '%')
            ++i;
        else
            ++count;
    }
    return static_cast<uint8_t>(std::min<size_t>(count, kValues));
}

}  // namespace

Checked check_printk(Step& step, const Region& format) {
    const std::optional<std::string> text = constant_format(step, format);
    const uint8_t used = text ? count_conversions(*text) : kValues;
    for (uint8_t index = kFirstValue; index < kFirstValue + used; ++index)
        if (const auto value = scalar_reg(step, index, "trace_printk"); !value)
            return std::unexpected(value.error());
    return {};
}

}  // namespace weir::vm::verifier
