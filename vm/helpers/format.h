#pragma once
// Formats of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf: kernel/bpf/helpers.c,
// bpf_bprintf_prepare, printed as lib/vsprintf.c, bstr_printf does.

#include <cstdint>
#include <span>
#include <string_view>

#include "vm/program/run.h"

namespace weir::vm {

constexpr uint32_t kFormatArgumentsMax = 12;  ///< MAX_BPRINTF_VARARGS

/// %px, %ps, %pS and %pB of a text that leaves the program show a hashed number, as %p always does.
enum class PointerText : uint8_t { Shown, Hidden };

/// Prints into `out`, cut to its size and closed by a zero byte where it has any; with `out` empty
/// it only counts. The length of the whole text, or, with nothing written, -EINVAL (a conversion
/// that the kernel refuses, more of them than arguments, letters that are not ASCII) or -ENOSPC
/// (more than 512 bytes of arguments, the strings included). A %s or %pI4 whose memory the program
/// may not read (RunEnv::may_read) is empty or zero, as in the kernel where the address is bad.
int64_t format_text(std::span<char> out, std::string_view format,
                    std::span<const uint64_t> arguments, PointerText pointers, RunEnv& env);

}  // namespace weir::vm
