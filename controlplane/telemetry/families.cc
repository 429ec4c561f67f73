#include "controlplane/telemetry/families.h"

#include <prometheus/text_serializer.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "controlplane/telemetry/latency.h"

namespace weir::controlplane {
namespace {

// Bounds of 512 ns up to 34 ms, each four times the one before: nine series for each worker.
constexpr size_t kFirstBound = 9;
constexpr size_t kLastBound = 25;
constexpr size_t kBoundStep = 2;

}  // namespace

void Families::latency(const std::string& name, const char* help, Labels labels,
                       std::span<const uint64_t> counts) {
    prometheus::ClientMetric::Histogram& histogram =
        add(name, help, prometheus::MetricType::Histogram, std::move(labels)).histogram;
    uint64_t below = 0;
    size_t next = 0;
    for (size_t bound = kFirstBound; bound <= kLastBound; bound += kBoundStep) {
        for (; next < bound && next < counts.size(); ++next) below += counts[next];
        histogram.bucket.push_back({below, std::exp2(static_cast<double>(bound)) / 1e9});
    }
    for (; next < counts.size(); ++next) below += counts[next];
    histogram.bucket.push_back({below, std::numeric_limits<double>::infinity()});
    histogram.sample_count = below;
    histogram.sample_sum = latency_sum_seconds(counts);
}

std::string Families::text() const {
    std::ostringstream stream;
    prometheus::TextSerializer().Serialize(stream, families_);
    return stream.str();
}

prometheus::ClientMetric& Families::add(const std::string& name, const char* help,
                                        prometheus::MetricType type, Labels labels) {
    const auto [place, fresh] = index_.emplace(name, families_.size());
    if (fresh) families_.push_back({name, help, type, {}});
    std::vector<prometheus::ClientMetric>& metrics = families_[place->second].metric;
    metrics.emplace_back();
    metrics.back().label = std::move(labels);
    return metrics.back();
}

}  // namespace weir::controlplane
