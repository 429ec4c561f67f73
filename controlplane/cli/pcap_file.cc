#include "controlplane/cli/pcap_file.h"

#include <fmt/core.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace weir::controlplane::cli {
namespace {

/// The classic format (draft-ietf-opsawg-pcap), in the order of this little-endian host.
struct FileHeader {
    uint32_t magic = 0xa1b2c3d4;  ///< microseconds
    uint16_t version_major = 2, version_minor = 4;
    uint32_t time_zone = 0, accuracy = 0;
    uint32_t snap_bytes = 262'144;
    uint32_t link_type = 1;  ///< Ethernet
};
static_assert(sizeof(FileHeader) == 24);

struct RecordHeader {
    uint32_t seconds, microseconds, captured_bytes, wire_bytes;
};
static_assert(sizeof(RecordHeader) == 16);

}  // namespace

Result<std::vector<CapturedPacket>> read_capture(const std::string& path) {
    char problem[PCAP_ERRBUF_SIZE] = {};
    // libpcap puts the name in front of most of its messages, and not of others.
    const auto refuse = [&](const std::string& message) {
        return fail(ErrorKind::kInvalid,
                    message.starts_with(path) ? message : path + ": " + message);
    };
    FILE* stream = std::fopen(path.c_str(), "rbe");
    if (stream == nullptr) return refuse(std::string("cannot open: ") + std::strerror(errno));
    pcap_t* opened = pcap_fopen_offline(stream, problem);
    if (opened == nullptr) {
        std::fclose(stream);
        return refuse(fmt::format("no capture file: {}", problem));
    }
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> capture(opened, &pcap_close);
    if (const int link = pcap_datalink(capture.get()); link != DLT_EN10MB) {
        const char* name = pcap_datalink_val_to_name(link);
        return refuse(fmt::format("link type {}, expected EN10MB (Ethernet)",
                                  name == nullptr ? std::to_string(link) : name));
    }
    std::vector<CapturedPacket> packets;
    uint64_t total_bytes = 0;
    for (;;) {
        pcap_pkthdr* header = nullptr;
        const uint8_t* data = nullptr;
        const int status = pcap_next_ex(capture.get(), &header, &data);
        if (status == PCAP_ERROR_BREAK) break;
        if (status != 1)
            return refuse(fmt::format("packet {}: {}", packets.size(), pcap_geterr(capture.get())));
        total_bytes += header->caplen;
        if (total_bytes > kCaptureBytesMax)
            return refuse(fmt::format("larger than {} bytes", kCaptureBytesMax));
        packets.push_back({static_cast<uint32_t>(header->ts.tv_sec),
                           static_cast<uint32_t>(header->ts.tv_usec), header->len,
                           Bytes(data, data + header->caplen)});
    }
    return packets;
}

Result<void> write_capture(const std::string& path, const std::vector<CapturedPacket>& packets) {
    const FileHeader head;
    FILE* stream = std::fopen(path.c_str(), "wbe");
    if (stream == nullptr)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: cannot write: {}", path, std::strerror(errno)));
    bool written = std::fwrite(&head, sizeof head, 1, stream) == 1;
    for (const CapturedPacket& packet : packets) {
        const auto bytes = static_cast<uint32_t>(packet.bytes.size());
        const RecordHeader record{packet.seconds, packet.microseconds, bytes,
                                  std::max(bytes, packet.wire_bytes)};
        written = written && std::fwrite(&record, sizeof record, 1, stream) == 1;
        if (bytes != 0)
            written = written && std::fwrite(packet.bytes.data(), bytes, 1, stream) == 1;
    }
    const bool closed = std::fclose(stream) == 0;
    if (written && closed) return {};
    return fail(ErrorKind::kResource,
                fmt::format("{}: cannot write: {}", path, std::strerror(errno)));
}

}  // namespace weir::controlplane::cli
