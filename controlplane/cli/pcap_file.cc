#include "controlplane/cli/pcap_file.h"

#include <fmt/core.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

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

void CaptureReader::Close::operator()(pcap_t* handle) const {
    pcap_close(handle);
}

std::unexpected<Error> CaptureReader::refuse(const std::string& message) const {
    return fail(ErrorKind::kInvalid, message.starts_with(path_) ? message : path_ + ": " + message);
}

Result<CaptureReader> CaptureReader::open(const std::string& path) {
    CaptureReader reader(path, nullptr);
    FILE* stream = std::fopen(path.c_str(), "rbe");
    if (stream == nullptr)
        return reader.refuse(std::string("cannot open: ") + std::strerror(errno));
    char problem[PCAP_ERRBUF_SIZE] = {};
    reader.handle_.reset(pcap_fopen_offline(stream, problem));
    if (reader.handle_ == nullptr) {
        std::fclose(stream);
        return reader.refuse(fmt::format("no capture file: {}", problem));
    }
    return reader;
}

int CaptureReader::link_type() const {
    return pcap_datalink(handle_.get());
}

Result<bool> CaptureReader::next(CapturedPacket& packet) {
    pcap_pkthdr* header = nullptr;
    const uint8_t* data = nullptr;
    const int status = pcap_next_ex(handle_.get(), &header, &data);
    if (status == PCAP_ERROR_BREAK) return false;
    if (status != 1)
        return refuse(fmt::format("packet {}: {}", packets_, pcap_geterr(handle_.get())));
    ++packets_;
    total_bytes_ += header->caplen;
    if (total_bytes_ > kCaptureBytesMax)
        return refuse(fmt::format("larger than {} bytes", kCaptureBytesMax));
    packet.seconds = static_cast<uint32_t>(header->ts.tv_sec);
    packet.microseconds = static_cast<uint32_t>(header->ts.tv_usec);
    packet.wire_bytes = header->len;
    packet.bytes.assign(data, data + header->caplen);
    return true;
}

Result<std::vector<CapturedPacket>> read_capture(const std::string& path) {
    Result<CaptureReader> reader = CaptureReader::open(path);
    if (!reader) return std::unexpected(reader.error());
    if (const int link = reader->link_type(); link != DLT_EN10MB) {
        const char* name = pcap_datalink_val_to_name(link);
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: link type {}, expected EN10MB (Ethernet)", path,
                                name == nullptr ? std::to_string(link) : name));
    }
    std::vector<CapturedPacket> packets;
    for (CapturedPacket packet;;) {
        const Result<bool> more = reader->next(packet);
        if (!more) return std::unexpected(more.error());
        if (!*more) return packets;
        packets.push_back(packet);
    }
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
