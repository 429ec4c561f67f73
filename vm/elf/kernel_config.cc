#include "vm/elf/kernel_config.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace weir::vm::elf {

namespace {

struct Closer {
    void operator()(gzFile file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, Closer>;

Result<std::string> unpack(const std::string& path) {
    // gzopen reads files that are not packed as they are.
    const GzFile file(gzopen(path.c_str(), "re"));
    if (!file)
        return fail(ErrorKind::kInvalid, fmt::format("{}: cannot open: expected a kernel's "
                                                     "configuration",
                                                     path));
    std::string text;
    std::array<char, 16'384> block;
    while (true) {
        const int count = gzread(file.get(), block.data(), block.size());
        if (count < 0) return fail(ErrorKind::kInvalid, fmt::format("{}: cannot unpack", path));
        if (count == 0) {
            int status = Z_OK;
            gzerror(file.get(), &status);
            if (status == Z_OK) return text;
            return fail(ErrorKind::kInvalid, fmt::format("{}: cannot unpack: it is cut off", path));
        }
        text.append(block.data(), static_cast<size_t>(count));
        if (text.size() > kConfigBytesMax)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: more than {} bytes", path, kConfigBytesMax));
    }
}

std::string running_config_path() {
    utsname names{};
    uname(&names);
    std::string path = fmt::format("/boot/config-{}", names.release);
    return access(path.c_str(), R_OK) == 0 ? path : "/proc/config.gz";
}

/// "MAJOR.MINOR" and perhaps ".PATCH" at the start of `text`, as KERNEL_VERSION; 0 if it is no
/// such.
uint32_t version_at(std::string_view text) {
    std::array<uint32_t, 3> parts{};
    size_t count = 0;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (; count < parts.size(); ++count) {
        const auto [after, error] = std::from_chars(at, end, parts[count]);
        if (error != std::errc{}) break;
        at = after;
        if (at == end || *at != '.') {
            ++count;
            break;
        }
        ++at;
    }
    if (count < 2) return 0;
    return (parts[0] << 16) + (parts[1] << 8) + std::min(parts[2], 255u);
}

}  // namespace

KernelConfig parse_kernel_config(std::string_view text) {
    KernelConfig config;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t equals = line.find('=');
        if (!line.starts_with("CONFIG_") || equals == std::string_view::npos) continue;
        config.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return config;
}

Result<KernelConfig> read_kernel_config(const std::string& path) {
    const auto text = unpack(path.empty() ? running_config_path() : path);
    if (!text) return std::unexpected(text.error());
    return parse_kernel_config(*text);
}

uint32_t parse_kernel_version(std::string_view release, std::string_view version) {
    constexpr std::string_view kDebian = "Debian ";
    if (const size_t debian = version.find(kDebian); debian != std::string_view::npos) {
        if (const uint32_t found = version_at(version.substr(debian + kDebian.size())); found != 0)
            return found;
    }
    return version_at(release);
}

uint32_t running_kernel_version() {
    utsname names{};
    uname(&names);
    return parse_kernel_version(names.release, names.version);
}

}  // namespace weir::vm::elf
