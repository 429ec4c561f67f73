#pragma once
// What the watchdog knows of a worker.

#include <cstdint>

namespace weir::dataplane {

struct WorkerWatch {
    bool is_stuck = false;
    bool has_cpu = true;  ///< false: it is stuck because it does not get to run
    uint64_t stuck_ms = 0;
    uint64_t instruction = 0;  ///< where it was; 0: it has not answered
};

}  // namespace weir::dataplane
