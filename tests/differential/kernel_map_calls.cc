#include "tests/differential/kernel_map_calls.h"

#include <bpf/btf.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <tuple>

#include <fmt/format.h>

namespace weir::tests {
namespace {

using vm::Op;

// The packet: two numbers, a key, a value.
constexpr int32_t kNumberAt = 0, kSecondAt = 8, kKeyAt = 16, kValueAt = 80, kPacketBytes = 144;
constexpr uint32_t kFieldBytesMax = 64;
// The stack, from r10 down.
constexpr int16_t kKeySlot = -64, kValueSlot = -128, kNumberSlot = -136, kSecondSlot = -144;
constexpr int32_t kXdpLoadBytes = 189, kXdpStoreBytes = 190;
constexpr uint8_t kPseudoMapFd = 1;

void fetch(InsnWriter& w, int32_t from, int16_t slot, uint32_t bytes) {
    if (bytes == 0) return;
    w.mov_reg(1, 6).mov(2, from).mov_reg(3, 10).add(3, slot).mov(4, static_cast<int32_t>(bytes));
    w.call(kXdpLoadBytes);
}

/// Copies `bytes` from where `base` + `off` points into the packet's value.
void give_back(InsnWriter& w, uint8_t base, int16_t off, uint32_t bytes) {
    w.mov_reg(3, base).add(3, off).mov_reg(1, 6).mov(2, kValueAt);
    w.mov(4, static_cast<int32_t>(bytes)).call(kXdpStoreBytes);
}

void put_arguments(InsnWriter& w, int map, HelperProgram::Shape shape, uint32_t value_bytes) {
    using Shape = HelperProgram::Shape;
    const auto bytes = static_cast<int32_t>(value_bytes);
    const bool context_first = shape == Shape::ContextMemory;
    load_map_fd(w, context_first ? 2 : 1, map);
    switch (shape) {
        case Shape::Key:
        case Shape::KeyToValue: w.mov_reg(2, 10).add(2, kKeySlot); break;
        case Shape::KeyAndValue:
            w.mov_reg(2, 10).add(2, kKeySlot).mov_reg(3, 10).add(3, kValueSlot);
            w.load64(4, 10, kNumberSlot);
            break;
        case Shape::Value: w.mov_reg(2, 10).add(2, kValueSlot).load64(3, 10, kNumberSlot); break;
        case Shape::Numbers: w.load64(2, 10, kNumberSlot).load64(3, 10, kSecondSlot); break;
        case Shape::Memory:
            w.mov_reg(2, 10).add(2, kValueSlot).mov(3, bytes).load64(4, 10, kNumberSlot);
            break;
        case Shape::ContextMemory:
            w.mov_reg(1, 6).load64(3, 10, kNumberSlot).mov_reg(4, 10).add(4, kValueSlot);
            w.mov(5, bytes);
            break;
    }
}

std::vector<vm::Insn> helper_program(int map, int32_t helper, HelperProgram::Shape shape,
                                     uint32_t key_bytes, uint32_t value_bytes) {
    using Shape = HelperProgram::Shape;
    InsnWriter w;
    w.mov_reg(6, 1);
    fetch(w, kNumberAt, kNumberSlot, 8);
    fetch(w, kSecondAt, kSecondSlot, 8);
    fetch(w, kKeyAt, kKeySlot, key_bytes);
    fetch(w, kValueAt, kValueSlot, value_bytes);
    put_arguments(w, map, shape, value_bytes);
    w.call(helper);
    if (shape == Shape::KeyToValue) {
        w.put(Op::kJne64Imm, 0, 0, 2, 0).mov(0, -ENOENT).exit();
        give_back(w, 0, 0, value_bytes);
        w.mov(0, 0);
    } else if (shape == Shape::Value) {
        w.mov_reg(7, 0);
        give_back(w, 10, kValueSlot, value_bytes);
        w.mov_reg(0, 7);
    }
    return w.exit().insns();
}

void put_field(Bytes& packet, size_t at, const void* from, size_t bytes) {
    if (bytes != 0) std::memcpy(packet.data() + at, from, bytes);
}

using BtfPtr = std::unique_ptr<btf, decltype(&btf__free)>;

/// A struct of the kernel's that a value holds, made of 32-bit numbers.
int add_guarded_struct(btf* types, int u32, const char* name, uint32_t bytes) {
    const int id = btf__add_struct(types, name, bytes);
    for (uint32_t at = 0; at < bytes; at += 4)
        EXPECT_EQ(btf__add_field(types, fmt::format("n{}", at).c_str(), u32, at * 8, 0), 0);
    return id;
}

struct ValueTypes {
    BtfPtr types{nullptr, &btf__free};
    int key = 0, value = 0;
};

/// The types by which the kernel knows where a value's spin lock and timer are. Keys of 4 bytes.
ValueTypes value_types(const vm::MapSpec& spec) {
    ValueTypes made;
    made.types.reset(btf__new_empty());
    btf* const types = made.types.get();
    made.key = btf__add_int(types, "unsigned int", 4, 0);
    std::vector<std::tuple<uint32_t, std::string, int>> fields;
    const auto guard = [&](uint32_t offset, const char* name, uint32_t bytes) {
        if (offset == vm::kNoOffset) return;
        fields.emplace_back(offset, name, add_guarded_struct(types, made.key, name, bytes));
    };
    guard(spec.spin_lock_offset, "bpf_spin_lock", vm::kSpinLockBytes);
    guard(spec.timer_offset, "bpf_timer", vm::kTimerBytes);
    std::sort(fields.begin(), fields.end());
    made.value = btf__add_struct(types, "value", spec.value_bytes);
    for (const auto& [offset, name, type] : fields)
        EXPECT_EQ(btf__add_field(types, ("a_" + name).c_str(), type, offset * 8, 0), 0);
    EXPECT_EQ(btf__load_into_kernel(types), 0);
    return made;
}

}  // namespace

void load_map_fd(InsnWriter& w, uint8_t reg, int map) {
    std::vector<vm::Insn> pair = InsnWriter().load_imm64(reg, static_cast<uint32_t>(map)).insns();
    pair[0].src = kPseudoMapFd;
    w.append(pair);
}

Fd::~Fd() {
    if (fd_ >= 0) close(fd_);
}

int create_in_kernel(const vm::MapSpec& spec) {
    const Fd inner(spec.inner != nullptr ? create_in_kernel(*spec.inner) : -1);
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = spec.flags;
    options.map_extra = spec.extra;
    if (spec.inner != nullptr) options.inner_map_fd = static_cast<uint32_t>(inner.get());
    ValueTypes types;
    if (spec.spin_lock_offset != vm::kNoOffset || spec.timer_offset != vm::kNoOffset) {
        types = value_types(spec);
        options.btf_fd = static_cast<uint32_t>(btf__fd(types.types.get()));
        options.btf_key_type_id = static_cast<uint32_t>(types.key);
        options.btf_value_type_id = static_cast<uint32_t>(types.value);
    }
    return bpf_map_create(static_cast<bpf_map_type>(spec.type), spec.name.c_str(), spec.key_bytes,
                          spec.value_bytes, spec.entries_max, &options);
}

bool kernel_answers() {
    libbpf_set_print(nullptr);
    const Fd map(
        create_in_kernel({.name = "probe", .key_bytes = 4, .value_bytes = 4, .entries_max = 1}));
    return map.get() >= 0;
}

uint32_t kernel_cpus() {
    return static_cast<uint32_t>(libbpf_num_possible_cpus());
}

void stay_on_first_cpu() {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    ASSERT_EQ(sched_setaffinity(0, sizeof first, &first), 0);
}

int KernelControlSide::lookup(const Bytes& key, Bytes& value) {
    // What a look-up asks for stays in it: of a bloom filter that is the question.
    value.resize(value_bytes_);
    return bpf_map_lookup_elem(fd(), key_bytes_ == 0 ? nullptr : key.data(), value.data());
}

int KernelControlSide::update(const Bytes& key, const Bytes& value, uint64_t flags) {
    return bpf_map_update_elem(fd(), key_bytes_ == 0 ? nullptr : key.data(), value.data(), flags);
}

int KernelControlSide::erase(const Bytes& key) {
    return bpf_map_delete_elem(fd(), key_bytes_ == 0 ? nullptr : key.data());
}

int KernelControlSide::next_key(const Bytes* key, Bytes& next) {
    next.assign(key_bytes_, 0);
    return bpf_map_get_next_key(fd(), key != nullptr ? key->data() : nullptr, next.data());
}

int try_load_xdp(const std::vector<vm::Insn>& insns, std::string* why) {
    std::vector<bpf_insn> raw(insns.size());
    static_assert(sizeof(bpf_insn) == 8);
    for (size_t i = 0; i < insns.size(); ++i) {
        raw[i].code = insns[i].opcode;
        raw[i].dst_reg = insns[i].dst & 0xf;
        raw[i].src_reg = insns[i].src & 0xf;
        raw[i].off = insns[i].off;
        raw[i].imm = insns[i].imm;
    }
    std::array<char, 16384> log{};
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.log_buf = log.data();
    options.log_size = log.size();
    options.log_level = 1;
    const int program =
        bpf_prog_load(BPF_PROG_TYPE_XDP, "one_helper", "GPL", raw.data(), raw.size(), &options);
    if (why != nullptr) *why = log.data();
    return program;
}

int load_xdp(const std::vector<vm::Insn>& insns) {
    std::string why;
    const int program = try_load_xdp(insns, &why);
    EXPECT_GE(program, 0) << why;
    return program;
}

int run_xdp(int program, Bytes& packet) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = options.data_out = packet.data();
    options.data_size_in = options.data_size_out = static_cast<uint32_t>(packet.size());
    options.repeat = 1;
    EXPECT_EQ(bpf_prog_test_run_opts(program, &options), 0);
    return static_cast<int>(options.retval);
}

HelperProgram::HelperProgram(int map, int32_t helper, Shape shape, uint32_t key_bytes,
                             uint32_t value_bytes)
    : program_(load_xdp(helper_program(map, helper, shape, key_bytes, value_bytes))),
      value_bytes_(value_bytes) {
    EXPECT_LE(std::max(key_bytes, value_bytes), kFieldBytesMax);
}

Bytes HelperProgram::packet_of(const Call& call) {
    Bytes packet(kPacketBytes, 0);
    put_field(packet, kNumberAt, &call.number, 8);
    put_field(packet, kSecondAt, &call.second, 8);
    put_field(packet, kKeyAt, call.key.data(), call.key.size());
    put_field(packet, kValueAt, call.value.data(), call.value.size());
    return packet;
}

int HelperProgram::run(Call& call) const {
    Bytes packet = packet_of(call);
    const int result = run_xdp(program_.get(), packet);
    call.value.assign(packet.begin() + kValueAt, packet.begin() + kValueAt + value_bytes_);
    return result;
}

}  // namespace weir::tests
