#pragma once
// xskmap (net/xdp/xskmap.c): keys to AF_XDP sockets, for bpf_redirect_map. A value is the number of
// a socket, which means nothing here. As in the kernel the control side sets and removes sockets
// and cannot read them back.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "maps/redirect_map.h"
#include "maps/region.h"
#include "maps/slot_count.h"
#include "vm/base/result.h"

namespace weir::maps {

class Xskmap final : public RedirectMap {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    /// Programs ask so whether there is a socket before they redirect. What they see of it, struct
    /// bpf_xdp_sock with queue_id alone, is its number; they may not write it.
    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EINVAL
    int erase(const uint8_t*) override;                                       ///< -EINVAL
    bool has_target(uint32_t key) const override { return socket_at(key).has_value(); }
    /// The number that the control side gave. Any thread.
    std::optional<uint32_t> socket_at(uint32_t key) const;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;  ///< -EOPNOTSUPP
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return filled_.get(); }
    uint64_t memory_bytes() const override { return memory_.bytes(); }

private:
    Xskmap(const vm::MapSpec& spec, Region memory)
        : RedirectMap(spec), memory_(std::move(memory)) {}
    /// 0, or the socket's number with kPresent.
    std::atomic<uint64_t>& slot(uint32_t index) const {
        return reinterpret_cast<std::atomic<uint64_t>*>(memory_.data())[index];
    }

    void set(uint32_t index, uint64_t socket);

    static constexpr uint64_t kPresent = uint64_t{1} << 32;
    Region memory_;
    SlotCount filled_;
    std::mutex control_;  ///< among writers
};

}  // namespace weir::maps
