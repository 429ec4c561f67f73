#include "vm/cbpf/compile.h"

#include <arpa/nameser.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pcap/dlt.h>
#include <resolv.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/support/classic_filter.h"

namespace weir::vm::cbpf {
namespace {

std::string refusal(const std::string& expression, ErrorKind kind = ErrorKind::kInvalid,
                    int link_type = DLT_EN10MB) {
    const Result<ClassicProgram> program = compile(expression, link_type);
    if (program) return "";
    EXPECT_EQ(program.error().kind, kind);
    return program.error().message;
}

TEST(ClassicCompile, GivesLibpcapsProgram) {
    const Result<ClassicProgram> program = compile("udp", DLT_RAW);
    ASSERT_TRUE(program.has_value()) << program.error().message;
    EXPECT_EQ(program->insns().back().k, 0u);
    const Result<ClassicProgram> everything = compile("", DLT_EN10MB);
    ASSERT_TRUE(everything.has_value());
    ASSERT_EQ(everything->insns().size(), 1u);
    EXPECT_EQ(everything->insns()[0], (ClassicInsn{0x06, 0, 0, kSnapBytes}));
}

TEST(ClassicCompile, CarriesLibpcapsWords) {
    EXPECT_EQ(refusal("udp prot 5"),
              "filter 'udp prot 5': can't parse filter expression: syntax error");
    EXPECT_NE(refusal("ip broadcast").find("netmask not known"), std::string::npos);
    EXPECT_EQ(refusal("icmp and udp"), "filter 'icmp and udp': expression rejects all packets");
}

TEST(ClassicCompile, RefusesByNameWhatIsNotOffered) {
    EXPECT_NE(refusal("inbound", ErrorKind::kUnsupported).find("ancillary load 'packet type'"),
              std::string::npos);
    EXPECT_NE(refusal("ip6 protochain 6").find("'protochain'"), std::string::npos);
    // libpcap's own slip: a way around the store of what is loaded later.
    EXPECT_NE(refusal("geneve and vlan 1 or ipx").find("which a path to here has not written"),
              std::string::npos);
}

TEST(ClassicCompile, BoundsTheExpression) {
    EXPECT_NE(refusal(std::string(kExpressionBytesMax + 1, ' ')).find("expected at most 8192"),
              std::string::npos);
    EXPECT_NE(refusal(std::string("ip\0tcp", 6)).find("zero byte"), std::string::npos);
    std::string ports = "port 1";
    for (int port = 2; port <= 200; ++port) ports += " or port " + std::to_string(port);
    EXPECT_NE(refusal(ports).find("before optimisation, expected at most"), std::string::npos);
}

/// A name server for this thread's look-ups that knows no name and counts who asks.
class NameServer {
public:
    NameServer() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t bytes = sizeof address;
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), bytes), 0);
        EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
        EXPECT_EQ(res_init(), 0);
        _res.options &= ~RES_USEVC;  // datagrams, and no second question after a while
        _res.retry = 1;
        _res.nscount = 1;
        _res.nsaddr_list[0] = address;
        thread_ = std::thread([this] { serve(); });
    }
    ~NameServer() {
        shutdown(socket_, SHUT_RDWR);
        thread_.join();
        close(socket_);
        res_init();
    }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    int questions() const { return questions_; }

private:
    void serve() {
        std::array<uint8_t, 512> message;
        sockaddr_in asker{};
        socklen_t bytes = sizeof asker;
        ssize_t got = 0;
        while ((got = recvfrom(socket_, message.data(), message.size(), 0,
                               reinterpret_cast<sockaddr*>(&asker), &bytes)) > 12) {
            ++questions_;
            message[2] |= 0x80;  // an answer (RFC 1035, section 4.1.1)
            message[3] = 3;      // no such name
            sendto(socket_, message.data(), static_cast<size_t>(got), 0,
                   reinterpret_cast<sockaddr*>(&asker), bytes);
        }
    }

    int socket_;
    std::atomic<int> questions_ = 0;
    std::thread thread_;
};

/// A name server that never answers must not hold up anybody: none is asked.
TEST(ClassicCompile, LooksUpHostsWithoutTheNetwork) {
    const NameServer server;
    EXPECT_EQ(refusal("host no-such-host.example.com"),
              "filter 'host no-such-host.example.com': unknown host 'no-such-host.example.com'");
    EXPECT_EQ(refusal("host localhost"), "");
    EXPECT_EQ(refusal("tcp port http"), "");
    EXPECT_EQ(server.questions(), 0);
    std::array<uint8_t, 512> answer;
    EXPECT_LT(res_query("no-such-host.example.com", ns_c_in, ns_t_a, answer.data(), answer.size()),
              0);
    EXPECT_EQ(server.questions(), 1) << "who asks is heard";
}

TEST(ClassicCompile, KnowsLinkTypesByName) {
    EXPECT_EQ(link_type_by_name("RAW"), DLT_RAW);
    EXPECT_EQ(link_type_name(DLT_EN10MB), "EN10MB");
    const Result<int> unknown = link_type_by_name("ETHERNET2");
    ASSERT_FALSE(unknown.has_value());
    EXPECT_NE(unknown.error().message.find("link type 'ETHERNET2'"), std::string::npos);
}

TEST(ClassicCompile, WorksForOtherLinkTypes) {
    for (const char* name : {"RAW", "NULL", "LINUX_SLL", "LINUX_SLL2", "IEEE802_11", "PPP", "FDDI",
                             "IEEE802_11_RADIO", "USB_LINUX", "DOCSIS"}) {
        const Result<int> link_type = link_type_by_name(name);
        ASSERT_TRUE(link_type.has_value()) << name;
        const Result<ClassicProgram> program = compile("len > 5", *link_type);
        ASSERT_TRUE(program.has_value()) << name << ": " << program.error().message;
        EXPECT_TRUE(tests::ConvertedFilter::make(*program, LengthSource::Metadata).has_value());
    }
}

}  // namespace
}  // namespace weir::vm::cbpf
