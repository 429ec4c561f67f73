#pragma once
// Maps of the live kernel: through bpf(2), and through programs that call one helper.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/insns.h"
#include "tests/support/map_sequences.h"
#include "vm/base/bytes.h"
#include "vm/isa/insn.h"
#include "vm/program/spec.h"

namespace weir::tests {

/// Closes at the end of its life.
class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&&) = delete;
    ~Fd();
    int get() const { return fd_; }

private:
    int fd_;
};

/// Numbers below a bound, the same in each run.
class Draw {
public:
    explicit Draw(uint32_t seed) : random_(seed) {}
    uint32_t operator()(uint32_t bound) {
        return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_);
    }

private:
    std::mt19937 random_;
};

/// The kernel's internal ENOTSUPP, which user space sees as a number without a name.
constexpr int kKernelNotSupported = -524;

/// A file descriptor or a negative errno value. The inner map of a map in map is made too; with a
/// spin lock or a timer in its values a map comes with the types that say so.
int create_in_kernel(const vm::MapSpec& spec);
bool kernel_answers();
/// Why a test is skipped where it does not.
constexpr const char* kKernelMissing =
    "needs root and the kernel's bpf(): BPF_MAP_CREATE is refused";
uint32_t kernel_cpus();
/// Everything on the first cpu, so that both sides use the same per-CPU lists.
void stay_on_first_cpu();

class KernelControlSide final : public testing::ControlSide {
public:
    /// Owns `map`.
    KernelControlSide(int map, uint32_t key_bytes, uint32_t value_bytes)
        : map_(map), key_bytes_(key_bytes), value_bytes_(value_bytes) {}

    int lookup(const Bytes& key, Bytes& value) override;
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override;
    int erase(const Bytes& key) override;
    int next_key(const Bytes* key, Bytes& next) override;
    int fd() const { return map_.get(); }

private:
    Fd map_;
    uint32_t key_bytes_;
    uint32_t value_bytes_;
};

/// An XDP program of the kernel that calls one helper: its number arguments, key and value come out
/// of the packet and the value goes back into it.
class HelperProgram {
public:
    enum class Shape : uint8_t {
        Key,           ///< (map, key)
        KeyToValue,    ///< (map, key), result is a value or null: 0 or -ENOENT
        KeyAndValue,   ///< (map, key, value, number)
        Value,         ///< (map, value, number); the value comes back
        Numbers,       ///< (map, number, second number)
        Memory,        ///< (map, value, value_bytes, number)
        ContextMemory  ///< (context, map, number, value, value_bytes)
    };

    HelperProgram(int map, int32_t helper, Shape shape, uint32_t key_bytes, uint32_t value_bytes);

    struct Call {
        Bytes key, value;
        uint64_t number = 0, second = 0;
    };
    /// r0 as the kernel gives it, as an int; `call.value` afterwards.
    int run(Call& call) const;
    /// The packet that the program runs over.
    static Bytes packet_of(const Call& call);

private:
    Fd program_;
    uint32_t value_bytes_;
};

/// Loads instructions as an XDP program; ends the test where the kernel refuses.
int load_xdp(const std::vector<vm::Insn>& insns);
/// The same, or a negative number and what the kernel says (`why` may be null).
int try_load_xdp(const std::vector<vm::Insn>& insns, std::string* why);
/// r0 as an int; `packet` afterwards.
int run_xdp(int program, Bytes& packet);
/// A load of the address of the kernel's map `map`.
void load_map_fd(InsnWriter& writer, uint8_t reg, int map);

}  // namespace weir::tests
