#pragma once
// The time when nothing is filtered, because the operator said so: it ends by itself. Control
// thread.

#include <chrono>
#include <cstdint>

namespace weir::dataplane {

class Bypass {
public:
    using Clock = std::chrono::steady_clock;

    bool is_on() const { return is_on_; }
    /// For so long from now on.
    void begin(Clock::time_point now, uint64_t duration_ms) {
        is_on_ = true;
        until_ = now + std::chrono::milliseconds(duration_ms);
        say_again_ = now + kSayEvery;
    }
    void end() { is_on_ = false; }
    /// 0: it is off, or over.
    uint64_t left_ms(Clock::time_point now) const {
        if (!is_on_ || now >= until_) return 0;
        return static_cast<uint64_t>(
            std::chrono::ceil<std::chrono::milliseconds>(until_ - now).count());
    }
    bool is_over(Clock::time_point now) const { return is_on_ && now >= until_; }
    /// Once a minute while it is on: somebody should hear of it.
    bool is_to_be_said(Clock::time_point now) {
        if (!is_on_ || now < say_again_) return false;
        say_again_ = now + kSayEvery;
        return true;
    }

private:
    static constexpr std::chrono::minutes kSayEvery{1};

    bool is_on_ = false;
    Clock::time_point until_{}, say_again_{};
};

}  // namespace weir::dataplane
