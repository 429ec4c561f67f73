#pragma once
// What bpf_fib_lookup and bpf_check_mtu answer from in an offline run.

#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/base/result.h"
#include "vm/helpers/fib.h"

namespace weir::controlplane::cli {

/// Ports, routes and neighbours of a configuration, whose objects are not read. A port has the MTU
/// that the configuration gives it, else 1,500, and since no device is there to ask, the MAC
/// address 02:00 followed by its ifindex.
Result<std::shared_ptr<const vm::Fib>> routes_of_config(const std::string& path);

/// Ports as bpf_fib_lookup sees them where no device is there to ask, as above.
std::vector<vm::Interface> offline_interfaces(const std::vector<dataplane::api::PortConfig>& ports);

/// Of a run without a configuration: no route, and the interface that packets come from is like the
/// loopback that BPF_PROG_TEST_RUN takes.
std::shared_ptr<const vm::Fib> no_routes();

}  // namespace weir::controlplane::cli
