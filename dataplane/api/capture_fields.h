#pragma once
// The fields of api/capture.h's messages, as fields.h has those of the others.

#include "dataplane/api/capture.h"
#include "dataplane/api/fields.h"

namespace weir::dataplane::api {

template <typename V, Of<CaptureOpen> M>
void fields(V& visit, M& m) {
    visit("filter", m.filter);
    visit("filter_text", m.filter_text, kFilterTextBytesMax);
    visit("ports", m.ports, kPortsMax);
    visit("verdicts", m.verdicts, kReasonsMax);
    visit("reasons", m.reasons, kReasonsMax);
    visit("program", m.program, kNameBytesMax);
    visit("hook", m.hook, CaptureHook::Egress);
    visit("point", m.point, CapturePoint::Both);
    visit("snap_bytes", m.snap_bytes);
    visit("sample", m.sample);
    visit("count", m.count);
    visit("when_full", m.when_full, WhenFull::Drop);
}

template <typename V, Of<CaptureId> M>
void fields(V& visit, M& m) {
    visit("id", m.id);
}

template <typename V, Of<CaptureInfo> M>
void fields(V& visit, M& m) {
    visit("id", m.id);
    visit("filter_text", m.filter_text, kFilterTextBytesMax);
    visit("point", m.point, CapturePoint::Both);
    visit("matched", m.matched);
    visit("captured", m.captured);
    visit("dropped", m.dropped);
    visit("skipped", m.skipped);
    visit("written", m.written);
    visit("written_bytes", m.written_bytes);
    visit("ended", m.ended, kTextBytesMax);
    visit("failed", m.failed);
    visit("trouble", m.trouble, kTextBytesMax);
    visit("finished", m.finished);
}

template <typename V, Of<CaptureList> M>
void fields(V& visit, M& m) {
    visit("captures", m.captures, kCapturesMax);
}

}  // namespace weir::dataplane::api
