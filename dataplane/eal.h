#pragma once
// DPDK's environment: started once per process from what CONFIGURE says, on the thread that calls
// (the control thread).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// The numbers of this machine that the choice of arguments depends on; the clock, so to speak, of
/// eal_plan.
struct Machine {
    std::vector<uint32_t> cpus;   ///< that this process may run on
    uint64_t hugepage_bytes = 0;  ///< of the default size
    uint64_t hugepages_free = 0;
};
Machine read_machine();

/// EAL's command line and what was decided on the way. Worker i is lcore i; the control thread is
/// the lcore after the last.
struct EalPlan {
    std::vector<std::string> arguments;
    bool uses_hugepages = false;
    std::vector<std::string> warnings;  ///< each with the command that mends it
};
/// Refuses CPUs that do not exist, hugepages that are required and not there, memory sizes that are
/// none.
Result<EalPlan> eal_plan(const api::Configure& configure,
                         const std::vector<std::string>& pci_addresses,
                         const std::string& file_prefix, const Machine& machine);

/// Running EAL; the destructor ends it. It cannot be started again in this process.
class Eal {
public:
    /// DPDK's runtime files go below `run_dir`.
    static Result<std::unique_ptr<Eal>> start(const EalPlan& plan, const std::string& run_dir,
                                              const std::string& file_prefix);
    ~Eal();
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;

private:
    explicit Eal(std::string runtime_dir);
    std::string runtime_dir_;
};

/// The prefix that keeps two instances apart: a hash of the run directory's path.
std::string eal_file_prefix(const std::string& run_dir);

}  // namespace weir::dataplane
