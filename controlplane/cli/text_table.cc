#include "controlplane/cli/text_table.h"

#include <algorithm>

namespace weir::controlplane::cli {
namespace {

/// Letters of UTF-8, near enough for a terminal's columns.
size_t width_of(const std::string& text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
    for (const Column& column : columns_) widths_.push_back(width_of(column.name));
}

void TextTable::add(std::vector<std::string> cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
        std::ranges::replace_if(
            cells[i], [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
            '?');
        widths_[i] = std::max(widths_[i], width_of(cells[i]));
    }
    rows_.push_back(std::move(cells));
}

void TextTable::write_row(const std::vector<std::string>& cells, std::string& text) const {
    for (size_t i = 0; i < cells.size(); ++i) {
        const std::string blanks(widths_[i] - width_of(cells[i]), ' ');
        const bool is_last = i + 1 == cells.size();
        if (columns_[i].right)
            text += blanks + cells[i];
        else
            text += cells[i] + (is_last ? "" : blanks);
        if (!is_last) text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
}

std::string TextTable::take() {
    std::string text;
    if (!has_head_) {
        std::vector<std::string> names;
        for (const Column& column : columns_) names.push_back(column.name);
        write_row(names, text);
        has_head_ = true;
    }
    for (const std::vector<std::string>& row : rows_) write_row(row, text);
    rows_.clear();
    return text;
}

}  // namespace weir::controlplane::cli
