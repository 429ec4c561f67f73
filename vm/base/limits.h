#pragma once
// Every bound of the system that more than one folder needs, with the reason for its value.

#include <cstddef>
#include <cstdint>

namespace weir {

constexpr uint32_t kStackBytes =
    512;  ///< per frame; RFC 9669 leaves it open, the kernel's MAX_BPF_STACK
constexpr uint32_t kCallDepthMax = 8;  ///< frames of BPF-to-BPF calls, the kernel's MAX_CALL_FRAMES
constexpr uint32_t kTailCallsMax = 33;  ///< the kernel's MAX_TAIL_CALL_CNT
constexpr uint32_t kMayGotoMax =
    8u << 20;  ///< may_goto's that one run may take, the kernel's BPF_MAX_LOOPS
constexpr uint32_t kProgramInsnsMax =
    1'000'000;                               ///< the kernel's BPF_COMPLEXITY_LIMIT_INSNS for root
constexpr uint32_t kMapsPerProgramMax = 64;  ///< the kernel's MAX_USED_MAPS
constexpr uint32_t kMapKeyBytesMax = 512;    ///< the kernel's limit for hash keys (MAX_BPF_STACK)
constexpr uint32_t kMapValueBytesMax =
    1u << 20;  ///< ours; keeps one element below a frame of the command socket
constexpr uint32_t kGlobalDataBytesMax =
    32u << 20;  ///< one section of global data, and all of an object; half a frame of that socket
constexpr uint32_t kNameBytesMax = 128;    ///< programs, maps, ports, sets
constexpr uint32_t kWorkersMax = 128;      ///< upper bound of `workers_max`: slots of per-CPU maps
constexpr uint32_t kBurstPacketsMax = 64;  ///< packets that one burst may hold
constexpr uint32_t kPacketHeadroomBytes = 256;  ///< XDP_PACKET_HEADROOM
constexpr uint32_t kFrameBytesMin =
    14;  ///< an Ethernet header; shorter frames never reach a program
constexpr uint32_t kFrameBytesMax = 9'600;     ///< jumbo frames
constexpr size_t kObjectBytesMax = 64u << 20;  ///< an ELF object file

}  // namespace weir
