#pragma once
// What was measured in rounds in which all sides took their turn, so that what slows the machine
// slows all of them: times, and ratios of times of the same round.

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::perf {

struct Spread {
    double median;
    double low, high;  ///< quartiles
};

class Measurements {
public:
    /// Of the next round of this row and column.
    void add(const std::string& row, const std::string& column, double value);

    /// Adds a column to each row that has both: of `gross` less `floor`, round by round, but never
    /// less than a twentieth of a unit: ratios of nothing mean nothing.
    void subtract(const std::string& net, const std::string& gross, const std::string& floor);

    /// nullopt where the column has nothing in this row.
    std::optional<Spread> value(const std::string& row, const std::string& column) const;
    /// Round by round.
    std::optional<Spread> ratio(const std::string& row, const std::string& column,
                                const std::string& base) const;
    /// Of the medians of the rows that have both; nullopt where none has.
    std::optional<double> mean_ratio(const std::string& column, const std::string& base) const;

    const std::vector<std::string>& rows() const { return rows_; }  ///< in the order of adding

private:
    const std::vector<double>* find(const std::string& row, const std::string& column) const;

    std::vector<std::string> rows_;
    std::map<std::pair<std::string, std::string>, std::vector<double>> values_;
};

}  // namespace weir::perf
