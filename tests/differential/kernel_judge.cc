#include "tests/differential/kernel_judge.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>

#include "vm/base/check.h"
#include "vm/isa/helper_info.h"

namespace weir::tests {
namespace {

constexpr size_t kLogBytes = size_t{1} << 20;
constexpr uint32_t kLogErrors = 4;  ///< BPF_LOG_STATS: the reason, without the states
constexpr uint32_t kFunctionsMax = 24;

struct BtfCloser {
    void operator()(btf* types) const { btf__free(types); }
};
using BtfHandle = std::unique_ptr<btf, BtfCloser>;

FileDescriptor load_types(const btf* types) {
    uint32_t bytes = 0;
    const void* const raw = btf__raw_data(types, &bytes);
    return FileDescriptor(bpf_btf_load(raw, bytes, nullptr));
}

/// Lines that say what the walk has cost, and which functions of the caller it was in.
bool is_chatter(std::string_view line) {
    constexpr auto kStarts = std::to_array<std::string_view>(
        {"processed ", "verification time ", "stack depth ", "caller:", "callee:"});
    return line.empty() || std::ranges::any_of(kStarts, [&](std::string_view start) {
               return line.starts_with(start);
           });
}

std::string reason(const std::string& log) {
    std::istringstream lines(log);
    std::string found;
    for (std::string line; std::getline(lines, line);)
        if (!is_chatter(line)) found = line;
    return found;
}

/// struct value with a bpf_spin_lock and a bpf_timer where the map's spec says.
int add_guarded_value(btf* types, int u32, const vm::MapSpec& map) {
    const int u64 = btf__add_int(types, "unsigned long long", 8, 0);
    const int pair = btf__add_array(types, u32, u64, 2);
    const int lock = btf__add_struct(types, "bpf_spin_lock", vm::kSpinLockBytes);
    btf__add_field(types, "val", u32, 0, 0);
    const int timer = btf__add_struct(types, "bpf_timer", vm::kTimerBytes);
    btf__add_field(types, "__opaque", pair, 0, 0);
    const int value = btf__add_struct(types, "value", map.value_bytes);
    btf__add_field(types, "lock", lock, map.spin_lock_offset * 8, 0);
    btf__add_field(types, "timer", timer, map.timer_offset * 8, 0);
    return value;
}

int add_functions(btf* types, int result) {
    const int prototype = btf__add_func_proto(types, result);
    const int first = btf__add_func(types, "f0", BTF_FUNC_STATIC, prototype);
    for (uint32_t i = 1; i < kFunctionsMax; ++i)
        btf__add_func(types, fmt::format("f{}", i).c_str(), BTF_FUNC_STATIC, prototype);
    return first;
}

/// Where the kernel takes functions to begin: wherever a call or an address of one leads.
std::set<uint32_t> functions_of(const vm::ProgramSpec& program) {
    std::set<uint32_t> entries{0};
    for (size_t pc = 0; pc < program.insns.size();) {
        const auto insn = vm::decode(program.insns, pc);
        if (!insn) break;
        const int64_t target = static_cast<int64_t>(pc) + 1 + insn->imm;
        if ((insn->op == vm::Op::kCallLocal || insn->op == vm::Op::kLoadCodeAddr) && target >= 0)
            entries.insert(static_cast<uint32_t>(target));
        pc += insn->slots();
    }
    return entries;
}

/// The kernel takes the kind of the first program that has it for that of every later one.
bool holds_programs(const vm::MapSpec& spec) {
    return spec.type == vm::MapType::ProgArray || spec.type == vm::MapType::Devmap ||
           spec.type == vm::MapType::Cpumap;
}

}  // namespace

struct KernelJudge::Types {
    BtfHandle kernel;
    BtfHandle own;
    FileDescriptor own_fd;
    std::array<int, vm::kKfuncIdMax + 1> kfuncs{};
    int u32 = 0, guarded = 0;
    int first_function = 0;
};

KernelJudge::KernelJudge() : types_(std::make_unique<Types>()) {}
KernelJudge::KernelJudge(KernelJudge&&) = default;
KernelJudge::~KernelJudge() = default;

Result<KernelJudge> KernelJudge::make(const std::vector<vm::MapSpec>& maps) {
    KernelJudge judge;
    judge.specs_ = maps;
    Types& types = *judge.types_;
    types.kernel.reset(btf__load_vmlinux_btf());
    types.own.reset(btf__new_empty());
    if (!types.kernel || !types.own) return kernel_failure("BTF", errno);
    types.u32 = btf__add_int(types.own.get(), "unsigned int", 4, 0);
    types.first_function = add_functions(types.own.get(), types.u32);
    const auto guarded = std::ranges::find_if(
        maps, [](const vm::MapSpec& map) { return map.spin_lock_offset != vm::kNoOffset; });
    if (guarded != maps.end())
        types.guarded = add_guarded_value(types.own.get(), types.u32, *guarded);
    types.own_fd = load_types(types.own.get());
    if (types.own_fd.get() < 0) return kernel_failure("BTF of functions", errno);
    for (uint32_t number = 0; number <= vm::kKfuncIdMax; ++number)
        if (const vm::HelperInfo* info = vm::kfunc_info(number))
            types.kfuncs[number] = btf__find_by_name_kind(
                types.kernel.get(), std::string(info->name).c_str(), BTF_KIND_FUNC);
    for (const vm::MapSpec& spec : maps) {
        auto map = judge.create_map(spec);
        if (!map) return std::unexpected(map.error());
        judge.maps_.push_back(std::move(*map));
    }
    return judge;
}

/// The maps before it are there already.
Result<FileDescriptor> KernelJudge::create_map(const vm::MapSpec& spec) const {
    LIBBPF_OPTS(bpf_map_create_opts, options);
    options.map_flags = spec.flags;
    if (spec.spin_lock_offset != vm::kNoOffset) {
        options.btf_fd = static_cast<uint32_t>(types_->own_fd.get());
        options.btf_key_type_id = static_cast<uint32_t>(types_->u32);
        options.btf_value_type_id = static_cast<uint32_t>(types_->guarded);
    }
    if (spec.inner)
        for (size_t i = 0; i < maps_.size(); ++i)
            if (specs_[i].same_definition(*spec.inner))
                options.inner_map_fd = static_cast<uint32_t>(maps_[i].get());
    FileDescriptor map(bpf_map_create(static_cast<bpf_map_type>(spec.type), "weir_test",
                                      spec.key_bytes, spec.value_bytes, spec.entries_max,
                                      &options));
    if (map.get() < 0) return kernel_failure("map " + spec.name, errno);
    const uint32_t zero = 0;
    if (!spec.contents.empty() &&
        bpf_map_update_elem(map.get(), &zero, spec.contents.data(), BPF_ANY) != 0)
        return kernel_failure("contents of map " + spec.name, errno);
    if (spec.frozen && bpf_map_freeze(map.get()) != 0)
        return kernel_failure("freezing map " + spec.name, errno);
    return map;
}

/// Of each program its own, at their indices.
KernelJudge::Maps KernelJudge::maps_that_hold_programs() const {
    Maps own(specs_.size());
    for (size_t i = 0; i < specs_.size(); ++i) {
        if (!holds_programs(specs_[i])) continue;
        auto map = create_map(specs_[i]);
        WEIR_CHECK(map.has_value());
        own[i] = std::move(*map);
    }
    return own;
}

int KernelJudge::map_of(const Maps& own, size_t index) const {
    if (index >= maps_.size()) return -1;
    return own[index].get() >= 0 ? own[index].get() : maps_[index].get();
}

/// Maps become descriptors, kfuncs the kernel's ids.
std::vector<vm::Insn> KernelJudge::linked(const vm::ProgramSpec& program, const Maps& own) const {
    std::vector<vm::Insn> insns = program.insns;
    for (size_t pc = 0; pc < insns.size();) {
        const auto insn = vm::decode(program.insns, pc);
        if (!insn) return insns;  // the kernel will say so
        const auto index = static_cast<size_t>(insn->imm);
        if (insn->op == vm::Op::kLoadMap || insn->op == vm::Op::kLoadMapValue)
            insns[pc].imm = map_of(own, index);
        if (insn->op == vm::Op::kCallKfunc && index < types_->kfuncs.size())
            insns[pc].imm = types_->kfuncs[index];
        pc += insn->slots();
    }
    return insns;
}

KernelJudgement KernelJudge::load(const vm::ProgramSpec& program) const {
    const Maps own = maps_that_hold_programs();
    const std::vector<vm::Insn> insns = linked(program, own);
    std::vector<bpf_func_info> functions;
    for (const uint32_t entry : functions_of(program))
        functions.push_back({entry, static_cast<uint32_t>(types_->first_function) +
                                        static_cast<uint32_t>(functions.size())});
    std::vector<char> log(kLogBytes);
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    options.prog_flags = program.has_frags ? BPF_F_XDP_HAS_FRAGS : 0;
    if (functions.size() <= kFunctionsMax) {
        options.prog_btf_fd = static_cast<uint32_t>(types_->own_fd.get());
        options.func_info = functions.data();
        options.func_info_cnt = static_cast<uint32_t>(functions.size());
        options.func_info_rec_size = sizeof(bpf_func_info);
    }
    options.log_buf = log.data();
    options.log_size = static_cast<uint32_t>(log.size());
    options.log_level = kLogErrors;
    const auto type =
        program.type == vm::ProgramType::Xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SOCKET_FILTER;
    const FileDescriptor loaded(bpf_prog_load(type, "weir_test", "GPL",
                                              reinterpret_cast<const bpf_insn*>(insns.data()),
                                              insns.size(), &options));
    if (loaded.get() >= 0) return {.accepted = true};
    const int error = errno;
    const std::string why = reason(log.data());
    return {.message = why.empty() ? std::strerror(error) : why};
}

KernelJudgement KernelJudge::judge(const vm::ProgramSpec& program) const {
    KernelJudgement judgement = load(program);
    if (!judgement.accepted) return judgement;
    const WithoutPerfmon reduced;
    judgement.root_only = !load(program).accepted;
    return judgement;
}

}  // namespace weir::tests
