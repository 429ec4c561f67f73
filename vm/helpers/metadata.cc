// What the receiving device said of a packet: net/core/xdp.c, bpf_xdp_metadata_rx_*. A device that
// says nothing at all gives -EOPNOTSUPP, one that says nothing of this packet -ENODATA.

#include <cerrno>
#include <cstring>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

const PacketMetadata* metadata_of(uint64_t r1) {
    return reinterpret_cast<const XdpContext*>(r1)->metadata;
}

template <typename T>
void give(const RunEnv& env, uint64_t at, int error, T PacketMetadata::* field,
          const PacketMetadata* metadata) {
    auto* const to = reinterpret_cast<void*>(at);
    if (error == 0)
        std::memcpy(to, &(metadata->*field), sizeof(T));
    else
        leave_unfilled(env, to, sizeof(T));
}

int missing(const PacketMetadata* metadata, bool PacketMetadata::* has) {
    if (metadata == nullptr) return -EOPNOTSUPP;
    return metadata->*has ? 0 : -ENODATA;
}

uint64_t rx_timestamp(uint64_t r1, uint64_t timestamp, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    const PacketMetadata* const metadata = metadata_of(r1);
    const int error = missing(metadata, &PacketMetadata::has_timestamp);
    give(env, timestamp, error, &PacketMetadata::timestamp_ns, metadata);
    return error_value(error);
}

uint64_t rx_hash(uint64_t r1, uint64_t hash, uint64_t type, uint64_t, uint64_t, RunEnv& env) {
    const PacketMetadata* const metadata = metadata_of(r1);
    const int error = missing(metadata, &PacketMetadata::has_hash);
    give(env, hash, error, &PacketMetadata::hash, metadata);
    give(env, type, error, &PacketMetadata::hash_type, metadata);
    return error_value(error);
}

uint64_t rx_vlan_tag(uint64_t r1, uint64_t protocol, uint64_t tci, uint64_t, uint64_t,
                     RunEnv& env) {
    const PacketMetadata* const metadata = metadata_of(r1);
    const int error = missing(metadata, &PacketMetadata::has_vlan_tag);
    give(env, protocol, error, &PacketMetadata::vlan_protocol_be16, metadata);
    give(env, tci, error, &PacketMetadata::vlan_tci, metadata);
    return error_value(error);
}

}  // namespace

void add_metadata_kfuncs(HelperTable& table) {
    set(table, KfuncId::bpf_xdp_metadata_rx_timestamp, rx_timestamp);
    set(table, KfuncId::bpf_xdp_metadata_rx_hash, rx_hash);
    set(table, KfuncId::bpf_xdp_metadata_rx_vlan_tag, rx_vlan_tag);
}

}  // namespace weir::vm
