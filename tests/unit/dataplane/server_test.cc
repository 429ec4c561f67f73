#include "dataplane/server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "dataplane/api/client.h"
#include "dataplane/api/codec.h"
#include "dataplane/run_dir.h"
#include "tests/unit/dataplane/temporary_dir.h"

namespace weir::dataplane {
namespace {

constexpr Patience kPatience{std::chrono::milliseconds(600), std::chrono::milliseconds(600)};

/// Echoes bodies; calls a frame of type Error malformed.
class EchoSink : public FrameSink {
public:
    Bytes answer(Owner, const Frame& frame, bool& malformed) override {
        ++answered;
        if (frame.type == static_cast<uint16_t>(api::FrameType::Error)) {
            malformed = true;
            return error_frame({ErrorKind::kInvalid, "wrong type"});
        }
        if (frame.type == static_cast<uint16_t>(api::FrameType::Shutdown) && frame.body.empty())
            shutdown = true;
        return api::make_frame(static_cast<uint16_t>(frame.type | api::kReplyBit), frame.body);
    }
    void disconnected(Owner) override { ++gone; }
    void tick() override { ++ticks; }
    bool wants_shutdown() const override { return shutdown; }

    std::atomic<int> answered = 0, gone = 0, ticks = 0;
    std::atomic<bool> shutdown = false;
};

class ServerTest : public testing::Test {
protected:
    ServerTest() = default;
    explicit ServerTest(Patience patience) : patience_(patience) {}

