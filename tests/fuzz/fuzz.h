#pragma once
// The door of a fuzz target, as libFuzzer calls it. Targets end in WEIR_CHECK where a promise is
// broken.

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
