#pragma once
// Times as dots with their quartiles on a logarithmic axis, in SVG.

#include <cstdio>
#include <string>
#include <vector>

#include "perf/micro/jit/measurements.h"

namespace weir::perf {

struct PlotSeries {
    const char* column;
    const char* colour;
};

struct Panel {
    std::string title;
    Measurements measured;  ///< a line for each row
    std::vector<PlotSeries> series;
};

/// Panels one below the other, each with its own axis.
void write_svg(FILE* out, const std::vector<Panel>& panels);

}  // namespace weir::perf
