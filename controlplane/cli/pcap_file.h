#pragma once
// Captures: read by libpcap (pcap and pcapng), written as classic little-endian pcap with
// microseconds.

#include <memory>
#include <string>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

struct pcap;  // libpcap's pcap_t

namespace weir::controlplane::cli {

constexpr uint64_t kCaptureBytesMax = 4ull << 30;  ///< of all packets together

struct CapturedPacket {
    uint32_t seconds = 0;
    uint32_t microseconds = 0;
    uint32_t wire_bytes = 0;  ///< length on the wire; the bytes may be fewer
    Bytes bytes;
};

/// An open capture of any link type, read packet by packet.
class CaptureReader {
public:
    /// "-" is not offered.
    static Result<CaptureReader> open(const std::string& path);

    /// libpcap's handle, for its link type and byte order.
    struct pcap* handle() const { return handle_.get(); }
    int link_type() const;
    /// The next packet into `packet`, whose memory is used again; false at the end.
    Result<bool> next(CapturedPacket& packet);

private:
    struct Close {
        void operator()(struct pcap* handle) const;
    };
    CaptureReader(std::string path, struct pcap* handle)
        : path_(std::move(path)), handle_(handle) {}
    /// libpcap puts the name in front of most of its messages, and not of others.
    std::unexpected<Error> refuse(const std::string& message) const;

    std::string path_;
    std::unique_ptr<struct pcap, Close> handle_;
    uint64_t packets_ = 0, total_bytes_ = 0;
};

/// All packets of an Ethernet capture.
Result<std::vector<CapturedPacket>> read_capture(const std::string& path);

/// Overwrites `path`. One record per packet, in order.
Result<void> write_capture(const std::string& path, const std::vector<CapturedPacket>& packets);

}  // namespace weir::controlplane::cli
