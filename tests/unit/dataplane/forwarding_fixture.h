#pragma once
// What the tests of the packet side share: a child process per EAL, programs made of lambdas,
// frames put into net_ring ports.

#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/forwarding.h"
#include "tests/unit/dataplane/eventually.h"

namespace weir::dataplane::testing {

/// EAL starts once per process, so that every test which needs it runs in a child; the child's
/// failures are the test's.
inline void in_child(const std::function<void()>& body) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        alarm(60);
        body();
        std::fflush(nullptr);
        _exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0) << "see the child's failures above";
}

class RunDir {
public:
    RunDir() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "weir_forwarding_XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~RunDir() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// A program whose code is a function of the test's.
class LambdaProgram : public jit::CompiledProgram {
public:
    using Body = std::function<uint32_t(vm::XdpContext&, vm::RunEnv&)>;
    explicit LambdaProgram(Body body)
        : CompiledProgram({enter_single, enter_burst, true}), body_(std::move(body)) {}
    jit::Engine engine() const override { return jit::Engine::kInterp; }
    std::span<const uint8_t> code() const override { return {}; }

private:
    static uint64_t enter_single(uint64_t context, uint64_t self, vm::RunEnv* env) {
        const auto* program =
            static_cast<const LambdaProgram*>(reinterpret_cast<const CompiledProgram*>(self));
        return program->body_(*reinterpret_cast<vm::XdpContext*>(context), *env);
    }
    static void enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                            uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self) {
        for (; context != end; ++context) {
            *verdicts++ = self->run(*context, *env);
            *redirects++ = env->redirect_ifindex;
            vm::keep_map_redirect(*env);
        }
    }

    Body body_;
};

inline ChainEntry entry(uint32_t slot, LambdaProgram::Body body) {
    return {.program = std::make_shared<LambdaProgram>(std::move(body)), .slot = slot};
}
/// The same for a program of xdp.frags.
inline ChainEntry taking_segments(uint32_t slot, LambdaProgram::Body body) {
    ChainEntry made = entry(slot, std::move(body));
    made.takes_segments = true;
    return made;
}
inline ChainEntry returning(uint32_t slot, uint32_t verdict) {
    return entry(slot, [verdict](vm::XdpContext&, vm::RunEnv&) { return verdict; });
}

inline std::unique_ptr<Generation> generation(uint64_t number, std::vector<PortChains> ports) {
    auto made = std::make_unique<Generation>();
    made->number = number;
    made->ports = std::move(ports);
    return made;
}

/// Ports "p0", "p1", … with ifindex 1, 2, …; each passes to the name given, "" drops.
inline api::Configure configure(
    const std::vector<std::pair<std::string, std::string>>& devices_and_pass,
    std::vector<uint32_t> lcores = {0}) {
    api::Configure made;
    made.lcores = std::move(lcores);
    made.hugepages = api::HugepageMode::Off;
    made.memory_bytes = 256u << 20;
    for (const auto& [device, pass] : devices_and_pass) {
        api::PortConfig port;
        port.name = "p" + std::to_string(made.ports.size());
        port.device = device;
        port.pass = pass.empty() ? api::PassKind::Drop : api::PassKind::Port;
        port.pass_port = pass;
        port.ifindex = static_cast<uint32_t>(made.ports.size() + 1);
        made.ports.push_back(port);
    }
    return made;
}

inline std::unique_ptr<Forwarding> start(const api::Configure& configure, const RunDir& dir) {
    Result<std::unique_ptr<Forwarding>> started = Forwarding::start(configure, dir.path());
    if (!started) {
        ADD_FAILURE() << started.error().message;
        return nullptr;
    }
    return std::move(*started);
}

/// Packets that end up nowhere or are not yet anywhere; 0 always.
inline uint64_t unaccounted(const api::Counters& counters) {
    uint64_t drops = 0;
    for (const auto& [reason, packets] : counters.drops) drops += packets;
    return counters.rx + counters.cloned + counters.generated - counters.tx - counters.to_kernel -
           drops - counters.in_flight;
}

inline uint64_t dropped(const api::Counters& counters, const std::string& reason) {
    const auto found = counters.drops.find(reason);
    return found == counters.drops.end() ? 0 : found->second;
}

using Frame = std::vector<uint8_t>;

/// A net_ring device's transmit ring is its receive ring: what is put in here arrives at the port.
class RingInput {
public:
    explicit RingInput(const std::string& device, uint16_t queue = 0) {
        ring_ = rte_ring_lookup(("ETH_RXTX" + std::to_string(queue) + "_" + device).c_str());
        pool_ = rte_mempool_lookup("weir_packets");
        EXPECT_NE(ring_, nullptr);
        EXPECT_NE(pool_, nullptr);
    }
    /// False when there is no room.
    bool put(const Frame& frame) { return put_parts({frame}); }
    /// One packet, a buffer for each part.
    bool put_parts(const std::vector<Frame>& parts) {
        rte_mbuf* packet = nullptr;
        for (const Frame& part : parts) {
            rte_mbuf* buffer = rte_pktmbuf_alloc(pool_);
            if (buffer == nullptr) break;
            if (!part.empty())
                std::memcpy(rte_pktmbuf_append(buffer, static_cast<uint16_t>(part.size())),
                            part.data(), part.size());
            if (packet == nullptr) {
                packet = buffer;
            } else {
                EXPECT_EQ(rte_pktmbuf_chain(packet, buffer), 0);
            }
        }
        if (packet == nullptr) return false;
        if (packet->nb_segs == parts.size() && rte_ring_enqueue(ring_, packet) == 0) return true;
        rte_pktmbuf_free(packet);
        return false;
    }
    /// All at once, so that a worker meets them in full bursts. False when there is no room.
    bool put_burst(const std::vector<Frame>& frames) {
        std::vector<rte_mbuf*> packets(frames.size());
        if (rte_pktmbuf_alloc_bulk(pool_, packets.data(), static_cast<unsigned>(packets.size())) !=
            0)
            return false;
        for (size_t i = 0; i < frames.size(); ++i)
            std::memcpy(rte_pktmbuf_append(packets[i], static_cast<uint16_t>(frames[i].size())),
                        frames[i].data(), frames[i].size());
        const auto count = static_cast<unsigned>(packets.size());
        if (rte_ring_enqueue_bulk(ring_, reinterpret_cast<void**>(packets.data()), count,
                                  nullptr) == count)
            return true;
        rte_pktmbuf_free_bulk(packets.data(), count);
        return false;
    }
    void put_patiently(const Frame& frame) {
        while (!put(frame)) std::this_thread::yield();
    }

private:
    rte_ring* ring_;
    rte_mempool* pool_;
};

}  // namespace weir::dataplane::testing
