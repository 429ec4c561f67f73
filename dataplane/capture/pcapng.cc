#include "dataplane/capture/pcapng.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace weir::dataplane::capture {
namespace {

static_assert(std::endian::native == std::endian::little);

enum class BlockType : uint32_t {
    Section = 0x0A0D0D0A,
    Interface = 1,
    Statistics = 5,
    EnhancedPacket = 6
};
constexpr uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr uint16_t kLinkTypeEthernet = 1;
constexpr size_t kOptionBytesMax = 0xffff;

enum class Option : uint16_t {
    End = 0,
    Comment = 1,
    UserApplication = 4,  // of a section
    InterfaceName = 2,
    InterfaceDescription = 3,
    TimeResolution = 9,
    InterfaceFilter = 11,
    PacketFlags = 2,
    PacketId = 5,
    PacketQueue = 6,
    PacketVerdict = 7,
    StatisticsBegin = 2,
    StatisticsEnd = 3,
    StatisticsFilterAccept = 6,
    StatisticsSystemDrop = 7,
    StatisticsDelivered = 8,
};

template <typename T>
void append(Bytes& out, const T& value) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof value);
}

void append_padded(Bytes& out, ByteSpan bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.resize((out.size() + 3) & ~size_t{3});
}

/// A block's frame: its type, and its length at both ends.
class Block {
public:
    Block(Bytes& out, BlockType type) : out_(out), start_(out.size()) {
        append(out_, type);
        append(out_, uint32_t{0});
    }
    ~Block() {
        const auto bytes = static_cast<uint32_t>(out_.size() - start_ + sizeof(uint32_t));
        append(out_, bytes);
        std::memcpy(&out_[start_ + sizeof(BlockType)], &bytes, sizeof bytes);
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

private:
    Bytes& out_;
    size_t start_;
};

void append_option(Bytes& out, Option option, ByteSpan bytes) {
    bytes = bytes.first(std::min(bytes.size(), kOptionBytesMax));
    append(out, option);
    append(out, static_cast<uint16_t>(bytes.size()));
    append_padded(out, bytes);
}

void append_text(Bytes& out, Option option, std::string_view text) {
    if (!text.empty())
        append_option(out, option, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

template <typename T>
void append_number(Bytes& out, Option option, const T& value) {
    append_option(out, option, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

void append_end(Bytes& out) {
    append_option(out, Option::End, {});
}

/// Times are two halves, the upper one first, whatever the byte order.
struct Time {
    explicit Time(uint64_t ns)
        : upper(static_cast<uint32_t>(ns >> 32)), lower(static_cast<uint32_t>(ns)) {}
    uint32_t upper, lower;
};

}  // namespace

void append_section(Bytes& out, std::string_view application) {
    const Block block(out, BlockType::Section);
    append(out, kByteOrderMagic);
    append(out, uint16_t{1});
    append(out, uint16_t{0});
    append(out, int64_t{-1});  // the section's length is not known
    append_text(out, Option::UserApplication, application);
    append_end(out);
}

void append_interface(Bytes& out, const InterfaceBlock& interface) {
    const Block block(out, BlockType::Interface);
    append(out, kLinkTypeEthernet);
    append(out, uint16_t{0});
    append(out, interface.snap_bytes);
    append_text(out, Option::InterfaceName, interface.name);
    append_text(out, Option::InterfaceDescription, interface.description);
    append_number(out, Option::TimeResolution, uint8_t{9});
    if (!interface.filter.empty())  // a 0 says that it is pcap's language
        append_text(out, Option::InterfaceFilter,
                    std::string(1, '\0').append(interface.filter.substr(0, kOptionBytesMax - 1)));
    append_end(out);
}

void append_packet(Bytes& out, const PacketBlock& packet) {
    const Block block(out, BlockType::EnhancedPacket);
    append(out, packet.interface);
    append(out, Time(packet.time_ns));
    append(out, static_cast<uint32_t>(packet.bytes.size()));
    append(out, packet.wire_bytes);
    append_padded(out, packet.bytes);
    append_text(out, Option::Comment, packet.comment);
    append_number(out, Option::PacketFlags, packet.outbound ? uint32_t{2} : uint32_t{1});
    append_number(out, Option::PacketId, packet.packet_id);
    append_number(out, Option::PacketQueue, packet.queue);
    if (packet.verdict != nullptr) {
        constexpr uint8_t kXdp = 2;
        uint8_t verdict[1 + sizeof(uint64_t)] = {kXdp, *packet.verdict};
        append_option(out, Option::PacketVerdict, verdict);
    }
    append_end(out);
}

void append_statistics(Bytes& out, const StatisticsBlock& statistics) {
    const Block block(out, BlockType::Statistics);
    append(out, statistics.interface);
    append(out, Time(statistics.end_ns));
    append_number(out, Option::StatisticsBegin, Time(statistics.begin_ns));
    append_number(out, Option::StatisticsEnd, Time(statistics.end_ns));
    append_number(out, Option::StatisticsFilterAccept, statistics.accepted);
    append_number(out, Option::StatisticsSystemDrop, statistics.dropped);
    append_number(out, Option::StatisticsDelivered, statistics.accepted - statistics.dropped);
    append_end(out);
}

}  // namespace weir::dataplane::capture
