#pragma once
// The file that a persisted map lives in: DIRECTORY/NAME.map, whose regions are mapped shared, so
// that they are as the process left them whenever and however it ended.
//
//   header, one page: 8 bytes "WEIRMAP1", layout version, checksum, cpu slots, secrets, where the
//                     regions lie, the map's definition
//   regions, aligned to pages (2 MiB from 2 MiB on), in the order in which the map took them
//
// The header is written once, before the file gets its name. A file is locked (flock) as long as a
// process has it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "maps/memory.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::maps {

/// Of the header and of what the kinds keep in their regions. A change of either raises it.
constexpr uint32_t kMapFileVersion = 1;

/// Closes what it holds.
class OpenFile {
public:
    OpenFile() = default;
    explicit OpenFile(int fd) : fd_(fd) {}
    OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OpenFile& operator=(OpenFile&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~OpenFile();
    int fd() const { return fd_; }

private:
    int fd_ = -1;
};

struct MapFilePiece {
    uint64_t offset = 0;
    uint64_t bytes = 0;
};

struct MapFileHeader {
    uint32_t cpu_slots = 1;
    Secrets secrets{};
    std::vector<MapFilePiece> pieces;
    vm::MapSpec definition;  ///< without types and contents
};

/// DIRECTORY/NAME.map; what is no letter, digit, '_', '-' or inner '.' in a name becomes %XX.
std::string map_file_path(const std::string& directory, const std::string& map_name);

/// A map's file that a process before left. Memory is copied on write: the file stays as it is.
class DeadMapMemory final : public MapMemory {
public:
    /// nullptr where there is no such file. Errors start with the path: not a plain file, another
    /// user's, writable by others, in use, cut off, no map file, another version, damaged.
    static Result<std::unique_ptr<DeadMapMemory>> open(const std::string& path,
                                                       const std::string& map_name);
    const MapFileHeader& header() const { return header_; }
    bool is_dead() const override { return true; }

private:
    DeadMapMemory(const std::string& map_name, OpenFile file, MapFileHeader header);
    Result<Region> take_region(uint64_t bytes) override;

    OpenFile file_;
    MapFileHeader header_;
    size_t next_piece_ = 0;
};

/// A file in the making, and in use. Outlives the map whose regions it gives.
class MapFileMemory final : public MapMemory {
public:
    /// For a map of this definition. The file has no name yet: it goes away with the process.
    static Result<std::unique_ptr<MapFileMemory>> create(const std::string& path,
                                                         const vm::MapSpec& spec,
                                                         uint32_t cpu_slots, const Secrets& secrets,
                                                         const MemoryPolicy& policy);

    /// Writes the header and takes the name PATH, in one step: PATH is the old file, whole, or the
    /// new one, whatever happens. `keep_old`: the old one becomes PATH.old. A second call does
    /// nothing.
    Result<void> install(bool keep_old);
    bool is_installed() const { return installed_; }
    const std::string& path() const { return path_; }

private:
    MapFileMemory(const std::string& path, const vm::MapSpec& spec, const Secrets& secrets,
                  const MemoryPolicy& policy);
    Result<Region> take_region(uint64_t bytes) override;

    std::string path_;
    OpenFile file_;
    MapFileHeader header_;
    bool installed_ = false;
};

/// True where the directory is in memory. On a disk the kernel writes pages back, and the next
/// store to each of them waits for the file system.
bool is_memory_file_system(const std::string& directory);

}  // namespace weir::maps
