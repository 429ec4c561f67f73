#include "dataplane/xdp_guard.h"

#include <linux/if_ether.h>
#include <sys/prctl.h>

#include <atomic>
#include <fstream>

#include "tests/unit/dataplane/interfaces_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

class XdpGuards : public NeedsRoot {};

PortChains dropping() {
    return {.ingress = {returning(0, vm::XDP_DROP)}, .egress = {}};
}

uint32_t program_on(const std::string& interface) {
    return read_interface(interface)->xdp_program_id;
}

/// A dataplane in a process of its own, on `wan`, that is there when the constructor returns.
class Holder {
public:
    Holder() {
        int ready[2];
        EXPECT_EQ(pipe(ready), 0);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);  // an alarm of the parent is not inherited
            auto forwarding = start(configure({{"net_af_xdp0,iface=wan", ""}}), dir_);
            const bool runs = forwarding && forwarding->publish(generation(1, {dropping()}));
            if (!runs || write(ready[1], "x", 1) != 1) _exit(1);  // ends the parent's read, too
            pause();
        }
        close(ready[1]);
        char byte = 0;
        EXPECT_EQ(read(ready[0], &byte, 1), 1);
        close(ready[0]);
    }
    ~Holder() { die(); }
    void die() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
        pid_ = -1;
    }

private:
    RunDir dir_;
    pid_t pid_ = -1;
};

/// Frames from `left` without a pause.
class Flood {
public:
    Flood() : thread_([this] { run(); }) {}
    ~Flood() {
        stop_ = true;
        thread_.join();
    }
    bool has_sent(uint32_t more) {
        const uint32_t goal = sent_ + more;
        return eventually([&] { return sent_ >= goal; });
    }

private:
    void run() {
        Wire left("left");
        while (!stop_) {
            left.send(numbered(sent_, 60));
            ++sent_;
        }
    }
    std::atomic<bool> stop_{false};
    std::atomic<uint32_t> sent_{0};
    std::thread thread_;
};

TEST_F(XdpGuards, HideFramesFromTheHostWhileTheDataplaneRunsAfterItWasKilledAndWhenItComesBack) {
    in_child([] {
        make_links();
        Holder holder;
        Wire host("wan");
        Flood flood;
        ASSERT_TRUE(flood.has_sent(1000));
        holder.die();
        ASSERT_TRUE(flood.has_sent(1000));
        EXPECT_NE(program_on("wan"), 0u);
        in_child([&] {
            const RunDir dir;
            auto back = start(configure({{"net_af_xdp0,iface=wan", ""}}), dir);
            ASSERT_TRUE(back);
            ASSERT_TRUE(back->publish(generation(1, {dropping()})));
            EXPECT_TRUE(eventually([&] { return back->read_stats().total.rx > 1000; }));
            EXPECT_TRUE(host.receive(0).empty());
        });
        // The orderly end gives the interface back, and shows that this socket sees frames.
        EXPECT_EQ(program_on("wan"), 0u);
        EXPECT_FALSE(host.receive(2000).empty());
    });
}

TEST_F(XdpGuards, StayWhenADataplaneFailsToComeBack) {
    in_child([] {
        make_links();
        Holder().die();
        const uint32_t left_over = program_on("wan");
        EXPECT_NE(left_over, 0u);
        in_child([] {
            const RunDir dir;
            const auto refused =
                Forwarding::start(configure({{"net_af_xdp0,iface=wan", ""},
                                             {"net_pcap1,tx_pcap=/nonexistent/out.pcap", ""}}),
                                  dir.path());
            ASSERT_FALSE(refused);
        });
        EXPECT_NE(program_on("wan"), 0u);
        Wire host("wan"), left("left");
        left.send(numbered(1, 60));
        EXPECT_TRUE(host.receive(50).empty());
    });
}

