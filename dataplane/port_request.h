#pragma once
// The ports of a CONFIGURE frame, judged before anything starts.

#include <cstdint>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/device.h"
#include "dataplane/link_follow.h"
#include "vm/base/result.h"

namespace weir::dataplane {

struct PortRequest {
    static constexpr uint32_t kPassDrops = UINT32_MAX;
    api::PortConfig config;
    Device device;
    uint32_t pass_port = kPassDrops;           ///< index
    uint32_t follow_port = LinkFollow::kNone;  ///< index of the port whose link it follows
};

/// Refuses names, devices, interfaces and ifindexes that occur twice, targets of `pass` and
/// `link_follow` that do not exist, and what check_device refuses. Messages start with
/// "ports.NAME".
Result<std::vector<PortRequest>> check_ports(const std::vector<api::PortConfig>& ports);

}  // namespace weir::dataplane
