#include "vm/elf/target_types.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <bit>
#include <functional>
#include <mutex>

#include "vm/elf/btf_file.h"
#include "vm/elf/core_spec.h"

namespace weir::vm::elf {

namespace {

/// Tells one version of a file from the next.
struct FileVersion {
    std::string path;
    uint64_t device = 0, inode = 0, size = 0;
    int64_t changed_s = 0, changed_ns = 0;

    friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

FileVersion version_of(const std::string& path) {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) return {.path = path};
    return {.path = path,
            .device = info.st_dev,
            .inode = info.st_ino,
            .size = static_cast<uint64_t>(info.st_size),
            .changed_s = info.st_mtim.tv_sec,
            .changed_ns = info.st_mtim.tv_nsec};
}

/// The one that was read last.
struct Cache {
    std::mutex mutex;
    FileVersion version;
    std::shared_ptr<const TargetTypes> types;
};

Cache& cache() {
    static Cache instance;
    return instance;
}

}  // namespace

void TargetTypes::index_names() {
    const uint32_t count = btf_.type_count();
    first_.assign(std::bit_ceil(size_t{count} + 1), 0);
    next_.assign(size_t{count} + 1, 0);
    for (uint32_t id = count; id >= 1; --id) {
        const std::string_view name = btf_.name(*btf_.type(id));
        if (name.empty()) continue;
        const size_t slot =
            std::hash<std::string_view>{}(essential_name(name)) & (first_.size() - 1);
        next_[id] = first_[slot];
        first_[slot] = id;
    }
}

Result<TargetTypes> TargetTypes::parse(ByteSpan bytes) {
    if (bytes.empty()) return fail(ErrorKind::kInvalid, ".BTF: empty");
    auto btf = BtfView::parse(bytes);
    if (!btf) return std::unexpected(btf.error());
    TargetTypes types(std::move(*btf));
    types.index_names();
    return types;
}

Result<std::shared_ptr<const TargetTypes>> TargetTypes::load(const std::string& path) {
    Cache& kept = cache();
    const std::lock_guard lock(kept.mutex);
    const FileVersion version = version_of(path);
    if (kept.types && kept.version == version) return kept.types;
    const auto bytes = read_btf_file(path);
    if (!bytes) return std::unexpected(bytes.error());
    auto parsed = parse(*bytes);
    if (!parsed) return fail_in(path, parsed.error());
    kept.types = std::make_shared<const TargetTypes>(std::move(*parsed));
    kept.version = version;
    return kept.types;
}

std::vector<uint32_t> TargetTypes::candidates(std::string_view wanted) const {
    std::vector<uint32_t> found;
    const size_t slot = std::hash<std::string_view>{}(wanted) & (first_.size() - 1);
    for (uint32_t id = first_[slot]; id != 0; id = next_[id])
        if (essential_name(btf_.name(*btf_.type(id))) == wanted) found.push_back(id);
    return found;
}

}  // namespace weir::vm::elf
