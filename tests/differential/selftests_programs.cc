#include "tests/differential/selftests_programs.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "tests/support/kernel_load.h"

namespace weir::tests {
namespace {

constexpr int kMissing = 77;  ///< kernel_selftests.py's exit status
constexpr std::string_view kHere = "X86_64";

struct TypesCloser {
    void operator()(btf* types) const { btf__free(types); }
};

/// What the tags of one program say.
struct Tags {
    bool success = false, failure = false, message = false, auxiliary = false;
    uint32_t flags = 0;
    std::vector<std::string> architectures;

    /// Programs with neither are for a loader without privileges, or no test of their own.
    bool is_case() const { return success || failure || message; }
    bool is_here() const {
        return architectures.empty() ||
               std::ranges::find(architectures, kHere) != architectures.end();
    }
};

constexpr std::array<std::pair<std::string_view, uint32_t>, 7> kFlags = {{
    {"BPF_F_STRICT_ALIGNMENT", 1u << 0},
    {"BPF_F_ANY_ALIGNMENT", 1u << 1},
    {"BPF_F_TEST_RND_HI32", 1u << 2},
    {"BPF_F_TEST_STATE_FREQ", 1u << 3},
    {"BPF_F_SLEEPABLE", 1u << 4},
    {"BPF_F_XDP_HAS_FRAGS", 1u << 5},
    {"BPF_F_TEST_REG_INVARIANTS", 1u << 7},
}};

/// A name of prog_flags, or a number.
uint32_t flag_of(std::string_view word) {
    for (const auto& [name, flag] : kFlags)
        if (word == name) return flag;
    uint32_t number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    return number;
}

/// The text behind "comment:KEY=", or nullopt.
std::optional<std::string_view> value_of(std::string_view tag, std::string_view key) {
    if (!tag.starts_with(key)) return std::nullopt;
    return tag.substr(key.size());
}

void add_tag(std::string_view tag, Tags& tags) {
    tags.success |= tag == "comment:test_expect_success";
    tags.failure |= tag == "comment:test_expect_failure";
    tags.auxiliary |= tag == "comment:test_auxiliary";
    tags.message |= tag.starts_with("comment:test_expect_msg=");
    if (const auto flag = value_of(tag, "comment:test_prog_flags=")) tags.flags |= flag_of(*flag);
    if (const auto here = value_of(tag, "comment:test_arch="))
        tags.architectures.emplace_back(*here);
}

Result<std::map<std::string, Tags>> read_tags(const std::string& object) {
    const std::unique_ptr<btf, TypesCloser> types(btf__parse_elf(object.c_str(), nullptr));
    if (!types) return kernel_failure(object + ": types", errno);
    std::map<std::string, Tags> tags;
    for (uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
        const btf_type* tag = btf__type_by_id(types.get(), id);
        if (!btf_is_decl_tag(tag) || btf_decl_tag(tag)->component_idx != -1) continue;
        const btf_type* target = btf__type_by_id(types.get(), tag->type);
        if (!btf_is_func(target)) continue;
        add_tag(btf__name_by_offset(types.get(), tag->name_off),
                tags[btf__name_by_offset(types.get(), target->name_off)]);
    }
    return tags;
}

bool is_our_section(std::string_view section) {
    if (section.starts_with('?')) section.remove_prefix(1);
    return section == "socket" || section == "xdp" || section.starts_with("xdp.") ||
           section.starts_with("xdp/");
}

Result<void> add_programs(const std::filesystem::path& path, std::vector<Selftest>& all) {
    libbpf_set_print(nullptr);
    const ObjectHandle object(bpf_object__open(path.c_str()));
    if (!object) return kernel_failure(path, errno);
    auto tags = read_tags(path);
    if (!tags) return std::unexpected(tags.error());
    std::vector<std::string> companions;
    const size_t first = all.size();
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
        const std::string name = bpf_program__name(program);
        const Tags& said = (*tags)[name];
        if (said.auxiliary) companions.push_back(name);
        if (is_our_section(bpf_program__section_name(program)) && said.is_case() && said.is_here())
            all.push_back({path.stem(), path, name, !said.failure, said.flags, {}});
    }
    for (size_t index = first; index < all.size(); ++index) all[index].companions = companions;
    return {};
}

/// Runs kernel_selftests.py.
Result<void> compile() {
    const std::string command = fmt::format("python3 '{}' '{}' '{}' 2>&1", WEIR_SELFTESTS_SCRIPT,
                                            WEIR_VMLINUX_HEADER, WEIR_SELFTESTS_DIR);
    FILE* const output = popen(command.c_str(), "r");
    if (output == nullptr) return kernel_failure(command, errno);
    std::string said;
    std::array<char, 4096> part{};
    while (const size_t bytes = fread(part.data(), 1, part.size(), output))
        said.append(part.data(), bytes);
    const int status = pclose(output);
    while (said.ends_with('\n')) said.pop_back();
    if (WIFEXITED(status) && WEXITSTATUS(status) == kMissing)
        return fail(ErrorKind::kResource, said);
    if (status != 0) return fail(ErrorKind::kInvalid, said);
    return {};
}

}  // namespace

Result<std::vector<Selftest>> kernel_selftests() {
    if (const auto compiled = compile(); !compiled) return std::unexpected(compiled.error());
    std::vector<std::filesystem::path> objects;
    for (const auto& entry : std::filesystem::directory_iterator(WEIR_SELFTESTS_DIR))
        if (entry.path().extension() == ".o") objects.push_back(entry.path());
    std::ranges::sort(objects);
    std::vector<Selftest> all;
    for (const auto& object : objects)
        if (const auto added = add_programs(object, all); !added)
            return std::unexpected(added.error());
    return all;
}

}  // namespace weir::tests
