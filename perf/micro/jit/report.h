#pragma once
// Tables in Markdown, which are also what a terminal shows.

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "perf/micro/jit/measurements.h"

namespace weir::perf {

/// "1.23 [1.20-1.31]"; "-" for nothing.
std::string cell_of(const std::optional<Spread>& spread);
std::string cell_of(const std::optional<double>& number);

struct Table {
    std::string title;                           ///< a sentence above it
    std::vector<std::vector<std::string>> rows;  ///< the first is the head
};

/// Median [quartiles] of these columns.
Table columns_table(std::string title, const Measurements& measured,
                    const std::vector<const char*>& columns);

struct RatioColumn {
    const char *title, *of, *base;
};
/// The same of ratios.
Table ratios_table(std::string title, const Measurements& measured,
                   const std::vector<RatioColumn>& columns);
/// With geometric means in the last row.
void add_means(Table& ratios, const Measurements& measured,
               const std::vector<RatioColumn>& columns);

/// Columns are padded to their widest cell.
void write_markdown(FILE* out, const Table& table);

}  // namespace weir::perf
