#pragma once
// What this process holds of the heap, by whomever it was asked for: ours, libelf's and libbpf's.

#include <cstddef>

namespace weir::tests {

/// Bytes now, and at most since the last start_peak().
size_t heap_bytes();
size_t heap_bytes_peak();
void start_peak();

}  // namespace weir::tests
