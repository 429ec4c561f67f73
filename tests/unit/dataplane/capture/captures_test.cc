#include "dataplane/capture/captures.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/dataplane/capture/tap_fixture.h"
#include "tests/unit/dataplane/eventually.h"
#include "tests/unit/dataplane/temporary_dir.h"

namespace weir::dataplane::capture {
namespace {

constexpr Owner kOwner = 1;
const Bytes kFrame(60, 7);

/// Type of each block of a file; empty: it is not whole.
std::vector<uint32_t> block_types(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::vector<uint32_t> types;
    for (size_t at = 0; at < bytes.size();) {
        uint32_t head[2] = {}, end = 0;
        if (bytes.size() - at < 12) return {};
        std::memcpy(head, &bytes[at], sizeof head);
        if (head[1] < 12 || head[1] > bytes.size() - at) return {};
        std::memcpy(&end, &bytes[at + head[1] - sizeof end], sizeof end);
        if (end != head[1]) return {};
        types.push_back(head[0]);
        at += head[1];
    }
    return types;
}

/// A writer under load takes longer than the packet side.
template <typename Condition>
bool eventually(Condition condition) {
    return dataplane::eventually(condition, std::chrono::seconds(30));
}

class CapturesTest : public testing::Test {
protected:
    CapturesTest() {
        for (uint32_t worker = 0; worker < 2; ++worker)
            taps_.push_back(std::make_unique<Tap>(worker));
        captures_ = std::make_unique<Captures>(NodeNames{.application = "test",
                                                         .ports = {"wan", "lan"},
                                                         .devices = {"d0", "d1"},
                                                         .reasons = {"xdp_drop", "other"},
                                                         .tsc_hz = 2'000'000'000},
                                               std::vector<Tap*>{taps_[0].get(), taps_[1].get()});
    }

    std::string file() const { return folder_ / "out.pcapng"; }
    Descriptor create() const {
        return Descriptor(::open(file().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    }
    uint32_t open(const api::CaptureOpen& request, Descriptor output) {
        const Result<uint32_t> id = captures_->open(kOwner, request, nullptr, std::move(output));
        if (!id) ADD_FAILURE() << id.error().message;
        return id.value_or(0);
    }
    api::CaptureInfo read(uint32_t id) { return captures_->read(id).value_or(api::CaptureInfo{}); }
    api::CaptureInfo finish(uint32_t id) {
        EXPECT_TRUE(captures_->close(kOwner, id));
        EXPECT_TRUE(eventually([&] { return read(id).finished; }));
        return read(id);
    }
    static void send(Tap& tap, uint32_t packets) {
        Tap* const now = tap.enter_round(1);
        if (now == nullptr) return;
        now->begin_burst(0, 0, vm::XDP_PASS);
        static constexpr char kNames[kBurstPacketsMax] = {};
        for (uint32_t i = 0; i < packets; ++i) now->received(&kNames[i], view(kFrame));
        now->end_burst();
    }

    TemporaryDir folder_;
    std::vector<std::unique_ptr<Tap>> taps_;
    std::unique_ptr<Captures> captures_;
};

TEST_F(CapturesTest, WritesASectionAnInterfacePerPortThePacketsAndTheirTotals) {
    const uint32_t id = open({}, create());
    send(*taps_[0], 3);
    send(*taps_[1], 2);
    const api::CaptureInfo info = finish(id);
    EXPECT_EQ(info.matched, 5u);
    EXPECT_EQ(info.captured, 5u);
    EXPECT_EQ(info.written, 5u);
    EXPECT_EQ(block_types(file()), (std::vector<uint32_t>{0x0A0D0D0A, 1, 1, 6, 6, 6, 6, 6, 5, 5}));
    EXPECT_EQ(info.written_bytes, std::filesystem::file_size(file()));
}

TEST_F(CapturesTest, TakesNothingOnceItIsClosed) {
    const uint32_t id = open({}, create());
    finish(id);
    EXPECT_EQ(taps_[0]->enter_round(1), nullptr);
}

TEST_F(CapturesTest, EndsAtItsCount) {
    const uint32_t id = open({.count = 4}, create());
    send(*taps_[0], 3);
    send(*taps_[1], 3);
    EXPECT_TRUE(eventually([&] { return !read(id).ended.empty(); }));
    const api::CaptureInfo info = finish(id);
    EXPECT_EQ(info.ended, "4 packets are captured");
    EXPECT_FALSE(info.failed);
    EXPECT_EQ(std::ranges::count(block_types(file()), 6u), 4);
}

TEST_F(CapturesTest, GoesWithTheConnectionThatOpenedIt) {
    const uint32_t id = open({}, create());
    send(*taps_[0], 3);
    captures_->disconnected(kOwner + 1);
    EXPECT_TRUE(read(id).ended.empty());
    captures_->disconnected(kOwner);
    EXPECT_TRUE(eventually([&] { return read(id).finished; }));
    EXPECT_EQ(std::ranges::count(block_types(file()), 6u), 3);
    EXPECT_TRUE(captures_->list().empty());
}

TEST_F(CapturesTest, RefusesUnknownNamesAndWhatCannotBeWrittenTo) {
    const auto refusal = [&](const api::CaptureOpen& request, Descriptor output) {
        const Result<uint32_t> id = captures_->open(kOwner, request, nullptr, std::move(output));
        return id ? std::string() : id.error().message;
    };
    EXPECT_EQ(refusal({.ports = {"dmz"}}, create()),
              "no port is called 'dmz', there are: wan, lan");
    EXPECT_EQ(refusal({.reasons = {"rain"}}, create()),
              "no drop reason is called 'rain', there are: xdp_drop, other");
    EXPECT_EQ(refusal({.verdicts = {"drop"}}, create()),
              "verdict 'drop', expected XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX or XDP_REDIRECT");
    EXPECT_EQ(refusal({.sample = 0}, create()), "sample: 0, expected 1 (every packet) or more");
    EXPECT_EQ(refusal({}, Descriptor()), "output: no descriptor of it came with the frame");
    EXPECT_EQ(refusal({}, Descriptor(::open("/dev/null", O_RDONLY))),
              "output: open for reading only, expected for writing");
}

TEST_F(CapturesTest, RefusesMoreThanEightAtOnceAndAnotherOnesClose) {
    for (uint32_t i = 0; i < api::kCapturesMax; ++i) open({}, create());
    EXPECT_FALSE(captures_->open(kOwner, {}, nullptr, create()));
    EXPECT_FALSE(captures_->close(kOwner + 1, 1));
    finish(1);
    EXPECT_TRUE(captures_->open(kOwner, {}, nullptr, create()));
}

TEST_F(CapturesTest, EndsWhenTheReaderOfItsPipeIsGone) {
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const uint32_t id = open({}, Descriptor(ends[1]));
    ::close(ends[0]);
    EXPECT_TRUE(eventually([&] {
        send(*taps_[0], 1);
        return !read(id).ended.empty();
    }));
    const api::CaptureInfo info = finish(id);
    EXPECT_EQ(info.ended, "the reader of the output is gone");
    EXPECT_FALSE(info.failed);
    EXPECT_EQ(info.captured + info.dropped, info.matched);
    EXPECT_EQ(info.captured, info.written);
}

TEST_F(CapturesTest, TheReaderOfItsPipeSeesTheEndOnceItIsFinished) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Descriptor reader(ends[0]);
    const uint32_t id = open({}, Descriptor(ends[1]));
    finish(id);
    char bytes[4096];
    ssize_t got = 0;
    while ((got = ::read(reader.get(), bytes, sizeof bytes)) > 0) {
    }
    EXPECT_EQ(got, 0);
}

TEST_F(CapturesTest, APipeThatNobodyReadsHoldsUpNobody) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Descriptor reader(ends[0]);
    const uint32_t id = open({}, Descriptor(ends[1]));
    for (int i = 0; i < 5000; ++i) send(*taps_[0], 8);
    const api::CaptureInfo info = finish(id);  // the writer gives up by itself
    EXPECT_EQ(info.matched, 40'000u);
    EXPECT_EQ(info.captured + info.dropped, info.matched);
    EXPECT_EQ(info.captured, info.written);
    EXPECT_GT(info.dropped, 0u);
}

/// RLIMIT_FSIZE stands for a full disk, and for one that has room again.
TEST_F(CapturesTest, AFullDiskIsSaidAndLeavesAFileOfWholeBlocks) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const uint32_t ends = open({}, create());
    const rlimit full{16u << 10, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    EXPECT_TRUE(eventually([&] {
        send(*taps_[0], 8);
        return !read(ends).ended.empty();
    }));
    ::setrlimit(RLIMIT_FSIZE, &before);
    const api::CaptureInfo info = finish(ends);
    EXPECT_TRUE(info.failed);
    EXPECT_EQ(info.ended, "output: File too large");
    EXPECT_EQ(info.captured + info.dropped, info.matched);
    EXPECT_GT(info.dropped, 0u);
    EXPECT_EQ(std::ranges::count(block_types(file()), 6u), static_cast<ptrdiff_t>(info.captured));
}

TEST_F(CapturesTest, AFullDiskMayBeOutwaited) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const uint32_t id = open({.when_full = api::WhenFull::Drop}, create());
    const rlimit full{16u << 10, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    EXPECT_TRUE(eventually([&] {
        send(*taps_[0], 8);
        return read(id).dropped > 0;
    }));
    EXPECT_EQ(read(id).trouble, "output: File too large");
    EXPECT_TRUE(read(id).ended.empty());
    ::setrlimit(RLIMIT_FSIZE, &before);
    const uint64_t written = read(id).written;
    EXPECT_TRUE(eventually([&] {
        send(*taps_[0], 8);
        return read(id).written > written;
    }));
    const api::CaptureInfo info = finish(id);
    EXPECT_FALSE(info.failed);
    EXPECT_EQ(info.captured + info.dropped, info.matched);
    EXPECT_EQ(std::ranges::count(block_types(file()), 6u), static_cast<ptrdiff_t>(info.captured));
}

TEST_F(CapturesTest, EveryReadUnderLoadAddsUpWhileCapturesComeAndGo) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> workers;
    for (const auto& tap : taps_)
        workers.emplace_back([&stop, &tap = *tap] {
            maps::reader_register();
            while (!stop.load(std::memory_order_relaxed)) {
                send(tap, 32);
                maps::reader_quiescent();
            }
            maps::reader_unregister();
        });
    uint64_t wrong = 0, matched = 0;
    for (int round = 0; round < 3; ++round) {
        const uint32_t one = open({.snap_bytes = 32}, create());
        const uint32_t other = open({.sample = 7}, Descriptor(::open("/dev/null", O_WRONLY)));
        for (int look = 0; look < 30; ++look) {
            for (const uint32_t id : {one, other}) {
                const api::CaptureInfo info = read(id);
                wrong +=
                    info.captured + info.dropped != info.matched || info.written > info.captured;
            }
        }
        const api::CaptureInfo info = finish(one);
        wrong += info.captured != info.written;
        matched += info.matched;
        EXPECT_EQ(std::ranges::count(block_types(file()), 6u),
                  static_cast<ptrdiff_t>(info.captured));
        finish(other);
    }
    stop = true;
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(matched, 0u);
}

}  // namespace
}  // namespace weir::dataplane::capture
