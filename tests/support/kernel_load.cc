#include "tests/support/kernel_load.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace weir::tests {

namespace {

constexpr size_t kLogBytes = size_t{4} << 20;
/// BPF_LOG_STATS: the reason without every state on the way to it.
constexpr uint32_t kLogErrors = 4;
/// What the kernel's verifier closes its log with at that level, whatever it has decided.
constexpr std::string_view kVerifierWasAsked = "processed ";

/// libbpf puts the object's name in front of ".rodata", ".data" and ".bss".
std::string map_name(const bpf_map* map) {
    const std::string name = bpf_map__name(map);
    return bpf_map__is_internal(map) ? name.substr(name.find('.')) : name;
}

/// libbpf knows no such sections as "socket/udp", and none that applications make up.
bool is_socket_filter(const bpf_program* program) {
    return bpf_program__type(program) == BPF_PROG_TYPE_SOCKET_FILTER ||
           std::string_view(bpf_program__section_name(program)).starts_with("socket");
}

bool fills_prog_array(const bpf_object* object) {
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        if (bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY) return true;
    }
    return false;
}

/// `error` is a negative errno value, or 0.
Result<void> judge(const std::string& program, int error, const std::vector<char>& log,
                   KernelVerdict& verdict) {
    verdict.accepted = error == 0;
    if (verdict.accepted) return {};
    verdict.log = fmt::format("{}\n{}", std::strerror(-error), log.data());
    if (verdict.log.find(kVerifierWasAsked) != std::string::npos) return {};
    return kernel_failure(fmt::format("{}: not loaded, and no verdict of the verifier", program),
                          error);
}

Result<FileDescriptor> create_map(const vm::MapSpec& spec) {
    LIBBPF_OPTS(bpf_map_create_opts, options);
    options.map_flags = spec.flags;
    FileDescriptor map(bpf_map_create(static_cast<bpf_map_type>(spec.type), "weir_test",
                                      spec.key_bytes, spec.value_bytes, spec.entries_max,
                                      &options));
    if (map.get() < 0) return kernel_failure(fmt::format("map {}: create", spec.name), errno);
    const uint32_t zero = 0;
    if (!spec.contents.empty() &&
        bpf_map_update_elem(map.get(), &zero, spec.contents.data(), BPF_ANY) != 0)
        return kernel_failure(fmt::format("map {}: first contents", spec.name), errno);
    if (spec.frozen && bpf_map_freeze(map.get()) != 0)
        return kernel_failure(fmt::format("map {}: freeze", spec.name), errno);
    return map;
}

/// Indices become descriptors.
Result<std::vector<vm::Insn>> bind_maps(const vm::ProgramSpec& program,
                                        const std::vector<FileDescriptor>& maps) {
    std::vector<vm::Insn> insns = program.insns;
    for (size_t pc = 0; pc < insns.size(); ++pc) {
        if (insns[pc].opcode != 0x18) continue;
        const bool names_map =
            insns[pc].src == BPF_PSEUDO_MAP_FD || insns[pc].src == BPF_PSEUDO_MAP_VALUE;
        if (names_map) {
            const auto index = static_cast<size_t>(insns[pc].imm);
            if (index >= maps.size())
                return fail(ErrorKind::kInvalid,
                            fmt::format("insn {}: map {} of {}", pc, index, maps.size()));
            insns[pc].imm = maps[index].get();
        }
        ++pc;
    }
    return insns;
}

}  // namespace

WithoutPerfmon::WithoutPerfmon() {
    syscall(SYS_capget, &header_, before_.data());
    auto reduced = before_;
    for (const unsigned capability : {CAP_PERFMON, CAP_SYS_ADMIN})
        reduced[capability / 32].effective &= ~(1u << (capability % 32));
    syscall(SYS_capset, &header_, reduced.data());
}

WithoutPerfmon::~WithoutPerfmon() {
    syscall(SYS_capset, &header_, before_.data());
}

