// Forwarding over kernel interfaces, in a network namespace of the test's own. Needs root.

#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstring>

#include "dataplane/forwarding.h"
#include "dataplane/interface.h"
#include "tests/unit/dataplane/interfaces_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

PortChains dropping_odd() {
    return {.ingress = {entry(0,
                              [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
                                  return context.data[14] % 2 ? vm::XDP_DROP : vm::XDP_PASS;
                              })},
            .egress = {}};
}

/// Sends both ways; even numbers arrive unchanged and in order, nothing else does.
void expect_wire(const std::string& driver) {
    const RunDir dir;
    {
        auto forwarding = start(configure({{"net_" + driver + "0,iface=wan", "p1"},
                                           {"net_" + driver + "1,iface=lan", "p0"}}),
                                dir);
        ASSERT_TRUE(forwarding);
        ASSERT_TRUE(forwarding->publish(generation(1, {dropping_odd(), dropping_odd()})));
        Wire left("left"), right("right"), host("wan");
        for (uint32_t i = 0; i < 200; ++i) {
            const Frame out = numbered(i, 60 + i * 7), back = numbered(i, 1514);
            left.send(out);
            right.send(back);
            if (i % 2) continue;
            EXPECT_EQ(right.receive(2000), out) << i;
            EXPECT_EQ(left.receive(2000), back) << i;
        }
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx >= 400; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(dropped(stats.total, "xdp_drop"), 200u);
        EXPECT_EQ(stats.total.tx, 200u);
        EXPECT_EQ(unaccounted(stats.total), 0u);
        EXPECT_TRUE(right.receive(50).empty());
        EXPECT_TRUE(left.receive(50).empty());
        EXPECT_EQ(host.receive(0).empty(), driver == "af_xdp")
            << "only af_xdp hides frames from the host";
        const api::PortInfo info = forwarding->port_infos().at(0);
        EXPECT_EQ(info.driver, "net_" + driver);
        EXPECT_EQ(info.mtu, 1500);
        EXPECT_TRUE(info.link_up);
    }
    for (const char* name : {"wan", "lan"})
        EXPECT_EQ(read_interface(name)->xdp_program_id, 0u) << name;
}

class ForwardingInterfaces : public NeedsRoot {};

TEST_F(ForwardingInterfaces, AfXdpIsAWire) {
    in_child([] {
        make_links();
        expect_wire("af_xdp");
    });
}

TEST_F(ForwardingInterfaces, AfPacketIsAWire) {
    in_child([] {
        make_links();
        expect_wire("af_packet");
    });
}

TEST_F(ForwardingInterfaces, RefusesAfPacketWhereTheHostListensToo) {
    in_child([] {
        make_links();
        run_command("ip addr add 192.0.2.1/24 dev wan");
        const RunDir dir;
        const auto refused = Forwarding::start(
            configure({{"net_af_packet0,iface=wan", "p1"}, {"net_af_packet1,iface=lan", "p0"}}),
            dir.path());
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().message.find("ports.p0: interface wan has the address 192.0.2.1"),
                  std::string::npos)
            << refused.error().message;
        EXPECT_NE(refused.error().message.find("ip addr flush dev wan"), std::string::npos)
            << refused.error().message;
        run_command("ip addr flush dev wan && ip link set wan mtu 4000");
        const auto cut = Forwarding::start(
            configure({{"net_af_packet0,iface=wan", "p1"}, {"net_af_packet1,iface=lan", "p0"}}),
            dir.path());
        ASSERT_FALSE(cut);
        EXPECT_NE(cut.error().message.find("interface wan has MTU 4000"), std::string::npos)
            << cut.error().message;
    });
}

