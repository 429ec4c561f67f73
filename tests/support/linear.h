#pragma once
// Is a recorded history linearisable (Herlihy and Wing, 1990): is there one order of its operations
// that keeps the order of those that did not overlap, and in which a sequential model gives every
// recorded result?
//
// The search goes through the history in time and keeps every configuration that may hold: a state
// of the model, and which of the operations under way have taken effect already. An operation takes
// effect at the latest when it responds ("just-in-time linearisation", Lowe, Testing for
// linearizability, 2017, after Wing and Gong, 1993). There are never more operations under way than
// threads, so that few configurations are kept however long the history is.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace weir::testing {

/// Nanoseconds. What comes before it in the program has happened and is seen by all; nothing behind
/// it has begun. (An exchange is a full barrier on x86, and ThreadSanitizer understands it, unlike
/// a fence.)
inline uint64_t stamp() {
    thread_local std::atomic<uint32_t> barrier{0};
    barrier.exchange(1, std::memory_order_seq_cst);
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    barrier.exchange(1, std::memory_order_seq_cst);
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

template <typename Operation>
struct Timed {
    uint32_t thread = 0;  ///< below 32; one operation of a thread after the other
    uint64_t invoked = 0, responded = 0;
    Operation operation{};
};

/// Model: a copyable `State` with operator<, an `Operation`, and `bool apply(State&, const
/// Operation&) const`, which is false where the state does not give the recorded result, and else
/// changes the state.
template <typename Model>
class LinearCheck {
public:
    using State = typename Model::State;
    using History = std::vector<Timed<typename Model::Operation>>;

    LinearCheck(const Model& model, const State& start) : model_(model) {
        configurations_.push_back({start, 0});
    }

    /// The first operation that has no place in any order, as an index into `history`; nullopt: it
    /// is linearisable. `history` in any order.
    std::optional<size_t> first_misfit(const History& history) {
        for (const Point& point : points_of(history)) {
            const auto& timed = history[point.index];
            if (point.is_response) {
                if (!respond(timed.thread)) return point.index;
                pending_.erase(timed.thread);
            } else {
                pending_[timed.thread] = &timed.operation;
            }
        }
        return std::nullopt;
    }

private:
    struct Point {
        uint64_t time;
        bool is_response;  ///< of two at the same time the invocation comes first: they overlap
        size_t index;
        bool operator<(const Point& other) const {
            if (time != other.time) return time < other.time;
            if (is_response != other.is_response) return !is_response;
            return index < other.index;
        }
    };
    struct Configuration {
        State state;
        uint32_t done;  ///< a bit for each thread whose operation under way has taken effect
        bool operator<(const Configuration& other) const {
            if (done != other.done) return done < other.done;
            return state < other.state;
        }
        bool operator==(const Configuration& other) const {
            return !(*this < other) && !(other < *this);
        }
    };

    static std::vector<Point> points_of(const History& history) {
        std::vector<Point> points;
        points.reserve(history.size() * 2);
        for (size_t i = 0; i < history.size(); ++i) {
            points.push_back({history[i].invoked, false, i});
            points.push_back({history[i].responded, true, i});
        }
        std::sort(points.begin(), points.end());
        return points;
    }

    /// Lets operations under way take effect in every order, keeps those where the thread's has.
    bool respond(uint32_t thread) {
        const uint32_t bit = 1u << thread;
        std::vector<Configuration> kept;
        for (size_t i = 0; i < configurations_.size(); ++i) {
            const Configuration from = configurations_[i];
            if ((from.done & bit) != 0) {
                kept.push_back({from.state, from.done & ~bit});
                continue;  // what may still take effect after it has time until it responds
            }
            for (const auto& [other, operation] : pending_) {
                Configuration next = from;
                next.done |= 1u << other;
                if (next.done == from.done || !model_.apply(next.state, *operation)) continue;
                if (std::find(configurations_.begin(), configurations_.end(), next) ==
                    configurations_.end())
                    configurations_.push_back(std::move(next));
            }
        }
        std::sort(kept.begin(), kept.end());
        kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
        configurations_ = std::move(kept);
        return !configurations_.empty();
    }

    const Model& model_;
    std::vector<Configuration> configurations_;
    std::map<uint32_t, const typename Model::Operation*> pending_;
};

}  // namespace weir::testing
