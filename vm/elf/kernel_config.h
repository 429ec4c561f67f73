#pragma once
// What a running kernel says of itself: its version and how it was configured.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "vm/base/result.h"

namespace weir::vm::elf {

constexpr size_t kConfigBytesMax = 4u << 20;  ///< unpacked; a kernel's has about 300 KB

/// The lines "CONFIG_NAME=VALUE" of a configuration, by name. The values are as they stand: y, m,
/// n, "text" in its quotes, a number.
using KernelConfig = std::map<std::string, std::string, std::less<>>;

KernelConfig parse_kernel_config(std::string_view text);

/// A file, packed by gzip or not; an empty path is /boot/config-RELEASE, else /proc/config.gz.
Result<KernelConfig> read_kernel_config(const std::string& path);

/// KERNEL_VERSION(6, 18, 3) of a release such as "6.18.3-amd64"; distributions that count otherwise
/// say the true one in `version` ("Debian 6.1.55-1"). 0 where neither says.
uint32_t parse_kernel_version(std::string_view release, std::string_view version);
uint32_t running_kernel_version();

}  // namespace weir::vm::elf
