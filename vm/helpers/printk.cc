// bpf_trace_printk, bpf_trace_vprintk (kernel/trace/bpf_trace.c) and bpf_snprintf
// (kernel/bpf/helpers.c).

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#include "vm/helpers/format.h"
#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

constexpr size_t kLineBytesMax = 1024;  ///< MAX_BPRINTF_BUF
constexpr uint32_t kPrintkArgumentsMax = 3;

using Arguments = std::array<uint64_t, kFormatArgumentsMax>;

/// Copies arguments out of a program's memory: their number, or -EINVAL.
int read_arguments(uint64_t data, uint64_t data_bytes, Arguments& arguments) {
    const auto bytes = static_cast<uint32_t>(data_bytes);
    if (bytes % sizeof(uint64_t) != 0 || bytes > sizeof arguments || (bytes != 0 && data == 0))
        return -EINVAL;
    if (bytes != 0) std::memcpy(arguments.data(), reinterpret_cast<const void*>(data), bytes);
    return static_cast<int>(bytes / sizeof(uint64_t));
}

/// The kernel's result: characters of the whole line, or a negative errno.
uint64_t trace(uint64_t format, uint64_t format_bytes, std::span<const uint64_t> arguments,
               RunEnv& env) {
    const auto* text = reinterpret_cast<const char*>(format);
    const size_t length = strnlen(text, static_cast<uint32_t>(format_bytes));
    if (length == static_cast<uint32_t>(format_bytes)) return error_value(-EINVAL);
    std::array<char, kLineBytesMax> line;
    const std::span<char> room = env.printk != nullptr ? std::span<char>(line) : std::span<char>();
    const int64_t wanted = format_text(room, {text, length}, arguments, PointerText::Hidden, env);
    if (wanted < 0) return static_cast<uint64_t>(wanted);
    ++env.printk_count;
    if (env.printk != nullptr) {
        std::string_view shown(line.data());
        if (shown.ends_with('\n')) shown.remove_suffix(1);
        env.printk(env.printk_opaque, shown.data(), static_cast<uint32_t>(shown.size()));
    }
    return static_cast<uint64_t>(wanted);
}

uint64_t trace_printk(uint64_t format, uint64_t format_bytes, uint64_t r3, uint64_t r4, uint64_t r5,
                      RunEnv& env) {
    const std::array<uint64_t, kPrintkArgumentsMax> arguments{r3, r4, r5};
    return trace(format, format_bytes, arguments, env);
}

uint64_t trace_vprintk(uint64_t format, uint64_t format_bytes, uint64_t data, uint64_t data_bytes,
                       uint64_t, RunEnv& env) {
    Arguments arguments;
    const int count = read_arguments(data, data_bytes, arguments);
    if (count < 0) return error_value(count);
    return trace(format, format_bytes, std::span(arguments).first(static_cast<size_t>(count)), env);
}

/// The length of the whole text with its zero byte. What stands in the buffer behind the text
/// stays.
uint64_t snprintf(uint64_t buffer, uint64_t buffer_bytes, uint64_t format, uint64_t data,
                  uint64_t data_bytes, RunEnv& env) {
    Arguments arguments;
    const int count = read_arguments(data, data_bytes, arguments);
    if (count < 0) return error_value(count);
    const std::span<char> out(reinterpret_cast<char*>(buffer),
                              buffer == 0 ? 0 : static_cast<uint32_t>(buffer_bytes));
    const int64_t wanted = format_text(out, reinterpret_cast<const char*>(format),
                                       std::span(arguments).first(static_cast<size_t>(count)),
                                       PointerText::Shown, env);
    return static_cast<uint64_t>(wanted < 0 ? wanted : wanted + 1);
}

}  // namespace

void add_print_helpers(HelperTable& table) {
    set(table, HelperId::trace_printk, trace_printk);
    set(table, HelperId::trace_vprintk, trace_vprintk);
    set(table, HelperId::snprintf, snprintf);
}

}  // namespace weir::vm
