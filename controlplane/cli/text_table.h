#pragma once
// Aligned columns.

#include <string>
#include <vector>

namespace weir::controlplane::cli {

struct Column {
    std::string name;
    bool right = false;  ///< numbers
};

/// Rows come in blocks: widths only grow from block to block, and the head is written once.
class TextTable {
public:
    explicit TextTable(std::vector<Column> columns);
    /// `cells` has one text per column.
    void add(std::vector<std::string> cells);
    size_t waiting() const { return rows_.size(); }
    /// The rows added since the last call, below the head if that is not written yet. Controls in
    /// cells are shown as '?'.
    std::string take();

private:
    void write_row(const std::vector<std::string>& cells, std::string& text) const;

    std::vector<Column> columns_;
    std::vector<size_t> widths_;
    std::vector<std::vector<std::string>> rows_;
    bool has_head_ = false;
};

}  // namespace weir::controlplane::cli
