#pragma once
// The groups that add_base_helpers is made of, one file each, and what their files share.

#include <cstdint>
#include <string_view>

#include "vm/program/run.h"

namespace weir::vm {

void add_packet_helpers(HelperTable& table);    ///< packet.cc
void add_checksum_helpers(HelperTable& table);  ///< checksum.cc
void add_time_helpers(HelperTable& table);      ///< time.cc
void add_core_helpers(HelperTable& table);      ///< core.cc
void add_printk_helpers(HelperTable& table);    ///< printk.cc

/// Ids by the kernel's names.
enum class HelperId : uint32_t {
#define WEIR_HELPER_NAME(id, name) name = id,
#include "vm/isa/helper_names.def"
};

inline void set(HelperTable& table, HelperId id, HelperFn function) {
    table.functions[static_cast<uint32_t>(id)] = function;
}

/// A negative errno as r0 carries it.
constexpr uint64_t error_value(int negative_errno) {
    return static_cast<uint64_t>(int64_t{negative_errno});
}

}  // namespace weir::vm
