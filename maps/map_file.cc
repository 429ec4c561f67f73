#include "maps/map_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include <fmt/core.h>

#include "maps/jenkins_hash.h"
#include "maps/words.h"
#include "vm/base/bytes.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

constexpr std::string_view kMagic = "WEIRMAP1";
constexpr uint64_t kHeaderBytes = kPageBytes;
constexpr uint32_t kPiecesMax = 16;
constexpr mode_t kFileMode = 0600;

std::unexpected<Error> refused(const std::string& path, const std::string& reason) {
    return fail(ErrorKind::kInvalid, path + ": " + reason);
}
std::unexpected<Error> system_error(const std::string& path, const char* what) {
    return fail(ErrorKind::kResource, fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

Result<void> check_file(const std::string& path, const struct stat& info) {
    if (!S_ISREG(info.st_mode)) return refused(path, "is no plain file");
    if (info.st_uid != geteuid())
        return refused(path,
                       fmt::format("belongs to user {}, expected {}", info.st_uid, geteuid()));
    if ((info.st_mode & 0077) != 0)
        return refused(path, fmt::format("is open to others (mode {:04o}), expected {:04o}",
                                         info.st_mode & 07777, kFileMode));
    return {};
}

Result<void> lock(const std::string& path, int fd) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno == EWOULDBLOCK)
        return fail(ErrorKind::kResource, path + ": is in use by another process or map");
    return system_error(path, "cannot be locked");
}

// -- header
// ----------------------------------------------------------------------------------------------

/// The first bytes of the file; the definition's bytes follow.
struct HeaderStart {
    char magic[8];
    uint32_t version;
    uint32_t checksum;  ///< of all that follows in the header
    uint32_t definition_bytes;
    uint32_t cpu_slots;
    uint32_t piece_count;
    uint32_t unused;
    Secrets secrets;
    MapFilePiece pieces[kPiecesMax];
};
using HeaderPage = std::array<uint8_t, kHeaderBytes>;
constexpr uint64_t kCheckedOffset = offsetof(HeaderStart, definition_bytes);

uint32_t checksum_of(const HeaderPage& page) {
    return jenkins_hash(page.data() + kCheckedOffset, page.size() - kCheckedOffset, 0);
}

Result<HeaderPage> encode_header(const std::string& path, const MapFileHeader& header) {
    ByteWriter definition;
    vm::write_map_spec(definition, header.definition);
    const Bytes& bytes = definition.bytes();
    if (bytes.size() > kHeaderBytes - sizeof(HeaderStart))
        return refused(path, "its definition does not fit into a header");
    HeaderStart start{};
    std::memcpy(start.magic, kMagic.data(), kMagic.size());
    start.version = kMapFileVersion;
    start.definition_bytes = static_cast<uint32_t>(bytes.size());
    start.cpu_slots = header.cpu_slots;
    start.piece_count = static_cast<uint32_t>(header.pieces.size());
    start.secrets = header.secrets;
    std::ranges::copy(header.pieces, start.pieces);
    HeaderPage page{};
    std::memcpy(page.data(), &start, sizeof start);
    std::memcpy(page.data() + sizeof start, bytes.data(), bytes.size());
    start.checksum = checksum_of(page);
    std::memcpy(page.data(), &start, sizeof start);
    return page;
}

