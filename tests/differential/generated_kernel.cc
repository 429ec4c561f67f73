#include "tests/differential/generated_kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "tests/support/insns.h"

namespace weir::tests {
namespace {

constexpr size_t kLogBytes = 64 * 1024;
constexpr size_t kLogTailBytes = 2'000;

class Descriptors {
public:
    Descriptors() = default;
    ~Descriptors() {
        for (const int fd : fds_) ::close(fd);
    }
    Descriptors(const Descriptors&) = delete;
    Descriptors& operator=(const Descriptors&) = delete;
    int keep(int fd) {
        if (fd >= 0) fds_.push_back(fd);
        return fd;
    }

private:
    std::vector<int> fds_;
};

std::unexpected<Error> kernel_error(const char* what) {
    return fail(ErrorKind::kResource, fmt::format("kernel: {}: {}", what, std::strerror(errno)));
}

/// Program and slots of per-CPU maps must be on the same CPU all the time.
void stay_on_this_cpu() {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<size_t>(std::max(::sched_getcpu(), 0)), &cpus);
    ::sched_setaffinity(0, sizeof cpus, &cpus);
}

Result<std::vector<int>> create_maps(const vm::ProgramSpec& spec, Descriptors& descriptors) {
    std::vector<int> fds;
    for (const vm::MapSpec& map : spec.maps) {
        LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = map.flags);
        const auto type = static_cast<bpf_map_type>(map.type);
        const int fd = descriptors.keep(::bpf_map_create(
            type, nullptr, map.key_bytes, map.value_bytes, map.entries_max, &options));
        if (fd < 0) return kernel_error("map create");
        fds.push_back(fd);
    }
    return fds;
}

/// Values of per-CPU maps are zero, of every CPU.
Result<void> fill_maps(const vm::ProgramSpec& spec, std::span<const Fill> fills,
                       const std::vector<int>& maps) {
    const auto cpus = static_cast<size_t>(::libbpf_num_possible_cpus());
    for (const Fill& fill : fills) {
        const vm::MapSpec& map = spec.maps[fill.map];
        Bytes value = fill.value;
        value.resize(vm::is_percpu(map.type) ? (map.value_bytes + 7) / 8 * 8 * cpus
                                             : map.value_bytes);
        if (::bpf_map_update_elem(maps[fill.map], fill.key.data(), value.data(), BPF_ANY) != 0)
            return kernel_error("map update");
    }
    return {};
}

/// Map indices become descriptors.
std::vector<vm::Insn> linked(const vm::ProgramSpec& spec, const std::vector<int>& maps) {
    std::vector<vm::Insn> insns = spec.insns;
    for (size_t pc = 0; pc < insns.size();) {
        const vm::DecodedInsn insn = vm::decode(spec.insns, pc).value();
        if (insn.op == vm::Op::kLoadMap || insn.op == vm::Op::kLoadMapValue)
            insns[pc].imm = maps[static_cast<size_t>(insn.imm)];
        pc += insn.slots();
    }
    return insns;
}

Result<int> load(const std::vector<vm::Insn>& insns, Descriptors& descriptors) {
    const auto* raw = reinterpret_cast<const bpf_insn*>(insns.data());
    int fd = ::bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_test", "GPL", raw, insns.size(), nullptr);
    if (fd >= 0) return descriptors.keep(fd);
    std::string log(kLogBytes, '\0');
    LIBBPF_OPTS(bpf_prog_load_opts, options, .log_level = 1, .log_size = kLogBytes,
                .log_buf = log.data());
    fd = ::bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_test", "GPL", raw, insns.size(), &options);
    if (fd >= 0) return descriptors.keep(fd);
    log.resize(std::strlen(log.c_str()));
    return fail(ErrorKind::kRejected,
                "kernel: " + log.substr(log.size() - std::min(log.size(), kLogTailBytes)));
}

Result<void> run_one(int program, const Bytes& packet, Outcome& outcome) {
    Bytes out(packet.size() + 256);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_out = out.data(),
                .data_size_in = static_cast<uint32_t>(packet.size()),
                .data_size_out = static_cast<uint32_t>(out.size()));
    if (::bpf_prog_test_run_opts(program, &options) != 0) return kernel_error("test run");
    out.resize(options.data_size_out);
    outcome.verdicts.push_back(options.retval);
    outcome.redirects.push_back(0);
    outcome.packets.push_back(std::move(out));
    return {};
}

Result<void> put_into_itself(const vm::ProgramSpec& spec, int program,
                             const std::vector<int>& maps) {
    constexpr uint32_t kFirst = 0;
    for (size_t i = 0; i < maps.size(); ++i)
        if (spec.maps[i].type == vm::MapType::ProgArray &&
            ::bpf_map_update_elem(maps[i], &kFirst, &program, BPF_ANY) != 0)
            return kernel_error("prog array");
    return {};
}

std::vector<std::pair<Bytes, Bytes>> dump(const vm::MapSpec& spec, int fd) {
    const bool percpu = vm::is_percpu(spec.type);
    const size_t slot_bytes = percpu ? (spec.value_bytes + 7) / 8 * 8 : spec.value_bytes;
    const size_t slots = percpu ? static_cast<size_t>(::libbpf_num_possible_cpus()) : 1;
    Bytes key(spec.key_bytes), next(spec.key_bytes), value(slot_bytes * slots);
    std::vector<std::pair<Bytes, Bytes>> entries;
    for (int more = ::bpf_map_get_next_key(fd, nullptr, next.data()); more == 0;
         more = ::bpf_map_get_next_key(fd, key.data(), next.data())) {
        key = next;
        if (::bpf_map_lookup_elem(fd, key.data(), value.data()) != 0) continue;
        entries.emplace_back(key, sum_of_slots(value, slot_bytes));
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

}  // namespace

Result<Outcome> run_packets_in_kernel(const vm::ProgramSpec& spec, const Traffic& traffic) {
    stay_on_this_cpu();
    Descriptors descriptors;
    const Result<std::vector<int>> maps = create_maps(spec, descriptors);
    if (!maps) return std::unexpected(maps.error());
    if (const auto filled = fill_maps(spec, traffic.fills, *maps); !filled)
        return std::unexpected(filled.error());
    const Result<int> program = load(linked(spec, *maps), descriptors);
    if (!program) return std::unexpected(program.error());
    if (const auto held = put_into_itself(spec, *program, *maps); !held)
        return std::unexpected(held.error());
    Outcome outcome;
    outcome.prandom_state = vm::RunEnv{}.prandom_state;
    for (const Bytes& packet : traffic.packets)
        if (const Result<void> ran = run_one(*program, packet, outcome); !ran)
            return std::unexpected(ran.error());
    for (size_t i = 0; i < maps->size(); ++i)
        if (spec.maps[i].type != vm::MapType::ProgArray)
            outcome.maps.push_back(dump(spec.maps[i], (*maps)[i]));
    return outcome;
}

std::string kernel_missing() {
    const int fd = ::bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 4, 1, nullptr);
    if (fd < 0) return fmt::format("needs root and the kernel's bpf(): {}", std::strerror(errno));
    ::close(fd);
    Descriptors descriptors;
    const InsnWriter newest =
        InsnWriter().mov(0, 0).put(vm::Op::kMovSx8To64, 0, 0).put(vm::Op::kGotoLong).exit();
    if (!load(newest.insns(), descriptors))
        return "needs the kernel's bpf() with version 4 of the instruction set: Linux 6.6";
    return {};
}

}  // namespace weir::tests
