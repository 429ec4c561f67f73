#include "tests/differential/cbpf_expression.h"

#include <fmt/format.h>

namespace weir::tests {
namespace {

constexpr int kDepthMax = 4;

const std::vector<std::string> kAddresses4 = {
    "10.0.0.1",        "192.168.0.1", "10.1.2.3",   "8.8.8.8",   "224.0.0.251",
    "255.255.255.255", "0.0.0.0",     "172.16.0.1", "127.0.0.1", "1.2.3.4"};
const std::vector<std::string> kAddresses6 = {
    "2001:db8:101:101:101:101:101:101", "fe80::1", "::1", "2001:db8::1", "ff02::1", "::"};
const std::vector<std::string> kDirections = {"src", "dst", "src or dst", "src and dst"};
const std::vector<std::string> kIpProtocols = {"icmp", "icmp6", "igmp", "igrp", "pim", "ah",
                                               "esp",  "vrrp",  "carp", "udp",  "tcp", "sctp"};
const std::vector<std::string> kLinkProtocols = {
    "ip",  "ip6",   "arp",   "rarp", "atalk", "aarp", "decnet",  "sca",
    "lat", "mopdl", "moprc", "iso",  "stp",   "ipx",  "netbeui", "loopback"};
const std::vector<std::string> kIsoProtocols = {"esis", "isis", "clnp", "l1",   "l2",
                                                "iih",  "lsp",  "snp",  "psnp", "csnp"};
const std::vector<std::string> kMacs = {"02:00:5e:00:00:01", "02:00:00:00:00:02",
                                        "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01",
                                        "aa:bb:cc:dd:ee:ff"};

}  // namespace

std::string ExpressionGenerator::generate() {
    return expression(static_cast<int>(below(kDepthMax + 1)));
}

std::string ExpressionGenerator::expression(int depth) {
    if (depth == 0) return primitive();
    switch (below(8)) {
        case 0:
        case 1:
        case 2:
            return expression(depth - 1) + (below(2) == 0 ? " and " : " && ") +
                   expression(depth - 1);
        case 3:
        case 4:
        case 5:
            return expression(depth - 1) + (below(2) == 0 ? " or " : " || ") +
                   expression(depth - 1);
        case 6: return (below(2) == 0 ? "not (" : "!(") + expression(depth - 1) + ")";
        default: return "(" + expression(depth - 1) + ")";
    }
}

std::string ExpressionGenerator::primitive() {
    switch (below(16)) {
        case 0:
        case 1: return host();
        case 2: return net();
        case 3:
        case 4: return port();
        case 5: return ether();
        case 6:
        case 7: return protocol();
        case 8: return encapsulation(1);
        case 9:
        case 10:
        case 11:
        case 12: return relation();
        case 13: return abbreviation();
        case 14: return link_layer();
        default: return pick(kLinkProtocols);
    }
}

std::string ExpressionGenerator::number() {
    static const std::vector<std::string> kSpecial = {
        "0",     "1",     "2",          "4",          "6",         "14",     "20",
        "31",    "32",    "60",         "0x0f",       "0xff",      "0x1fff", "0xffff",
        "65535", "65536", "0x7fffffff", "0x80000000", "0xffffffff"};
    return below(3) == 0 ? std::to_string(below(256)) : pick(kSpecial);
}

std::string ExpressionGenerator::host() {
    if (below(4) == 0) return "ip6 " + maybe(kDirections) + "host " + pick(kAddresses6);
    const std::string kind = maybe({"ip", "arp", "rarp"});
    return kind + maybe(kDirections) + "host " + pick(kAddresses4);
}

std::string ExpressionGenerator::net() {
    const std::string direction = maybe(kDirections);
    switch (below(6)) {
        case 0: return direction + "net " + pick({"10", "192.168", "172.16.0", "224"});
        case 1:
            return direction +
                   fmt::format("net {}/{}", pick({"0.0.0.0", "128.0.0.0"}), 1 + below(8));
        case 2: return direction + "net 192.168.0.0/16";
        case 3: return direction + "net 10.0.0.0 mask 255.255.0.0";
        case 4: return "ip6 " + direction + "net " + pick({"2001:db8::/32", "fe80::/10", "::/0"});
        default: return maybe({"ip", "arp"}) + direction + "net 10.0.0.0/8";
    }
}

std::string ExpressionGenerator::port() {
    const std::string kind = maybe({"tcp", "udp", "sctp"}) + maybe(kDirections);
    if (below(3) == 0) {
        const uint64_t first = below(2000);
        return fmt::format("{}portrange {}-{}", kind, first, first + below(60'000));
    }
    return kind + "port " + pick({"22", "53", "80", "443", "40001", "1234", "5353", "0", "65535"});
}

std::string ExpressionGenerator::ether() {
    switch (below(6)) {
        case 0: return "ether " + pick({"broadcast", "multicast"});
        case 1:
            return "ether proto " + pick({"0x800", "0x86dd", "\\arp", "\\ip", "0x8100", "38",
                                          "0x42", "0xfe", "0xf0", "\\ipx", "\\stp", "1501"});
        default: return "ether " + maybe(kDirections) + "host " + pick(kMacs);
    }
}

std::string ExpressionGenerator::protocol() {
    switch (below(7)) {
        case 0: return "ip proto " + pick({"1", "2", "6", "\\udp", "47", "4", "132", "255"});
        case 1: return "ip6 proto " + pick({"6", "17", "58", "44", "0", "\\sctp"});
        case 2: return "proto " + pick({"6", "17", "50", "\\tcp"});
        case 3: return pick({"ip", "ip6", ""}) + " protochain " + pick({"6", "17", "51"});
        case 4: return "iso proto " + pick({"\\isis", "\\esis", "\\clnp"});
        default: return pick(kIpProtocols);
    }
}

std::string ExpressionGenerator::encapsulation(int depth) {
    std::string text =
        pick({"vlan", "vlan 5", "vlan 1", "vlan 4095", "mpls", "mpls 16", "mpls 1000", "pppoed",
              "pppoes", "pppoes 7", "geneve", "geneve 0x123"});
    if (depth < 3 && below(3) != 0)
        text += " and " + encapsulation(depth + 1);
    else if (below(2) == 0)
        text += " and " + (below(2) == 0 ? relation() : host());
    return text;
}

std::string ExpressionGenerator::relation() {
    static const Choices kComparisons = {"=", "==", "!=", "<", "<=", ">", ">="};
    if (below(6) == 0) return pick({"less ", "greater "}) + std::to_string(below(1600));
    if (below(8) == 0) return "len " + pick(kComparisons) + " " + std::to_string(below(200));
    return arithmetic(static_cast<int>(below(4))) + " " + pick(kComparisons) + " " +
           (below(3) == 0 ? arithmetic(static_cast<int>(below(2))) : number());
}

std::string ExpressionGenerator::arithmetic(int depth) {
    static const Choices kOperators = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"};
    if (depth == 0) {
        const uint64_t which = below(6);
        return which == 0 ? "len" : which == 1 ? number() : packet_bytes(0);
    }
    if (below(10) == 0) return "-(" + arithmetic(depth - 1) + ")";
    const std::string& op = pick(kOperators);
    const std::string left = "(" + arithmetic(depth - 1) + " " + op + " ";
    if (below(2) != 0) return left + arithmetic(depth - 1) + ")";
    const bool is_shift = op == "<<" || op == ">>", divides = op == "/" || op == "%";
    return left +
           (is_shift  ? std::to_string(below(32))
            : divides ? std::to_string(1 + below(300))
                      : number()) +
           ")";
}

std::string ExpressionGenerator::packet_bytes(int depth) {
    static const Choices kLayers = {"ether", "link",  "ip",   "ip6",  "arp", "rarp",  "tcp", "udp",
                                    "icmp",  "icmp6", "sctp", "igmp", "pim", "ether", "ip",  "tcp"};
    static const Choices kFields = {"ip[6:2] & 0x1fff",
                                    "ip[0] & 0xf",
                                    "tcp[tcpflags] & tcp-syn",
                                    "tcp[13] & 7",
                                    "ip[2:2]",
                                    "tcp[12:1]",
                                    "icmp[icmptype]",
                                    "icmp[icmpcode]",
                                    "ip[8]",
                                    "icmp6[icmp6type]",
                                    "tcp[tcpflags] & (tcp-push|tcp-ack)",
                                    "udp[4:2]"};
    if (below(3) == 0) return "(" + pick(kFields) + ")";
    const std::string index =
        depth < 2 && below(4) == 0
            ? (below(2) == 0 ? packet_bytes(depth + 1) : packet_bytes(depth + 1) + " + " + number())
            : std::to_string(below(below(8) == 0 ? 70'000 : 70));
    return pick(kLayers) + "[" + index + pick({"", ":1", ":2", ":4"}) + "]";
}

std::string ExpressionGenerator::abbreviation() {
    return pick({"broadcast", "multicast", "ip multicast", "ip6 multicast", "ip broadcast", "tcp",
                 "udp", "ip", "ip6", "inbound", "outbound", "ifname eth0", "gateway 10.0.0.1",
                 "type mgt", "port http", "host localhost", "tcp port ssh"});
}

std::string ExpressionGenerator::link_layer() {
    switch (below(4)) {
        case 0: return pick(kIsoProtocols);
        case 1: return "llc " + pick({"", "i", "s", "u", "rr", "ui", "sabme", "frmr"});
        case 2: return "decnet " + pick({"src 1.1", "dst 1.1", "host 2.3"});
        default: return pick(kLinkProtocols);
    }
}

}  // namespace weir::tests
