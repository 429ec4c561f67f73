#pragma once
// /maps/NAME…: one map of the node, and its elements.

#include <vector>

#include "controlplane/api/live_node.h"

namespace weir::controlplane {

/// `path` holds the unescaped segments, "maps" first, NAME second. README.md lists the routes.
HttpAnswer answer_map(LiveNode& node, const std::vector<std::string>& path,
                      const HttpRequest& request);

/// PUT /contents?maps=A,B&bytes=N,M&slots=one,each: records of several maps, one after the other,
/// become their contents in one step.
HttpAnswer answer_contents(LiveNode& node, const HttpRequest& request);

}  // namespace weir::controlplane