Result<MapFileHeader> decode_header(const std::string& path, const HeaderStart& start,
                                    ByteSpan rest, uint64_t file_bytes) {
    const auto damaged = [&] { return refused(path, "is damaged: its header makes no sense"); };
    MapFileHeader header{.cpu_slots = start.cpu_slots, .secrets = start.secrets};
    if (start.cpu_slots == 0 || start.cpu_slots > kWorkersMax || start.piece_count > kPiecesMax ||
        start.definition_bytes > rest.size())
        return damaged();
    for (const MapFilePiece& piece : std::span(start.pieces, start.piece_count)) {
        if (piece.bytes == 0 || piece.bytes > kMapBytesMax || piece.offset > INT64_MAX ||
            (piece.bytes | piece.offset) % kPageBytes != 0)
            return damaged();
        if (piece.offset + piece.bytes > file_bytes)
            return refused(path, fmt::format("is cut off: it has {} bytes, its header says {}",
                                             file_bytes, piece.offset + piece.bytes));
        header.pieces.push_back(piece);
    }
    ByteReader reader(rest.first(start.definition_bytes));
    Result<vm::MapSpec> definition = vm::read_map_spec(reader);
    if (!definition) return damaged();
    header.definition = std::move(*definition);
    return header;
}

Result<MapFileHeader> read_header(const std::string& path, int fd, uint64_t file_bytes) {
    HeaderPage page;
    if (file_bytes < page.size() ||
        pread(fd, page.data(), page.size(), 0) != static_cast<ssize_t>(page.size()))
        return refused(path, fmt::format("is cut off: it has {} bytes, its header alone {}",
                                         file_bytes, page.size()));
    HeaderStart start;
    std::memcpy(&start, page.data(), sizeof start);
    if (std::string_view(start.magic, kMagic.size()) != kMagic)
        return refused(path, fmt::format("is no map file, which starts with {}", kMagic));
    if (start.version != kMapFileVersion)
        return refused(path, fmt::format("has layout version {}, expected {}; remove it to start "
                                         "with an empty map",
                                         start.version, kMapFileVersion));
    if (const uint32_t actual = checksum_of(page); actual != start.checksum)
        return refused(path, fmt::format("is damaged: its header's checksum is {:#010x}, its "
                                         "contents give {:#010x}",
                                         start.checksum, actual));
    return decode_header(path, start, ByteSpan(page).subspan(sizeof start), file_bytes);
}

}  // namespace

OpenFile::~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
}

std::string map_file_path(const std::string& directory, const std::string& map_name) {
    std::string file;
    for (const char c : map_name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                           (c == '.' && !file.empty());
        file += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
    return fmt::format("{}/{}.map", directory, file);
}

bool is_memory_file_system(const std::string& directory) {
    struct statfs info{};
    if (statfs(directory.c_str(), &info) != 0) return false;
    return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

// -- what a process before left
// ----------------------------------------------------------------------------------------------

DeadMapMemory::DeadMapMemory(const std::string& map_name, OpenFile file, MapFileHeader header)
    : MapMemory(map_name, {}, header.secrets), file_(std::move(file)), header_(std::move(header)) {}

Result<std::unique_ptr<DeadMapMemory>> DeadMapMemory::open(const std::string& path,
                                                           const std::string& map_name) {
    // Not blocking: what has the name may be a pipe.
    OpenFile file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.fd() < 0 && errno == ENOENT) return nullptr;
    if (file.fd() < 0 && errno == ELOOP) return refused(path, "is a symbolic link");
    struct stat info{};
    if (file.fd() < 0 || fstat(file.fd(), &info) != 0)
        return system_error(path, "cannot be opened");
    if (const Result<void> ok = check_file(path, info); !ok) return std::unexpected(ok.error());
    if (const Result<void> ok = lock(path, file.fd()); !ok) return std::unexpected(ok.error());
    Result<MapFileHeader> header =
        read_header(path, file.fd(), static_cast<uint64_t>(info.st_size));
    if (!header) return std::unexpected(header.error());
    return std::unique_ptr<DeadMapMemory>(
        new DeadMapMemory(map_name, std::move(file), std::move(*header)));
}

Result<Region> DeadMapMemory::take_region(uint64_t bytes) {
    const bool fits = next_piece_ < header_.pieces.size() &&
                      header_.pieces[next_piece_].bytes == region_bytes(bytes);
    if (!fits) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: its file's piece {} has not the {} bytes that the "
                                "definition asks for",
                                map_name(), next_piece_, region_bytes(bytes)));
    }
    const MapFilePiece& piece = header_.pieces[next_piece_++];
    return Region::over_file(file_.fd(), piece.offset, piece.bytes, map_name(), policy(), true);
}

