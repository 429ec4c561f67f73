#pragma once
// The verb that asks the dataplane itself, past the control plane.

#include "controlplane/cli/options.h"

namespace weir::controlplane::cli {

int verb_bypass(const Words& words);

}  // namespace weir::controlplane::cli
