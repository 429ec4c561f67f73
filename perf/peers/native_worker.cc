// What a DPDK worker costs that was written by hand for one filter: receive 64, filter inline, send
// or free in bulk, count. No programs, no generations, no accounting of fates. Filters are those of
// perf/pps/filters.bpf.c. Prints "RX NANOSECONDS" for every line on stdin, as pps_worker does.
//   native_worker VDEV FILTER CPU HUGEPAGES(0|1) [PREFIXES]
// FILTER: pass, drop, drop_port, drop_blocked (then PREFIXES has a line ADDRESS/BITS for each).

#include <arpa/inet.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_fib.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr uint16_t kBurst = 64;
constexpr uint32_t kPackets = 8192;
constexpr uint16_t kBlockedPort = 53;
constexpr uint32_t kPrefixesMax = 16'384;

[[noreturn]] void give_up(const std::string& what) {
    std::fprintf(stderr, "native_worker: %s\n", what.c_str());
    std::exit(1);
}

// ---- filters ------------------------------------------------------------------------------------

/// The network header behind at most one tag; nullptr: too short.
inline const uint8_t* network_header(const rte_mbuf* packet, uint16_t& protocol) {
    const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
    const uint8_t* end = data + packet->data_len;
    const auto* ethernet = reinterpret_cast<const rte_ether_hdr*>(data);
    const uint8_t* next = data + sizeof *ethernet;
    if (next > end) return nullptr;
    protocol = ethernet->ether_type;
    if (protocol == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
        if (next + sizeof(rte_vlan_hdr) > end) return nullptr;
        protocol = reinterpret_cast<const rte_vlan_hdr*>(next)->eth_proto;
        next += sizeof(rte_vlan_hdr);
    }
    return next;
}

inline bool is_blocked_port(uint8_t protocol, const uint8_t* transport, const uint8_t* end) {
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return false;
    return transport + 4 <= end &&
           *reinterpret_cast<const uint16_t*>(transport + 2) == RTE_BE16(kBlockedPort);
}

/// A mask of the packets that stay, bit by place in the burst.
struct PassAll {
    uint64_t judge(rte_mbuf**, uint16_t) { return UINT64_MAX; }
};
struct DropAll {
    uint64_t judge(rte_mbuf**, uint16_t) { return 0; }
};

struct DropPort {
    enum Kind : uint32_t { kOther, kIpv4, kIpv6, kDropped, kKinds };
    alignas(64) uint64_t counts[kKinds] = {};  // this core's

    static Kind classify(const rte_mbuf* packet) {
        uint16_t protocol = 0;
        const uint8_t* next = network_header(packet, protocol);
        const uint8_t* end = rte_pktmbuf_mtod_offset(packet, const uint8_t*, packet->data_len);
        if (next == nullptr) return kOther;
        if (protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
            const auto* ip = reinterpret_cast<const rte_ipv4_hdr*>(next);
            if (next + sizeof *ip > end) return kOther;
            const uint8_t* transport = next + (ip->version_ihl & 15) * 4;
            return is_blocked_port(ip->next_proto_id, transport, end) ? kDropped : kIpv4;
        }
        if (protocol == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
            const auto* ip = reinterpret_cast<const rte_ipv6_hdr*>(next);
            if (next + sizeof *ip > end) return kOther;
            return is_blocked_port(ip->proto, next + sizeof *ip, end) ? kDropped : kIpv6;
        }
        return kOther;
    }
    uint64_t judge(rte_mbuf** packets, uint16_t count) {
        uint64_t stays = 0;
        for (uint16_t i = 0; i < count; ++i) {
            const Kind kind = classify(packets[i]);
            ++counts[kind];
            stays |= static_cast<uint64_t>(kind != kDropped) << i;
        }
        return stays;
    }
};

/// All addresses of a burst in one call, which is what rte_fib is fastest at.
struct DropBlocked {
    rte_fib* fib = nullptr;

    uint64_t judge(rte_mbuf** packets, uint16_t count) {
        uint32_t addresses[kBurst];
        uint64_t found[kBurst];
        uint64_t is_ipv4 = 0;
        for (uint16_t i = 0; i < count; ++i) {
            uint16_t protocol = 0;
            const uint8_t* next = network_header(packets[i], protocol);
            const uint8_t* end =
                rte_pktmbuf_mtod_offset(packets[i], const uint8_t*, packets[i]->data_len);
            addresses[i] = 0;
            if (next == nullptr || protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
                next + sizeof(rte_ipv4_hdr) > end)
                continue;
            is_ipv4 |= uint64_t{1} << i;
            addresses[i] = rte_be_to_cpu_32(reinterpret_cast<const rte_ipv4_hdr*>(next)->src_addr);
        }
        rte_fib_lookup_bulk(fib, addresses, found, count);
        uint64_t hit = 0;
        for (uint16_t i = 0; i < count; ++i) hit |= static_cast<uint64_t>(found[i] != 0) << i;
        return ~(hit & is_ipv4);
    }
};

// ---- the worker ---------------------------------------------------------------------------------

