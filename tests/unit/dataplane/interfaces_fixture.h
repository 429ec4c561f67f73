#pragma once
// Kernel interfaces in a network namespace of a test's own, and raw sockets on them.

#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <span>
#include <string>

#include "tests/unit/dataplane/forwarding_fixture.h"

namespace weir::dataplane::testing {

constexpr uint16_t kEtherType = 0x88B5;  // IEEE 802, for local experiments

inline void run_command(const std::string& command) {
    ASSERT_EQ(system(command.c_str()), 0) << command;
}

/// left <-> wan and lan <-> right; wan and lan are for the dataplane.
inline void make_links() {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    run_command(
        "ip link add left type veth peer name wan && ip link add lan type veth peer name right");
    for (const char* name : {"left", "wan", "lan", "right"}) {
        run_command(std::string("ip link set ") + name + " addrgenmode none && ip link set " +
                    name + " up");
    }
}

/// A raw socket on one interface.
class Wire {
public:
    /// `protocol`: what the kernel takes sent frames for where it looks into them.
    explicit Wire(const std::string& interface, uint16_t protocol = kEtherType) {
        fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(protocol);
        address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
        EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
            << std::strerror(errno);
    }
    ~Wire() { close(fd_); }
    void send(const Frame& frame) {
        EXPECT_EQ(write(fd_, frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
    }
    /// What no interface takes is not sent.
    void try_to_send(std::span<const uint8_t> frame) {
        [[maybe_unused]] const ssize_t sent = write(fd_, frame.data(), frame.size());
    }
    /// Empty after `wait_ms` without a frame.
    Frame receive(int wait_ms) {
        pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
        if (poll(&waiting, 1, wait_ms) != 1) return {};
        Frame frame(65536);
        const ssize_t length = read(fd_, frame.data(), frame.size());
        frame.resize(length > 0 ? static_cast<size_t>(length) : 0);
        return frame;
    }

private:
    int fd_ = -1;
};

inline Frame numbered(uint32_t number, size_t length) {
    Frame frame(length, static_cast<uint8_t>(number));
    const uint16_t type = htons(kEtherType);
    std::memcpy(frame.data() + 12, &type, sizeof type);
    std::memcpy(frame.data() + 14, &number, sizeof number);
    return frame;
}

class NeedsRoot : public ::testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root, to make network interfaces";
    }
};

}  // namespace weir::dataplane::testing
