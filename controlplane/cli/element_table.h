#pragma once
// Elements as rows of a table: a column for each member of key and value.

#include "controlplane/cli/element_field.h"
#include "controlplane/cli/text_table.h"

namespace weir::controlplane::cli {

enum class CpuView : uint8_t {
    Summed,  ///< numbers of per-CPU values added up; else the value that all slots have, or "…"
    Apart,   ///< a row for each slot
};

class ElementTable {
public:
    ElementTable(const dataplane::api::MapInfo& map, CpuView view);
    void add(ByteSpan key, ByteSpan value);
    size_t waiting() const { return table_.waiting(); }
    std::string take() { return table_.take(); }

private:
    static std::vector<Column> columns_of(const ElementTable& self);

    dataplane::api::MapInfo map_;
    bool apart_;
    std::vector<Field> keys_, values_;
    TextTable table_;
};

/// A field of a per-CPU value over its slots, as CpuView::Summed has it.
std::string summed_text(const Field& field, const std::vector<ByteSpan>& slots);
/// The number of a summable field over all slots.
__int128 summed_number(const Field& field, const std::vector<ByteSpan>& slots);

}  // namespace weir::controlplane::cli
