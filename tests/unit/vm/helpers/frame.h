#pragma once
// A packet with room around it, as a worker would hand it to a program.

#include <array>

#include "vm/helpers/helpers.h"

namespace weir::vm {

/// 216 bytes of headroom and 3520 behind the head, which is what BPF_PROG_TEST_RUN of Linux 6.18
/// leaves a program.
class Frame {
public:
    static constexpr uint32_t kHeadroomBytes = 216;
    static constexpr uint32_t kHeadToLimitBytes = 3520;

    explicit Frame(uint32_t packet_bytes) {
        bytes_.fill(0xee);
        uint8_t* const data = bytes_.data() + kHeadroomBytes;
        for (uint32_t i = 0; i < packet_bytes; ++i) data[i] = static_cast<uint8_t>(i);
        context = {.data = data,
                   .data_end = data + packet_bytes,
                   .data_meta = data,
                   .frame_start = bytes_.data(),
                   .frame_limit = data + kHeadToLimitBytes,
                   .ingress_ifindex = 1,
                   .rx_queue_index = 0,
                   .egress_ifindex = 0};
        add_base_helpers(table_);
    }

    /// Calls a helper with the context as its first argument; the result as the program's signed 64
    /// bits.
    int64_t call(int64_t id, uint64_t r2 = 0, uint64_t r3 = 0, uint64_t r4 = 0) {
        return static_cast<int64_t>(
            table_.at(id)(reinterpret_cast<uint64_t>(&context), r2, r3, r4, 0, env));
    }
    int64_t call_plain(int64_t id, uint64_t r1 = 0, uint64_t r2 = 0, uint64_t r3 = 0,
                       uint64_t r4 = 0, uint64_t r5 = 0) {
        return static_cast<int64_t>(table_.at(id)(r1, r2, r3, r4, r5, env));
    }
    /// Calls a kfunc by its number in kfuncs.def.
    int64_t call_kfunc(int64_t number, uint64_t r2 = 0, uint64_t r3 = 0, uint64_t r4 = 0) {
        return call_kfunc_plain(number, reinterpret_cast<uint64_t>(&context), r2, r3, r4);
    }
    int64_t call_kfunc_plain(int64_t number, uint64_t r1 = 0, uint64_t r2 = 0, uint64_t r3 = 0,
                             uint64_t r4 = 0, uint64_t r5 = 0) {
        return static_cast<int64_t>(table_.kfunc_at(number)(r1, r2, r3, r4, r5, env));
    }
    int64_t length() const { return context.data_end - context.data; }
    int64_t meta_length() const { return context.data - context.data_meta; }

    XdpContext context;
    RunEnv env;

private:
    std::array<uint8_t, kHeadroomBytes + kHeadToLimitBytes> bytes_;
    HelperTable table_;
};

inline uint64_t number_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}
/// A negative offset as a program passes it.
constexpr uint64_t offset_of(int64_t value) {
    return static_cast<uint64_t>(value);
}

}  // namespace weir::vm
