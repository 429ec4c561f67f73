#include "dataplane/replay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "dataplane/api/codec.h"
#include "dataplane/api/fields.h"

namespace weir::dataplane {
namespace {

using api::FrameType;

constexpr std::string_view kMagic = "WEIRPLAY";
constexpr size_t kChecksumBytes = 4;
constexpr size_t kUpdateBytesMax = 1u << 20;  ///< elements of one UPDATE frame

std::unexpected<Error> system_error(const std::string& path, const char* call) {
    return fail(ErrorKind::kResource, fmt::format("{}: {}: {}", path, call, std::strerror(errno)));
}

class File {
public:
    File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    int fd() const { return fd_; }

private:
    int fd_;
};

// -- writing
// -----------------------------------------------------------------------------------------------------------

class Writer {
public:
    Writer(int fd, std::string path) : fd_(fd), path_(std::move(path)) {
        put(ByteSpan(reinterpret_cast<const uint8_t*>(kMagic.data()), kMagic.size()));
    }

    template <typename Message>
    void frame(FrameType type, const Message& message) {
        put(api::make_frame(type, api::encode(message)));
    }
    Result<void> finish() {
        const uint32_t checksum = crc_.checksum();
        put(ByteSpan(reinterpret_cast<const uint8_t*>(&checksum), sizeof checksum));
        flush();
        if (!failed_ && ::fsync(fd_) != 0) note("fsync");
        if (failed_) return std::unexpected(*failed_);
        return {};
    }

private:
    void put(ByteSpan bytes) {
        crc_.process_bytes(bytes.data(), bytes.size());
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        if (buffer_.size() >= kUpdateBytesMax) flush();
    }
    void flush() {
        ByteSpan rest = buffer_;
        while (!failed_ && !rest.empty()) {
            const ssize_t done = ::write(fd_, rest.data(), rest.size());
            if (done >= 0)
                rest = rest.subspan(static_cast<size_t>(done));
            else if (errno != EINTR)
                note("write");
        }
        buffer_.clear();
    }
    void note(const char* call) { failed_ = system_error(path_, call).error(); }

    int fd_;
    std::string path_;
    Bytes buffer_;
    boost::crc_32_type crc_;
    std::optional<Error> failed_;
};

void write_policy(Writer& writer, LoadedMap& map, Handle file_handle) {
    api::MapUpdate update{file_handle, 0, true, {}};
    size_t bytes = 0;
    const auto send = [&] {
        if (!update.elements.empty()) writer.frame(FrameType::Update, update);
        update.elements.clear();
        bytes = 0;
    };
    map.policy.for_each([&](ByteSpan key, ByteSpan value) {
        update.elements.emplace_back(Bytes(key.begin(), key.end()),
                                     Bytes(value.begin(), value.end()));
        bytes += key.size() + value.size();
        if (update.elements.size() == api::kBatchElementsMax || bytes >= kUpdateBytesMax) send();
    });
    send();
}

void write_contents(Writer& writer, const api::Configure& configure, Registry& registry,
                    api::Publish publish) {
    writer.frame(FrameType::Configure, configure);
    std::map<Handle, Handle> map_handles, program_handles;
    for (const auto& map : registry.published_maps()) {
        const Handle file_handle = static_cast<Handle>(map_handles.size() + 1);
        map_handles[map->handle] = file_handle;
        writer.frame(FrameType::CreateMap, api::MapCreate{map->name, map->spec, map->persistence});
        write_policy(writer, *map, file_handle);
    }
    for (const auto& program : registry.published_programs()) {
        program_handles[program->handle] = static_cast<Handle>(program_handles.size() + 1);
        api::ProgramLoad load{program->name,   program->verified->spec(), {},
                              program->object, program->object_hash,      program->skip_on_fault};
        for (const auto& map : program->maps) load.maps.push_back(map_handles[map->handle]);
        writer.frame(FrameType::LoadProgram, load);
    }
    for (const auto& map : registry.published_maps()) {
        const auto& targets = vm::is_map_in_map(map->spec.type) ? map_handles : program_handles;
        for (const auto& [key, target] : map->slots)
            writer.frame(FrameType::Bind,
                         api::SlotBind{map_handles[map->handle], key, targets.at(target)});
    }
    for (api::Chain& chain : publish.chains) {
        for (Handle& handle : chain.programs) handle = program_handles[handle];
    }
    writer.frame(FrameType::Publish, publish);
}

// -- reading
// -----------------------------------------------------------------------------------------------------------

class Reader {
public:
    Reader(const std::string& path, ByteSpan frames) : path_(path), frames_(frames) {}

