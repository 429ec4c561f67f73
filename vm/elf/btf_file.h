#pragma once
// The bytes of a target's BTF: a raw file such as /sys/kernel/btf/vmlinux, or the section .BTF of
// any 64-bit little-endian ELF file.

#include <string>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::vm::elf {

constexpr size_t kSectionTableBytesMax = 4u << 20;  ///< as much as 65,535 sections take
constexpr size_t kSectionNamesBytesMax = 16u << 20;

/// Reads only the parts that it needs: a kernel image has hundreds of MiB. Errors name the file.
Result<Bytes> read_btf_file(const std::string& path);

}  // namespace weir::vm::elf
