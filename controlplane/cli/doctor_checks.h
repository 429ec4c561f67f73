#pragma once
// What a node needs of the machine, checked one by one.

#include <string>
#include <vector>

#include "controlplane/config/config.h"

namespace weir::controlplane::cli {

enum class Health : uint8_t { Good, Note, Wrong };

struct Finding {
    std::string check;  ///< "hugepages"
    Health health = Health::Good;
    std::string message;  ///< what is
    std::string remedy;   ///< what to do; empty if it is good
};

/// `config` nullptr: only what every node needs, and notes on the rest.
std::vector<Finding> check_machine(const Config* config);

// -- the checks, in doctor_machine.cc and doctor_ports.cc -----------------------------------------
Finding check_cpu();
Finding check_lcores(const Config& config);
Finding check_hugepages(const Config* config);
Finding check_privileges(const Config* config);
Finding check_af_xdp(const Config* config);
Finding check_drivers(const Config* config);
Finding check_binaries();
Finding check_run_dir(const Config* config);
Finding check_metrics_port(const Config& config);
void check_ports(const Config& config, std::vector<Finding>& findings);

/// In doctor_node.cc: a bypass, and ports that are out of service, whose device is gone, whose link
/// is down or whose packets say that something is wrong, if a node runs there. Asks it once.
void check_node_ports(const std::string& run_dir, std::vector<Finding>& findings);
/// In doctor_node.cc: maps that are full or lose something, if a node runs there.
void check_node_maps(const std::string& run_dir, std::vector<Finding>& findings);

/// True if a port's device is, or starts with, `driver` ("net_af_xdp").
bool uses_driver(const Config& config, std::string_view driver);
/// True if a port is no virtual device.
bool uses_pci(const Config& config);

}  // namespace weir::controlplane::cli
