// Sockets and connections: none live on the dataplane, so every look-up ends as the kernel's does
// where nothing matches. net/core/filter.c, net/netfilter/nf_conntrack_bpf.c.

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

/// bpf_sk_lookup_tcp and its kin say NULL for wrong arguments and for "not found" alike.
uint64_t no_socket(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return 0;
}

/// What takes a socket: no program holds one.
uint64_t no_such_argument(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return error_value(-EINVAL);
}

/// struct bpf_ct_opts.
struct ConnectionOptions {
    int32_t netns_id;
    int32_t error;
    uint8_t l4_protocol;
    uint8_t direction;
    uint16_t zone_id;
    uint8_t zone_direction;
    uint8_t reserved[3];
};
constexpr uint32_t kOptionsBytes = 16, kOptionsBytesOld = 12;
static_assert(sizeof(ConnectionOptions) == kOptionsBytes);
constexpr uint32_t kTupleBytesV4 = 12, kTupleBytesV6 = 36;  ///< struct bpf_sock_tuple
constexpr int32_t kCurrentNetns = -1;
constexpr uint8_t kZoneBothDirections = 3;  ///< NF_CT_DEFAULT_ZONE_DIR

int connection_error(const ConnectionOptions& options, uint32_t options_bytes,
                     uint32_t tuple_bytes) {
    if (options_bytes == kOptionsBytes) {
        if ((options.reserved[0] | options.reserved[1] | options.reserved[2]) != 0) return -EINVAL;
    } else if (options.zone_id != 0) {
        return -EINVAL;
    }
    if (options.l4_protocol != IPPROTO_TCP && options.l4_protocol != IPPROTO_UDP) return -EPROTO;
    if (options.netns_id < kCurrentNetns) return -EINVAL;
    if (tuple_bytes != kTupleBytesV4 && tuple_bytes != kTupleBytesV6) return -EAFNOSUPPORT;
    return options.netns_id >= 0 ? -ENONET : -ENOENT;
}

/// Options below 12 bytes get their error too, as far as there is room for it.
uint64_t ct_lookup(uint64_t, uint64_t tuple, uint64_t r3, uint64_t r4, uint64_t r5, RunEnv&) {
    const auto tuple_bytes = static_cast<uint32_t>(r3), bytes = static_cast<uint32_t>(r5);
    auto* const at = reinterpret_cast<uint8_t*>(r4);
    if (at == nullptr) return 0;
    int error = -EINVAL;
    if (tuple != 0 && (bytes == kOptionsBytes || bytes == kOptionsBytesOld)) {
        ConnectionOptions options{};
        std::memcpy(&options, at, bytes);
        error = connection_error(options, bytes, tuple_bytes);
        const bool zone_was_used = error == -ENOENT && bytes == kOptionsBytes;
        if (zone_was_used && options.zone_direction == 0)
            at[offsetof(ConnectionOptions, zone_direction)] = kZoneBothDirections;
    }
    constexpr size_t kErrorAt = offsetof(ConnectionOptions, error);
    const int32_t shown = error;
    if (bytes >= kErrorAt + sizeof shown) std::memcpy(at + kErrorAt, &shown, sizeof shown);
    return 0;
}

uint64_t ct_release(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return 0;
}

}  // namespace

void add_socket_helpers(HelperTable& table) {
    set(table, HelperId::sk_lookup_tcp, no_socket);
    set(table, HelperId::sk_lookup_udp, no_socket);
    set(table, HelperId::skc_lookup_tcp, no_socket);
    set(table, HelperId::sk_release, no_such_argument);
    set(table, HelperId::tcp_check_syncookie, no_such_argument);
    set(table, HelperId::tcp_gen_syncookie, no_such_argument);
    set(table, KfuncId::bpf_xdp_ct_lookup, ct_lookup);
    set(table, KfuncId::bpf_ct_release, ct_release);
}

}  // namespace weir::vm
