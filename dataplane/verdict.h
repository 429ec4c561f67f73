#pragma once
// What becomes of a packet, and the names for it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::dataplane {

enum class DropReason : uint8_t {
#define REASON(name, text) name,
#include "dataplane/api/drop_reasons.def"
#undef REASON
};

constexpr std::array kDropReasonNames = {
#define REASON(name, text) std::string_view(#name),
#include "dataplane/api/drop_reasons.def"
#undef REASON
};
constexpr size_t kDropReasons = kDropReasonNames.size();

constexpr std::string_view drop_reason_name(DropReason reason) {
    return kDropReasonNames[static_cast<size_t>(reason)];
}

constexpr size_t kVerdicts = 5;
/// Index into a table of verdict counters: what is no verdict counts as XDP_ABORTED.
constexpr size_t verdict_index(uint32_t verdict) {
    return verdict < kVerdicts ? verdict : 0;
}

}  // namespace weir::dataplane
