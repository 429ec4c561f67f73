#pragma once
// A node in the foreground: dataplane and control plane as children, watched, restarted, stopped.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/cli/child.h"
#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane::cli {

struct ForegroundSettings {
    std::string config_file;
    std::string run_dir;
    bool verbose = false;  ///< pass on all of the children's log lines
};

class Foreground {
public:
    explicit Foreground(ForegroundSettings settings) : settings_(std::move(settings)) {}
    ~Foreground();  ///< stops both, removes the sockets

    /// Starts both and waits until the first generation runs. An error leaves no process behind.
    Result<void> start();
    /// Call every few milliseconds: passes logs on, restarts what died. Error: it cannot go on.
    Result<void> tend();
    /// nullopt while the control plane is away.
    std::optional<Json> stats() const;
    void stop();

private:
    using Clock = std::chrono::steady_clock;

    Result<void> start_dataplane(bool from_replay);
    Result<void> start_control();
    std::string dataplane_socket() const;
    Result<void> wait_for_dataplane();
    Result<void> wait_until_ready();
    Error startup_error(const char* who, Child& child, int wait_status);
    Result<void> tend_control();
    Result<void> tend_dataplane();
    void note_dataplane_end(int wait_status);
    void pass_on(Child& child);

    ForegroundSettings settings_;
    std::optional<Child> dataplane_, control_;
    std::vector<std::string>
        startup_lines_;  ///< held back until it is ready: on failure one line says why
    bool ready_ = false;
    Clock::time_point control_started_, control_retry_, dataplane_started_, dataplane_retry_;
    uint32_t control_failures_ = 0, dataplane_failures_ = 0;  ///< in a row
    bool dataplane_from_replay_ = false;
    bool replay_refused_ = false;  ///< the dataplane would not start from it
};

}  // namespace weir::controlplane::cli
