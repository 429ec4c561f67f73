#pragma once
// Object file -> programs and maps. ELF by libelf, BTF by libbpf's btf API, everything after that
// is ours.

#include <map>
#include <optional>
#include <string>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::vm {

constexpr uint32_t kAssumedRingbufBytes = 65'536;

struct LoadOptions {
    std::optional<ProgramType> type;                  ///< overrides what sections say
    std::map<std::string, uint32_t> map_entries_max;  ///< --map NAME.max_entries=N
    /// --global NAME=VALUE: a number as in C, true/false, an enumerator or 'c' for a scalar; "text"
    /// for an array of char; hex after 0x, one byte after the other, for any other array or a
    /// struct. NAME may go on into it: NAME.MEMBER, NAME[3].
    std::map<std::string, std::string> globals;
    std::string btf_path;  ///< --btf FILE: the target's types for CO-RE (raw BTF, or an ELF file
                           ///< with .BTF); empty: the running kernel's, where an object asks
    std::string
        kconfig_path;  ///< the kernel configuration that .kconfig variables are read from
                       ///< (text or gzip); empty: the running kernel's, where an object asks
    std::optional<uint32_t> assume_entries_max;  ///< for maps that say 0: offline verbs give 64
                                                 ///< (ring buffers get kAssumedRingbufBytes then);
                                                 ///< a node refuses (nullopt)
};

/// Errors name section, symbol or offset; `path` goes in front of each.
Result<ObjectSpec> load_object_file(const std::string& path, const LoadOptions& options);
Result<ObjectSpec> load_object(ByteSpan bytes, const LoadOptions& options);

}  // namespace weir::vm