struct Shared {
    uint16_t port = 0;
    std::atomic<uint64_t> received{0};
    std::atomic<bool> stop{false};
};

template <typename Filter>
void serve(Shared& shared, Filter& filter) {
    rte_mbuf *packets[kBurst], *dropped[kBurst];
    uint64_t received = 0;
    while (!shared.stop.load(std::memory_order_relaxed)) {
        const uint16_t count = rte_eth_rx_burst(shared.port, 0, packets, kBurst);
        if (count == 0) continue;
        for (uint16_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(packets[i], void*));
        const uint64_t stays = filter.judge(packets, count);
        uint16_t kept = 0, gone = 0;
        for (uint16_t i = 0; i < count; ++i) {
            rte_mbuf* const packet = packets[i];
            const bool keep = (stays >> i & 1) != 0;
            packets[kept] = packet;
            dropped[gone] = packet;
            kept = static_cast<uint16_t>(kept + keep);
            gone = static_cast<uint16_t>(gone + !keep);
        }
        if (gone != 0) rte_pktmbuf_free_bulk(dropped, gone);
        if (kept != 0) {
            const uint16_t sent = rte_eth_tx_burst(shared.port, 0, packets, kept);
            if (sent < kept) rte_pktmbuf_free_bulk(packets + sent, kept - sent);
        }
        received += count;
        shared.received.store(received, std::memory_order_relaxed);
    }
}

struct Job {
    Shared shared;
    std::string filter;
    rte_fib* fib = nullptr;
};

int work(void* opaque) {
    Job& job = *static_cast<Job*>(opaque);
    const auto run = [&](auto&& filter) { serve(job.shared, filter); };
    if (job.filter == "pass") run(PassAll{});
    if (job.filter == "drop") run(DropAll{});
    if (job.filter == "drop_port") run(DropPort{});
    if (job.filter == "drop_blocked") run(DropBlocked{job.fib});
    return 0;
}

// ---- setting up ---------------------------------------------------------------------------------

rte_fib* read_prefixes(const char* path) {
    rte_fib_conf conf{};
    conf.type = RTE_FIB_DIR24_8;
    conf.max_routes = kPrefixesMax;
    conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
    conf.dir24_8.num_tbl8 = 4096;
    rte_fib* fib = rte_fib_create("blocked", 0, &conf);
    if (fib == nullptr) give_up(std::string("rte_fib: ") + rte_strerror(rte_errno));
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const size_t slash = line.find('/');
        in_addr address{};
        if (slash == std::string::npos ||
            inet_pton(AF_INET, line.substr(0, slash).c_str(), &address) != 1)
            continue;  // IPv6 prefixes are not looked up
        const auto bits = static_cast<uint8_t>(std::stoul(line.substr(slash + 1)));
        if (rte_fib_add(fib, rte_be_to_cpu_32(address.s_addr), bits, 1) != 0)
            give_up("rte_fib takes no " + line);
    }
    return fib;
}

void start_eal(const char* vdev, const std::string& cpu, bool hugepages) {
    std::vector<std::string> words = {"native_worker",
                                      "--lcores",
                                      "0@" + cpu + ",1@0",
                                      "--main-lcore",
                                      "1",
                                      "--no-pci",
                                      "--no-telemetry",
                                      "--log-level",
                                      "4",
                                      "--vdev",
                                      vdev,
                                      "--force-max-simd-bitwidth",
                                      "512"};
    if (hugepages)
        words.emplace_back("--in-memory");
    else
        words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", "256"});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
        give_up("EAL does not start");
}

void start_port(uint16_t port) {
    rte_mempool* pool =
        rte_pktmbuf_pool_create("packets", kPackets, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    rte_eth_conf conf{};
    if (pool == nullptr || rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
        rte_eth_rx_queue_setup(port, 0, 1024, 0, nullptr, pool) != 0 ||
        rte_eth_tx_queue_setup(port, 0, 1024, 0, nullptr) != 0 || rte_eth_dev_start(port) != 0)
        give_up("the device does not start");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5 || (argv[2] == std::string("drop_blocked") && argc < 6)) {
        std::fprintf(stderr,
                     "usage: native_worker VDEV pass|drop|drop_port|drop_blocked CPU "
                     "HUGEPAGES(0|1) [PREFIXES]\n");
        return 2;
    }
    start_eal(argv[1], argv[3], argv[4] == std::string("1"));
    static Job job;
    job.filter = argv[2];
    if (job.filter == "drop_blocked") job.fib = read_prefixes(argv[5]);
    start_port(job.shared.port);
    rte_eal_remote_launch(work, &job, 0);
    for (std::string line; std::getline(std::cin, line);) {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        std::printf("%lu %lu\n", job.shared.received.load(std::memory_order_relaxed),
                    static_cast<unsigned long>(now.tv_sec) * 1'000'000'000u +
                        static_cast<unsigned long>(now.tv_nsec));
        std::fflush(stdout);
    }
    job.shared.stop = true;
    rte_eal_wait_lcore(0);
    rte_eal_cleanup();
    return 0;
}
