// What the receiving device said of a packet: net/core/xdp.c, bpf_xdp_metadata_rx_*. A device that
// says nothing at all gives -EOPNOTSUPP, one that says nothing of this packet -ENODATA; outputs are
// zero then, since they count as written.

#include <cerrno>
#include <cstring>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

const PacketMetadata* metadata_of(uint64_t r1) {
    return reinterpret_cast<const XdpContext*>(r1)->metadata;
}

template <typename T>
void store(uint64_t at, T value) {
    std::memcpy(reinterpret_cast<void*>(at), &value, sizeof value);
}

int missing(const PacketMetadata* metadata, bool PacketMetadata::* has) {
    if (metadata == nullptr) return -EOPNOTSUPP;
    return metadata->*has ? 0 : -ENODATA;
}

uint64_t rx_timestamp(uint64_t r1, uint64_t timestamp, uint64_t, uint64_t, uint64_t, RunEnv&) {
    const PacketMetadata* const metadata = metadata_of(r1);
    const int error = missing(metadata, &PacketMetadata::has_timestamp);
    store<uint64_t>(timestamp, error == 0 ? metadata->timestamp_ns : 0);
    return error_value(error);
}

uint64_t rx_hash(uint64_t r1, uint64_t hash, uint64_t type, uint64_t, uint64_t, RunEnv&) {
    const PacketMetadata* const metadata = metadata_of(r1);
    const int error = missing(metadata, &PacketMetadata::has_hash);
    store<uint32_t>(hash, error == 0 ? metadata->hash : 0);
    store<uint32_t>(type, error == 0 ? metadata->hash_type : 0);
    return error_value(error);
}

uint64_t rx_vlan_tag(uint64_t r1, uint64_t protocol, uint64_t tci, uint64_t, uint64_t, RunEnv&) {
    const PacketMetadata* const metadata = metadata_of(r1);
    const int error = missing(metadata, &PacketMetadata::has_vlan_tag);
    store<uint16_t>(protocol, error == 0 ? metadata->vlan_protocol_be16 : uint16_t{0});
    store<uint16_t>(tci, error == 0 ? metadata->vlan_tci : uint16_t{0});
    return error_value(error);
}

}  // namespace

void add_metadata_kfuncs(HelperTable& table) {
    set(table, KfuncId::bpf_xdp_metadata_rx_timestamp, rx_timestamp);
    set(table, KfuncId::bpf_xdp_metadata_rx_hash, rx_hash);
    set(table, KfuncId::bpf_xdp_metadata_rx_vlan_tag, rx_vlan_tag);
}

}  // namespace weir::vm