TEST_F(XdpGuards, GoWhenAFirstStartFails) {
    in_child([] {
        make_links();
        const RunDir dir;
        ASSERT_FALSE(Forwarding::start(configure({{"net_af_xdp0,iface=wan", ""},
                                                  {"net_pcap1,tx_pcap=/nonexistent/out.pcap", ""}}),
                                       dir.path()));
        EXPECT_EQ(program_on("wan"), 0u);
    });
}

TEST_F(XdpGuards, LeaveAnotherDataplaneAlone) {
    in_child([] {
        make_links();
        Holder holder;
        const uint32_t before = program_on("wan");
        EXPECT_NE(before, 0u);
        in_child([] {
            const RunDir dir;
            const auto refused =
                Forwarding::start(configure({{"net_af_xdp0,iface=wan", ""}}), dir.path());
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().message,
                      "ports.p0: device 'net_af_xdp0,iface=wan': interface wan is in use by "
                      "another dataplane");
        });
        EXPECT_EQ(program_on("wan"), before);
    });
}

TEST_F(XdpGuards, LeaveAnotherProgramAlone) {
    in_child([] {
        make_links();
        const RunDir dir;
        const std::string object = dir.path() + "/pass.o";
        std::ofstream(dir.path() + "/pass.c")
            << "__attribute__((section(\"xdp\"))) int pass(void *c) { return 2; }";
        run_command("clang-14 -O2 -target bpf -c " + dir.path() + "/pass.c -o " + object);
        run_command("ip link set dev wan xdp obj " + object + " sec xdp");
        const uint32_t before = program_on("wan");
        EXPECT_NE(before, 0u);
        in_child([&] {
            const auto refused =
                Forwarding::start(configure({{"net_af_xdp0,iface=wan", ""}}), dir.path());
            ASSERT_FALSE(refused);
            EXPECT_NE(refused.error().message.find("XDP program " + std::to_string(before) +
                                                   " is attached to wan"),
                      std::string::npos)
                << refused.error().message;
            EXPECT_NE(refused.error().message.find("`ip link set dev wan xdp off`"),
                      std::string::npos)
                << refused.error().message;
        });
        EXPECT_EQ(program_on("wan"), before);
    });
}

/// The kernel picks a queue of a veth by the hash of addresses and ports, of a frame that it takes
/// for IPv4.
Frame udp_from_port(uint16_t port) {
    Frame frame(60, 0);
    frame[12] = 0x08;
    frame[14] = 0x45;
    frame[17] = 46;
    frame[22] = 64;
    frame[23] = 17;
    frame[29] = 1;  // 0.0.0.1 -> 0.0.0.2
    frame[33] = 2;
    frame[34] = static_cast<uint8_t>(port >> 8);
    frame[35] = static_cast<uint8_t>(port);
    frame[39] = 26;
    return frame;
}

/// Each queue of the interface is a device; what the kernel puts into either arrives.
TEST_F(XdpGuards, ServeSeveralDevicesOfOneInterface) {
    in_child([] {
        ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
        run_command(
            "ip link add left numtxqueues 2 numrxqueues 2 type veth peer name wan numtxqueues 2 "
            "numrxqueues 2 && ip link set wan up && ip link set left up");
        const RunDir dir;
        auto forwarding = start(configure({{"net_af_xdp0,iface=wan,start_queue=0", ""},
                                           {"net_af_xdp1,iface=wan,start_queue=1", ""}}),
                                dir);
        ASSERT_TRUE(forwarding);
        ASSERT_TRUE(forwarding->publish(generation(1, {dropping(), dropping()})));
        Wire left("left", ETH_P_IP);
        const auto has_both = [&] {
            static uint32_t number = 0;
            left.send(udp_from_port(static_cast<uint16_t>(++number)));
            const api::Stats stats = forwarding->read_stats();
            return stats.ports.at("p0").rx != 0 && stats.ports.at("p1").rx != 0;
        };
        EXPECT_TRUE(eventually(has_both));
    });
}

}  // namespace
}  // namespace weir::dataplane
