#pragma once
// The groups that add_base_helpers is made of, one file each, and what their files share.

#include <cstdint>
#include <cstring>
#include <string_view>

#include "vm/isa/helper_ids.h"
#include "vm/program/run.h"

namespace weir::vm {

void add_packet_helpers(HelperTable& table);    ///< packet.cc
void add_skb_helpers(HelperTable& table);       ///< skb.cc
void add_checksum_helpers(HelperTable& table);  ///< checksum.cc
void add_fib_helpers(HelperTable& table);       ///< fib_lookup.cc
void add_socket_helpers(HelperTable& table);    ///< sockets.cc
void add_cookie_helpers(HelperTable& table);    ///< syncookie.cc
void add_time_helpers(HelperTable& table);      ///< time.cc
void add_timer_helpers(HelperTable& table);     ///< timers.cc
void add_core_helpers(HelperTable& table);      ///< core.cc
void add_loop_helpers(HelperTable& table);      ///< loop.cc
void add_print_helpers(HelperTable& table);     ///< printk.cc
void add_string_helpers(HelperTable& table);    ///< strings.cc
void add_dynptr_helpers(HelperTable& table);    ///< dynptr_calls.cc
void add_metadata_kfuncs(HelperTable& table);   ///< metadata.cc

/// What a failed copy leaves in the buffer that it did not fill (RunEnv::stack_is_clean).
inline void leave_unfilled(const RunEnv& env, void* buffer, size_t bytes) {
    if (!env.stack_is_clean && bytes != 0) std::memset(buffer, 0, bytes);
}

/// A negative errno as r0 carries it.
constexpr uint64_t error_value(int negative_errno) {
    return static_cast<uint64_t>(int64_t{negative_errno});
}

}  // namespace weir::vm
