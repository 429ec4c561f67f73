#include "perf/micro/bench_frame.h"

#include <algorithm>

namespace weir::perf {

BenchFrame bench_frame(uint32_t number) {
    constexpr size_t kSourceAddress = 26;
    BenchFrame frame{};
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = 6;
    const std::array<uint8_t, 12> rest = {
        10,   1,    2,    static_cast<uint8_t>(number),
        192,  168,  0,    1,
        0x30, 0x39, 0x1f, static_cast<uint8_t>(number % 4 == 0 ? 0x90 : 0x91)};
    std::copy(rest.begin(), rest.end(), frame.begin() + kSourceAddress);
    return frame;
}

}  // namespace weir::perf
