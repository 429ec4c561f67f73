#include "vm/cbpf/compile.h"

#include <gtest/gtest.h>

#include <chrono>

#include <pcap/dlt.h>

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

/// A name server that never answers must not hold up anybody.
TEST(ClassicCompile, LooksUpHostsWithoutTheNetwork) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(refusal("host no-such-host.example.com"),
              "filter 'host no-such-host.example.com': unknown host 'no-such-host.example.com'");
    EXPECT_EQ(refusal("host localhost"), "");
    EXPECT_EQ(refusal("tcp port http"), "");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
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