// -- what this process leaves
// ----------------------------------------------------------------------------------------------

MapFileMemory::MapFileMemory(const std::string& path, const vm::MapSpec& spec,
                             const Secrets& secrets, const MemoryPolicy& policy)
    : MapMemory(spec.name, policy, secrets), path_(path) {
    header_.secrets = secrets;
    header_.definition = spec;
    header_.definition.contents.clear();
    header_.definition.key_type = header_.definition.value_type = nullptr;
}

Result<std::unique_ptr<MapFileMemory>> MapFileMemory::create(const std::string& path,
                                                             const vm::MapSpec& spec,
                                                             uint32_t cpu_slots,
                                                             const Secrets& secrets,
                                                             const MemoryPolicy& policy) {
    std::unique_ptr<MapFileMemory> memory(new MapFileMemory(path, spec, secrets, policy));
    memory->header_.cpu_slots = cpu_slots;
    const std::string folder = std::filesystem::path(path).parent_path();
    memory->file_ = OpenFile(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode));
    if (memory->file_.fd() < 0) return system_error(folder, "cannot hold a new file");
    if (const Result<void> ok = lock(path, memory->file_.fd()); !ok)
        return std::unexpected(ok.error());
    return memory;
}

Result<Region> MapFileMemory::take_region(uint64_t bytes) {
    const uint64_t rounded = region_bytes(bytes);
    if (const Result<void> ok = check_memory(rounded, map_name()); !ok)
        return std::unexpected(ok.error());
    const MapFilePiece last =
        header_.pieces.empty() ? MapFilePiece{0, kHeaderBytes} : header_.pieces.back();
    const uint64_t unit = rounded >= kHugePageBytes ? kHugePageBytes : kPageBytes;
    const MapFilePiece piece{round_up_to(last.offset + last.bytes, unit), rounded};
    // fallocate takes the blocks, so that a full disk is an error here and no SIGBUS later.
    if (header_.pieces.size() >= kPiecesMax ||
        fallocate(file_.fd(), 0, static_cast<off_t>(piece.offset),
                  static_cast<off_t>(piece.bytes)) != 0) {
        return fail(ErrorKind::kResource,
                    fmt::format("map {}: cannot take {} bytes of {}: {}", map_name(), rounded,
                                path_, std::strerror(errno)));
    }
    header_.pieces.push_back(piece);
    return Region::over_file(file_.fd(), piece.offset, piece.bytes, map_name(), policy(), false);
}

Result<void> MapFileMemory::install(bool keep_old) {
    if (installed_) return {};
    const Result<HeaderPage> page = encode_header(path_, header_);
    if (!page) return std::unexpected(page.error());
    if (pwrite(file_.fd(), page->data(), page->size(), 0) != static_cast<ssize_t>(page->size()) ||
        fsync(file_.fd()) != 0)
        return system_error(path_, "its new contents cannot be written");
    const std::string new_path = path_ + ".new", old_path = path_ + ".old";
    unlink(new_path.c_str());
    if (linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", file_.fd()).c_str(), AT_FDCWD,
               new_path.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return system_error(new_path, "cannot be made");
    if (keep_old) {
        unlink(old_path.c_str());
        if (link(path_.c_str(), old_path.c_str()) != 0)
            return system_error(old_path, "cannot be made");
    }
    if (rename(new_path.c_str(), path_.c_str()) != 0) return system_error(path_, "rename");
    installed_ = true;
    const OpenFile folder(::open(std::filesystem::path(path_).parent_path().c_str(),
                                 O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.fd() < 0 || fsync(folder.fd()) != 0)
        return system_error(path_, "fsync of its folder");
    return {};
}

}  // namespace weir::maps
