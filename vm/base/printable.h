#pragma once
// Text that strangers wrote, made fit for a terminal.

#include <string>
#include <string_view>

namespace weir {

/// `text` as UTF-8 that stays on its line and moves no cursor: a '?' for each byte of control
/// characters (C0, delete, C1), of line and paragraph separators, of characters that turn the
/// direction of writing, and of what is no UTF-8. Everything else stays as it is.
std::string printable(std::string_view text);

}  // namespace weir
