#include "dataplane/api/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "dataplane/api/codec.h"

namespace weir::dataplane::api {
namespace {

/// A peer that takes one connection and lets `talk` answer on it.
class Peer {
public:
    explicit Peer(std::function<void(int)> talk) {
        path_ = testing::TempDir() + "weir-client-" + std::to_string(::getpid()) + ".sock";
        ::unlink(path_.c_str());
        listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 1), 0);
        thread_ = std::thread([this, talk] {
            const int fd = ::accept(listener_, nullptr, nullptr);
            talk(fd);
            ::close(fd);
        });
    }
    ~Peer() {
        thread_.join();
        ::close(listener_);
        ::unlink(path_.c_str());
    }
    const std::string& path() const { return path_; }

private:
    std::string path_;
    int listener_ = -1;
    std::thread thread_;
};

struct Frame {
    uint16_t type = 0;
    Bytes body;
};

Frame read_frame(int fd) {
    Bytes raw(kFrameHeaderBytes);
    if (::recv(fd, raw.data(), raw.size(), MSG_WAITALL) != static_cast<ssize_t>(raw.size()))
        return {};
    const FrameHeader header = *read_frame_header(raw);
    Frame frame{header.type, Bytes(header.length)};
    if (header.length > 0) ::recv(fd, frame.body.data(), frame.body.size(), MSG_WAITALL);
    return frame;
}

void write_all(int fd, const Bytes& bytes) {
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
}

TEST(Client, SaysThatNoDataplaneIsThere) {
    const Result<Client> client = Client::connect("/nonexistent/dataplane.sock");
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().kind, ErrorKind::kResource);
    EXPECT_EQ(client.error().message,
              "no dataplane at /nonexistent/dataplane.sock: No such file or directory");
}

TEST(Client, RefusesAPathLongerThanASocketsNameMayBe) {
    const Result<Client> client = Client::connect("/" + std::string(200, 'x'));
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().kind, ErrorKind::kInvalid);
}

TEST(Client, SendsARequestAndReturnsItsReply) {
    Frame seen;
    std::optional<Bytes> value;
    {
        Peer peer([&](int fd) {
            seen = read_frame(fd);
            write_all(
                fd, make_frame(reply_type(FrameType::Lookup), encode(MapLookupReply{Bytes{9, 8}})));
        });
        Result<Client> client = Client::connect(peer.path());
        ASSERT_TRUE(client) << client.error().message;
        const Result<std::optional<Bytes>> reply = client->lookup(5, Bytes{1, 2, 3, 4});
        ASSERT_TRUE(reply) << reply.error().message;
        value = *reply;
    }
    EXPECT_EQ(value, (Bytes{9, 8}));
    EXPECT_EQ(seen.type, static_cast<uint16_t>(FrameType::Lookup));
    const Result<MapLookup> request = decode<MapLookup>(seen.body);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->map, 5u);
    EXPECT_EQ(request->key, (Bytes{1, 2, 3, 4}));
}

TEST(Client, ReturnsTheRefusalAndItsRejection) {
    Peer peer([](int fd) {
        read_frame(fd);
        const vm::Rejection rejection{7, "a.c:3: x", "packet-bounds", "reads 14 bytes", "r1=pkt"};
        write_all(fd, make_frame(FrameType::Error,
                                 encode(ErrorReply{ErrorKind::kRejected, "no", rejection})));
    });
    Result<Client> client = Client::connect(peer.path());
    ASSERT_TRUE(client);
    vm::Rejection rejection;
    const Result<ProgramLoaded> loaded = client->load_program({}, &rejection);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, ErrorKind::kRejected);
    EXPECT_EQ(loaded.error().message, "no");
    EXPECT_EQ(rejection.insn, 7u);
    EXPECT_EQ(rejection.rule, "packet-bounds");
}

TEST(Client, SplitsALargeUpdateIntoBatches) {
    std::vector<size_t> batches;
    {
        Peer peer([&](int fd) {
            for (int i = 0; i < 3; ++i) {
                const Result<MapUpdate> request = decode<MapUpdate>(read_frame(fd).body);
                batches.push_back(request->elements.size());
                const MapCount count{static_cast<uint32_t>(request->elements.size())};
                write_all(fd, make_frame(reply_type(FrameType::Update), encode(count)));
            }
        });
        Result<Client> client = Client::connect(peer.path());
        ASSERT_TRUE(client);
        const std::vector<Element> elements(2 * kBatchElementsMax + 5, Element{Bytes(4), Bytes(8)});
        const Result<uint32_t> done = client->update(1, elements, 0, true);
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(*done, elements.size());
    }
    EXPECT_EQ(batches, (std::vector<size_t>{kBatchElementsMax, kBatchElementsMax, 5}));
}

TEST(Client, GivesUpOnAPeerThatDoesNotReplyAndStaysLost) {
    Peer peer([](int fd) {
        read_frame(fd);
        char byte;
        EXPECT_EQ(::recv(fd, &byte, 1, 0), 0);  // until the client closes
    });
    Result<Client> client = Client::connect(peer.path(), 50);
    ASSERT_TRUE(client);
    const Result<Stats> stats = client->stats();
    ASSERT_FALSE(stats);
    EXPECT_EQ(stats.error().kind, ErrorKind::kResource);
    EXPECT_NE(stats.error().message.find("no reply in time"), std::string::npos)
        << stats.error().message;
    EXPECT_NE(client->stats().error().message.find("the connection is lost"), std::string::npos);
}

TEST(Client, RefusesAReplyOfAnotherTypeOrShape) {
    for (const Bytes& reply :
         {make_frame(reply_type(FrameType::Status), {}),
          make_frame(reply_type(FrameType::Publish), Bytes{1}), Bytes(kFrameHeaderBytes, 0xff)}) {
        Peer peer([&](int fd) {
            read_frame(fd);
            write_all(fd, reply);
        });
        Result<Client> client = Client::connect(peer.path());
        ASSERT_TRUE(client);
        const Result<Published> published = client->publish({});
        ASSERT_FALSE(published);
        EXPECT_EQ(published.error().kind, ErrorKind::kResource);
    }
}

}  // namespace
}  // namespace weir::dataplane::api
