#pragma once
// What a scrape sees: Prometheus' text format 0.0.4 of the dataplane's counters and of the maps
// that the configuration exports.

#include <string>
#include <vector>

#include "controlplane/config/config.h"
#include "dataplane/api/capture.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane {

/// The contents of one map that `metrics.export` names.
struct ExportedMap {
    ExportConfig config;
    dataplane::api::MapInfo map;
    std::vector<dataplane::api::Element> elements;
};

struct Scrape {
    bool up = false;  ///< the dataplane answered; the rest is empty otherwise
    dataplane::api::Status status;
    dataplane::api::Stats stats;
    std::vector<dataplane::api::MapInfo> maps;
    std::vector<dataplane::api::CaptureInfo> captures;
    std::vector<ExportedMap> exports;
};

/// Series of an export beyond its max_series are left out and counted in
/// weir_export_series_left_out. Elements whose labels are the same are summed, per-CPU slots too.
std::string metrics_text(const Scrape& scrape);

}  // namespace weir::controlplane
