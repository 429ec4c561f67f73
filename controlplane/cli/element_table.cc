#include "controlplane/cli/element_table.h"

#include <algorithm>

#include "controlplane/telemetry/stats_json.h"

namespace weir::controlplane::cli {

std::vector<Column> ElementTable::columns_of(const ElementTable& self) {
    std::vector<Column> columns;
    const auto add = [&](const Field& field) {
        columns.push_back({field.name, is_summable(field) && field.type != nullptr});
    };
    std::ranges::for_each(self.keys_, add);
    if (self.apart_) columns.push_back({"cpu", true});
    std::ranges::for_each(self.values_, add);
    return columns;
}

ElementTable::ElementTable(const dataplane::api::MapInfo& map, CpuView view)
    : map_(map),
      apart_(view == CpuView::Apart && vm::is_percpu(map.spec.type)),
      keys_(key_fields(map)),
      values_(value_fields(map)),
      table_(columns_of(*this)) {}

void ElementTable::add(ByteSpan key, ByteSpan value) {
    const std::vector<ByteSpan> slots = value_slots(map_, value);
    for (size_t slot = 0; slot < (apart_ ? slots.size() : 1); ++slot) {
        std::vector<std::string> cells;
        for (const Field& field : keys_) cells.push_back(field_text(field, key));
        if (apart_) cells.push_back(std::to_string(slot));
        for (const Field& field : values_)
            cells.push_back(apart_ ? field_text(field, slots[slot]) : summed_text(field, slots));
        table_.add(std::move(cells));
    }
}

__int128 summed_number(const Field& field, const std::vector<ByteSpan>& slots) {
    __int128 sum = 0;
    for (const ByteSpan slot : slots) sum += field_number(field, slot).value_or(0);
    return sum;
}

std::string summed_text(const Field& field, const std::vector<ByteSpan>& slots) {
    if (slots.empty()) return "";
    if (slots.size() > 1 && is_summable(field)) return number_text(summed_number(field, slots));
    const std::string first = field_text(field, slots[0]);
    const bool same =
        std::ranges::all_of(slots, [&](ByteSpan slot) { return field_text(field, slot) == first; });
    return same ? first : "…";
}

}  // namespace weir::controlplane::cli
