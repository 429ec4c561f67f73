// Numbered packets through a node and back: a DPDK process of its own, the server of two memif
// devices. Packets go into one, come out of the other, and are held to their numbers and to what
// the programs of stamps.bpf.c wrote.
//
//   numbered_memif IN-SOCKET OUT-SOCKET QUEUES FLOWS-PER-QUEUE WINDOW
//
// Sends as fast as packets come back (at most WINDOW of each queue are under way, so that nobody's
// ring has to be full), until a line or the end comes on stdin. Then waits for what is under way
// and prints one JSON object. Prints "ready" when both links are up.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/integration/stamps.h"

namespace {

constexpr uint16_t kBurst = 32;
constexpr uint16_t kFrameBytes = STAMP_OFFSET + sizeof(stamp);
constexpr uint16_t kDescriptors = 1024;
constexpr uint32_t kWorkersMax = 128;
constexpr double kPatienceSeconds = 5;

struct Flow {
    uint64_t sent = 0, expected = 0;
};
struct Found {
    uint64_t sent = 0, received = 0, lost = 0, early = 0, foreign = 0;
    uint64_t mixed = 0;      ///< the programs of its chain were of two generations
    uint64_t run_wrong = 0;  ///< a program saw it twice, or not at all
    uint64_t backwards = 0;  ///< a worker went back to an older version
    uint64_t versions = 0, kinds = 0;
    uint64_t longest_gap_us = 0;  ///< between two packets
    uint32_t last_version[kWorkersMax] = {};
    uint32_t last_kind[kWorkersMax] = {};
    bool seen[kWorkersMax] = {};
};

[[noreturn]] void die(const std::string& message) {
    fmt::print(stderr, "numbered_memif: {}\n", message);
    std::exit(2);
}

class Traffic {
public:
    Traffic(uint16_t queues, uint32_t flows_per_queue, uint64_t window)
        : queues_(queues), window_(window), flows_(queues * flows_per_queue), under_way_(queues) {
        pool_ = rte_pktmbuf_pool_create("numbered", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
        if (pool_ == nullptr) die("no packet memory");
    }
    void open(uint16_t port) {
        const rte_eth_conf configuration{};
        int error = rte_eth_dev_configure(port, queues_, queues_, &configuration);
        for (uint16_t queue = 0; queue < queues_; ++queue) {
            error |= rte_eth_rx_queue_setup(port, queue, kDescriptors, 0, nullptr, pool_);
            error |= rte_eth_tx_queue_setup(port, queue, kDescriptors, 0, nullptr);
        }
        if ((error |= rte_eth_dev_start(port)) != 0) die(fmt::format("port {}: {}", port, error));
    }
    /// Sends until there is something on stdin.
    void run() {
        last_tsc_ = rte_rdtsc();
        for (uint64_t round = 0; round % 256 != 0 || !is_over(); ++round) {
            for (uint16_t queue = 0; queue < queues_; ++queue) send(queue);
            receive();
        }
        const uint64_t deadline =
            rte_rdtsc() +
            static_cast<uint64_t>(kPatienceSeconds * static_cast<double>(rte_get_tsc_hz()));
        while (found_.received < found_.sent && rte_rdtsc() < deadline) receive();
        const uint64_t quiet = rte_rdtsc() + rte_get_tsc_hz() / 5;
        while (rte_rdtsc() < quiet) receive();  // what comes twice
    }
    void print() {
        for (const Flow& flow : flows_) found_.lost += flow.sent - flow.expected;
        fmt::print(
            "{{\"sent\":{},\"received\":{},\"lost\":{},\"doubled_or_reordered\":{},"
            "\"foreign\":{},\"mixed\":{},\"run_wrong\":{},\"backwards\":{},\"versions\":{},"
            "\"kinds\":{},\"longest_gap_us\":{},\"workers\":{}}}\n",
            found_.sent, found_.received, found_.lost, found_.early, found_.foreign, found_.mixed,
            found_.run_wrong, found_.backwards, found_.versions, found_.kinds,
            found_.longest_gap_us,
            std::count(std::begin(found_.seen), std::end(found_.seen), true));
    }

private:
    static bool is_over() {
        pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        return poll(&waiting, 1, 0) != 0;
    }
    void write_frame(rte_mbuf& packet, uint32_t flow) {
        auto* frame = rte_pktmbuf_mtod(&packet, uint8_t*);
        packet.data_len = kFrameBytes;
        packet.pkt_len = kFrameBytes;
        std::memset(frame, 0, kFrameBytes);
        const uint8_t start[] = {2, 0, 0, 0, 0,  1,    2, 0, 0,
                                 0, 0, 2, 8, 0,  0x45, 0, 0, kFrameBytes - 14,
                                 0, 0, 0, 0, 64, 17};
        std::memcpy(frame, start, sizeof start);
        frame[26] = 10;
        frame[28] = static_cast<uint8_t>(flow >> 8);
        frame[29] = static_cast<uint8_t>(flow);
        frame[30] = 10;
        frame[33] = 1;
        frame[35] = static_cast<uint8_t>(flow);
        frame[37] = 9;
        frame[39] = kFrameBytes - 34;
        stamp mark{};
        mark.magic = STAMP_MAGIC;
        mark.flow = flow;
        mark.number = flows_[flow].sent;
        std::memcpy(frame + STAMP_OFFSET, &mark, sizeof mark);
    }
    /// Flow f goes by queue f % queues, so that its packets keep their order.
    void send(uint16_t queue) {
        rte_mbuf* packets[kBurst];
        if (under_way_[queue] + kBurst > window_) return;
        if (rte_pktmbuf_alloc_bulk(pool_, packets, kBurst) != 0) return;
        const auto flows = static_cast<uint32_t>(flows_.size());
        for (uint32_t i = 0; i < kBurst; ++i) {
            const uint32_t flow = (next_flow_ + i * queues_) % flows / queues_ * queues_ + queue;
            write_frame(*packets[i], flow);
            order_[i] = flow;
            ++flows_[flow].sent;
        }
        const uint16_t sent = rte_eth_tx_burst(0, queue, packets, kBurst);
        for (uint32_t i = kBurst; i-- > sent;) --flows_[order_[i]].sent;
        for (uint32_t i = sent; i < kBurst; ++i) rte_pktmbuf_free(packets[i]);
        found_.sent += sent;
        under_way_[queue] += sent;
        next_flow_ += kBurst * queues_;
    }
    void receive() {
        rte_mbuf* packets[kBurst];
        for (uint16_t queue = 0; queue < queues_; ++queue) {
            const uint16_t count = rte_eth_rx_burst(1, queue, packets, kBurst);
            if (count == 0) continue;
            const uint64_t now = rte_rdtsc();
            found_.longest_gap_us =
                std::max(found_.longest_gap_us, (now - last_tsc_) * 1'000'000 / rte_get_tsc_hz());
            last_tsc_ = now;
            for (uint16_t i = 0; i < count; ++i) check(*packets[i]);
            rte_pktmbuf_free_bulk(packets, count);
        }
    }
    void check(const rte_mbuf& packet) {
        stamp mark{};
        if (packet.data_len != kFrameBytes) {
            ++found_.foreign;
            return;
        }
        std::memcpy(&mark, rte_pktmbuf_mtod_offset(&packet, const uint8_t*, STAMP_OFFSET),
                    sizeof mark);
        if (mark.magic != STAMP_MAGIC || mark.flow >= flows_.size() || mark.worker >= kWorkersMax) {
            ++found_.foreign;
            return;
        }
        ++found_.received;
        Flow& flow = flows_[mark.flow];
        if (mark.number < flow.expected) {
            ++found_.early;  // again, or behind one that was sent after it
        } else {
            found_.lost += mark.number - flow.expected;
            flow.expected = mark.number + 1;
        }
        if (under_way_[mark.flow % queues_] != 0) --under_way_[mark.flow % queues_];
        check_programs(mark);
    }
    void check_programs(const stamp& mark) {
        found_.mixed += mark.first_version != mark.second_version;
        found_.run_wrong += mark.first_runs != 1 || mark.second_runs != 1;
        uint32_t& version = found_.last_version[mark.worker];
        uint32_t& kind = found_.last_kind[mark.worker];
        found_.backwards += mark.first_version < version;
        found_.versions += mark.first_version != version;
        found_.kinds += mark.kind != kind;
        version = mark.first_version;
        kind = mark.kind;
        found_.seen[mark.worker] = true;
    }

    uint16_t queues_;
    uint64_t window_;
    std::vector<Flow> flows_;
    std::vector<uint64_t> under_way_;
    rte_mempool* pool_ = nullptr;
    uint32_t next_flow_ = 0;
    uint32_t order_[kBurst] = {};
    uint64_t last_tsc_ = 0;
    Found found_;
};

void start_eal(const char* in, const char* out) {
    std::vector<std::string> arguments = {
        "numbered_memif",
        "--no-huge",
        "--no-shconf",
        "--no-pci",
        "-m",
        "256",
        "--no-telemetry",
        "--log-level=lib.eal:4",
        "-l",
        "0",
        fmt::format("--vdev=net_memif0,role=server,id=0,socket={},socket-abstract=no", in),
        fmt::format("--vdev=net_memif1,role=server,id=0,socket={},socket-abstract=no", out)};
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) die("EAL");
    cpu_set_t every;  // the scheduler knows better than we where there is room
    std::memset(&every, 0xff, sizeof every);
    sched_setaffinity(0, sizeof every, &every);
}

void wait_for_links() {
    for (uint32_t tries = 0; tries < 3000; ++tries) {
        rte_eth_link in{}, out{};
        rte_eth_link_get_nowait(0, &in);
        rte_eth_link_get_nowait(1, &out);
        if (in.link_status == RTE_ETH_LINK_UP && out.link_status == RTE_ETH_LINK_UP) return;
        rte_delay_us_sleep(10'000);
    }
    die("nobody connects");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 6) die("IN-SOCKET OUT-SOCKET QUEUES FLOWS-PER-QUEUE WINDOW");
    start_eal(arguments[1], arguments[2]);
    Traffic traffic(static_cast<uint16_t>(std::atoi(arguments[3])),
                    static_cast<uint32_t>(std::atoi(arguments[4])),
                    static_cast<uint64_t>(std::atoi(arguments[5])));
    traffic.open(0);
    traffic.open(1);
    fmt::print("listening\n");
    std::fflush(stdout);
    wait_for_links();
    // The node's workers may still be without a first generation.
    char line[16];
    fmt::print("ready\n");
    std::fflush(stdout);
    if (read(STDIN_FILENO, line, sizeof line) <= 0) return 2;
    traffic.run();
    traffic.print();
    return 0;
}
