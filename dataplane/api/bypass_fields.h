#pragma once
// bypass.h's messages as fields.h lists the others.

#include "dataplane/api/bypass.h"
#include "dataplane/api/fields.h"

namespace weir::dataplane::api {

template <typename V, Of<BypassRequest> M>
void fields(V& visit, M& m) {
    visit("change", m.change);
    visit("duration_ms", m.duration_ms);
}

template <typename V, Of<BypassState> M>
void fields(V& visit, M& m) {
    visit("left_ms", m.left_ms);
}

template <typename V, Of<SwapTimes> M>
void fields(V& visit, M& m) {
    visit("count", m.count);
    visit("p50_ns", m.p50_ns);
    visit("p99_ns", m.p99_ns);
    visit("max_ns", m.max_ns);
}

}  // namespace weir::dataplane::api