    Result<Replay> read() {
        while (offset_ < frames_.size()) {
            if (Result<void> next = read_frame(); !next) return std::unexpected(next.error());
        }
        if (!published_) return at(offset_, "it ends without PUBLISH");
        return std::move(replay_);
    }

private:
    std::unexpected<Error> at(size_t frame_offset, const std::string& message) const {
        return fail(ErrorKind::kInvalid, fmt::format("{}: at offset {}: {}", path_,
                                                     kMagic.size() + frame_offset, message));
    }

    Result<void> read_frame() {
        const size_t start = offset_;
        if (frames_.size() - start < api::kFrameHeaderBytes)
            return at(start, "a frame's header is cut off");
        const Result<api::FrameHeader> header =
            api::read_frame_header(frames_.subspan(start, api::kFrameHeaderBytes));
        if (!header) return at(start, header.error().message);
        const size_t left = frames_.size() - start - api::kFrameHeaderBytes;
        if (header->length > left)
            return at(start,
                      fmt::format("a frame of {} bytes, but {} are left", header->length, left));
        const ByteSpan body = frames_.subspan(start + api::kFrameHeaderBytes, header->length);
        offset_ = start + api::kFrameHeaderBytes + header->length;
        const Result<void> taken = take(header->type, body);
        if (!taken)
            return at(start, fmt::format("{}: {}", api::frame_type_name(header->type),
                                         taken.error().message));
        return {};
    }

    Result<void> take(uint16_t type, ByteSpan body) {
        if (published_) return fail(ErrorKind::kInvalid, "a frame after PUBLISH");
        if (configured_ != (type != static_cast<uint16_t>(FrameType::Configure))) {
            return fail(ErrorKind::kInvalid, "CONFIGURE comes first, and once");
        }
        switch (static_cast<FrameType>(type)) {
            case FrameType::Configure: configured_ = true; return into(replay_.configure, body);
            case FrameType::CreateMap: return into(replay_.maps.emplace_back().create, body);
            case FrameType::Update: return take_update(body);
            case FrameType::LoadProgram: return take_program(body);
            case FrameType::Bind: return take_slot(body);
            case FrameType::Publish: return take_publish(body);
            default: return fail(ErrorKind::kInvalid, "no frame of a replay file");
        }
    }

    template <typename Message>
    static Result<void> into(Message& message, ByteSpan body) {
        Result<Message> decoded = api::decode<Message>(body);
        if (!decoded) return std::unexpected(decoded.error());
        message = std::move(*decoded);
        return {};
    }

    static Result<void> check_handle(const char* what, Handle handle, size_t count) {
        if (handle >= 1 && handle <= count) return {};
        return fail(ErrorKind::kInvalid,
                    fmt::format("{} {}, but the file has {} before", what, handle, count));
    }

    Result<void> take_update(ByteSpan body) {
        api::MapUpdate update;
        if (Result<void> read = into(update, body); !read) return read;
        if (Result<void> known = check_handle("map", update.map, replay_.maps.size()); !known)
            return known;
        std::vector<api::Element>& policy = replay_.maps[update.map - 1].policy;
        policy.insert(policy.end(), std::make_move_iterator(update.elements.begin()),
                      std::make_move_iterator(update.elements.end()));
        return {};
    }

    Result<void> take_program(ByteSpan body) {
        api::ProgramLoad& program = replay_.programs.emplace_back();
        if (Result<void> read = into(program, body); !read) return read;
        for (const Handle map : program.maps) {
            if (Result<void> known = check_handle("map", map, replay_.maps.size()); !known)
                return known;
        }
        return {};
    }

