#pragma once
// Lists for people. (fmt::join under -O3 trips a false -Wstringop-overflow of GCC 12.)

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace weir::dataplane {

/// Items with `separator` between them.
template <typename Range>
std::string join(const Range& items, std::string_view separator) {
    std::string text;
    for (const auto& item : items) {
        if (!text.empty()) text += separator;
        text += fmt::to_string(item);
    }
    return text;
}

}  // namespace weir::dataplane
