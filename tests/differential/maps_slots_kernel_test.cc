// Maps whose values stand for something else: maps in maps, programs, devices, cpus, sockets.
// Random sequences from the control side, and what a program finds behind each entry.

#include <linux/if_xdp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "tests/differential/kernel_map_pair.h"

namespace weir::tests {
namespace {

using Call = HelperProgram::Call;
using Shape = HelperProgram::Shape;
using vm::MapType;

constexpr int32_t kLookup = 1, kRedirectMap = 51;

uint64_t address(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

Bytes key_of(uint32_t number) {
    return {static_cast<uint8_t>(number), static_cast<uint8_t>(number >> 8), 0, 0};
}

uint32_t number_of(const Bytes& bytes) {
    uint32_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
}

class SlotsAgainstKernel : public KernelPair {
protected:
    /// Keys by iteration; sorted, since hashes have an order of their own.
    static KeyTexts keys_of(testing::ControlSide& side, uint32_t entries_max) {
        KeyTexts keys;
        Bytes key, next;
        for (int more = side.next_key(nullptr, next); more == 0 && keys.size() <= entries_max;
             more = side.next_key(&key, next)) {
            key = next;
            keys.insert(text_of(key));
        }
        return keys;
    }
    void same_keys() {
        EXPECT_EQ(keys_of(*kernel_, own_->spec().entries_max),
                  keys_of(*own_side_, own_->spec().entries_max));
    }
    void same_erase(const Bytes& key) {
        EXPECT_EQ(kernel_->erase(key), own_->control_erase(key.data())) << "erase";
    }
};

// -- maps in maps

/// Maps of which some fit the slots, each known by its place in the list.
struct InnerMaps {
    std::vector<Fd> in_kernel;
    std::vector<uint32_t> ids;  ///< the kernel's
    std::vector<std::unique_ptr<vm::Map>> own;

    void add(const vm::MapSpec& spec) {
        in_kernel.emplace_back(create_in_kernel(spec));
        bpf_map_info info{};
        uint32_t bytes = sizeof info;
        ASSERT_EQ(bpf_obj_get_info_by_fd(in_kernel.back().get(), &info, &bytes), 0);
        ids.push_back(info.id);
        own.push_back(maps::create_map(spec, kernel_cpus()).value());
        const Bytes key = key_of(0);
        const Bytes value(spec.value_bytes, static_cast<uint8_t>(own.size()));
        ASSERT_EQ(bpf_map_update_elem(in_kernel.back().get(), key.data(), value.data(), 0), 0);
        ASSERT_EQ(own.back()->control_update(key.data(), value, 0), 0);
    }
    uint32_t place_of_id(uint32_t id) const {
        return static_cast<uint32_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
    }
};

class MapsInMaps : public SlotsAgainstKernel {
protected:
    /// Few: the kernel waits for its readers at every change, some 5 ms.
    static constexpr uint32_t kSteps = 120;

    void run_outer(MapType type, const vm::MapSpec& inner) {
        ASSERT_NO_FATAL_FAILURE(make({.name = "o",
                                      .type = type,
                                      .key_bytes = 4,
                                      .value_bytes = 4,
                                      .entries_max = 4,
                                      .inner = std::make_shared<vm::MapSpec>(inner)}));
        InnerMaps maps;
        vm::MapSpec other = inner;
        other.value_bytes = 8;
        for (int i = 0; i < 3; ++i) maps.add(inner);
        maps.add(other);
        const Fd program(load_xdp(find_program(kernel_->fd())));
        Draw draw(static_cast<uint32_t>(first_seed()) + static_cast<uint32_t>(type));
        for (uint32_t step = 0; step < kSteps && !HasFailure(); ++step) {
            const Bytes key = key_of(draw(6));
            const uint32_t choice = draw(8);
            if (choice < 3) same_bind(maps, key, draw(4));
            if (choice == 3) same_erase(key);
            same_id(maps, key);
            same_find(program, maps, key);
            if (choice == 7) same_keys();
        }
    }
    void same_bind(InnerMaps& maps, const Bytes& key, uint32_t which) {
        const int fd = maps.in_kernel[which].get();
        const Bytes value(reinterpret_cast<const uint8_t*>(&fd),
                          reinterpret_cast<const uint8_t*>(&fd) + 4);
        EXPECT_EQ(kernel_->update(key, value, 0),
                  own_->bind_map(key.data(), maps.own[which].get(), which));
    }
    void same_id(const InnerMaps& maps, const Bytes& key) {
        Bytes expected(4), actual(4);
        const int status = kernel_->lookup(key, expected);
        EXPECT_EQ(status, own_->control_lookup(key.data(), actual));
        if (status != 0) return;
        ++found_;
        EXPECT_EQ(maps.place_of_id(number_of(expected)), number_of(actual));
    }
    /// The value of key 0 of the map behind `key`, by a program.
    void same_find(const Fd& program, const InnerMaps&, const Bytes& key) {
        Bytes packet(64, 0);
        std::copy(key.begin(), key.end(), packet.begin());
        const int expected = run_xdp(program.get(), packet);
        vm::RunEnv env;
        const vm::HelperFn lookup = maps::all_helpers().at(kLookup);
        const uint64_t inner = lookup(address(own_.get()), address(key.data()), 0, 0, 0, env);
        if (inner == 0) {
            EXPECT_EQ(expected, -1);
            return;
        }
        const Bytes zero = key_of(0);
        const uint64_t value = lookup(inner, address(zero.data()), 0, 0, 0, env);
        ASSERT_NE(value, 0u);
        EXPECT_EQ(static_cast<uint32_t>(expected), *reinterpret_cast<const uint32_t*>(value));
    }
    static std::vector<vm::Insn> find_program(int outer) {
        constexpr int32_t kXdpLoadBytes = 189;
        InsnWriter w;
        w.mov(2, 0).mov_reg(3, 10).add(3, -8).mov(4, 4).call(kXdpLoadBytes);
        load_map_fd(w, 1, outer);
        w.mov_reg(2, 10).add(2, -8).call(kLookup);
        w.put(vm::Op::kJne64Imm, 0, 0, 2, 0).mov(0, -1).exit();
        w.mov_reg(1, 0).put(vm::Op::kStoreImm32, 10, 0, -8, 0).mov_reg(2, 10).add(2, -8);
        w.call(kLookup).put(vm::Op::kJne64Imm, 0, 0, 2, 0).mov(0, -2).exit();
        return w.put(vm::Op::kLoad32, 0, 0, 0).exit().insns();
    }

    uint32_t found_ = 0;
};

TEST_F(MapsInMaps, SlotsAreFilledAndEmptiedAlike) {
    for (const MapType outer : {MapType::ArrayOfMaps, MapType::HashOfMaps}) {
        for (const MapType inner : {MapType::Array, MapType::Hash, MapType::LruHash})
            run_outer(
                outer,
                {.name = "i", .type = inner, .key_bytes = 4, .value_bytes = 4, .entries_max = 3});
    }
    EXPECT_GT(found_, kSteps);
}

// -- programs

class NoProgram final : public vm::Runnable {
public:
    uint64_t call(uint64_t, const std::array<uint64_t, 5>&, vm::RunEnv&) const override {
        return 0;
    }
};

TEST_F(SlotsAgainstKernel, ProgramsStandInSlotsAlike) {
    ASSERT_NO_FATAL_FAILURE(make({.name = "p",
                                  .type = MapType::ProgArray,
                                  .key_bytes = 4,
                                  .value_bytes = 4,
                                  .entries_max = 3}));
    const Fd program(load_xdp(InsnWriter().mov(0, 2).exit().insns()));
    bpf_prog_info info{};
    uint32_t info_bytes = sizeof info;
    ASSERT_EQ(bpf_obj_get_info_by_fd(program.get(), &info, &info_bytes), 0);
    const NoProgram own_program;
    const int fd = program.get();
    const Bytes value(reinterpret_cast<const uint8_t*>(&fd),
                      reinterpret_cast<const uint8_t*>(&fd) + 4);
    Draw draw(3);
    uint32_t found = 0;
    for (uint32_t step = 0; step < 3'000 && !HasFailure(); ++step) {
        const Bytes key = key_of(draw(5));
        if (draw(3) == 0) {
            EXPECT_EQ(kernel_->update(key, value, 0),
                      own_->bind_program(key.data(), &own_program, info.id));
        }
        if (draw(3) == 0) same_erase(key);
        Bytes expected(4), actual(4);
        const int status = kernel_->lookup(key, expected);
        EXPECT_EQ(status, own_->control_lookup(key.data(), actual));
        EXPECT_EQ(status == 0, own_->program_at(number_of(key)) != nullptr);
        if (status != 0) continue;
        EXPECT_EQ(expected, actual);
        ++found;
    }
    same_keys();
    EXPECT_GT(found, 500u);
}

// -- where packets go

class TargetsOfRedirects : public SlotsAgainstKernel {
protected:
    void same_redirect(const HelperProgram& redirect, uint32_t key, uint64_t flags) {
        Call call{.value = Bytes(own_->spec().value_bytes), .number = key, .second = flags};
        vm::RunEnv env;
        const int own = static_cast<int>(
            maps::all_helpers().at(kRedirectMap)(address(own_.get()), key, flags, 0, 0, env));
        EXPECT_EQ(redirect.run(call), own) << "key " << key << " flags " << flags;
        redirected_ += own == 4 ? 1 : 0;
    }
    uint32_t redirected_ = 0;
};

/// Interface 1 is the loopback; others are not there.
TEST_F(TargetsOfRedirects, DevicesAndCpusComeAndGoAlike) {
    for (const MapType type : {MapType::Devmap, MapType::DevmapHash, MapType::Cpumap}) {
        for (const uint32_t entries : {1u, 5u}) {
            ASSERT_NO_FATAL_FAILURE(make({.name = "t",
                                          .type = type,
                                          .key_bytes = 4,
                                          .value_bytes = 8,
                                          .entries_max = entries}));
            const HelperProgram redirect(kernel_->fd(), kRedirectMap, Shape::Numbers, 4, 8);
            Draw draw(entries);
            for (uint32_t step = 0; step < 3'000 && !HasFailure(); ++step) {
                const uint32_t key = draw(entries + 2);
                Bytes value(8, 0);
                value[0] = draw(4) != 0;
                if (draw(2) == 0) {
                    const uint64_t flags = draw(4) == 0 ? draw(5) : 0;
                    EXPECT_EQ(kernel_->update(key_of(key), value, flags),
                              own_->control_update(key_of(key).data(), value, flags));
                } else if (draw(2) == 0) {
                    same_erase(key_of(key));
                }
                same_redirect(redirect, key, draw(4));
                if (step % 16 == 0) same_keys();
            }
        }
    }
    EXPECT_GT(redirected_, 1'000u);
}

/// A socket's number here is the kernel's descriptor: neither side shows it again.
TEST_F(TargetsOfRedirects, SocketsComeAndGoAlike) {
    ASSERT_NO_FATAL_FAILURE(make({.name = "x",
                                  .type = MapType::Xskmap,
                                  .key_bytes = 4,
                                  .value_bytes = 4,
                                  .entries_max = 3}));
    std::vector<Fd> sockets;
    const int ring = 16;
    for (int i = 0; i < 3; ++i) {
        sockets.emplace_back(socket(AF_XDP, SOCK_RAW, 0));
        ASSERT_GE(sockets.back().get(), 0);
        ASSERT_EQ(setsockopt(sockets.back().get(), SOL_XDP, XDP_RX_RING, &ring, sizeof ring), 0);
    }
    const HelperProgram redirect(kernel_->fd(), kRedirectMap, Shape::Numbers, 4, 4);
    Draw draw(8);
    for (uint32_t step = 0; step < 3'000 && !HasFailure(); ++step) {
        const uint32_t key = draw(5);
        const int fd = sockets[draw(3)].get();
        const Bytes value(reinterpret_cast<const uint8_t*>(&fd),
                          reinterpret_cast<const uint8_t*>(&fd) + 4);
        if (draw(2) == 0) {
            const uint64_t flags = draw(4);
            EXPECT_EQ(kernel_->update(key_of(key), value, flags),
                      own_->control_update(key_of(key).data(), value, flags))
                << "flags " << flags;
        } else if (draw(2) == 0) {
            same_erase(key_of(key));
        }
        same_redirect(redirect, key, draw(4));
    }
    same_keys();
    EXPECT_GT(redirected_, 500u);
}

}  // namespace
}  // namespace weir::tests
