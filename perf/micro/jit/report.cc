#include "perf/micro/jit/report.h"

#include <algorithm>

#include <fmt/core.h>

namespace weir::perf {
namespace {

/// "|---|---:|": numbers stand on the right.
void write_rule(FILE* out, const std::vector<size_t>& widths) {
    for (size_t column = 0; column < widths.size(); ++column)
        fmt::print(out, "|-{:-<{}}{}", "", widths[column], column == 0 ? "-" : ":");
    fmt::print(out, "|\n");
}

}  // namespace

std::string cell_of(const std::optional<Spread>& spread) {
    if (!spread) return "-";
    return fmt::format("{:.2f} [{:.2f}-{:.2f}]", spread->median, spread->low, spread->high);
}

std::string cell_of(const std::optional<double>& number) {
    return number ? fmt::format("{:.2f}", *number) : "-";
}

Table columns_table(std::string title, const Measurements& measured,
                    const std::vector<const char*>& columns) {
    Table table{std::move(title), {{""}}};
    table.rows[0].insert(table.rows[0].end(), columns.begin(), columns.end());
    for (const std::string& row : measured.rows()) {
        std::vector<std::string>& cells = table.rows.emplace_back(1, row);
        for (const char* const column : columns)
            cells.push_back(cell_of(measured.value(row, column)));
    }
    return table;
}

Table ratios_table(std::string title, const Measurements& measured,
                   const std::vector<RatioColumn>& columns) {
    Table table{std::move(title), {{""}}};
    for (const RatioColumn& column : columns) table.rows[0].emplace_back(column.title);
    for (const std::string& row : measured.rows()) {
        std::vector<std::string>& cells = table.rows.emplace_back(1, row);
        for (const RatioColumn& column : columns)
            cells.push_back(cell_of(measured.ratio(row, column.of, column.base)));
    }
    return table;
}

void add_means(Table& ratios, const Measurements& measured,
               const std::vector<RatioColumn>& columns) {
    std::vector<std::string>& cells = ratios.rows.emplace_back(1, "geometric mean");
    for (const RatioColumn& column : columns)
        cells.push_back(cell_of(measured.mean_ratio(column.of, column.base)));
}

void write_markdown(FILE* out, const Table& table) {
    std::vector<size_t> widths(table.rows.front().size());
    for (const std::vector<std::string>& row : table.rows)
        for (size_t column = 0; column < row.size(); ++column)
            widths[column] = std::max(widths[column], row[column].size());
    fmt::print(out, "\n{}\n\n", table.title);
    for (size_t row = 0; row < table.rows.size(); ++row) {
        for (size_t column = 0; column < widths.size(); ++column) {
            const std::string& cell = table.rows[row][column];
            if (column == 0)
                fmt::print(out, "| {:<{}} ", cell, widths[column]);
            else
                fmt::print(out, "| {:>{}} ", cell, widths[column]);
        }
        fmt::print(out, "|\n");
        if (row == 0) write_rule(out, widths);
    }
    std::fflush(out);
}

}  // namespace weir::perf
