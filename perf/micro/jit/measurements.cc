#include "perf/micro/jit/measurements.h"

#include <algorithm>
#include <cmath>

namespace weir::perf {
namespace {

Spread spread_of(std::vector<double> values) {
    std::ranges::sort(values);
    const size_t last = values.size() - 1;
    return {values[values.size() / 2], values[last / 4], values[last - last / 4]};
}

}  // namespace

void Measurements::add(const std::string& row, const std::string& column, double value) {
    if (std::ranges::find(rows_, row) == rows_.end()) rows_.push_back(row);
    values_[{row, column}].push_back(value);
}

const std::vector<double>* Measurements::find(const std::string& row,
                                              const std::string& column) const {
    const auto found = values_.find({row, column});
    return found == values_.end() ? nullptr : &found->second;
}

void Measurements::subtract(const std::string& net, const std::string& gross,
                            const std::string& floor) {
    constexpr double kLeast = 0.05;
    for (const std::string& row : rows_) {
        const std::vector<double>* const values = find(row, gross);
        const std::vector<double>* const floors = find(row, floor);
        if (values == nullptr || floors == nullptr) continue;
        for (size_t round = 0; round < std::min(values->size(), floors->size()); ++round)
            values_[{row, net}].push_back(std::max((*values)[round] - (*floors)[round], kLeast));
    }
}

std::optional<Spread> Measurements::value(const std::string& row, const std::string& column) const {
    const std::vector<double>* const values = find(row, column);
    if (values == nullptr) return std::nullopt;
    return spread_of(*values);
}

std::optional<Spread> Measurements::ratio(const std::string& row, const std::string& column,
                                          const std::string& base) const {
    const std::vector<double>* const values = find(row, column);
    const std::vector<double>* const bases = find(row, base);
    if (values == nullptr || bases == nullptr) return std::nullopt;
    std::vector<double> ratios;
    for (size_t round = 0; round < std::min(values->size(), bases->size()); ++round)
        ratios.push_back((*values)[round] / (*bases)[round]);
    return spread_of(std::move(ratios));
}

std::optional<double> Measurements::mean_ratio(const std::string& column,
                                               const std::string& base) const {
    double logarithms = 0;
    size_t count = 0;
    for (const std::string& row : rows_) {
        const std::optional<Spread> of_row = ratio(row, column, base);
        if (!of_row) continue;
        logarithms += std::log(of_row->median);
        ++count;
    }
    if (count == 0) return std::nullopt;
    return std::exp(logarithms / static_cast<double>(count));
}

}  // namespace weir::perf