    void SetUp() override {
        Result<RunDir> claimed = RunDir::claim(temporary_ / "run", std::nullopt);
        ASSERT_TRUE(claimed) << claimed.error().message;
        run_dir_.emplace(std::move(*claimed));
        const Result<int> listen_fd = run_dir_->listen();
        ASSERT_TRUE(listen_fd) << listen_fd.error().message;
        ASSERT_EQ(::pipe(stop_), 0);
        thread_ = std::thread(
            [this, fd = *listen_fd] { Server(fd, {}, sink_, patience_).run(stop_[0]); });
    }
    void TearDown() override {
        ::close(stop_[1]);
        thread_.join();
        ::close(stop_[0]);
    }
    int connect() {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        connect(fd);
        return fd;
    }
    void connect(int fd) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = run_dir_->file(kSocketName);
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    static void put(int fd, ByteSpan bytes) {
        (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    /// Everything until the server closes, or what came within two seconds.
    static Bytes drain(int fd, bool& closed) {
        Bytes bytes;
        closed = false;
        for (;;) {
            pollfd entry{fd, POLLIN, 0};
            if (::poll(&entry, 1, 2000) <= 0) return bytes;
            uint8_t chunk[65536];
            const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
            closed = got <= 0;
            if (got <= 0) return bytes;
            bytes.insert(bytes.end(), chunk, chunk + got);
        }
    }
    /// The error's message, for a frame after which the server is to close.
    std::string refusal_of(ByteSpan sent) {
        const int fd = connect();
        put(fd, sent);
        bool closed = false;
        const Bytes reply = drain(fd, closed);
        ::close(fd);
        EXPECT_TRUE(closed);
        if (reply.size() < api::kFrameHeaderBytes) return "no reply";
        const auto error =
            api::decode<api::ErrorReply>(ByteSpan(reply).subspan(api::kFrameHeaderBytes));
        return error ? error->message : error.error().message;
    }
    /// The server still answers.
    void expect_alive() {
        const int fd = connect();
        const Bytes frame = api::make_frame(api::FrameType::Status, Bytes{1, 2, 3});
        put(fd, frame);
        Bytes reply(frame.size());
        EXPECT_EQ(::recv(fd, reply.data(), reply.size(), MSG_WAITALL),
                  static_cast<ssize_t>(reply.size()));
        EXPECT_EQ(Bytes(reply.begin() + api::kFrameHeaderBytes, reply.end()), (Bytes{1, 2, 3}));
        ::close(fd);
    }

    TemporaryDir temporary_;
    std::optional<RunDir> run_dir_;
    EchoSink sink_;
    int stop_[2] = {-1, -1};
    std::thread thread_;
    Patience patience_ = kPatience;
};

/// With the patience of the product: moving much takes its time on a loaded machine.
class PatientServerTest : public ServerTest {
protected:
    PatientServerTest() : ServerTest(Patience{}) {}
};

TEST_F(ServerTest, AnswersFramesThatComeByteByByteAndBackToBack) {
    const int fd = connect();
    const Bytes frame = api::make_frame(api::FrameType::Stats, Bytes(50, 7));
    for (const uint8_t byte : frame) put(fd, {&byte, 1});
    Bytes two = frame;
    two.insert(two.end(), frame.begin(), frame.end());
    put(fd, two);
    Bytes replies(3 * frame.size());
    EXPECT_EQ(::recv(fd, replies.data(), replies.size(), MSG_WAITALL),
              static_cast<ssize_t>(replies.size()));
    EXPECT_EQ(sink_.answered, 3);
    ::close(fd);
}

TEST_F(ServerTest, DoesNotSpinWhileNoDescriptorIsFree) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizers' own checks need descriptors";
#endif
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int lowest_free = ::dup(fd);
    ::close(lowest_free);
    rlimit none_free = before;
    none_free.rlim_cur = static_cast<rlim_t>(lowest_free);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_free), 0);
    connect(fd);
    const int ticks = sink_.ticks;
    std::this_thread::sleep_for(std::chrono::milliseconds(kTickMs));
    EXPECT_LE(sink_.ticks - ticks, 5);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    const Bytes frame = api::make_frame(api::FrameType::Status, Bytes{1});
    put(fd, frame);
    Bytes reply(frame.size());
    EXPECT_EQ(::recv(fd, reply.data(), reply.size(), MSG_WAITALL),
              static_cast<ssize_t>(reply.size()))
        << "it waited in the backlog";
    ::close(fd);
}

TEST_F(PatientServerTest, MovesAFrameOfTheGreatestLengthBothWays) {
    const int fd = connect();
    const Bytes frame =
        api::make_frame(api::FrameType::LoadProgram, Bytes(api::kFrameBytesMax, 0x5a));
    std::thread writer([&] {
        for (size_t sent = 0; sent < frame.size();) {
            const ssize_t done = ::send(fd, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
            ASSERT_GT(done, 0);
            sent += static_cast<size_t>(done);
        }
    });
    Bytes reply(frame.size());
    EXPECT_EQ(::recv(fd, reply.data(), reply.size(), MSG_WAITALL),
              static_cast<ssize_t>(reply.size()));
    EXPECT_TRUE(std::ranges::equal(ByteSpan(reply).subspan(api::kFrameHeaderBytes),
                                   ByteSpan(frame).subspan(api::kFrameHeaderBytes)));
    writer.join();
    ::close(fd);
}

TEST_F(ServerTest, NamesWhatIsWrongWithAHeaderAndCloses) {
    Bytes frame = api::make_frame(api::FrameType::Stats, {});
    frame[0] = 'X';
    EXPECT_EQ(refusal_of(frame), "frame: magic at offset 0 is 0x52494558, expected 0x52494557");
    frame = api::make_frame(api::FrameType::Stats, {});
    static_assert(api::kVersion < 99);
    frame[4] = 99;
    EXPECT_EQ(refusal_of(frame), "frame: version at offset 4 is 99, this side speaks " +
                                     std::to_string(api::kVersion));
    frame = api::make_frame(api::FrameType::Stats, {});
    frame[11] = 0xff;
    EXPECT_EQ(refusal_of(frame), "frame: length at offset 8 is 4278190080, at most 67108864");
    EXPECT_EQ(refusal_of(api::make_frame(api::FrameType::Error, {})), "wrong type");
    EXPECT_EQ(sink_.answered, 1);
    expect_alive();
}

TEST_F(ServerTest, TurnsAwayAPeerTooMany) {
    std::vector<int> peers;
    for (size_t i = 0; i < kConnectionsMax; ++i) peers.push_back(connect());
    put(peers.back(), api::make_frame(api::FrameType::Status, {}));
    uint8_t reply[api::kFrameHeaderBytes];
    EXPECT_EQ(::recv(peers.back(), reply, sizeof reply, MSG_WAITALL),
              static_cast<ssize_t>(sizeof reply));
    EXPECT_EQ(refusal_of({}), "32 connections are open, the most there may be");
    for (const int fd : peers) ::close(fd);
}

TEST_F(ServerTest, ServesOthersWhileOnePeerSendsHalfAFrameAndOneReadsNothing) {
    const int half = connect();
    put(half, ByteSpan(api::make_frame(api::FrameType::Stats, Bytes(100))).first(20));
    const int deaf = connect();
    const Bytes large = api::make_frame(api::FrameType::Stats, Bytes(1u << 20));
    std::thread writer([&] {
        // The reply fills the socket's buffer; the server stops to read, so that this blocks until
        // it drops us.
        const timeval patience{.tv_sec = 15, .tv_usec = 0};
        ::setsockopt(deaf, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        for (int i = 0; i < 64 && ::send(deaf, large.data(), large.size(), MSG_NOSIGNAL) > 0; ++i) {
        }
    });
    for (int i = 0; i < 20; ++i) expect_alive();
    bool closed = false;
    for (int i = 0; i < 8 && !closed; ++i) drain(half, closed);
    EXPECT_TRUE(closed) << "half a frame waited for ever";
    writer.join();
    EXPECT_GE(sink_.gone, 21);
    ::close(half);
    ::close(deaf);
}

TEST_F(ServerTest, SurvivesGarbage) {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        Bytes bytes = api::make_frame(static_cast<uint16_t>(random() % 12 + 1),
                                      Bytes(random() % 64, static_cast<uint8_t>(random())));
        for (uint32_t flips = random() % 4; flips > 0; --flips) {
            const size_t at = random() % bytes.size();
            if (at != 6 && at != 7)
                bytes[at] = static_cast<uint8_t>(random());  // keeps the type: no SHUTDOWN
        }
        bytes.resize(random() % (bytes.size() + 1));
        const int fd = connect();
        put(fd, bytes);
        // One peer at a time: more than the server lets in at once would be turned away unheard.
        ::shutdown(fd, SHUT_WR);
        std::array<uint8_t, 256> reply;
        while (::recv(fd, reply.data(), reply.size(), 0) > 0) {
        }
        ::close(fd);
    }
    expect_alive();
}

TEST(Server, RepliesBeforeItShutsDown) {
    TemporaryDir temporary;
    RunDir run_dir = *RunDir::claim(temporary / "run", std::nullopt);
    EchoSink sink;
    std::thread thread([&sink, fd = *run_dir.listen()] { Server(fd, {}, sink).run(-1); });
    Result<api::Client> client = api::Client::connect(run_dir.file(kSocketName));
    ASSERT_TRUE(client);
    EXPECT_TRUE(client->shutdown());
    thread.join();
}

}  // namespace
}  // namespace weir::dataplane
