#pragma once
// Random filter expressions after the grammar of pcap-filter(7), and packets that many of them
// match.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/packets.h"

namespace weir::tests {

/// Writes one expression per seed: every qualifier, protocol and field of the manual page that
/// makes sense on Ethernet, arithmetic on packet bytes, and nested `and`, `or`, `not`. libpcap
/// refuses some ("expression rejects all packets", operators that it does not combine).
class ExpressionGenerator {
public:
    explicit ExpressionGenerator(uint64_t seed) : random_(seed) {}

    std::string generate();

private:
    using Choices = std::vector<std::string>;

    uint64_t below(uint64_t bound) { return random_() % bound; }
    const std::string& pick(const Choices& choices) { return choices[below(choices.size())]; }
    std::string maybe(const Choices& choices) { return below(2) == 0 ? "" : pick(choices) + " "; }
    std::string number();

    std::string expression(int depth);
    std::string primitive();
    std::string host();
    std::string net();
    std::string port();
    std::string ether();
    std::string protocol();
    std::string encapsulation(int depth);
    std::string relation();
    std::string arithmetic(int depth);
    std::string packet_bytes(int depth);
    std::string abbreviation();
    std::string link_layer();

    std::mt19937_64 random_;
};

/// test_packets(), runts, an empty packet, what test_packets() has not (MPLS, PPPoE, LLC, RARP,
/// Geneve, …) and mutations of all of them.
std::vector<Bytes> filter_packets(uint64_t seed);

}  // namespace weir::tests
