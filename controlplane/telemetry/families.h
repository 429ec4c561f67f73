#pragma once
// Prometheus' families while a scrape is put together.

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace weir::controlplane {

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// Families in the order in which they are first named.
class Families {
public:
    void counter(const std::string& name, const char* help, Labels labels, uint64_t value) {
        counter(name, help, std::move(labels), static_cast<double>(value));
    }
    void counter(const std::string& name, const char* help, Labels labels, double value) {
        add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = value;
    }
    void gauge(const std::string& name, const char* help, Labels labels, double value) {
        add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value = value;
    }
    void gauge(const std::string& name, const char* help, Labels labels, uint64_t value) {
        gauge(name, help, std::move(labels), static_cast<double>(value));
    }
    /// `counts[i]`: packets that took 2^i up to 2^(i+1) ns.
    void latency(const std::string& name, const char* help, Labels labels,
                 std::span<const uint64_t> counts);
    std::string text() const;

private:
    prometheus::ClientMetric& add(const std::string& name, const char* help,
                                  prometheus::MetricType type, Labels labels);

    std::vector<prometheus::MetricFamily> families_;
    std::map<std::string, size_t> index_;
};

}  // namespace weir::controlplane