    /// Whether the target is a map or a program, the map's kind says.
    Result<void> take_slot(ByteSpan body) {
        api::SlotBind& slot = replay_.slots.emplace_back();
        if (Result<void> read = into(slot, body); !read) return read;
        if (Result<void> known = check_handle("map", slot.map, replay_.maps.size()); !known)
            return known;
        const bool leads_to_maps = vm::is_map_in_map(replay_.maps[slot.map - 1].create.spec.type);
        return check_handle(leads_to_maps ? "map" : "program", slot.target,
                            leads_to_maps ? replay_.maps.size() : replay_.programs.size());
    }

    Result<void> take_publish(ByteSpan body) {
        published_ = true;
        if (Result<void> read = into(replay_.publish, body); !read) return read;
        for (const api::Chain& chain : replay_.publish.chains) {
            for (const Handle program : chain.programs) {
                if (Result<void> known = check_handle("program", program, replay_.programs.size());
                    !known)
                    return known;
            }
        }
        return {};
    }

    const std::string& path_;
    ByteSpan frames_;
    size_t offset_ = 0;
    bool configured_ = false, published_ = false;
    Replay replay_;
};

Result<Bytes> read_file(const std::string& path) {
    const File file(path, O_RDONLY);
    struct stat info{};
    if (file.fd() < 0 || ::fstat(file.fd(), &info) != 0)
        return system_error(path, "cannot be read");
    if (!S_ISREG(info.st_mode)) return fail(ErrorKind::kInvalid, path + ": not a file");
    const auto size = static_cast<uint64_t>(info.st_size);
    if (size > kReplayBytesMax) {
        return fail(ErrorKind::kInvalid, fmt::format("{}: {} bytes, a replay file has at most {}",
                                                     path, size, kReplayBytesMax));
    }
    Bytes bytes(size);
    for (size_t done = 0; done < size;) {
        const ssize_t got = ::read(file.fd(), bytes.data() + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error(path, "read");
        if (got == 0)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: it became shorter, ends at offset {}", path, done));
        done += static_cast<size_t>(got);
    }
    return bytes;
}

}  // namespace

Result<Replay> read_replay(const std::string& path) {
    const Result<Bytes> bytes = read_file(path);
    if (!bytes) return std::unexpected(bytes.error());
    return parse_replay(path, *bytes);
}

Result<Replay> parse_replay(const std::string& name, ByteSpan bytes) {
    if (bytes.size() < kMagic.size() + kChecksumBytes ||
        std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("{}: at offset 0: no replay file, which starts with {}", name, kMagic));
    }
    const size_t end = bytes.size() - kChecksumBytes;
    // Frames before the checksum: a frame that is cut or wrong has a better place to name than the
    // file's end.
    Result<Replay> replay = Reader(name, bytes.subspan(kMagic.size(), end - kMagic.size())).read();
    if (!replay) return replay;
    boost::crc_32_type crc;
    crc.process_bytes(bytes.data(), end);
    uint32_t stored;
    std::memcpy(&stored, bytes.data() + end, sizeof stored);
    if (stored != crc.checksum()) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("{}: at offset {}: checksum {:#010x}, but the contents give {:#010x}", name,
                        end, stored, crc.checksum()));
    }
    return replay;
}

Result<void> write_replay(const std::string& path, const api::Configure& configure,
                          Registry& registry, const api::Publish& publish) {
    const std::string new_path = path + ".new";
    {
        const File file(new_path, O_WRONLY | O_CREAT | O_TRUNC);
        if (file.fd() < 0) return system_error(new_path, "cannot be written");
        Writer writer(file.fd(), new_path);
        write_contents(writer, configure, registry, publish);
        if (Result<void> written = writer.finish(); !written) {
            ::unlink(new_path.c_str());
            return written;
        }
    }
    if (::rename(new_path.c_str(), path.c_str()) != 0) return system_error(path, "rename");
    const File folder(std::filesystem::path(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
    if (folder.fd() < 0 || ::fsync(folder.fd()) != 0)
        return system_error(path, "fsync of its folder");
    return {};
}

}  // namespace weir::dataplane
