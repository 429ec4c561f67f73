#pragma once
// One captured packet as it crosses a ring from a worker to its capture's writer: this header, the
// program's name, the packet's bytes.

#include <cstdint>

namespace weir::dataplane::capture {

constexpr uint8_t kNone = 0xff;  ///< no verdict, no reason, no port

enum class Point : uint8_t { Before, After };
enum class Hook : uint8_t { Ingress, Egress };

struct RecordHeader {
    uint32_t bytes = 0;      ///< of the whole record in the ring
    uint32_t is_packet = 0;  ///< 0: unused space, no field below is there
    uint64_t tsc = 0;
    uint64_t generation = 0;
    uint64_t packet_id = 0;  ///< the same before and after; worker in the upper 8 bits
    uint32_t captured_bytes = 0;
    uint32_t wire_bytes = 0;
    uint16_t queue = 0;
    uint8_t worker = 0;
    Point point = Point::Before;
    Hook hook = Hook::Ingress;
    uint8_t verdict = kNone;  ///< XdpVerdict
    uint8_t reason = kNone;   ///< DropReason; kNone: it was not dropped
    uint8_t in_port = kNone;
    uint8_t out_port = kNone;
    uint8_t program_bytes = 0;
    uint8_t padding[6] = {};
};
static_assert(sizeof(RecordHeader) == 56);

constexpr uint32_t kRecordAlignment = 8;
constexpr uint32_t record_bytes(uint32_t program_bytes, uint32_t captured_bytes) {
    const auto bytes = static_cast<uint32_t>(sizeof(RecordHeader) + program_bytes + captured_bytes);
    return (bytes + kRecordAlignment - 1) & ~(kRecordAlignment - 1);
}

}  // namespace weir::dataplane::capture
