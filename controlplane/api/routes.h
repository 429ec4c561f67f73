#pragma once
// What each path of the API does.

#include "controlplane/api/http_message.h"
#include "controlplane/api/live_node.h"

namespace weir::controlplane {

/// All of it: for the Unix socket, whose mode says who may.
HttpAnswer answer_request(LiveNode& node, const HttpRequest& request);
/// GET /metrics alone: for the address of `metrics.listen`.
HttpAnswer answer_scrape(LiveNode& node, const HttpRequest& request);

}  // namespace weir::controlplane
