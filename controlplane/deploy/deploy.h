#pragma once
// Bundle -> the dataplane. Either the new generation is published, or everything is as it was.

#include <map>
#include <string>

#include "controlplane/deploy/bundle.h"
#include "controlplane/deploy/policy_keys.h"
#include "dataplane/api/client.h"

namespace weir::controlplane {

/// Program's name in the config -> PlannedProgram::identity, of what runs.
using Identities = std::map<std::string, std::string>;

struct Deployed {
    uint64_t generation = 0;
    uint64_t swap_us = 0;
    Identities identities;
};

/// Configures the dataplane if nobody did, makes the maps that are missing, loads what changed,
/// puts their contents into policy maps, and publishes. `owned`: what configurations before put
/// into maps; what of it is not in the bundle is erased, and all else stays. Maps with the same
/// name and definition go along with their contents; another definition is refused with the
/// difference shown. `running`: programs that go on unchanged keep their code, their globals and
/// their counters. `renew`: the name of a program that is loaded anew even if it is the same (a
/// swap); may be empty. Ports and workers of a configured dataplane do not change; a bundle that
/// asks for it is refused.
Result<Deployed> deploy(dataplane::api::Client& client, const Bundle& bundle,
                        const Identities& running, const PolicyKeys& owned,
                        const std::string& renew);

/// "ports.wan.mtu is 1500, the new configuration says 9000", or empty if both mean the same.
std::string configure_difference(const dataplane::api::Configure& running,
                                 const dataplane::api::Configure& wanted);

}  // namespace weir::controlplane
