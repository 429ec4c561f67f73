#pragma once
// What keeps net_af_packet from handing on damaged frames. The driver cuts a frame that is longer
// than its ring's, takes what the host itself sends by the interface for received, and turns
// 802.1ad tags into 802.1Q ones. A socket filter turns those frames away before they reach its
// ring; a second socket counts them. Control thread.

#include <cstdint>
#include <memory>
#include <string>

#include "vm/base/result.h"

namespace weir::dataplane {

class PacketGuard {
public:
    /// After the driver opened the interface: filters all of this process's packet sockets on it.
    /// kResource: the kernel takes no filter, or there is no such socket.
    static Result<std::unique_ptr<PacketGuard>> attach(const std::string& interface,
                                                       uint32_t frame_bytes_max);
    ~PacketGuard();
    PacketGuard(const PacketGuard&) = delete;
    PacketGuard& operator=(const PacketGuard&) = delete;

    /// Frames turned away so far because they were too long, and because of their tag.
    struct Count {
        uint64_t too_long = 0, service_tagged = 0;
    };
    Count count();

private:
    PacketGuard(int too_long_fd, int tagged_fd);
    int too_long_fd_, tagged_fd_;
    Count count_;
};

}  // namespace weir::dataplane