TEST_F(ForwardingInterfaces, RefusesAnInterfaceThatIsInUseOrMissing) {
    in_child([] {
        make_links();
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const RunDir holder_dir;
        const pid_t holder = fork();
        if (holder == 0) {
            auto forwarding = start(configure({{"net_af_xdp0,iface=wan", ""}}), holder_dir);
            EXPECT_EQ(write(ready[1], "x", 1), 1);
            pause();
        }
        char byte = 0;
        ASSERT_EQ(read(ready[0], &byte, 1), 1);
        in_child([] {
            const RunDir dir;
            const auto missing =
                Forwarding::start(configure({{"net_af_xdp0,iface=nowhere", ""}}), dir.path());
            ASSERT_FALSE(missing);
            EXPECT_NE(
                missing.error().message.find("interface 'nowhere' does not exist; there are: "),
                std::string::npos)
                << missing.error().message;
            const auto taken =
                Forwarding::start(configure({{"net_af_xdp0,iface=wan", ""}}), dir.path());
            ASSERT_FALSE(taken);
            EXPECT_NE(taken.error().message.find("in use"), std::string::npos)
                << taken.error().message;
        });
        kill(holder, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(holder, &status, 0), holder);
        in_child([] {  // what a killed dataplane left behind stops nobody
            const RunDir dir;
            EXPECT_TRUE(start(configure({{"net_af_xdp0,iface=wan", ""}}), dir));
        });
        EXPECT_EQ(read_interface("wan")->xdp_program_id, 0u);
    });
}

TEST_F(ForwardingInterfaces, NamesThePortThatReceivesWrongChecksums) {
    in_child([] {
        make_links();
        const RunDir dir;
        auto forwarding = start(
            configure({{"net_af_xdp0,iface=wan", "p1"}, {"net_af_xdp1,iface=lan", "p0"}}), dir);
        ASSERT_TRUE(forwarding);
        ASSERT_TRUE(forwarding->publish(generation(1, {{}, {}})));
        Frame frame(14 + 20 + 8 + 18, 0);
        frame[12] = 0x08;
        frame[14] = 0x45;
        frame[17] = 46;
        frame[23] = 17;
        frame[39] = 26;    // UDP length
        frame[40] = 0x12;  // a checksum that is none
        const int fd = socket(AF_PACKET, SOCK_RAW, 0);
        sockaddr_ll address{.sll_family = AF_PACKET,
                            .sll_protocol = htons(0x0800),
                            .sll_ifindex = static_cast<int>(if_nametoindex("left"))};
        for (int i = 0; i < 40; ++i) {
            ASSERT_EQ(sendto(fd, frame.data(), frame.size(), 0,
                             reinterpret_cast<sockaddr*>(&address), sizeof address),
                      static_cast<ssize_t>(frame.size()));
        }
        ASSERT_TRUE(eventually([&] { return forwarding->port_infos().at(0).bad_checksums >= 32; }));
        EXPECT_EQ(forwarding->port_infos().at(1).bad_checksums, 0u);
        std::string all;
        for (const std::string& warning : forwarding->warnings()) all += warning + "\n";
        EXPECT_NE(all.find("port p0 (wan): "), std::string::npos) << all;
        EXPECT_NE(all.find("ethtool -K "), std::string::npos) << all;
        close(fd);
    });
}

/// What is counted at the host's end of a port is the port's.
TEST_F(ForwardingInterfaces, CountsHeadsThatMovedOnTheWayToTheHost) {
    in_child([] {
        ASSERT_EQ(unshare(CLONE_NEWNET), 0);
        const RunDir dir;
        api::Configure wanted = configure({{"net_ring0", ""}});
        wanted.ports[0].pass = api::PassKind::Kernel;
        auto forwarding = start(wanted, dir);
        ASSERT_TRUE(forwarding);
        const auto grow = [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            context.data -= kPacketHeadroomBytes;
            return vm::XDP_PASS;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, grow)}, .egress = {}}})));
        RingInput input("net_ring0");
        input.put_patiently(Frame(60, 0));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.to_kernel == 1; }));
        EXPECT_EQ(forwarding->port_infos().at(0).heads_moved, 1u);
    });
}

}  // namespace
}  // namespace weir::dataplane
