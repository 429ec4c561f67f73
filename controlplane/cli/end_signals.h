#pragma once
// Ends of a verb that runs until it is told to stop.

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>

namespace weir::controlplane::cli {

/// SIGINT, SIGTERM and SIGHUP wait until they are asked for, so that a block is never cut off.
class EndSignals {
public:
    EndSignals() {
        sigemptyset(&ends_);
        sigaddset(&ends_, SIGINT);
        sigaddset(&ends_, SIGTERM);
        sigaddset(&ends_, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &ends_, &before_);
    }
    ~EndSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    EndSignals(const EndSignals&) = delete;
    EndSignals& operator=(const EndSignals&) = delete;

    /// False if one came within that time.
    bool sleep(std::chrono::duration<double> time) const {
        const double seconds = std::max(time.count(), 0.0);
        const timespec timeout{static_cast<time_t>(seconds),
                               static_cast<long>((seconds - std::floor(seconds)) * 1e9)};
        int signal = 0;
        do {
            signal = sigtimedwait(&ends_, nullptr, &timeout);
        } while (signal < 0 && errno == EINTR);
        return signal < 0;
    }

private:
    sigset_t ends_{}, before_{};
};

}  // namespace weir::controlplane::cli
