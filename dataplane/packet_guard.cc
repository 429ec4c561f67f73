#include "dataplane/packet_guard.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

namespace weir::dataplane {
namespace {

constexpr int kDescriptorsMax = 65'536;
constexpr uint32_t kTakeAll = 0x40000;  ///< bytes of a frame; 0: turn it away
constexpr uint32_t kAncillary = static_cast<uint32_t>(SKF_AD_OFF);

using Filter = std::vector<sock_filter>;

/// Returns the constants by what the frame is. The kernel has taken the outer tag out of the bytes
/// by now, and says beside them whether there was one, and of which type.
Filter make_filter(uint32_t frame_bytes_max, uint32_t too_long, uint32_t tagged, uint32_t good) {
    return {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, frame_bytes_max, 4, 0),
            BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kAncillary + SKF_AD_VLAN_TAG_PRESENT),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
            BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kAncillary + SKF_AD_VLAN_TPID),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 2, 1),
            BPF_STMT(BPF_RET | BPF_K, too_long),
            BPF_STMT(BPF_RET | BPF_K, good),
            BPF_STMT(BPF_RET | BPF_K, tagged)};
}

/// Neither of the two takes frames that this host sends.
bool set_filter(int fd, Filter filter) {
    const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                             .filter = filter.data()};
    const int yes = 1;
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
           setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) == 0;
}

bool is_packet_socket_on(int fd, uint32_t ifindex) {
    int domain = 0;
    socklen_t domain_bytes = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_bytes) != 0 || domain != AF_PACKET)
        return false;
    sockaddr_ll address{};
    socklen_t bytes = sizeof address;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) == 0 &&
           static_cast<uint32_t>(address.sll_ifindex) == ifindex;
}

/// The driver keeps its sockets to itself, so they are looked for among the open descriptors.
std::vector<int> packet_sockets_on(uint32_t ifindex) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const int most = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, kDescriptorsMax));
    std::vector<int> sockets;
    for (int fd = 0; fd < most; ++fd) {
        if (is_packet_socket_on(fd, ifindex)) sockets.push_back(fd);
    }
    return sockets;
}

/// Keeps no frame, and counts those that its filter takes. -1: errno says why.
int open_counter(uint32_t ifindex, Filter filter) {
    // Without a protocol nothing comes until the filter is there.
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int least = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(ifindex);
    if (set_filter(fd, std::move(filter)) &&
        bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/// The kernel starts again from 0 with each reading.
uint64_t frames_since_last(int fd) {
    tpacket_stats stats{};
    socklen_t bytes = sizeof stats;
    return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0 ? stats.tp_packets
                                                                              : 0;
}

}  // namespace

Result<std::unique_ptr<PacketGuard>> PacketGuard::attach(const std::string& interface,
                                                         uint32_t frame_bytes_max) {
    const auto refuse = [&](const char* what) {
        return fail(ErrorKind::kResource,
                    fmt::format("interface {}: {}: {}", interface, what, std::strerror(errno)));
    };
    const uint32_t ifindex = if_nametoindex(interface.c_str());
    const std::vector<int> sockets = packet_sockets_on(ifindex);
    errno = ENOENT;
    if (ifindex == 0 || sockets.empty()) return refuse("packet sockets");
    for (const int fd : sockets) {
        if (!set_filter(fd, make_filter(frame_bytes_max, 0, 0, kTakeAll)))
            return refuse("filter of packets");
    }
    const int too_long = open_counter(ifindex, make_filter(frame_bytes_max, 1, 0, 0));
    if (too_long < 0) return refuse("counting packets");
    const int tagged = open_counter(ifindex, make_filter(frame_bytes_max, 0, 1, 0));
    if (tagged < 0) {
        close(too_long);
        return refuse("counting packets");
    }
    return std::unique_ptr<PacketGuard>(new PacketGuard(too_long, tagged));
}

PacketGuard::PacketGuard(int too_long_fd, int tagged_fd)
    : too_long_fd_(too_long_fd), tagged_fd_(tagged_fd) {}

PacketGuard::~PacketGuard() {
    close(too_long_fd_);
    close(tagged_fd_);
}

PacketGuard::Count PacketGuard::count() {
    count_.too_long += frames_since_last(too_long_fd_);
    count_.service_tagged += frames_since_last(tagged_fd_);
    return count_;
}

}  // namespace weir::dataplane
