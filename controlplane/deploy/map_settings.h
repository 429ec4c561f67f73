#pragma once
// The section `maps` of the configuration, on maps that programs turned out to have.

#include "controlplane/config/config.h"
#include "controlplane/deploy/bundle.h"

namespace weir::controlplane {

/// Life, sharing and first contents; sizes are the object loader's. A setting of PROGRAM/MAP comes
/// before one of MAP. Errors name the place in the configuration.
Result<void> apply_map_settings(const Config& config, Bundle& bundle);

}  // namespace weir::controlplane
