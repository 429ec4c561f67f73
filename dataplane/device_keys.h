#pragma once
// The keys that each virtual device's driver takes (DPDK 22.11), so that a wrong one is named
// before anything starts. Drivers refuse some with a bare "invalid argument", and take others
// silently.

#include <string_view>
#include <vector>

#include "dataplane/device.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// Names of the drivers, sorted.
const std::vector<std::string_view>& virtual_drivers();

/// kInvalid: a key that the driver does not have, one that is there twice or missing, a value of
/// another kind.
Result<void> check_device_keys(const Device& device);

}  // namespace weir::dataplane