Result<std::vector<KernelProgram>> kernel_programs(const std::string& path) {
    libbpf_set_print(nullptr);
    const ObjectHandle object(bpf_object__open(path.c_str()));
    if (!object) return kernel_failure(path, errno);
    std::vector<KernelProgram> programs;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
        const auto type = bpf_program__type(program);
        if (type != BPF_PROG_TYPE_UNSPEC && type != BPF_PROG_TYPE_XDP &&
            type != BPF_PROG_TYPE_SOCKET_FILTER)
            continue;
        programs.push_back(
            {bpf_program__name(program), is_socket_filter(program),
             std::string_view(bpf_program__section_name(program)).find("xdp.frags") !=
                 std::string_view::npos});
    }
    return programs;
}

Result<LoadedObject> open_object(const std::string& path, const std::string& name) {
    libbpf_set_print(nullptr);
    LoadedObject loaded;
    loaded.object.reset(bpf_object__open(path.c_str()));
    if (!loaded.object) return kernel_failure(path, errno);
    loaded.program = bpf_object__find_program_by_name(loaded.object.get(), name.c_str());
    if (loaded.program == nullptr)
        return fail(ErrorKind::kNotFound,
                    fmt::format("{}: libbpf finds no program {}", path, name));
    const bool loads_all = fills_prog_array(loaded.object.get());
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, loaded.object.get()) {
        bpf_program__set_autoload(program, loads_all || program == loaded.program);
        if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC)
            bpf_program__set_type(program,
                                  std::strncmp(bpf_program__section_name(program), "socket", 6) == 0
                                      ? BPF_PROG_TYPE_SOCKET_FILTER
                                      : BPF_PROG_TYPE_XDP);
    }
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, loaded.object.get()) bpf_map__set_pin_path(map, nullptr);
    return loaded;
}

Result<void> load_opened(LoadedObject& loaded) {
    std::vector<char> log(kLogBytes);
    bpf_program__set_log_buf(loaded.program, log.data(), log.size());
    bpf_program__set_log_level(loaded.program, kLogErrors);
    const int error = bpf_object__load(loaded.object.get());
    bpf_program__set_log_buf(loaded.program, nullptr, 0);
    return judge(bpf_program__name(loaded.program), error, log, loaded.verdict);
}

Result<LoadedObject> load_object(const std::string& path, const std::string& name) {
    auto loaded = open_object(path, name);
    if (!loaded) return loaded;
    if (const auto judged = load_opened(*loaded); !judged) return std::unexpected(judged.error());
    return loaded;
}

std::vector<LiveMap> maps_of(const LoadedObject& loaded) {
    std::vector<LiveMap> maps;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, loaded.object.get()) {
        maps.push_back({map_name(map), bpf_map__fd(map),
                        static_cast<vm::MapType>(bpf_map__type(map)), bpf_map__key_size(map),
                        bpf_map__value_size(map)});
    }
    return maps;
}

Result<LoadedInsns> load_insns(const vm::ProgramSpec& program) {
    libbpf_set_print(nullptr);
    LoadedInsns loaded;
    for (const vm::MapSpec& spec : program.maps) {
        auto map = create_map(spec);
        if (!map) return std::unexpected(map.error());
        loaded.maps.push_back({spec.name, map->get(), spec.type, spec.key_bytes, spec.value_bytes});
        loaded.map_fds.push_back(std::move(*map));
    }
    const auto insns = bind_maps(program, loaded.map_fds);
    if (!insns) return std::unexpected(insns.error());
    std::vector<char> log(kLogBytes);
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    options.log_buf = log.data();
    options.log_size = static_cast<uint32_t>(log.size());
    options.log_level = kLogErrors;
    const auto type = static_cast<bpf_prog_type>(program.type);
    options.prog_flags = program.has_frags ? BPF_F_XDP_HAS_FRAGS : 0;
    loaded.program = FileDescriptor(bpf_prog_load(type, "weir_test", "Dual BSD/GPL",
                                                  reinterpret_cast<const bpf_insn*>(insns->data()),
                                                  insns->size(), &options));
    const int error = loaded.program.get() < 0 ? -errno : 0;
    if (const auto judged = judge(program.name, error, log, loaded.verdict); !judged)
        return std::unexpected(judged.error());
    return loaded;
}

}  // namespace weir::tests
